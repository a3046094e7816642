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
	int fd;
};

/* Opens `target` as described at log_open(). Returns 0, or -1 with errno. */
int log_sink_open(struct log_sink *sink, const char *target);

/* Sorts out what kind of thing an inherited fd is. */
void log_sink_wrap(struct log_sink *sink, int fd, bool syslog);

/* Writes one line, now or not at all. Returns whether it was written. */
bool log_sink_write(const struct log_sink *sink, const char *line, size_t len);

void log_sink_close(struct log_sink *sink);

#endif
