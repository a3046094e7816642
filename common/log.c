#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/clock.h"
#include "common/log_sink.h"

enum {
	LOG_TARGET_MAX = 4096,
	LOG_MESSAGE_MAX = 768,
	LOG_KEPT_MAX = 8192,  /* bytes of lines that wait for syslog */
	LOG_BATCH_MAX = 4096, /* PIPE_BUF: written to a pipe in one piece, or not */
	LOG_BUGS_PER_SECOND = 10
};

/* A process has one log, and whoever has something to say must reach it. */
static struct {
	struct log_sink sink;
	char target[LOG_TARGET_MAX];
	char who[64];
	enum log_format format;
	enum log_level level;
	uint64_t dropped, told;  /* lines; how many of them a line has told of */
	char kept[LOG_KEPT_MAX]; /* lines, a NUL after each */
	size_t kept_len;
	pid_t kept_by; /* a child has its parent's: they are not its own */
	void (*lost)(void *arg);
	void *lost_arg;
	uint64_t lost_ns; /* when it was called, or 0 */
	bool confined;
	bool batching;
	char batch[LOG_BATCH_MAX + 1]; /* lines to be written with the next ones */
	size_t batch_len;
	unsigned batch_lines;
} state = {.sink = {.kind = LOG_SINK_FILE, .fd = STDERR_FILENO},
    .who = "argond",
    .target = "stderr",
    .level = LOG_LEVEL_INFO};

static const struct {
	const char *name;
	int syslog; /* severity of RFC 5424, facility daemon (3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3 * 8 + 3},
    [LOG_LEVEL_WARNING] = {"warning", 3 * 8 + 4},
    [LOG_LEVEL_INFO] = {"info", 3 * 8 + 6},
    [LOG_LEVEL_DEBUG] = {"debug", 3 * 8 + 7},
};

/* ---- lines that wait for syslog ---- */

static bool log_keep(const char *line, size_t len)
{
	if (sizeof(state.kept) - state.kept_len < len + 1)
		return false;
	memcpy(state.kept + state.kept_len, line, len + 1);
	state.kept_len += len + 1;
	state.kept_by = getpid();
	return true;
}

/* Returns whether none is left. Lines for syslog are of a form of their own: they are
 * written nowhere else. */
static bool log_flush(void)
{
	const bool own = state.kept_by == getpid();
	const bool syslog = state.sink.kind == LOG_SINK_SYSLOG;
	size_t at = 0;

	while (at < state.kept_len) {
		const char *line = state.kept + at;
		const size_t len = strlen(line);

		if (own && syslog && !log_sink_write(&state.sink, line, len))
			break;
		state.dropped += own && !syslog;
		at += len + 1;
	}
	state.kept_len -= at;
	memmove(state.kept, state.kept + at, state.kept_len);
	return state.kept_len == 0;
}

static void log_lost(void)
{
	const uint64_t now = clock_ns();

	if (state.lost == NULL ||
	    (state.lost_ns != 0 && now - state.lost_ns < NS_PER_SEC))
		return;
	state.lost_ns = now;
	state.lost(state.lost_arg);
}

/* Syslog is there again: first what was kept, then how much was not. A short queue of
 * its own takes some, and the rest later. */
static void log_found(void)
{
	uint64_t lost;

	state.lost_ns = 0;
	if (!log_flush()) {
		log_lost();
		return;
	}
	if ((lost = state.dropped - state.told) == 0)
		return;
	state.told = state.dropped;
	log_warn("%" PRIu64 " lines before this one could not be written", lost);
}

static bool log_connect(void)
{
	struct log_sink sink;

	if (log_sink_open(&sink, "syslog") != 0 || sink.fd < 0)
		return false;
	log_sink_close(&state.sink);
	state.sink = sink;
	log_found();
	return true;
}

/* In order: a line waits where an earlier one does. */
static bool log_write(const char *line, size_t len)
{
	return (state.kept_len == 0 || log_flush()) &&
	       log_sink_write(&state.sink, line, len);
}

static void batch_write(void)
{
	const size_t len = state.batch_len;

	state.batch_len = 0;
	if (len > 0 && !log_sink_write(&state.sink, state.batch, len))
		state.dropped += state.batch_lines;
	state.batch_lines = 0;
}

void log_batch(bool begin)
{
	batch_write();
	state.batching = begin && state.sink.kind == LOG_SINK_FILE;
}

static void batch_put(const char *line, size_t len)
{
	if (state.batch_len + len > LOG_BATCH_MAX)
		batch_write();
	memcpy(state.batch + state.batch_len, line, len);
	state.batch_len += len;
	state.batch_lines++;
}

static void log_put(const char *line, size_t len)
{
	bool wait;

	if (state.batching) {
		batch_put(line, len);
		return;
	}
	if (log_write(line, len))
		return;
	wait = log_sink_is_lost(&state.sink, errno);
	if (wait && log_connect() && log_write(line, len))
		return;
	wait = wait || state.kept_len > 0;
	if (!wait || !log_keep(line, len))
		state.dropped++;
	if (wait)
		log_lost();
}

/* ---- where they go ---- */

int log_open(const char *target, enum log_format format, enum log_level level)
{
	struct log_sink sink;

	if (strlen(target) >= sizeof(state.target)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (log_sink_open(&sink, target) != 0)
		return -1;
	if (state.sink.fd != STDERR_FILENO)
		log_sink_close(&state.sink);
	state.sink = sink;
	if (target != state.target)
		strlcpy(state.target, target, sizeof(state.target));
	state.format = format;
	state.level = level;
	if (sink.kind != LOG_SINK_SYSLOG || sink.fd >= 0)
		log_found();
	return 0;
}

int log_reopen(void)
{
	return log_open(state.target, state.format, state.level);
}

int log_fd(void)
{
	return state.sink.fd;
}

bool log_is_syslog(void)
{
	return state.sink.kind == LOG_SINK_SYSLOG;
}

bool log_is_standard(void)
{
	return log_sink_standard(state.target) >= 0;
}

void log_on_loss(void (*lost)(void *arg), void *arg)
{
	state.lost = lost;
	state.lost_arg = arg;
	state.lost_ns = 0;
}

void log_confine(int fd)
{
	log_on_loss(NULL, NULL);
	state.kept_len = 0;
	state.sink = (struct log_sink){.kind = LOG_SINK_FILE, .fd = fd};
	state.confined = true;
}

void log_ident(const char *who)
{
	strlcpy(state.who, who, sizeof(state.who));
}

uint64_t log_dropped(void)
{
	return state.dropped;
}

/* Copies the message printable; in JSON, quotes and backslashes are escaped. */
static void log_clean(char *to, size_t cap, const char *from, bool json)
{
	size_t n = 0;

	/* room for the longest of them, six bytes and a NUL */
	for (; *from != '\0' && n + 7 < cap; from++) {
		unsigned char c = (unsigned char)*from;

		if (c < 0x20 || c > 0x7e)
			n += (size_t)snprintf(
			    to + n, cap - n, json ? "\\u%04x" : "\\x%02x", c);
		else if (json && (c == '"' || c == '\\'))
			n += (size_t)snprintf(to + n, cap - n, "\\%c", c);
		else
			to[n++] = (char)c;
	}
	to[n] = '\0';
}

static int log_format_line(char *line, size_t cap, pid_t pid, const char *who,
    enum log_level level, const char *message)
{
	const char *name = levels[level].name;
	static char stamp[40];
	static time_t second; /* of the stamp */
	char priority[8] = "";
	struct timespec now;
	struct tm tm;

	if (state.sink.kind == LOG_SINK_SYSLOG)
		return snprintf(line, cap, "<%d>argond[%d]: %s: %s",
		    levels[level].syslog, (int)pid, who, message);
	if (state.sink.journal)
		snprintf(priority, sizeof(priority), "<%d>", levels[level].syslog & 7);
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != second || stamp[0] == '\0') {
		gmtime_r(&now.tv_sec, &tm);
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
		second = now.tv_sec;
	}
	if (state.format == LOG_FORMAT_JSON)
		return snprintf(line, cap,
		    "%s{\"time\":\"%s.%03ldZ\",\"pid\":%d,\"level\":\"%s\",\"who\":\"%"
		    "s\","
		    "\"message\":\"%s\"}\n",
		    priority, stamp, now.tv_nsec / 1000000, (int)pid, name, who,
		    message);
	return snprintf(line, cap, "%s%s.%03ldZ [%d] %s %s: %s\n", priority, stamp,
	    now.tv_nsec / 1000000, (int)pid, name, who, message);
}

void log_of(pid_t pid, const char *who, enum log_level level, const char *raw)
{
	char message[LOG_MESSAGE_MAX], line[LOG_LINE_MAX];
	int saved = errno, len;

	if (level > state.level)
		return;
	log_clean(message, sizeof(message), raw, state.format == LOG_FORMAT_JSON);
	len = log_format_line(line, sizeof(line), pid, who, level, message);
	if (len <= 0 || (size_t)len >= sizeof(line))
		state.dropped++;
	else
		log_put(line, (size_t)len);
	errno = saved;
}

/* ---- a child's lines ---- */

/* Shorter than PIPE_BUF: all of it or nothing. */
static bool log_record(enum log_level level, const char *raw)
{
	char record[2 + LOG_MESSAGE_MAX];
	const int len = snprintf(
	    record, sizeof(record), "%c%c%s", LOG_RECORD_BEGIN, '0' + (int)level, raw);

	return write(state.sink.fd, record, (size_t)len + 1) == len + 1;
}

static void log_to_master(enum log_level level, const char *raw)
{
	char lost[64];
	int saved = errno;

	if (state.told != state.dropped) {
		snprintf(lost, sizeof(lost),
		    "%" PRIu64 " lines before this one could not be written",
		    state.dropped - state.told);
		if (log_record(LOG_LEVEL_WARNING, lost))
			state.told = state.dropped;
	}
	if (state.told != state.dropped || !log_record(level, raw))
		state.dropped++;
	errno = saved;
}

static void log_line(
    enum log_level level, const char *prefix, const char *fmt, va_list ap)
{
	char raw[LOG_MESSAGE_MAX];
	size_t n = strlcpy(raw, prefix, sizeof(raw));
	int saved = errno;

	if (level > state.level)
		return;
	vsnprintf(raw + n, sizeof(raw) - n, fmt, ap);
	errno = saved;
	if (state.confined)
		log_to_master(level, raw);
	else
		log_of(getpid(), state.who, level, raw);
}

#define LOG_AT(level, prefix)                                                          \
	do {                                                                           \
		va_list ap;                                                            \
		va_start(ap, fmt);                                                     \
		log_line(level, prefix, fmt, ap);                                      \
		va_end(ap);                                                            \
	} while (0)

void log_error(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_ERROR, "");
}

void log_warn(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_WARNING, "");
}

void log_info(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_INFO, "");
}

void log_debug(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_DEBUG, "");
}

void log_bug(const char *fmt, ...)
{
	static uint64_t second;
	static unsigned said;
	uint64_t now = clock_ns() / NS_PER_SEC;

	if (now != second) {
		second = now;
		said = 0;
	}
	if (said++ < LOG_BUGS_PER_SECOND)
		LOG_AT(LOG_LEVEL_ERROR, "BUG: ");
}

void log_limited(struct log_limit *limit, enum log_level level, const char *fmt, ...)
{
	uint64_t now = clock_ns();
	char prefix[48] = "";

	if (limit->last_ns != 0 && now - limit->last_ns < NS_PER_SEC) {
		limit->skipped++;
		return;
	}
	if (limit->skipped > 0)
		snprintf(prefix, sizeof(prefix), "(%u lines like this left out) ",
		    limit->skipped);
	limit->last_ns = now;
	limit->skipped = 0;
	LOG_AT(level, prefix);
}
