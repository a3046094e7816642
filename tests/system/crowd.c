#include "tests/system/crowd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { FDS_BESIDE = 200 };

bool crowd_permitted(size_t count)
{
	struct rlimit limit, more;

	assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), errno);
	more = limit;
	if (limit.rlim_cur >= count + FDS_BESIDE)
		return true;
	more.rlim_cur = count + FDS_BESIDE;
	if (more.rlim_max < more.rlim_cur)
		more.rlim_max = more.rlim_cur;
	return setrlimit(RLIMIT_NOFILE, &more) == 0;
}

static void member_open(
    struct crowd *crowd, struct member *member, const struct address *to)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};
	const int small = 2048, segment = 536, one = 1;

	*member = (struct member){
	    .fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    .since_ms = harness_now_ms()};
	assert_return_code(member->fd, errno);
	if (crowd->narrow) {
		setsockopt(member->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		setsockopt(member->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
		setsockopt(
		    member->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
	}
	assert_return_code(connect(member->fd, &to->any, to->len), errno);
	setsockopt(member->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	assert_return_code(fcntl(member->fd, F_SETFL, O_NONBLOCK), errno);
	assert_return_code(
	    epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, member->fd, &event), errno);
}

/* Their addresses are in the epoll set: they are registered anew. */
static void crowd_grow(struct crowd *crowd, size_t count)
{
	crowd->members =
	    realloc(crowd->members, (crowd->count + count) * sizeof(*crowd->members));
	assert_non_null(crowd->members);
	for (size_t i = 0; i < crowd->count; i++) {
		struct epoll_event event = {
		    .events = EPOLLIN, .data.ptr = &crowd->members[i]};

		if (crowd->members[i].ended_ms == 0)
			epoll_ctl(
			    crowd->epoll, EPOLL_CTL_MOD, crowd->members[i].fd, &event);
	}
}

void crowd_open(struct crowd *crowd, const struct address *to, size_t count)
{
	if (crowd->count == 0)
		crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
	assert_return_code(crowd->epoll, errno);
	crowd_grow(crowd, count);
	while (count-- > 0)
		member_open(crowd, &crowd->members[crowd->count++], to);
}

void crowd_close(struct crowd *crowd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	for (size_t i = 0; i < crowd->count; i++) {
		if (crowd->members[i].fd < 0)
			continue;
		setsockopt(
		    crowd->members[i].fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(crowd->members[i].fd);
	}
	if (crowd->count > 0)
		close(crowd->epoll);
	free(crowd->members);
	*crowd = (struct crowd){0};
}

void crowd_say(struct crowd *crowd, const char *bytes, size_t len)
{
	for (size_t i = 0; i < crowd->count; i++)
		if (crowd->members[i].ended_ms == 0)
			(void)!send(crowd->members[i].fd, bytes, len, MSG_NOSIGNAL);
}

static size_t crowd_push(struct crowd *crowd, const char *bytes, size_t len)
{
	size_t sum = 0;
	ssize_t n;

	for (size_t i = 0; i < crowd->count; i++)
		while (crowd->members[i].ended_ms == 0 &&
		       (n = send(crowd->members[i].fd, bytes, len, MSG_NOSIGNAL)) > 0)
			sum += (size_t)n;
	return sum;
}

size_t crowd_say_all(struct crowd *crowd, const char *bytes, size_t len)
{
	const struct timespec nap = {.tv_nsec = 200000000};
	size_t sum = 0, more;

	while ((more = crowd_push(crowd, bytes, len)) > 0) {
		sum += more;
		nanosleep(&nap, NULL); /* what is taken within this is waited for */
	}
	return sum;
}

void crowd_forget(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->count; i++) {
		crowd->members[i].since_ms = harness_now_ms();
		crowd->members[i].len = 0;
		crowd->members[i].text[0] = '\0';
	}
}

static void member_keep(struct member *member, const char *bytes, size_t len)
{
	size_t room = member->len < CROWD_TEXT - 1 ? CROWD_TEXT - 1 - member->len : 0;

	if (room > len)
		room = len;
	memcpy(member->text +
	           (CROWD_TEXT - 1 < member->len ? CROWD_TEXT - 1 : member->len),
	    bytes, room);
	member->len += len;
	member->text[member->len < CROWD_TEXT - 1 ? member->len : CROWD_TEXT - 1] =
	    '\0';
	if (len > 1)
		member->last[0] = bytes[len - 2];
	else
		member->last[0] = member->last[1];
	member->last[1] = bytes[len - 1];
}

static void member_end(struct member *member, bool reset)
{
	member->ended_ms = harness_now_ms();
	member->reset = reset;
	close(member->fd); /* it leaves the epoll set with this */
	member->fd = -1;
}

static void member_read(const struct crowd *crowd, struct member *member)
{
	char bytes[16384];
	ssize_t n = recv(member->fd, bytes, crowd->slow ? 1 : sizeof(bytes), 0);

	if (n > 0)
		member_keep(member, bytes, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		member_end(member, n < 0);
}

void crowd_turn(struct crowd *crowd, int limit_ms)
{
	struct epoll_event events[CROWD_EVENTS];
	int n = epoll_wait(crowd->epoll, events, CROWD_EVENTS, limit_ms);

	for (int i = 0; i < n; i++)
		if (crowd->slow && (events[i].events & (EPOLLERR | EPOLLHUP)) != 0)
			member_end(events[i].data.ptr, true); /* bytes may be left */
		else
			member_read(crowd, events[i].data.ptr);
}

size_t crowd_alive(const struct crowd *crowd)
{
	size_t alive = 0;

	for (size_t i = 0; i < crowd->count; i++)
		alive += crowd->members[i].ended_ms == 0;
	return alive;
}

size_t crowd_answered(const struct crowd *crowd, const char *status, const char *tail)
{
	size_t answered = 0;

	for (size_t i = 0; i < crowd->count; i++) {
		const struct member *member = &crowd->members[i];

		answered += strncmp(member->text, "HTTP/1.1 ", 9) == 0 &&
		            strncmp(member->text + 9, status, 3) == 0 &&
		            (*tail == '\0' || memcmp(member->last, tail, 2) == 0);
	}
	return answered;
}

void crowd_await_answers(
    struct crowd *crowd, const char *status, const char *tail, size_t count)
{
	const uint64_t limit = harness_now_ms() + (uint64_t)harness_limit_ms();
	size_t answered;

	while ((answered = crowd_answered(crowd, status, tail)) < count) {
		if (harness_now_ms() > limit)
			fail_msg(
			    "%zu of %zu were answered %s", answered, count, status);
		crowd_turn(crowd, 10);
	}
}

void crowd_await_ends(struct crowd *crowd, size_t left)
{
	const uint64_t limit = harness_now_ms() + (uint64_t)harness_limit_ms();

	while (crowd_alive(crowd) > left) {
		if (harness_now_ms() > limit)
			fail_msg("%zu are left", crowd_alive(crowd));
		crowd_turn(crowd, 10);
	}
}

void crowd_spans(const struct crowd *crowd, uint64_t *shortest, uint64_t *longest)
{
	*shortest = UINT64_MAX;
	*longest = 0;
	for (size_t i = 0; i < crowd->count; i++) {
		const struct member *member = &crowd->members[i];
		uint64_t span = member->ended_ms - member->since_ms;

		if (member->ended_ms == 0)
			continue;
		*shortest = span < *shortest ? span : *shortest;
		*longest = span > *longest ? span : *longest;
	}
}

size_t crowd_memory(pid_t pid)
{
	char path[64], *text, *line;
	size_t kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	text = harness_read_file(path);
	line = text != NULL ? strstr(text, "RssAnon:") : NULL;
	if (line != NULL)
		kib = strtoul(line + 8, NULL, 10);
	free(text);
	assert_true(kib > 0);
	return kib;
}
