/*
 * The system tests' daemon: the real binary in a temp dir of its own, with its stderr
 * in the test's hands. A test waits for events (a log line, a process that comes or
 * goes, an answer), each with one generous limit; none sleeps for a fixed time.
 *
 * Environment: ARGOND is the binary (build/argond), ARGOND_WRAPPER is put in front of
 * it
 * ("valgrind -q ..."), ARGOND_TEST_SLOW multiplies every limit (1), and with
 * ARGOND_TEST_LOG the log is printed even where all is well. ARGOND_TEST_LONG=1 runs as
 * often as the promise says that a test is about, and not only some times.
 */
#ifndef TESTS_SYSTEM_HARNESS_H
#define TESTS_SYSTEM_HARNESS_H

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <cmocka.h>

#undef stop /* cmocka 2 has a macro of this name */

/* Where a client connects to. */
struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_un un;
	};
	socklen_t len;
};

struct daemon {
	pid_t pid;     /* of the master; 0 while none runs */
	char dir[64];  /* its temp dir; removed by daemon_teardown() */
	char conf[96]; /* paths in dir */
	char pidfile[96];
	char store[96];
	char socket[96];
	struct address tcp;   /* 127.0.0.1, the port it was given */
	struct address local; /* unix:dir/http.sock */
	bool bugs_expected;   /* BUG: lines are what this test is about */
	bool files_expected;  /* the test itself leaves files in dir */
	bool unchecked;       /* the log is printed at the end unless this is cleared */
	size_t log_mark;      /* daemon_wait_log() looks from here on */
	struct log_tail *log; /* everything said on stderr, or NULL */
};

/* cmocka fixtures: *state is a struct daemon with its dir and config file. A test ends
 * with daemon_stop() or daemon_check_log(); the teardown of one that has not (so: has
 * failed) prints the log and kills what is left. */
int daemon_setup(void **state);
int daemon_teardown(void **state);
#define daemon_test(name)                                                              \
	cmocka_unit_test_setup_teardown(name, daemon_setup, daemon_teardown)

/* Starts the binary on the config file and the given "name=value" options (NULL ends
 * them) and waits until it listens and is ready. Fails the test where it is not. */
#define daemon_start(d, ...) daemon_start_with(d, (const char *const[]){__VA_ARGS__})
void daemon_start_with(struct daemon *d, const char *const *options);
/* The same without waiting for anything. */
#define daemon_launch(d, ...) daemon_launch_with(d, (const char *const[]){__VA_ARGS__})
void daemon_launch_with(struct daemon *d, const char *const *options);
/* Where not NULL, called in the new process just before the program is executed: for
 * what it is to inherit. It must not return where it fails. */
extern void (*harness_before_exec)(void);
/* What daemon_start() waits for. */
void daemon_wait_ready(struct daemon *d);

/* TERM, then: exit status 0, no child, no Unix socket, no pidfile, no stray file, and
 * nothing in the log that a healthy run does not say. */
void daemon_stop(struct daemon *d);
/* Waits for the master's end without having asked for it; returns its wait status. The
 * daemon counts as not running afterwards, and its log is complete. */
int daemon_wait_end(struct daemon *d);
/* Fails where the log holds a BUG: or what a sanitizer or valgrind complains of. The
 * last word of a test whose daemon has ended by other means than daemon_stop(). */
void daemon_check_log(struct daemon *d);

/* Waits for a line that matches an extended regular expression, after log_mark. */
void daemon_wait_log(struct daemon *d, const char *pattern);
bool daemon_log_has(struct daemon *d, const char *pattern);
/* What is looked for from now on must be said from now on. */
void daemon_log_mark(struct daemon *d);

/* The program's words: wrapper, binary and a NULL; `words` has room for 32. */
size_t harness_command(const char *words[32]);
/* True where a wrapper runs the program, so that titles and signals are not its own. */
bool harness_wrapped(void);
/* ARGOND_TEST_SLOW, at least 1. */
unsigned harness_slow(void);
/* How often: `few`, or `many` with ARGOND_TEST_LONG. */
unsigned harness_rounds(unsigned few, unsigned many);
/* "profile.default.time=N" for a hash of 8 MiB that takes about `ms` on a usual
 * machine: for tests that have to catch a hasher at work. */
void harness_slow_time(char option[48], unsigned ms);
/* "NAME=MSms", the time multiplied by harness_slow(). */
void harness_ms(char option[48], const char *name, unsigned ms);
/* The limit of every wait. */
int harness_limit_ms(void);
uint64_t harness_now_ms(void);
/* "DIR/name" into path[96]. */
void harness_path(char path[96], const char *dir, const char *name);
void harness_write_file(const char *path, const char *text);
/* The file's text, malloc'ed; NULL where it cannot be read. */
char *harness_read_file(const char *path);
/* Removes a folder and all that is in it. */
void harness_remove(const char *dir);

/* Looks at a condition until it holds; fails the test, naming `what`, at the limit. */
typedef bool wait_fn(void *arg);
void wait_until(wait_fn *holds, void *arg, const char *what);

/* What is said of a hasher that has less memory than the program needs; a sanitizer
 * gives up before our own words. */
#ifdef __SANITIZE_ADDRESS__
#define HARNESS_SETUP_FAILED "exited with status 1"
#else
#define HARNESS_SETUP_FAILED "could not set itself up"
#endif

#endif
