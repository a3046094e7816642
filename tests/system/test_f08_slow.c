/*
 * F8: clients that send or take their bytes one by one, many at once. Each is gone at
 * its deadline, which no byte moves; the memory that they cost is bounded; others are
 * served as if they were not there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/system/client.h"
#include "tests/system/crowd.h"
#include "tests/system/process.h"

enum {
	TIMEOUT_MS = 2000,
	LATE_MS = 1000,
	DRIP_MS = 100,
	MEMBER_KIB =
	    40, /* a head or a body, as large as it may be, and what was read */
};

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"

static size_t crowd_size(void)
{
	return harness_rounds(100, 2000);
}

static size_t frontends_memory(const struct daemon *d)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(d, "frontend ", pids, PROCESS_MAX), kib = 0;

	for (size_t i = 0; i < n; i++)
		kib += crowd_memory(pids[i]);
	return kib;
}

/* The slow ones' bytes: `piece` over and over. */
struct drip {
	const char *piece;
	size_t len;
	uint64_t last_ms;
	size_t most_kib; /* memory of the frontends */
	size_t served;   /* requests of others */
};

/* Another byte to each when it is time; meanwhile somebody else is served. */
static void drip_on(struct daemon *d, struct crowd *crowd, struct drip *drip)
{
	const struct timespec nap = {.tv_nsec = 5000000};
	size_t kib;

	if (crowd->slow)
		nanosleep(&nap, NULL);
	else
		crowd_turn(crowd, 5);
	if (harness_now_ms() - drip->last_ms < DRIP_MS * harness_slow())
		return;
	drip->last_ms = harness_now_ms();
	if (drip->len > 0)
		crowd_say(crowd, drip->piece, drip->len);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	drip->served++;
	if (crowd->slow) /* a byte from each */
		for (size_t i = 0; i <= crowd->count / CROWD_EVENTS; i++)
			crowd_turn(crowd, 0);
	kib = frontends_memory(d);
	drip->most_kib = kib > drip->most_kib ? kib : drip->most_kib;
}

/* Lets them drip until all have ended, and looks when: no sooner than the timeout after
 * they came, and not much later, where that was spent otherwise for `extra_ms`. */
static void expect_deadline(
    struct daemon *d, struct crowd *crowd, struct drip *drip, uint64_t extra_ms)
{
	const uint64_t limit = harness_now_ms() + (uint64_t)harness_limit_ms();
	uint64_t shortest, longest;

	while (crowd_alive(crowd) > 0) {
		if (harness_now_ms() > limit)
			fail_msg("%zu are still there", crowd_alive(crowd));
		drip_on(d, crowd, drip);
	}
	crowd_spans(crowd, &shortest, &longest);
	print_message("%zu gone after %u..%u ms (of which %u to begin), %zu others "
	              "served\n",
	    crowd->count, (unsigned)shortest, (unsigned)longest, (unsigned)extra_ms,
	    drip->served);
	assert_true(shortest >= TIMEOUT_MS * harness_slow() - 1);
	assert_true(longest <= (TIMEOUT_MS + LATE_MS) * harness_slow() + extra_ms);
}

static void expect_bounded(size_t before, size_t most)
{
	print_message("%zu KiB for each\n", (most - before) / crowd_size());
#ifndef __SANITIZE_ADDRESS__
	assert_true(most - before <= MEMBER_KIB * crowd_size());
#endif
}

static bool start(struct daemon *d, const char *timeout)
{
	char option[48];

	if (!crowd_permitted(crowd_size()))
		return false;
	harness_ms(option, timeout, TIMEOUT_MS);
	daemon_start(d, option, NULL);
	if (process_titles_visible(d))
		return true;
	daemon_stop(d);
	return false;
}

/* `lead`, and as many of `fill` as make `size` bytes. */
static char *filled(const char *lead, char fill, size_t size)
{
	char *text = malloc(size + 1);

	assert_non_null(text);
	memset(text, fill, size);
	memcpy(text, lead, strlen(lead));
	text[size] = '\0';
	return text;
}

/* Begins with `size` bytes of a request, so that there is something to keep, and goes
 * on in drips. They get an answer, and then the end. */
static void expect_slow_request(
    struct daemon *d, const char *timeout, const char *lead, size_t size, char fill)
{
	struct drip drip = {.piece = &fill, .len = 1};
	struct crowd crowd = {0};
	size_t before;
	char *text;

	if (!start(d, timeout))
		skip();
	text = filled(lead, fill, size);
	before = frontends_memory(d);
	crowd_open(&crowd, &d->tcp, crowd_size());
	crowd_forget(&crowd);
	crowd_say(&crowd, text, size);
	expect_deadline(d, &crowd, &drip, 0);
	assert_int_equal(crowd_answered(&crowd, "408", ""), crowd.count);
	expect_bounded(before, drip.most_kib);
	crowd_close(&crowd);
	free(text);
	daemon_stop(d);
}

static void test_slow_header(void **state)
{
	expect_slow_request(*state, "header_timeout",
	    "GET /livez HTTP/1.1\r\nHost: t\r\nDrip: ", 8000, 'x');
}

/* What drips is white space before the JSON text. */
#define INSPECT                                                                        \
	"POST /v1/inspect HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"

static void test_slow_body(void **state)
{
	expect_slow_request(
	    *state, "body_timeout", INSPECT "Content-Length: 8192\r\n\r\n", 8000, ' ');
}

static void test_slow_chunks(void **state)
{
	expect_slow_request(*state, "body_timeout",
	    INSPECT "Transfer-Encoding: chunked\r\n\r\n1FFF\r\n", 8000, ' ');
}

/* Says nothing at all: no answer either. */
static void test_silence(void **state)
{
	struct daemon *d = *state;
	struct drip drip = {.piece = "", .len = 0};
	struct crowd crowd = {0};

	if (!start(d, "header_timeout"))
		skip();
	crowd_open(&crowd, &d->tcp, crowd_size());
	expect_deadline(d, &crowd, &drip, 0);
	assert_int_equal(crowd_answered(&crowd, "408", ""), 0);
	crowd_close(&crowd);
	daemon_stop(d);
}

/* Asks and asks until nothing more is taken, so that the answers stand in a row. */
static void ask_until_full(struct crowd *crowd)
{
	enum { MANY = 32 * 1024 };
	char *many = malloc(MANY);
	size_t len = 0;

	assert_non_null(many);
	while (len + sizeof(GET("/livez")) < MANY)
		len += (size_t)snprintf(many + len, MANY - len, "%s", GET("/livez"));
	len = crowd_say_all(crowd, many, len);
	print_message("%zu KiB asked by each\n", len / 1024 / crowd->count);
	free(many);
}

static uint64_t frontends_ticks(const struct daemon *d)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(d, "frontend ", pids, PROCESS_MAX);
	uint64_t ticks = 0;

	for (size_t i = 0; i < n; i++)
		ticks += process_ticks(pids[i]);
	return ticks;
}

/* Until the frontends have answered as much as is taken of them: the last deadline has
 * begun then. Returns how long that was since `since`. */
static uint64_t await_full(const struct daemon *d, uint64_t since)
{
	const struct timespec nap = {.tv_nsec = 100000000};
	uint64_t last, ticks = frontends_ticks(d);

	do {
		last = ticks;
		nanosleep(&nap, NULL); /* who has something to do does some of it */
		ticks = frontends_ticks(d);
	} while (ticks != last);
	return harness_now_ms() - since;
}

/* Takes its answers byte by byte. The deadline is that of the answer which was not
 * taken as a whole; it began when no more was. */
static void test_slow_reading(void **state)
{
	struct daemon *d = *state;
	struct drip drip = {.piece = "", .len = 0};
	struct crowd crowd = {.narrow = true, .slow = true};
	uint64_t since;
	size_t before;

	if (!start(d, "write_timeout"))
		skip();
	before = frontends_memory(d);
	since = harness_now_ms();
	crowd_open(&crowd, &d->tcp, crowd_size());
	ask_until_full(&crowd);
	expect_deadline(d, &crowd, &drip, await_full(d, since));
	for (size_t i = 0; i < crowd.count; i++)
		assert_true(crowd.members[i].reset);
	expect_bounded(before, drip.most_kib);
	crowd_close(&crowd);
	daemon_stop(d);
}

/* Takes next to nothing of long answers to requests that have all been read: it is the
 * reset alone by which it is gone, and what the kernel holds for it. */
static void test_long_answers(void **state)
{
	enum { ANSWERS = 20 };
	struct daemon *d = *state;
	struct drip drip = {.piece = "", .len = 0};
	struct crowd crowd = {.narrow = true, .slow = true};
	char text[ANSWERS * sizeof(GET("/openapi.json"))];
	uint64_t since;
	size_t len = 0;

	if (!start(d, "write_timeout"))
		skip();
	for (int i = 0; i < ANSWERS; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s", GET("/openapi.json"));
	crowd_open(&crowd, &d->tcp, crowd_size());
	crowd_forget(&crowd);
	since = harness_now_ms();
	crowd_say(&crowd, text, len);
	expect_deadline(d, &crowd, &drip, await_full(d, since));
	for (size_t i = 0; i < crowd.count; i++)
		assert_true(crowd.members[i].reset);
	crowd_close(&crowd);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_slow_header),
	    daemon_test(test_slow_body),
	    daemon_test(test_slow_chunks),
	    daemon_test(test_silence),
	    daemon_test(test_slow_reading),
	    daemon_test(test_long_answers),
	};

	return cmocka_run_group_tests_name("f8 slow", tests, NULL, NULL);
}
