/*
 * Where log lines end up. Apart from log.c, which makes them, because opening a target
 * safely and writing to it without ever waiting is a concern of its own.
 */
#ifndef COMMON_LOG_SINK_H
#define COMMON_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

enum log_sink_kind { LOG_SINK_FILE, LOG_SINK_SOCKET, LOG_SINK_SYSLOG };

struct log_sink {
	enum log_sink_kind kind;
	int fd;       /* -1: none; of syslog: not connected */
	bool stream;  /* syslog: a stream, in which a NUL ends each line */
	bool journal; /* the journal of systemd, which reads "<PRIORITY>" before a line
	               */
};

/* Opens `target` as described at log_open(). Returns 0, or -1 with errno. Syslog that
 * cannot be reached is no error: sink->fd is -1 then. */
int log_sink_open(struct log_sink *sink, const char *target);

/* Sorts out what kind of thing an inherited fd is. */
void log_sink_wrap(struct log_sink *sink, int fd, bool syslog);

/* Writes one line, now or not at all; line[len] is a NUL. Returns whether it was
 * written, else with errno. */
bool log_sink_write(const struct log_sink *sink, const char *line, size_t len);

/* After a failed write: must syslog be connected to anew? Else this line alone cannot
 * be written now. */
bool log_sink_is_lost(const struct log_sink *sink, int error);

void log_sink_close(struct log_sink *sink);

/* Is `target` another name of standard output or error ("stdout", "/dev/stderr",
 * "/proc/self/fd/1")? Their number, or -1. */
int log_sink_standard(const char *target);

#endif
