/* common/secret.c: grows, hands over, and leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "common/secret.h"

/* In the place of libc's, by either name (_FORTIFY_SOURCE uses the second). */
void __explicit_bzero_chk(void *at, size_t n, size_t room);

size_t wiped_bytes; /* not static: used in what clang takes for an inline function */

void explicit_bzero(void *at, size_t n)
{
	volatile uint8_t *bytes = at;

	for (size_t i = 0; i < n; i++)
		bytes[i] = 0;
	wiped_bytes += n;
}

void __explicit_bzero_chk(void *at, size_t n, size_t room)
{
	assert_true(n <= room);
	explicit_bzero(at, n);
}

static int forget_wipes(void **state)
{
	(void)state;
	wiped_bytes = 0;
	return 0;
}

static void appended_bytes_are_kept_in_order(void **state)
{
	struct secret s = {0};

	(void)state;
	assert_int_equal(secret_append(&s, "ab\0", 3), 0);
	assert_int_equal(secret_append(&s, "cd", 2), 0);
	assert_int_equal(s.len, 5);
	assert_memory_equal(s.data, "ab\0cd", 5);
	secret_free(&s);
}

static void nothing_appended_allocates_nothing(void **state)
{
	struct secret s = {0};

	(void)state;
	assert_int_equal(secret_append(&s, NULL, 0), 0);
	assert_null(s.data);
	secret_free(&s);
	assert_int_equal(wiped_bytes, 0);
}

static void growing_wipes_the_old_bytes(void **state)
{
	struct secret s = {0};
	uint8_t more[500];
	size_t cap;

	(void)state;
	memset(more, 'x', sizeof(more));
	assert_int_equal(secret_append(&s, "password", 8), 0);
	cap = s.cap;
	assert_true(cap < sizeof(more));
	assert_int_equal(secret_append(&s, more, sizeof(more)), 0);
	assert_int_equal(wiped_bytes, cap);
	assert_int_equal(s.len, 508);
	assert_memory_equal(s.data, "password", 8);
	assert_memory_equal(s.data + 8, more, sizeof(more));
	secret_free(&s);
}

static void freeing_wipes_all_that_was_allocated(void **state)
{
	struct secret s = {0};

	(void)state;
	assert_int_equal(secret_reserve(&s, 1000), 0);
	assert_true(s.cap >= 1000);
	assert_int_equal(s.len, 0);
	assert_int_equal(wiped_bytes, 0);
	secret_free(&s);
	assert_true(wiped_bytes >= 1000);
	assert_null(s.data);
	assert_int_equal(s.cap, 0);
}

static void moving_frees_the_target_and_empties_the_source(void **state)
{
	struct secret from = {0}, to = {0};
	uint8_t *bytes;

	(void)state;
	assert_int_equal(secret_append(&to, "old", 3), 0);
	assert_int_equal(secret_append(&from, "new!", 4), 0);
	bytes = from.data;
	secret_move(&to, &from);
	assert_true(wiped_bytes >= 3); /* the old one's */
	assert_ptr_equal(to.data, bytes);
	assert_int_equal(to.len, 4);
	assert_null(from.data);
	assert_int_equal(from.len, 0);
	secret_free(&to);
}

static void an_impossible_size_changes_nothing(void **state)
{
	struct secret s = {0};

	(void)state;
	assert_int_equal(secret_append(&s, "kept", 4), 0);
	assert_int_equal(secret_append(&s, "x", SIZE_MAX), -1); /* len + n overflows */
	assert_int_equal(
	    secret_append(&s, "x", SIZE_MAX - 4), -1); /* doubling overflows */
	assert_int_equal(s.len, 4);
	assert_memory_equal(s.data, "kept", 4);
	secret_free(&s);
}

static void equal_is_every_byte(void **state)
{
	uint8_t a[64], b[64];

	(void)state;
	memset(a, 7, sizeof(a));
	memset(b, 7, sizeof(b));
	assert_true(secret_equal(a, b, sizeof(a)));
	assert_true(secret_equal(a, b, 0));
	for (size_t i = 0; i < sizeof(a); i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			b[i] ^= (uint8_t)(1U << bit);
			assert_false(secret_equal(a, b, sizeof(a)));
			b[i] ^= (uint8_t)(1U << bit);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(appended_bytes_are_kept_in_order, forget_wipes),
	    cmocka_unit_test_setup(nothing_appended_allocates_nothing, forget_wipes),
	    cmocka_unit_test_setup(growing_wipes_the_old_bytes, forget_wipes),
	    cmocka_unit_test_setup(freeing_wipes_all_that_was_allocated, forget_wipes),
	    cmocka_unit_test_setup(
	        moving_frees_the_target_and_empties_the_source, forget_wipes),
	    cmocka_unit_test_setup(an_impossible_size_changes_nothing, forget_wipes),
	    cmocka_unit_test(equal_is_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
