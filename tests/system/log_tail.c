#include "tests/system/log_tail.h"

#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct log_tail {
	int fd, stop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t grown;
	char *text; /* NUL-terminated */
	size_t len, cap;
	bool ended;
};

static void append(struct log_tail *tail, const char *bytes, size_t n)
{
	pthread_mutex_lock(&tail->lock);
	if (tail->len + n + 1 > tail->cap) {
		size_t cap = (tail->len + n + 1) * 2;
		char *text = realloc(tail->text, cap);

		if (text == NULL)
			abort();
		tail->text = text;
		tail->cap = cap;
	}
	for (size_t i = 0; i < n; i++) /* a NUL must not end the log for regexec() */
		tail->text[tail->len++] = bytes[i] == '\0' ? '?' : bytes[i];
	tail->text[tail->len] = '\0';
	pthread_cond_broadcast(&tail->grown);
	pthread_mutex_unlock(&tail->lock);
}

static void *follow(void *arg)
{
	struct log_tail *tail = arg;
	struct pollfd fds[2] = {
	    {.fd = tail->fd, .events = POLLIN}, {.fd = tail->stop, .events = POLLIN}};
	char bytes[16384];
	ssize_t n = 1;

	while (n > 0 && poll(fds, 2, -1) >= 0 && fds[1].revents == 0) {
		n = read(tail->fd, bytes, sizeof(bytes));
		if (n > 0)
			append(tail, bytes, (size_t)n);
	}
	pthread_mutex_lock(&tail->lock);
	tail->ended = true;
	pthread_cond_broadcast(&tail->grown);
	pthread_mutex_unlock(&tail->lock);
	return NULL;
}

struct log_tail *log_tail_open(int fd)
{
	struct log_tail *tail = calloc(1, sizeof(*tail));
	pthread_condattr_t attr;

	if (tail == NULL || (tail->text = calloc(1, 1)) == NULL)
		abort();
	tail->cap = 1;
	tail->fd = fd;
	tail->stop = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&tail->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&tail->grown, &attr);
	if (tail->stop < 0 || pthread_create(&tail->thread, NULL, follow, tail) != 0)
		abort();
	return tail;
}

void log_tail_close(struct log_tail *tail)
{
	uint64_t one = 1;

	if (tail == NULL)
		return;
	if (write(tail->stop, &one, sizeof(one)) != sizeof(one))
		abort();
	pthread_join(tail->thread, NULL);
	pthread_cond_destroy(&tail->grown);
	pthread_mutex_destroy(&tail->lock);
	close(tail->fd);
	close(tail->stop);
	free(tail->text);
	free(tail);
}

/* Call with the lock held. */
static bool find(
    const struct log_tail *tail, size_t from, const regex_t *re, regmatch_t *m)
{
	return from <= tail->len && regexec(re, tail->text + from, 2, m, 0) == 0;
}

static void compile(regex_t *re, const char *pattern)
{
	if (regcomp(re, pattern, REG_EXTENDED | REG_NEWLINE) != 0) {
		fprintf(stderr, "not a regular expression: %s\n", pattern);
		abort();
	}
}

bool log_tail_has(struct log_tail *tail, size_t from, const char *pattern)
{
	return log_tail_wait(tail, from, pattern, 0) == LOG_TAIL_FOUND;
}

/* The moment `ms` from now, for a condition on CLOCK_MONOTONIC. */
static struct timespec moment(int ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000L;
	if (ts.tv_nsec >= 1000000000L) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000L;
	}
	return ts;
}

enum log_tail_result log_tail_wait(
    struct log_tail *tail, size_t from, const char *pattern, int limit_ms)
{
	const struct timespec limit = moment(limit_ms);
	enum log_tail_result result = LOG_TAIL_FOUND;
	regmatch_t match[2];
	regex_t re;

	compile(&re, pattern);
	pthread_mutex_lock(&tail->lock);
	while (!find(tail, from, &re, match)) {
		if (tail->ended)
			result = LOG_TAIL_ENDED;
		else if (pthread_cond_timedwait(&tail->grown, &tail->lock, &limit) != 0)
			result = LOG_TAIL_LATE;
		if (result != LOG_TAIL_FOUND)
			break;
	}
	pthread_mutex_unlock(&tail->lock);
	regfree(&re);
	return result;
}

bool log_tail_wait_end(struct log_tail *tail, int limit_ms)
{
	const struct timespec limit = moment(limit_ms);
	bool ended;

	pthread_mutex_lock(&tail->lock);
	while (!tail->ended &&
	       pthread_cond_timedwait(&tail->grown, &tail->lock, &limit) == 0)
		;
	ended = tail->ended;
	pthread_mutex_unlock(&tail->lock);
	return ended;
}

size_t log_tail_length(struct log_tail *tail)
{
	size_t len;

	pthread_mutex_lock(&tail->lock);
	len = tail->len;
	pthread_mutex_unlock(&tail->lock);
	return len;
}

bool log_tail_group(
    struct log_tail *tail, size_t from, const char *pattern, char *text, size_t cap)
{
	regmatch_t m[2];
	regex_t re;
	bool found;

	compile(&re, pattern);
	pthread_mutex_lock(&tail->lock);
	found = find(tail, from, &re, m) && m[1].rm_so >= 0;
	if (found)
		snprintf(text, cap, "%.*s", (int)(m[1].rm_eo - m[1].rm_so),
		    tail->text + from + m[1].rm_so);
	pthread_mutex_unlock(&tail->lock);
	regfree(&re);
	return found;
}

size_t log_tail_count(struct log_tail *tail, size_t from, const char *words)
{
	size_t n = 0;

	pthread_mutex_lock(&tail->lock);
	for (const char *at = tail->text + from; (at = strstr(at, words)) != NULL; at++)
		n++;
	pthread_mutex_unlock(&tail->lock);
	return n;
}

void log_tail_dump(struct log_tail *tail)
{
	if (tail == NULL)
		return;
	pthread_mutex_lock(&tail->lock);
	fprintf(stderr, "---- log of the daemon ----\n%s---- end of the log ----\n",
	    tail->text);
	pthread_mutex_unlock(&tail->lock);
}
