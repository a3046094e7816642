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
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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

/* The fd that lines are written to. -1: syslog is not there. */
int log_fd(void);
bool log_is_syslog(void);
/* Standard output or error: what detaching takes away. */
bool log_is_standard(void);

/* `lost` is called, at most once a second, when syslog cannot be connected to, or does
 * not take all that was kept: log_reopen() has to be called later, or the lines that
 * are kept wait for the next one. `lost` must not log. NULL: nothing is called. */
void log_on_loss(void (*lost)(void *arg), void *arg);

/*
 * A child has no log of its own. It writes its lines to a pipe, each in one piece, and
 * the master logs them under the child's name: LOG_RECORD_BEGIN, '0' + level, the
 * message, NUL. Where the pipe is full a line is dropped, and the next one that is not
 * says how many were.
 */
enum { LOG_RECORD_BEGIN = 1, LOG_RECORD_MAX = 1024 };

/* In the child, before its first line: `fd` is the pipe's end, non-blocking. */
void log_confine(int fd);

/* In the master: bytes[len] as read from the pipe of process `pid`, whose name is
 * `who`. Whatever is no record is text that a library has written to its standard
 * error. Returns how many bytes were used; the others, less than LOG_RECORD_MAX, are
 * the beginning of a line, to be given again before what follows. `ended`: nothing
 * follows. */
size_t log_relay(pid_t pid, const char *who, const char *bytes, size_t len, bool ended);

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

/* The lines in between are written together where that can be done. Nothing but
 * log_of() may be called in between. */
void log_batch(bool begin);
/* A line of another process, as if that had said it. */
void log_of(pid_t pid, const char *who, enum log_level level, const char *message);

/* Lines dropped so far because they could not be written. */
uint64_t log_dropped(void);

#endif
