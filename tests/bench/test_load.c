/*
 * The load generator against a server that does each thing wrong on purpose: every
 * outcome has to be seen for what it is, and no time may be left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include <jansson.h>

#include "tests/bench/load_report.h"
#include "tests/bench/load_run.h"
#include "tests/bench/odd_server.h"

static struct odd_server server;

static int setup(void **state)
{
	(void)state;
	return odd_start(&server);
}

static int teardown(void **state)
{
	(void)state;
	odd_stop(&server);
	return 0;
}

/* Runs streams, NULL ends them, for some ms. */
static struct load *ran_at(const char *target, unsigned ms, const char *const *streams)
{
	struct load *load = calloc(1, sizeof(*load));
	char error[SPEC_ERROR] = "";

	assert_non_null(load);
	load->quiet = true;
	load->duration_ns = (uint64_t)ms * 1000000;
	assert_int_equal(target_parse(&load->target, target), 0);
	for (; *streams != NULL; streams++)
		if (load_add(load, *streams, error) != 0)
			fail_msg("%s: %s", *streams, error);
	if (load_run(load, error) != 0)
		fail_msg("%s", error);
	return load;
}

#define ran(ms, ...) ran_at(server.target, ms, (const char *const[]){__VA_ARGS__, NULL})

static void forget(struct load *load)
{
	load_free(load);
	free(load);
}

/* All requests of the stream had this outcome, and there were so many. */
static void assert_all(
    const struct stream *stream, enum outcome outcome, uint64_t count)
{
	for (enum outcome o = 0; o < OUTCOMES; o++)
		if (stream->tally.count[o] != (o == outcome ? count : 0))
			fail_msg("%s: %s %llu", stream->spec.path, outcome_name(o),
			    (unsigned long long)stream->tally.count[o]);
	assert_true(tally_total(&stream->tally) == count);
}

static void each_outcome_is_seen_for_what_it_is(void **state)
{
	static const struct {
		const char *words;
		enum outcome outcome;
	} cases[] = {
	    {"path=/ok,expect=fine", OUTCOME_OK},
	    {"path=/ok,expect=fi,keepalive=0", OUTCOME_OK},
	    {"path=/tricky,expect=fine", OUTCOME_OK},
	    {"path=/until_end,expect=fine and", OUTCOME_OK},
	    {"path=/goodbye,expect=fine", OUTCOME_OK},
	    {"path=/anonymous,id=0", OUTCOME_OK},
	    {"path=/404,status=404,expect=fine", OUTCOME_OK},
	    {"path=/slow,deadline=5ms", OUTCOME_LATE},
	    {"path=/swap", OUTCOME_WRONG},
	    {"path=/longer", OUTCOME_WRONG},
	    {"path=/shorter", OUTCOME_WRONG},
	    {"path=/anonymous", OUTCOME_WRONG},
	    {"path=/other,expect=fine", OUTCOME_WRONG},
	    {"path=/short,expect=fine", OUTCOME_WRONG},
	    {"path=/garbage", OUTCOME_WRONG},
	    {"path=/503,expect=fine", OUTCOME_SHED},
	    {"path=/429", OUTCOME_SHED},
	    {"path=/500", OUTCOME_SERVER_ERROR},
	    {"path=/404", OUTCOME_CLIENT_ERROR},
	    {"path=/ok,status=204", OUTCOME_CLIENT_ERROR},
	    {"path=/mute", OUTCOME_RESET_NEW},
	    {"path=/half,expect=fine", OUTCOME_PARTIAL},
	    {"path=/never,timeout=30ms", OUTCOME_TIMEOUT},
	    {"path=/never,drop=100,drop_after=5ms", OUTCOME_DROPPED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char words[128];
		struct load *load;

		snprintf(words, sizeof(words), "rate=100,conns=20,%s", cases[i].words);
		load = ran(100, words);
		assert_all(&load->stream[0], cases[i].outcome, 10);
		forget(load);
	}
}

static void a_refusal_is_one(void **state)
{
	struct load *load =
	    ran_at(server.nobody, 100, (const char *const[]){"rate=200,conns=2", NULL});

	(void)state;
	assert_all(&load->stream[0], OUTCOME_REFUSED, 20);
	forget(load);
}

/* A closed loop has no schedule: where this machine stops us for the whole of a run,
 * nothing is asked, and it is tried again. */
static struct load *ran_closed(const char *target, unsigned ms, const char *stream)
{
	for (unsigned tries = 0; tries < 20; tries++) {
		struct load *load =
		    ran_at(target, ms, (const char *const[]){stream, NULL});

		if (tally_total(&load->stream[0].tally) > 0)
			return load;
		forget(load);
	}
	fail_msg("%s: nothing was asked", stream);
	return NULL;
}

static void a_closed_loop_does_not_spin_on_refusals(void **state)
{
	struct load *load = ran_closed(server.nobody, 200, "conns=2");

	(void)state;
	assert_in_range(load->stream[0].tally.count[OUTCOME_REFUSED], 2, 2 * 21);
	forget(load);
}

/* The server hangs up at the second request: one connection has good answers and resets
 * in turn. */
static void a_reset_on_a_used_connection_is_told_apart(void **state)
{
	struct load *load = ran(200, "rate=100,conns=1,path=/once");
	const uint64_t *count = load->stream[0].tally.count;

	(void)state;
	assert_int_equal(count[OUTCOME_OK], 10);
	assert_int_equal(count[OUTCOME_RESET_IDLE], 10);
	assert_int_equal(tally_total(&load->stream[0].tally), 20);
	forget(load);
}

static void an_answer_that_nobody_asked_for_is_counted(void **state)
{
	struct load *load = ran(100, "rate=100,conns=2,path=/twice");

	(void)state;
	assert_int_equal(tally_total(&load->stream[0].tally), 10);
	assert_int_equal(load->stream[0].tally.unasked, 10);
	forget(load);
}

/*
 * Twenty requests in 200 ms for a server that takes 50 ms for each, one at a time: the
 * last one is scheduled at 190 ms and cannot be answered before 1000 ms. A generator
 * that waits for answers before it asks would say 50 ms.
 */
static void waiting_for_a_connection_is_part_of_the_latency(void **state)
{
	struct load *load = ran(200, "rate=100,conns=1,path=/slow");
	const struct tally *tally = &load->stream[0].tally;

	(void)state;
	assert_all(&load->stream[0], OUTCOME_OK, 20);
	assert_true(tally->timing[TIMING_OK].max >= 810000000);
	assert_true(histogram_quantile(&tally->timing[TIMING_OK], .5) >= 400000000);
	assert_true(tally->timing[TIMING_WAIT].max >= 760000000);
	assert_int_equal(tally->timing[TIMING_LAG].count, 20);
	assert_true(tally->queue_most > 1);
	forget(load);
}

static void who_cannot_wait_is_unsent(void **state)
{
	struct load *load = ran(200,
	    "name=full,rate=100,conns=1,path=/never,queue=2,"
	    "timeout=400ms",
	    "name=none,rate=100,conns=1,path=/never,queue=0,timeout=400ms");

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const uint64_t *count = load->stream[i].tally.count;

		assert_int_equal(count[OUTCOME_TIMEOUT] + count[OUTCOME_UNSENT], 20);
		assert_in_range(count[OUTCOME_TIMEOUT], 1, 3);
		assert_int_equal(load->stream[i].tally.queue_most, i == 0 ? 2 : 0);
		assert_int_equal(
		    tally_lost(&load->stream[i].tally), count[OUTCOME_TIMEOUT]);
	}
	forget(load);
}

/* They come faster than the only connection gives up: who has waited for too long in
 * our own queue is not the server's loss. */
static void who_has_waited_too_long_is_unsent(void **state)
{
	struct load *load = ran(100, "rate=10000,conns=1,path=/never,timeout=20ms");
	const uint64_t *count = load->stream[0].tally.count;

	(void)state;
	assert_int_equal(count[OUTCOME_TIMEOUT] + count[OUTCOME_UNSENT], 1000);
	assert_true(count[OUTCOME_UNSENT] > 0);
	assert_true(count[OUTCOME_TIMEOUT] > 0);
	forget(load);
}

/* Whatever becomes of them, all that were due are accounted for. */
static void the_schedule_is_kept(void **state)
{
	struct load *load = ran(400, "name=a,rate=250,conns=4,path=/ok",
	    "name=b,rate=100,conns=4,path=/ok,start=100ms,stop=300ms",
	    "name=c,rate=12.5,conns=5,path=/never,timeout=10ms");

	(void)state;
	assert_all(&load->stream[0], OUTCOME_OK, 100);
	assert_all(&load->stream[1], OUTCOME_OK, 20);
	assert_all(&load->stream[2], OUTCOME_TIMEOUT, 5);
	forget(load);
}

/* The next request after the end is no reason to stay. */
static void the_end_is_not_on_the_schedule(void **state)
{
	struct load *load = ran(100, "rate=0.05,conns=1,path=/ok");

	(void)state;
	assert_all(&load->stream[0], OUTCOME_OK, 1);
	assert_true(load->took_ns < 20000000000);
	forget(load);
}

static void a_closed_loop_keeps_each_connection_busy(void **state)
{
	struct load *load = ran_closed(server.target, 500, "conns=3,path=/slow");
	const struct histogram *ok = &load->stream[0].tally.timing[TIMING_OK];

	(void)state;
	assert_in_range(ok->count, 3, 3 * 10);
	assert_all(&load->stream[0], OUTCOME_OK, ok->count);
	assert_true(ok->min >= ODD_SLOW_MS * 1000000);
	assert_true(ok->max <= load->took_ns);
	assert_int_equal(server.seen->connections, 3);
	forget(load);
}

static void connections_are_kept_or_made_anew(void **state)
{
	struct load *load = ran(100, "rate=100,conns=2,path=/ok");

	(void)state;
	assert_in_range(server.seen->connections, 1, 2);
	forget(load);
	load = ran(100, "rate=100,conns=2,path=/ok,keepalive=0");
	assert_in_range(server.seen->connections, 11, 12);
	assert_int_equal(load->stream[0].tally.timing[TIMING_CONNECT].count, 10);
	forget(load);
}

/* The server has said so, and leaves it to the client to close it. */
static void a_connection_that_shall_close_is_not_used_again(void **state)
{
	struct load *load = ran(100, "rate=100,conns=1,path=/goodbye");

	(void)state;
	assert_all(&load->stream[0], OUTCOME_OK, 10);
	assert_int_equal(server.seen->connections, 10);
	forget(load);
}

static void clients_have_addresses_in_turn(void **state)
{
	(void)state;
	forget(ran(200, "rate=100,conns=4,path=/ok,src=127.0.0.10-13"));
	for (unsigned i = 10; i < 14; i++)
		assert_int_equal(server.seen->peers[i], 1);
	assert_int_equal(server.seen->connections, 4);
}

static void a_request_in_pieces_arrives_whole(void **state)
{
	struct load *load = ran(
	    200, "rate=100,conns=2,path=/ok,method=POST,body=n=%u,pieces=40,pause=2");

	(void)state;
	assert_all(&load->stream[0], OUTCOME_OK, 20);
	assert_int_equal(server.seen->bodies, 20);
	assert_true(server.seen->in_pieces > 0);
	forget(load);
}

static void idle_connections_stay_open(void **state)
{
	struct load *load = ran(200, "name=i,conns=0,idle=100,idle_path=/ok",
	    "name=r,rate=50,conns=1,path=/ok");

	(void)state;
	assert_int_equal(load->stream[0].idles.open, 100);
	assert_int_equal(load->stream[0].idles.failed, 0);
	assert_int_equal(load->stream[0].idles.closed, 0);
	assert_int_equal(server.seen->connections, 101);
	assert_all(&load->stream[1], OUTCOME_OK, 10);
	forget(load);
	load = ran(100, "name=i,conns=0,idle=3,idle_path=/until_end");
	assert_int_equal(load->stream[0].idles.open + load->stream[0].idles.closed, 3);
	forget(load);
	load = ran(100, "name=i,conns=0,idle=3,idle_path=/mute");
	assert_int_equal(load->stream[0].idles.failed, 3);
	forget(load);
	load = ran(100, "name=i,conns=0,idle=3,idle_path=/never,timeout=10ms");
	assert_int_equal(load->stream[0].idles.open, 0);
	forget(load);
}

static double at(const json_t *report, const char *stream, const char *name)
{
	const json_t *json = json_object_get(report, stream);

	if (json == NULL)
		json = json_object_get(json_object_get(report, "streams"), stream);
	return json_number_value(json_object_get(json, name));
}

static void the_report_adds_up(void **state)
{
	struct load *load = ran(200, "name=good,rate=100,conns=2,path=/ok",
	    "name=shed,rate=50,conns=2,path=/503",
	    "name=bad,rate=50,conns=2,path=/500");
	json_t *report = report_make(load), *series;
	double sum = 0;
	size_t i;
	json_t *second;

	(void)state;
	assert_non_null(report);
	assert_true(at(report, "good", "good_per_s") == 100.);
	assert_true(at(report, "good", "lost_bound") == 3. / 20);
	assert_true(
	    at(report, "shed", "lost") == 0. && at(report, "bad", "lost") == 10.);
	assert_true(
	    at(report, "all", "requests") == 40. && at(report, "all", "lost") == 10.);
	assert_true(at(report, "all", "lost_bound") == 0.); /* there is none */
	series = json_object_get(
	    json_object_get(json_object_get(report, "all"), "series"), "ok");
	json_array_foreach(series, i, second)
	{
		sum += json_number_value(second);
	}
	assert_true(sum == 20.);
	json_decref(report);
	forget(load);
}

int main(void)
{
#define with_server(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    with_server(each_outcome_is_seen_for_what_it_is),
	    with_server(a_refusal_is_one),
	    with_server(a_closed_loop_does_not_spin_on_refusals),
	    with_server(a_reset_on_a_used_connection_is_told_apart),
	    with_server(an_answer_that_nobody_asked_for_is_counted),
	    with_server(waiting_for_a_connection_is_part_of_the_latency),
	    with_server(who_cannot_wait_is_unsent),
	    with_server(who_has_waited_too_long_is_unsent),
	    with_server(the_schedule_is_kept),
	    with_server(the_end_is_not_on_the_schedule),
	    with_server(a_closed_loop_keeps_each_connection_busy),
	    with_server(connections_are_kept_or_made_anew),
	    with_server(a_connection_that_shall_close_is_not_used_again),
	    with_server(clients_have_addresses_in_turn),
	    with_server(a_request_in_pieces_arrives_whole),
	    with_server(idle_connections_stay_open),
	    with_server(the_report_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
