/*
 * Where the load goes to, and which addresses it comes from.
 */
#ifndef TESTS_BENCH_LOAD_TARGET_H
#define TESTS_BENCH_LOAD_TARGET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct target {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
	socklen_t len;
};

/* Client addresses, used in turn. */
struct target_sources {
	uint32_t first, count; /* IPv4 in host order; count 0: as the kernel chooses */
};

/* "127.0.0.1:80", "[::1]:80" or "unix:/path". Returns 0, or -1. */
int target_parse(struct target *target, const char *text);

/* "127.0.0.10" or "127.0.0.10-30": the last part counts up. Returns 0, or -1. */
int target_sources_parse(struct target_sources *sources, const char *text);

/* A non-blocking socket on its way to the target, from the number'th of the sources.
 * Returns it, or -1 with errno. *connected: there is nothing to wait for. */
int target_connect(const struct target *target, const struct target_sources *sources,
    uint32_t number, bool *connected);

#endif
