#include "tests/system/load.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One connection and the request on it. */
struct lane {
	int fd; /* -1: none */
	unsigned number;
	bool busy;
	bool fresh; /* a new connection for each request */
	bool kept;  /* its connection has brought an answer before */
	struct load_question question;
	char answer[2048];
	size_t len;
	uint64_t since;
};

static const char *const class_names[LOAD_CLASSES] = {"ok", "wrong", "shed", "failed",
    "refused", "reset", "reset idle", "partial", "timeout"};

static void lane_close(struct lane *lane)
{
	if (lane->fd >= 0)
		close(lane->fd);
	lane->fd = -1;
	lane->kept = false;
}

/* The request is over. */
static void lane_end(
    struct load *load, struct lane *lane, enum load_class class, bool close_it)
{
	uint64_t took = harness_now_ms() - lane->since;

	lane->busy = false;
	load->count[class]++;
	load->answered++;
	load->took[took < LOAD_MS ? took : LOAD_MS - 1]++;
	if (took > load->slowest_ms)
		load->slowest_ms = took;
	lane->kept = true;
	if (close_it || lane->fresh)
		lane_close(lane);
}

/* Each lane from its own; the port is found when it connects. */
static void lane_bind(const struct lane *lane)
{
	const int one = 1;
	const struct sockaddr_in from = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + lane->number)};

	assert_return_code(setsockopt(lane->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT,
	                       &one, sizeof(one)),
	    errno);
	assert_return_code(
	    bind(lane->fd, (const struct sockaddr *)(const void *)&from, sizeof(from)),
	    errno);
}

static bool lane_connect(const struct load *load, struct lane *lane)
{
	lane->fd = socket(load->to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(lane->fd, errno);
	if (load->apart)
		lane_bind(lane);
	if (connect(lane->fd, &load->to->any, load->to->len) == 0 &&
	    fcntl(lane->fd, F_SETFL, O_NONBLOCK) == 0)
		return true;
	lane_close(lane);
	return false;
}

static enum load_kind next_kind(const struct load *load)
{
	if (load->mixed)
		return (enum load_kind)(load->asked % LOAD_KINDS);
	if (load->hello && load->asked % 4 == 0)
		return LOAD_HELLO;
	return load->rayon ? LOAD_RAYON : LOAD_HASH;
}

static enum load_class lane_reset(const struct lane *lane)
{
	return lane->kept ? LOAD_RESET_IDLE : LOAD_RESET;
}

static void lane_ask(struct load *load, struct lane *lane)
{
	char text[LOAD_REQUEST];
	size_t n = load_question_make(&lane->question, next_kind(load), text);

	lane->question.trusted = load->trusting;
	lane->since = harness_now_ms();
	lane->busy = true;
	lane->len = 0;
	load->asked++;
	if (lane->fd < 0 && !lane_connect(load, lane)) {
		lane_end(load, lane, LOAD_REFUSED, true);
		return;
	}
	if (send(lane->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		lane_end(load, lane, lane_reset(lane), true);
}

/* What a whole answer (head and body, NUL-terminated) is worth. */
static enum load_class judge(
    struct load *load, const struct lane *lane, const char *body)
{
	int status;

	switch (load_question_judge(&lane->question, lane->answer, body, &status)) {
	case LOAD_ANSWERED:
		return LOAD_OK;
	case LOAD_MIXED_UP:
		return LOAD_WRONG;
	case LOAD_DENIED:
		break;
	}
	if (status == 503 || status == 429)
		return LOAD_SHED;
	load->failed_status = status;
	return LOAD_FAILED;
}

/* Looks whether the answer is complete, and if so ends the request. */
static void lane_parse(struct load *load, struct lane *lane)
{
	char *body, *length;
	size_t whole;

	lane->answer[lane->len] = '\0';
	body = strstr(lane->answer, "\r\n\r\n");
	if (body == NULL)
		return;
	body += 4;
	length = strcasestr(lane->answer, "\r\nContent-Length:");
	if (length == NULL || length > body) {
		lane_end(load, lane, LOAD_WRONG, true);
		return;
	}
	whole = (size_t)(body - lane->answer) + strtoul(length + 17, NULL, 10);
	if (lane->len < whole)
		return;
	lane_end(load, lane, lane->len > whole ? LOAD_WRONG : judge(load, lane, body),
	    lane->len > whole ||
	        strcasestr(lane->answer, "\r\nConnection: close") != NULL);
}

static void lane_readable(struct load *load, struct lane *lane)
{
	ssize_t n = recv(lane->fd, lane->answer + lane->len,
	    sizeof(lane->answer) - 1 - lane->len, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (!lane->busy) { /* an idle connection was closed, or talked to unasked */
		if (n > 0)
			load->count[LOAD_WRONG]++;
		lane_close(lane);
		return;
	}
	if (n <= 0) {
		lane_end(
		    load, lane, lane->len > 0 ? LOAD_PARTIAL : lane_reset(lane), true);
		return;
	}
	lane->len += (size_t)n;
	lane_parse(load, lane);
}

/* Waits for answers, at most limit_ms. */
static void await(struct load *load, struct lane *lanes, int limit_ms)
{
	struct pollfd fds[LOAD_CONNECTIONS];

	for (unsigned i = 0; i < load->connections; i++)
		fds[i] = (struct pollfd){.fd = lanes[i].fd, .events = POLLIN};
	if (poll(fds, load->connections, limit_ms) < 1)
		return;
	for (unsigned i = 0; i < load->connections; i++)
		if (fds[i].revents != 0)
			lane_readable(load, &lanes[i]);
}

static void drop_late(struct load *load, struct lane *lanes)
{
	const uint64_t now = harness_now_ms();

	for (unsigned i = 0; i < load->connections; i++)
		if (lanes[i].busy &&
		    now - lanes[i].since > (uint64_t)harness_limit_ms())
			lane_end(load, &lanes[i], LOAD_TIMEOUT, true);
}

void load_run(struct load *load)
{
	struct lane *lanes = calloc(LOAD_CONNECTIONS, sizeof(*lanes));
	uint64_t next_tick = harness_now_ms() + load->tick_ms;
	bool go_on = true;

	assert_non_null(lanes);
	assert_in_range(load->connections, 1, LOAD_CONNECTIONS);
	for (unsigned i = 0; i < load->connections; i++)
		lanes[i] = (struct lane){.fd = -1,
		    .number = i,
		    .fresh = load->reconnect || i + load->fresh >= load->connections};
	while (load->answered < (go_on ? load->requests : load->asked)) {
		for (unsigned i = 0; go_on && i < load->connections; i++)
			if (!lanes[i].busy && load->asked < load->requests)
				lane_ask(load, &lanes[i]);
		if (load->tick != NULL && harness_now_ms() >= next_tick) {
			go_on = go_on && load->tick(load, load->arg);
			next_tick += load->tick_ms;
		}
		await(load, lanes, 5);
		drop_late(load, lanes);
		if (load->count[LOAD_TIMEOUT] > 0)
			go_on =
			    false; /* it has failed, whatever the tick still awaits */
	}
	for (unsigned i = 0; i < load->connections; i++)
		lane_close(&lanes[i]);
	free(lanes);
}

void load_print(const struct load *load, const char *title)
{
	printf("%s: asked %u", title, load->asked);
	for (unsigned i = 0; i < LOAD_CLASSES; i++)
		if (load->count[i] > 0)
			printf(", %s %u", class_names[i], load->count[i]);
	if (load->count[LOAD_FAILED] > 0)
		printf(" (status %d)", load->failed_status);
	printf(", p50 %u ms, p99 %u ms, slowest %llu ms; ", load_percentile(load, 50),
	    load_percentile(load, 99), (unsigned long long)load->slowest_ms);
	printf("lost %u of %u", load_lost(load), load->asked);
	if (load_lost(load) == 0 && load->asked > 0)
		printf(" (so less than %.1g)", 3. / load->asked);
	printf("\n");
	fflush(stdout);
}

unsigned load_lost(const struct load *load)
{
	return load->answered - load->count[LOAD_OK] - load->count[LOAD_SHED];
}

unsigned load_percentile(const struct load *load, unsigned percent)
{
	uint64_t wanted = (uint64_t)load->answered * percent, seen = 0;
	unsigned ms = 0;

	while (ms < LOAD_MS - 1 && (seen += load->took[ms]) * 100 < wanted)
		ms++;
	return ms;
}

void load_expect_ok(const struct load *load, bool shedding)
{
	unsigned fine = load->count[LOAD_OK] + (shedding ? load->count[LOAD_SHED] : 0);

	if (fine == load->asked && load->count[LOAD_WRONG] == 0)
		return;
	load_print(load, "load");
	fail_msg("%u of %u requests answered well", fine, load->asked);
}
