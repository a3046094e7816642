#include "tests/frontend/fixture.h"

static void set_alive(struct fixture *f, unsigned pool, unsigned alive)
{
	atomic_store(&board_head(&f->child.board)->alive[pool], alive);
}

static void test_livez(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	ask_once(f, GET("/livez"), &answer); /* without a hasher */
	assert_answer(&answer, 200, "ok");
	f->fe.draining = true;
	ask_once(f, GET("/livez?verbose"), &answer);
	assert_answer(&answer, 200, "[+] loop\nok\n");
}

static void test_readyz(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	for (unsigned pool = 0; pool < 3; pool++)
		set_alive(f, pool, 1);
	ask_once(f, GET("/readyz"), &answer);
	assert_answer(&answer, 200, "ok");
	assert_true(answer_has(&answer, "\r\nCache-Control: no-store\r\n"));
	ask_once(f, GET("/readyz?verbosely"), &answer);
	assert_answer(&answer, 200, "ok");
	ask_once(f, GET("/readyz?verbose"), &answer);
	assert_answer(&answer, 200,
	    "[+] serving\n[+] pool elastic: 1 hashers ready\n"
	    "[+] pool fixed: 1 hashers ready\n[+] pool lookup: 1 hashers ready\n[+] "
	    "ready\n");
	ask_once(f, GET("/readyz?verbose=1"), &answer);
	assert_true(answer_has(&answer, "[+] ready\n"));
}

static void test_no_hasher(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	set_alive(f, 0, 2);
	set_alive(f, 2, 2);
	atomic_store(&board_head(&f->child.board)->throttled[1], 1);
	ask_once(f, GET("/readyz"), &answer);
	assert_answer(
	    &answer, 503, "pool fixed: 0 hashers ready, they die at the start\n");
	assert_true(answer_has(&answer, "\r\nRetry-After: 1\r\n"));
	ask_once(f, GET("/readyz?verbose"), &answer);
	assert_int_equal(answer.status, 503);
	assert_true(answer_has(&answer, "[+] pool elastic: 2 hashers ready\n"));
	assert_true(answer_has(&answer, "[-] pool fixed"));
	assert_true(answer_has(&answer, "[-] not ready\n"));
	atomic_store(&board_head(&f->child.board)->throttled[1], 0);
	f->pools[1].jobs = CONFIG_JOBS_LOOKUP; /* but no route asks one of that name */
	ask_once(f, GET("/readyz"), &answer);
	assert_answer(&answer, 200, "ok");
}

static void test_shutting_down(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	for (unsigned pool = 0; pool < 3; pool++)
		set_alive(f, pool, 1);
	atomic_store(&board_head(&f->child.board)->leaving, BOARD_STOPS);
	ask_once(f, GET("/readyz"), &answer);
	assert_answer(&answer, 503, "shutting down\n");
	atomic_store(&board_head(&f->child.board)->leaving, BOARD_REPLACED);
	f->fe.draining = true;
	ask_once(f, GET("/readyz"), &answer);
	assert_answer(&answer, 200, "ok");
	assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
}

/* As many pools as there can be, with names as long as they can be, are all listed. */
static void test_longest_report(void **state)
{
	struct fixture *f = *state;
	struct config_pool pools[LIMIT_POOLS] = {0};
	struct answer answer;

	for (unsigned i = 0; i < LIMIT_POOLS; i++) {
		memset(pools[i].name, 'a' + (int)i, LIMIT_NAME - 1);
		atomic_store(&board_head(&f->child.board)->throttled[i], 1);
	}
	f->config.pools = pools;
	f->config.pool_count = LIMIT_POOLS;
	ask_once(f, GET("/readyz?verbose"), &answer);
	assert_int_equal(answer.status, 503);
	assert_true(answer_has(&answer, "[-] pool pppp"));
	assert_true(answer_has(&answer, "[-] not ready\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(test_livez),
	    FIXTURE_TEST(test_readyz),
	    FIXTURE_TEST(test_no_hasher),
	    FIXTURE_TEST(test_shutting_down),
	    FIXTURE_TEST(test_longest_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
