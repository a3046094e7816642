/*
 * The words on the command socket.
 */
#include "master/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/config.h"
#include "master/command_send.h"

static void each_word_of_s_is_a_request(void **state)
{
	char bytes[COMMAND_REQUEST_MAX];
	const char *why;
	size_t asked = 0;

	(void)state;
	for (size_t i = 0; i < signal_row_count; i++) {
		const struct signal_row *row = &signal_rows[i];
		size_t len;

		if (row->word == NULL)
			continue;
		len = command_request(bytes, row);
		assert_in_range(len, 3, COMMAND_REQUEST_MAX - 1);
		assert_ptr_equal(command_request_read(bytes, len, &why), row);
		assert_null(why);
		asked++;
	}
	assert_int_equal(asked, 5);
}

static void what_is_no_request_is_refused(void **state)
{
	static const char *const texts[] = {"", "1", "1 ", "2 reload", "1reload",
	    "1  reload", " 1 reload", "1 RELOAD", "1 reload ", "11 reload",
	    "1 reloadreloadreloadreloadreloadreload"};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_null(command_request_read(texts[i], strlen(texts[i]), &why));
		assert_non_null(why);
	}
	assert_null(command_request_read("1 reload\0", 9, &why));
	assert_null(command_request_read("1 \0", 3, &why));
}

static void an_answer_is_read_back(void **state)
{
	static const char *const whys[] = {"", "two words", " ", "1 ok"};
	char bytes[COMMAND_ANSWER_MAX], why[64];

	(void)state;
	for (int result = COMMAND_OK; result <= COMMAND_AGAIN; result++)
		for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++) {
			enum command_result heard;
			const size_t len =
			    command_answer(bytes, (enum command_result)result, whys[i]);

			assert_int_equal(
			    command_answer_read(bytes, len, &heard, why, sizeof(why)),
			    0);
			assert_int_equal(heard, result);
			assert_string_equal(why, whys[i]);
		}
}

static void a_long_reason_is_cut(void **state)
{
	char reason[2 * COMMAND_ANSWER_MAX], bytes[COMMAND_ANSWER_MAX], why[10];
	enum command_result result;
	size_t len;

	(void)state;
	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	len = command_answer(bytes, COMMAND_FAILED, reason);
	assert_int_equal(len, COMMAND_ANSWER_MAX - 1);
	assert_int_equal(command_answer_read(bytes, len, &result, why, sizeof(why)), 0);
	assert_in_range(strlen(why), 5, 9);
	assert_int_equal(strspn(why, "x"), strlen(why));
}

static void what_is_no_answer_is_none(void **state)
{
	static const char *const texts[] = {
	    "", "1", "1 ", "2 ok", "1 o", "1 okay", "1 failedly", "ok", "1  ok"};
	enum command_result result;
	char why[64];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(command_answer_read(texts[i], strlen(texts[i]),
		                     &result, why, sizeof(why)),
		    -1);
}

/* Whatever bytes it has, and wherever it is cut. */
static void a_reason_is_printable(void **state)
{
	char bytes[300] = "1 failed ", why[2048];
	enum command_result result;

	(void)state;
	for (int c = 0; c < 256; c++)
		bytes[9 + c] = (char)c;
	for (size_t cap = 1; cap <= 1100; cap++) {
		assert_int_equal(
		    command_answer_read(bytes, 9 + 256, &result, why, cap), 0);
		assert_in_range(strlen(why), 0, cap - 1);
		for (const char *at = why; *at != '\0'; at++)
			assert_in_range((unsigned char)*at, ' ', '~');
	}
	assert_non_null(strstr(why, "\\x1b"));
}

/* Each part of the limit is longer than what it is for. */
static void the_limit_follows_from_the_config(void **state)
{
	const struct config config = {
	    .ready_timeout_ms = 1000, .shutdown_timeout_ms = 70000};

	(void)state;
	assert_in_range(command_limit_ms(&config), 2 * 1000 + 70000 + 1, 80000);
	assert_in_range(command_limit_ms(NULL), 90001, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_word_of_s_is_a_request),
	    cmocka_unit_test(what_is_no_request_is_refused),
	    cmocka_unit_test(an_answer_is_read_back),
	    cmocka_unit_test(a_long_reason_is_cut),
	    cmocka_unit_test(what_is_no_answer_is_none),
	    cmocka_unit_test(a_reason_is_printable),
	    cmocka_unit_test(the_limit_follows_from_the_config),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
