#include "tests/system/lanes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/process.h"

enum { REST_MS = 20, ANSWER_MAX = 4096 };

struct lane {
	struct lanes *group;
	int fd;
	bool waits;          /* for an answer */
	uint64_t rest_until; /* else: when it asks again */
	size_t len;
	char text[ANSWER_MAX];
};

struct run {
	struct lane lanes[LANES_MAX];
	struct pollfd fds[LANES_MAX];
	unsigned count;
	bool ending; /* nothing new is asked, and nothing counts */
};

char *lanes_post(const char *path, const char *body)
{
	char *text = NULL;

	if (asprintf(&text,
	        "POST %s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
	        "Content-Length: %zu\r\n\r\n%s",
	        path, strlen(body), body) < 0)
		abort();
	return text;
}

static void lane_ask(struct lane *lane)
{
	const size_t len = strlen(lane->group->request);

	lane->len = 0;
	lane->waits = true;
	assert_int_equal(send(lane->fd, lane->group->request, len, MSG_NOSIGNAL), len);
}

static void lane_open(
    struct run *run, struct lanes *group, unsigned client, const struct address *to)
{
	const struct sockaddr_in from = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + group->address + client)};
	struct lane *lane = &run->lanes[run->count];

	assert_true(run->count < LANES_MAX);
	*lane = (struct lane){
	    .group = group, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	assert_true(lane->fd >= 0);
	assert_int_equal(
	    bind(lane->fd, (const struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(lane->fd, &to->any, to->len), 0);
	assert_int_equal(fcntl(lane->fd, F_SETFL, O_NONBLOCK), 0);
	run->fds[run->count++] = (struct pollfd){.fd = lane->fd, .events = POLLIN};
	lane_ask(lane);
}

/* Is all of the answer there? */
static bool lane_is_answered(const struct lane *lane)
{
	const char *end = strstr(lane->text, "\r\n\r\n");
	const char *length = strcasestr(lane->text, "\r\nContent-Length: ");

	return end != NULL && length != NULL &&
	       lane->len >=
	           (size_t)(end + 4 - lane->text) + strtoul(length + 18, NULL, 10);
}

static void lane_count(struct lane *lane)
{
	const unsigned long status = strtoul(lane->text + 9, NULL, 10);

	lane->waits = false;
	lane->rest_until = status == 200 ? 0 : harness_now_ms() + REST_MS;
	if (status == 200)
		lane->group->good++;
	else if (status == 503 || status == 429)
		lane->group->shed++;
	else
		lane->group->other++;
}

/* An interim answer goes before the answer where that is late. */
static void lane_skip_interim(struct lane *lane)
{
	char *end = strstr(lane->text, "\r\n\r\n");

	if (end == NULL || strncmp(lane->text + 9, "102", 3) != 0)
		return;
	lane->len -= (size_t)(end + 4 - lane->text);
	memmove(lane->text, end + 4, lane->len + 1);
}

static void lane_receive(struct lane *lane, bool counts)
{
	ssize_t n = recv(
	    lane->fd, lane->text + lane->len, sizeof(lane->text) - 1 - lane->len, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	assert_true(n > 0);
	lane->len += (size_t)n;
	lane->text[lane->len] = '\0';
	lane_skip_interim(lane);
	if (!lane_is_answered(lane))
		return;
	if (counts)
		lane_count(lane);
	lane->waits = false;
}

/* False where nobody waits for an answer. */
static bool run_turn(struct run *run)
{
	bool waiting = false;

	assert_true(poll(run->fds, run->count, REST_MS) >= 0);
	for (unsigned i = 0; i < run->count; i++) {
		struct lane *lane = &run->lanes[i];

		if (run->fds[i].revents != 0)
			lane_receive(lane, !run->ending);
		if (!lane->waits && !run->ending &&
		    harness_now_ms() >= lane->rest_until)
			lane_ask(lane);
		waiting = waiting || lane->waits;
	}
	return waiting;
}

void lanes_run(
    const struct daemon *d, struct lanes *groups, unsigned count, unsigned good)
{
	const uint64_t limit = harness_now_ms() + 2 * (uint64_t)harness_limit_ms();
	const unsigned enough = groups[0].good + good;
	struct run *run = calloc(1, sizeof(*run));

	assert_non_null(run);
	for (unsigned g = 0; g < count; g++)
		for (unsigned i = 0; i < groups[g].clients * groups[g].conns; i++)
			lane_open(run, &groups[g], i % groups[g].clients, &d->tcp);
	while (run_turn(run)) {
		if (!run->ending && groups[0].good >= enough) {
			run->ending = true;
			groups[0].cpu_ms = lanes_cpu_ms(d);
		}
		assert_true(harness_now_ms() < limit);
	}
	for (unsigned i = 0; i < run->count; i++)
		close(run->lanes[i].fd);
	free(run);
}

uint64_t lanes_cpu_ms(const struct daemon *d)
{
	const uint64_t tick_ms = 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX);
	uint64_t ticks = 0;

	for (size_t i = 0; i < n; i++)
		ticks += process_ticks(pids[i]);
	return ticks * tick_ms;
}
