/* common/locked.c: blocks that do not overlap, join again, and are wiped; what is wrong
 * ends the process; what does not fit comes from elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/locked.h"
#include "common/log.h"

enum { HEAP = 256 * 1024, BLOCKS = 400, STEPS = 60000 };

static size_t opened;

static int set_up(void **state)
{
	(void)state;
	opened = locked_open(HEAP);
	if (opened != 0)
		return 0;
	print_message("no memory can be locked here\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	locked_close();
	return 0;
}

static void need_heap(void)
{
	if (opened == 0)
		skip();
}

static uint32_t random_next(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

struct piece {
	uint8_t *bytes;
	size_t n;
	uint8_t filling;
};

static void piece_check(const struct piece *piece)
{
	for (size_t i = 0; i < piece->n; i++)
		assert_int_equal(piece->bytes[i], piece->filling);
}

/* Sizes as they come; more than fits at times. */
static void blocks_do_not_overlap(void **state)
{
	static struct piece pieces[BLOCKS];
	uint64_t seed = 7;

	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		struct piece *piece = &pieces[random_next(&seed, BLOCKS)];

		if (piece->bytes != NULL) {
			piece_check(piece);
			assert_int_equal(locked_size(piece->bytes), piece->n);
			locked_free(piece->bytes);
			*piece = (struct piece){.n = 0};
			continue;
		}
		piece->n = random_next(&seed, 8) == 0 ? random_next(&seed, 40000)
		                                      : random_next(&seed, 600);
		piece->filling = (uint8_t)random_next(&seed, 256);
		piece->bytes = locked_alloc(piece->n);
		assert_non_null(piece->bytes);
		assert_int_equal((uintptr_t)piece->bytes % LOCKED_UNIT, 0);
		memset(piece->bytes, piece->filling, piece->n);
	}
	for (unsigned i = 0; i < BLOCKS; i++) {
		piece_check(&pieces[i]);
		locked_free(pieces[i].bytes);
		pieces[i] = (struct piece){.n = 0};
	}
}

/* After all of this the heap is as it was: its largest block can be had. */
static void halves_join_again(void **state)
{
	const size_t missed = locked_missed();
	void *all;

	need_heap();
	blocks_do_not_overlap(state);
	if (opened != HEAP)
		skip();
	all = locked_alloc(HEAP);
	assert_non_null(all);
	locked_free(all);
	/* what was missed was missed meanwhile */
	all = locked_alloc(HEAP);
	memset(all, 'x', HEAP);
	locked_free(all);
	assert_true(locked_missed() >= missed);
}

static void what_is_given_back_is_wiped(void **state)
{
	static const size_t sizes[] = {1, 63, 64, 65, 1000, 4096, 30000};
	static const uint8_t zeros[32768];

	(void)state;
	need_heap();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *bytes = locked_alloc(sizes[i]);

		memset(bytes, 'x', sizes[i]);
		locked_free(bytes);
		assert_memory_equal(bytes, zeros, sizes[i]); /* it is still mapped */
		assert_ptr_equal(locked_zalloc(sizes[i]), bytes);
		locked_free(bytes);
	}
	locked_free(NULL);
}

/* What does not fit comes from elsewhere, is counted, and is as good. */
static void a_full_heap_is_no_failure(void **state)
{
	static uint8_t *pieces[2 * HEAP / 1024];
	const size_t before = locked_missed();

	(void)state;
	need_heap();
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		pieces[i] = locked_alloc(1024);
		assert_non_null(pieces[i]);
		assert_int_equal(locked_size(pieces[i]), 1024);
		memset(pieces[i], 'x', 1024);
	}
	assert_int_equal(locked_missed() - before,
	    sizeof(pieces) / sizeof(pieces[0]) - opened / 1024);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		locked_free(pieces[i]);
	pieces[0] = locked_alloc(2 * opened);
	assert_non_null(pieces[0]);
	locked_free(pieces[0]);
	assert_null(locked_alloc(SIZE_MAX));
	assert_null(locked_alloc(SIZE_MAX - LOCKED_UNIT));
}

/* A library's large tables do not take the place of secrets, nor count. */
static void large_blocks_of_libraries_stay_outside(void **state)
{
	const size_t before = locked_missed();
	uint8_t *small, *large, *outside;

	(void)state;
	need_heap();
	small = locked_alloc_small(100);
	large = locked_alloc_small(opened / 2);
	outside = locked_alloc_outside(100);
	assert_true(small != NULL && large != NULL && outside != NULL);
	assert_int_equal(locked_missed(), before);
	assert_int_equal(locked_size(large), opened / 2);
	locked_free(large);
	locked_free(outside);
	locked_free(small);
}

/* ---- what ends the process ---- */

static void write_past_the_end(void)
{
	volatile uint8_t *bytes = locked_alloc(100);

	bytes[100] = (uint8_t)(bytes[100] + 1);
	locked_free((void *)(uintptr_t)bytes);
}

static void free_twice(void)
{
	void *volatile bytes = locked_alloc(100);
	void *again = bytes;

	locked_free(bytes);
	locked_free(again);
}

static void free_a_part(void)
{
	uint8_t *bytes = locked_alloc(1000);

	locked_free(bytes + LOCKED_UNIT);
}

#ifndef __SANITIZE_ADDRESS__ /* it would make a report of these */

/* The page before the heap, and the one behind it. */
static void touch(long from_start)
{
	uint8_t *all = locked_alloc(opened);

	*(volatile uint8_t *)(all + from_start) = 1;
}

static void touch_before(void)
{
	touch(-1);
}

static void touch_behind(void)
{
	touch((long)opened);
}

#endif

static void dies_of(void (*deed)(void), int signo)
{
	const struct rlimit none = {0, 0};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		locked_close();
		opened = locked_open(HEAP);
		deed();
		_exit(0);
	}
	assert_return_code(pid, errno);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signo);
}

static void what_is_damaged_ends_the_process(void **state)
{
	(void)state;
	need_heap();
	if (opened != HEAP)
		skip();
	dies_of(write_past_the_end, SIGABRT);
	dies_of(free_twice, SIGABRT);
	dies_of(free_a_part, SIGABRT);
#ifndef __SANITIZE_ADDRESS__
	dies_of(touch_before, SIGSEGV);
	dies_of(touch_behind, SIGSEGV);
#endif
}

/* ---- limits ---- */

/* A process without privileges takes what it may; none is no failure. */
static void open_with_limits(void)
{
	static const rlim_t limits[] = {1 << 20, 64 << 10, 40 << 10, 4096, 0};
	size_t last = SIZE_MAX;

	if (geteuid() == 0 && setuid(65534) != 0)
		_exit(2);
	locked_close(); /* what it had locked counts no more, but for the stack */
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct rlimit limit = {limits[i], limits[i]};
		size_t bytes;
		void *block;

		if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
			_exit(3);
		bytes = locked_open(HEAP);
		block = locked_alloc(100);
		if (bytes > last || bytes > limits[i] || block == NULL)
			_exit(4);
		last = bytes;
		memset(block, 'x', 100);
		locked_free(block);
		locked_close();
	}
	_exit(last == 0 ? 0 : 5);
}

static void as_much_as_the_limit_allows(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0)
		open_with_limits();
	assert_return_code(pid, errno);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void without_a_heap_it_is_malloc(void **state)
{
	uint8_t *bytes;

	(void)state;
	locked_close();
	assert_int_equal(locked_open(0), 0);
	bytes = locked_zalloc(100);
	assert_non_null(bytes);
	assert_int_equal(bytes[99], 0);
	assert_int_equal(locked_size(bytes), 100);
	assert_int_equal(locked_missed(), 0);
	locked_free(bytes);
	assert_int_equal(locked_need(0), 0);
	assert_true(locked_need(HEAP) >= HEAP + LOCKED_STACK);
}

/* Of a number of bytes that is no power of two, all are used. */
static void every_byte_is_used(void **state)
{
	static uint8_t *pieces[256];
	const size_t want = 52 * 1024;
	size_t n = 0;

	(void)state;
	locked_close();
	opened = locked_open(want);
	need_heap();
	while (locked_missed() == 0 && n < sizeof(pieces) / sizeof(pieces[0]))
		pieces[n++] = locked_alloc(1024);
	assert_int_equal(n - 1, opened / 1024);
	while (n > 0)
		locked_free(pieces[--n]);
}

#define HEAP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    HEAP_TEST(blocks_do_not_overlap),
	    HEAP_TEST(halves_join_again),
	    HEAP_TEST(what_is_given_back_is_wiped),
	    HEAP_TEST(a_full_heap_is_no_failure),
	    HEAP_TEST(large_blocks_of_libraries_stay_outside),
	    HEAP_TEST(what_is_damaged_ends_the_process),
	    HEAP_TEST(as_much_as_the_limit_allows),
	    HEAP_TEST(without_a_heap_it_is_malloc),
	    HEAP_TEST(every_byte_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
