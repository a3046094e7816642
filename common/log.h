/*
 * The log: one line an event, printable, of bounded length, to stdout, stderr, syslog
 * or a file. Never a password, a hash, or a path that holds one. A line that cannot be
 * written at once (disk full, a pipe that nobody reads) is dropped and counted; nothing
 * ever waits for the log.
 *
 * Syslog that is not there is connected to anew, as syslog(3) does it. Lines are kept
 * until then as far as there is room for them.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum { LOG_LINE_MAX = 1024 }; /* bytes of a line, its end included */

/* Where lines go. `target` is "stdout" or "stderr" (or a name of theirs in /dev or
 * /proc), "syslog" or a path (appended to, a symlink is not followed; only a regular
 * file, a FIFO with a reader or a character device will do). Returns 0, or -1 with
 * errno; the old target stays then. */
int log_open(const char *target, enum log_format format, enum log_level level);

/* Opens the target of the last log_open() anew (its file was renamed away). */
int log_reopen(void);

/* The fd that lines are written to: a child keeps it open. -1: syslog is not there. */
int log_fd(void);
bool log_is_syslog(void);
/* Standard output or error: what detaching takes away. */
bool log_is_standard(void);

/* `lost` is called, at most once a second, when syslog cannot be connected to, or does
 * not take all that was kept: log_reopen() has to be called later, or the lines that
 * are kept wait for the next one. `lost` must not log. NULL: nothing is called. */
void log_on_loss(void (*lost)(void *arg), void *arg);
/* The same in a child, which may open nothing: `lost` asks for an fd to log_adopt(). */
void log_confine(void (*lost)(void *arg), void *arg);

/* Takes over an fd that the master has opened: what a confined child does to reopen. */
void log_adopt(int fd);

/* Who speaks: "master", "frontend 0", "hasher elastic/1". Copied. */
void log_ident(const char *who);

/* A line of the given level. The message is made printable: control and non-ASCII bytes
 * become \xHH. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What another process or we ourselves got wrong: "BUG: ..." at error level, at most
 * ten lines a second. */
void log_bug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For whatever a remote can cause: at most one line a second for each `limit` (static
 * storage, zeroed); the next line says how many were left out. */
struct log_limit {
	uint64_t last_ns;
	unsigned skipped;
};
void log_limited(struct log_limit *limit, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Lines dropped so far because they could not be written. */
uint64_t log_dropped(void);

#endif
