/*
 * Packets that a process which was broken into might send on a link: well-formed ones
 * with one thing changed.
 */
#ifndef TESTS_SYSTEM_HOSTILE_H
#define TESTS_SYSTEM_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HOSTILE_MAX = 65536 };

/* What is changed: the length, or the byte at an offset. */
struct hostile {
	const char *name;
	long length; /* >= 0: of the packet; HOSTILE_KEEP, or that plus or minus some */
	long offset; /* >= 0: of the byte to change */
	uint8_t value;
};

#define HOSTILE_KEEP (-1000)

extern const struct hostile hostile_replies[]; /* a NULL name ends them */
extern const struct hostile hostile_jobs[];

/* A whole reply or job, to be changed; `text` is the reply's or the password. */
size_t hostile_reply(uint8_t *packet, uint64_t id, uint32_t flight, const char *text);
size_t hostile_job(uint8_t *packet, uint64_t id, uint32_t flight, uint32_t memory_kib);
/* Changes packet[len] as the row says; returns the new length. */
size_t hostile_change(const struct hostile *row, uint8_t *packet, size_t len);

/* Sends one packet, waiting for room; false where the socket is closed or refuses it.
 */
bool hostile_send(int fd, const uint8_t *packet, size_t len);
/* The same without waiting. */
bool hostile_try(int fd, const uint8_t *packet, size_t len);
/* With an fd attached. */
bool hostile_send_fd(int fd, const uint8_t *packet, size_t len, int attached);

#endif
