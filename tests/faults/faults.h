/*
 * Faults: any call that argond makes to the system or for memory can be made to fail,
 * one after another, by number. The plan is a file that the test and every process of
 * the daemon have mapped (ARGOND_FAULTS names it): one counter for all, and the
 * injector (inject.c) writes down there where it struck.
 */
#ifndef TESTS_FAULTS_FAULTS_H
#define TESTS_FAULTS_FAULTS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#define FAULTS_VARIABLE "ARGOND_FAULTS"

/* In whom. A process begins as a master (or, after an upgrade, as an heir) and is a
 * forked helper (it parses a config, or is about to execute the next program) until it
 * is born as something else. */
enum fault_role {
	FAULT_IN_MASTER,
	FAULT_IN_HELPER,
	FAULT_IN_FRONTEND,
	FAULT_IN_HASHER,
	FAULT_IN_LOOKUP,
	FAULT_IN_HEIR,
	FAULT_ROLES
};

/* In which calls. */
enum fault_class {
	FAULT_MEMORY,  /* malloc and its kin */
	FAULT_MAP,     /* mmap */
	FAULT_FORK,    /* fork */
	FAULT_SOCKET,  /* socket, bind, accept4, setsockopt ... */
	FAULT_EVENT,   /* epoll, signalfd, pipe, memfd, inotify, poll */
	FAULT_SEND,    /* send, sendmsg, write ... */
	FAULT_RECEIVE, /* recv, recvmsg, read ... */
	FAULT_FILE,    /* open, stat, rename, flock, chdir ... */
	FAULT_RIGHTS,  /* prctl, setrlimit, setresuid, seccomp ... */
	FAULT_LOG,     /* what a line of the log needs: in no other class */
	FAULT_CLASSES
};

struct faults {
	_Atomic uint32_t armed;
	_Atomic uint32_t role, class;
	_Atomic uint32_t nth;     /* which one fails: 1, 2 ... */
	_Atomic uint32_t lasting; /* and all after it */
	_Atomic uint32_t other;   /* with the call's second errno */
	/* the injector's */
	_Atomic uint32_t seen;  /* calls counted since it was armed */
	_Atomic uint32_t fired; /* of them failed */
	_Atomic uint64_t
	    caller; /* the first one's return address, from the image's start */
	_Atomic int32_t error, pid;
	char call[32];
};

#endif
