/* common/job.c: what one side writes the other reads, and nothing else is a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/job.h"

static const uint8_t password[] = {'p', 0, 'w', 0xff};

static struct job a_hash_job(void)
{
	return (struct job){.id = job_id_make(7, 42),
	    .deadline_ns = 123456789,
	    .flight = LIMIT_FLIGHTS - 1,
	    .kind = JOB_HASH,
	    .alone = true,
	    .profile = 63,
	    .password = password,
	    .password_len = sizeof(password)};
}

static struct job a_verify_job(void)
{
	struct job job = a_hash_job();

	job.kind = JOB_VERIFY;
	job.rehash = true;
	job.hash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAA";
	job.hash_len = strlen(job.hash);
	return job;
}

static struct job a_lookup_job(void)
{
	return (struct job){
	    .id = job_id_make(1, 1), .deadline_ns = 5, .kind = JOB_LOOKUP, .user = -9};
}

static struct job_reply a_reply(void)
{
	return (struct job_reply){.id = job_id_make(7, 42),
	    .flight = 3,
	    .status = JOB_OK,
	    .work_ns = UINT64_C(1) << 40,
	    .text = "$argon2id$",
	    .text_len = 10};
}

static void assert_same_job(const struct job *a, const struct job *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->deadline_ns, b->deadline_ns);
	assert_int_equal(a->flight, b->flight);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->alone, b->alone);
	assert_int_equal(a->rehash, b->rehash);
	assert_int_equal(a->profile, b->profile);
	assert_int_equal(a->hash_len, b->hash_len);
	if (a->hash_len > 0)
		assert_memory_equal(a->hash, b->hash, a->hash_len);
	assert_int_equal(a->user, b->user);
	assert_int_equal(a->password_len, b->password_len);
	if (a->password_len > 0)
		assert_memory_equal(a->password, b->password, a->password_len);
}

static void ids_carry_incarnation_and_counter(void **state)
{
	const uint64_t counter_max = (UINT64_C(1) << JOB_ID_COUNTER_BITS) - 1;

	(void)state;
	assert_int_equal(job_id_incarnation(job_id_make(0xffffff, 5)), 0xffffff);
	assert_int_equal(job_id_make(1, 0), counter_max + 1);
	assert_int_equal(job_id_make(3, counter_max + 1), job_id_make(3, 0));
}

static void incarnations_come_round(void **state)
{
	const uint32_t last = JOB_INCARNATION_MAX;

	(void)state;
	assert_true(job_incarnation_is_before(1, 2));
	assert_false(job_incarnation_is_before(2, 1));
	assert_false(job_incarnation_is_before(2, 2));
	assert_true(job_incarnation_is_before(last, 1));
	assert_true(job_incarnation_is_before(last - 5, 7));
	assert_false(job_incarnation_is_before(1, last));
}

static void a_hash_job_comes_back_as_it_was(void **state)
{
	const struct job job = a_hash_job();
	uint8_t buf[JOB_MESSAGE_MAX];
	struct job read;
	const char *why;
	ssize_t len = job_encode(&job, buf, sizeof(buf));

	(void)state;
	assert_true(len > 0);
	assert_int_equal(job_decode(&read, buf, (size_t)len, &why), 0);
	assert_same_job(&job, &read);
	assert_in_range(
	    (uintptr_t)read.password, (uintptr_t)buf, (uintptr_t)(buf + len));
}

static void a_verify_job_comes_back_as_it_was(void **state)
{
	struct job job = a_verify_job();
	uint8_t buf[JOB_MESSAGE_MAX];
	struct job read;
	const char *why;
	ssize_t len;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		job.rehash = (i & 1) != 0;
		job.nobody = (i & 2) != 0;
		len = job_encode(&job, buf, sizeof(buf));
		assert_true(len > 0);
		assert_int_equal(job_decode(&read, buf, (size_t)len, &why), 0);
		assert_same_job(&job, &read);
	}
	job.hash_len = 0;
	assert_int_equal(job_encode(&job, buf, sizeof(buf)), -1);
}

static void a_lookup_job_comes_back_as_it_was(void **state)
{
	const struct job job = a_lookup_job();
	uint8_t buf[JOB_MESSAGE_MAX];
	struct job read;
	const char *why;
	ssize_t len = job_encode(&job, buf, sizeof(buf));

	(void)state;
	assert_true(len > 0);
	assert_int_equal(job_decode(&read, buf, (size_t)len, &why), 0);
	assert_same_job(&job, &read);
}

static void the_longest_job_fits_its_buffer(void **state)
{
	static const uint8_t longest[LIMIT_PASSWORD + 1];
	struct job job = a_verify_job();
	char hash[LIMIT_TEXT + 1];
	uint8_t buf[JOB_MESSAGE_MAX];

	(void)state;
	memset(hash, '$', sizeof(hash));
	job.hash = hash;
	job.hash_len = LIMIT_TEXT;
	job.password = longest;
	job.password_len = LIMIT_PASSWORD;
	assert_true(job_encode(&job, buf, sizeof(buf)) > LIMIT_PASSWORD + LIMIT_TEXT);
	job.password_len = LIMIT_PASSWORD + 1;
	assert_int_equal(job_encode(&job, buf, sizeof(buf)), -1);
	job.password_len = LIMIT_PASSWORD;
	job.hash_len = LIMIT_TEXT + 1;
	assert_int_equal(job_encode(&job, buf, sizeof(buf)), -1);
}

static void a_job_that_does_not_fit_is_not_written(void **state)
{
	const struct job job = a_verify_job();
	uint8_t buf[JOB_MESSAGE_MAX];
	ssize_t len = job_encode(&job, buf, sizeof(buf));

	(void)state;
	for (size_t cap = 0; cap < (size_t)len; cap++)
		assert_int_equal(job_encode(&job, buf, cap), -1);
	assert_int_equal(job_encode(&job, buf, (size_t)len), len);
}

static void a_job_that_makes_no_sense_is_not_written(void **state)
{
	uint8_t buf[JOB_MESSAGE_MAX];
	struct job wrong[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		wrong[i] = a_hash_job();
	wrong[0].id = 0;
	wrong[1].flight = LIMIT_FLIGHTS;
	wrong[2].kind = 0;
	wrong[3].kind = JOB_KIND_END;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(job_encode(&wrong[i], buf, sizeof(buf)), -1);
	wrong[0] = a_lookup_job();
	wrong[0].password_len = 1;
	assert_int_equal(job_encode(&wrong[0], buf, sizeof(buf)), -1);
}

/* Every length but the right one is refused, shorter and longer. */
static void a_job_of_another_length_is_refused(void **state)
{
	const struct job job = a_verify_job();
	uint8_t buf[JOB_MESSAGE_MAX + 1] = {0};
	struct job read;
	const char *why;
	ssize_t len = job_encode(&job, buf, JOB_MESSAGE_MAX);

	(void)state;
	for (size_t n = 0; n <= (size_t)len + 1; n++)
		if (n != (size_t)len) {
			assert_int_equal(job_decode(&read, buf, n, &why), -1);
			assert_non_null(why);
		}
}

/* The same for the hash, whose length is before its text. */
static void a_job_that_lies_about_its_hash_is_refused(void **state)
{
	static const uint16_t lies[] = {0, 1, LIMIT_TEXT, UINT16_MAX};
	const struct job job = a_verify_job();
	uint8_t buf[JOB_MESSAGE_MAX];
	struct job read;
	const char *why;
	size_t len = (size_t)job_encode(&job, buf, sizeof(buf));
	uint8_t *field = buf + len - sizeof(password) - 4 - job.hash_len - 2;

	(void)state;
	assert_int_equal(field[0], job.hash_len);
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		field[0] = (uint8_t)lies[i];
		field[1] = (uint8_t)(lies[i] >> 8);
		assert_int_equal(job_decode(&read, buf, len, &why), -1);
	}
}

/* A length field that lies leads nowhere outside the message. */
static void a_job_that_lies_about_its_password_is_refused(void **state)
{
	static const uint32_t lies[] = {0, 3, 5, LIMIT_PASSWORD, UINT32_MAX};
	const struct job job = a_hash_job();
	uint8_t buf[JOB_MESSAGE_MAX];
	struct job read;
	const char *why;
	size_t len = (size_t)job_encode(&job, buf, sizeof(buf));
	uint8_t *field = buf + len - sizeof(password) - 4;

	(void)state;
	assert_int_equal(field[0], sizeof(password));
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		for (unsigned b = 0; b < 4; b++)
			field[b] = (uint8_t)(lies[i] >> (8 * b));
		assert_int_equal(job_decode(&read, buf, len, &why), -1);
	}
}

/* Byte by byte, every value: whatever is accepted must be writable again to the same.
 */
static void what_is_read_is_what_would_be_written(void **state)
{
	const struct job job = a_verify_job();
	uint8_t buf[JOB_MESSAGE_MAX], again[JOB_MESSAGE_MAX];
	struct job read;
	const char *why;
	size_t len = (size_t)job_encode(&job, buf, sizeof(buf));

	(void)state;
	for (size_t at = 0; at < len; at++) {
		uint8_t was = buf[at];

		for (unsigned value = 0; value < 256; value++) {
			buf[at] = (uint8_t)value;
			if (job_decode(&read, buf, len, &why) != 0)
				continue;
			assert_int_equal(job_encode(&read, again, sizeof(again)), len);
			assert_memory_equal(buf, again, len);
		}
		buf[at] = was;
	}
}

static void a_reply_comes_back_as_it_was(void **state)
{
	const struct job_reply reply = a_reply();
	uint8_t buf[JOB_REPLY_MAX];
	struct job_reply read;
	const char *why;
	ssize_t len = job_reply_encode(&reply, buf, sizeof(buf));

	(void)state;
	assert_true(len > 0);
	assert_int_equal(job_reply_decode(&read, buf, (size_t)len, &why), 0);
	assert_int_equal(read.id, reply.id);
	assert_int_equal(read.flight, reply.flight);
	assert_int_equal(read.status, reply.status);
	assert_int_equal(read.work_ns, reply.work_ns);
	assert_int_equal(read.text_len, reply.text_len);
	assert_memory_equal(read.text, reply.text, reply.text_len);
	for (size_t n = 0; n < (size_t)len; n++)
		assert_int_equal(job_reply_decode(&read, buf, n, &why), -1);
}

static void what_is_read_of_a_reply_is_what_would_be_written(void **state)
{
	const struct job_reply reply = a_reply();
	uint8_t buf[JOB_REPLY_MAX], again[JOB_REPLY_MAX];
	struct job_reply read;
	const char *why;
	size_t len = (size_t)job_reply_encode(&reply, buf, sizeof(buf));

	(void)state;
	for (size_t at = 0; at < len; at++) {
		uint8_t was = buf[at];

		for (unsigned value = 0; value < 256; value++) {
			buf[at] = (uint8_t)value;
			if (job_reply_decode(&read, buf, len, &why) != 0)
				continue;
			assert_int_equal(
			    job_reply_encode(&read, again, sizeof(again)), len);
			assert_memory_equal(buf, again, len);
		}
		buf[at] = was;
	}
}

static void the_longest_reply_fits_its_buffer(void **state)
{
	char text[LIMIT_TEXT + 1];
	struct job_reply reply = a_reply();
	uint8_t buf[JOB_REPLY_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	reply.text = text;
	reply.text_len = LIMIT_TEXT;
	assert_true(job_reply_encode(&reply, buf, sizeof(buf)) > LIMIT_TEXT);
	reply.text_len = LIMIT_TEXT + 1;
	assert_int_equal(job_reply_encode(&reply, buf, sizeof(buf)), -1);
}

static void a_reply_that_makes_no_sense_is_not_written(void **state)
{
	static const char *const texts[] = {"a\nb", "a\rb", "\x7f", "\xc3\xa4", "a\0b"};
	uint8_t buf[JOB_REPLY_MAX];
	struct job_reply wrong[7];

	(void)state;
	for (size_t i = 0; i < 7; i++)
		wrong[i] = a_reply();
	wrong[0].id = 0;
	wrong[1].flight = LIMIT_FLIGHTS;
	wrong[2].status = 0;
	wrong[3].status = JOB_STATUS_END;
	wrong[4].text_len = 0;        /* OK without a text */
	wrong[5].status = JOB_FAILED; /* a text without OK */
	wrong[6].status = JOB_INVALID;
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(job_reply_encode(&wrong[i], buf, sizeof(buf)), -1);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		wrong[0] = a_reply();
		wrong[0].text = texts[i];
		wrong[0].text_len = i == 4 ? 3 : strlen(texts[i]);
		assert_int_equal(job_reply_encode(&wrong[0], buf, sizeof(buf)), -1);
	}
}

static void a_right_password_may_bring_a_new_hash(void **state)
{
	struct job_reply reply = a_reply(), read;
	uint8_t buf[JOB_REPLY_MAX];
	const char *why;

	(void)state;
	reply.status = JOB_VALID;
	for (unsigned i = 0; i < 3; i++) {
		ssize_t len = job_reply_encode(&reply, buf, sizeof(buf));

		assert_true(len > 0);
		assert_int_equal(job_reply_decode(&read, buf, (size_t)len, &why), 0);
		assert_int_equal(read.status, reply.status);
		assert_int_equal(read.text_len, reply.text_len);
		reply.text_len = 0;
		if (i == 1)
			reply.status = JOB_INVALID;
	}
}

/* Neither half takes the other's messages for its own. */
static void a_job_is_no_reply_and_a_reply_is_no_job(void **state)
{
	const struct job job = a_lookup_job();
	const struct job_reply reply = a_reply();
	uint8_t buf[JOB_MESSAGE_MAX];
	struct job_reply read_reply;
	struct job read_job;
	const char *why;
	ssize_t len = job_encode(&job, buf, sizeof(buf));

	(void)state;
	assert_int_equal(job_reply_decode(&read_reply, buf, (size_t)len, &why), -1);
	len = job_reply_encode(&reply, buf, sizeof(buf));
	assert_int_equal(job_decode(&read_job, buf, (size_t)len, &why), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids_carry_incarnation_and_counter),
	    cmocka_unit_test(incarnations_come_round),
	    cmocka_unit_test(a_hash_job_comes_back_as_it_was),
	    cmocka_unit_test(a_verify_job_comes_back_as_it_was),
	    cmocka_unit_test(a_job_that_lies_about_its_hash_is_refused),
	    cmocka_unit_test(a_right_password_may_bring_a_new_hash),
	    cmocka_unit_test(a_lookup_job_comes_back_as_it_was),
	    cmocka_unit_test(the_longest_job_fits_its_buffer),
	    cmocka_unit_test(a_job_that_does_not_fit_is_not_written),
	    cmocka_unit_test(a_job_that_makes_no_sense_is_not_written),
	    cmocka_unit_test(a_job_of_another_length_is_refused),
	    cmocka_unit_test(a_job_that_lies_about_its_password_is_refused),
	    cmocka_unit_test(what_is_read_is_what_would_be_written),
	    cmocka_unit_test(a_reply_comes_back_as_it_was),
	    cmocka_unit_test(what_is_read_of_a_reply_is_what_would_be_written),
	    cmocka_unit_test(the_longest_reply_fits_its_buffer),
	    cmocka_unit_test(a_reply_that_makes_no_sense_is_not_written),
	    cmocka_unit_test(a_job_is_no_reply_and_a_reply_is_no_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
