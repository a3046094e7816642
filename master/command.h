/*
 * The command socket: where `argond -s` asks the master and hears how it went. It is a
 * Unix socket beside the pidfile, for the master's user and root.
 *
 * The protocol is one packet each way on a connection of its own (SOCK_SEQPACKET), text
 * without an end: "1 reload", "1 ok", "1 failed WHY". The number is the version.
 */
#ifndef MASTER_COMMAND_H
#define MASTER_COMMAND_H

#include <stddef.h>

#include "master/signals.h"

#define COMMAND_SUFFIX ".command" /* of the socket's name, behind the pidfile's */

enum {
	COMMAND_REQUEST_MAX = 32, /* bytes */
	COMMAND_ANSWER_MAX = 2048,
};

enum command_result {
	COMMAND_OK,
	COMMAND_FAILED, /* with a reason */
	COMMAND_AGAIN,  /* a successor is in charge: it is to be asked */
};

/* Writes a request; returns its length. */
size_t command_request(char bytes[COMMAND_REQUEST_MAX], const struct signal_row *row);

/* What a request of any bytes asks for; NULL where it is none: `*why` is the reason, a
 * constant. */
const struct signal_row *command_request_read(
    const char *bytes, size_t len, const char **why);

/* Writes an answer, a long reason cut; returns its length. */
size_t command_answer(
    char bytes[COMMAND_ANSWER_MAX], enum command_result result, const char *why);

/* Reads an answer of any bytes. The reason, cut to `cap`, is made printable: control
 * and non-ASCII bytes become \xHH. Returns 0, or -1 where it is no answer. */
int command_answer_read(
    const char *bytes, size_t len, enum command_result *result, char *why, size_t cap);

#endif
