/*
 * /v1/verify with the old formats: as their programs have written them, behind the
 * sandbox, and replaced as people log in.
 */
#include <string.h>

#include <argon2.h>

#include "common/phc.h"
#include "tests/common/legacy_vectors.h"
#include "tests/system/api.h"

enum { WORK_US = 150000 }; /* more is left to a long run */
enum { VECTORS = sizeof(legacy_vectors) / sizeof(legacy_vectors[0]) };

/* Starts with a profile `old` that accepts all of them. */
static void start(struct daemon *d)
{
	char option[512] = "profile.old.accept=";

	for (unsigned kind = 0; kind < LEGACY_KINDS; kind++) {
		strcat(option, kind > 0 ? "," : "");
		strcat(option, legacy_kind_name((enum legacy_kind)kind));
	}
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "profile.old.memory=64K", "profile.old.time=1",
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=2",
	    "pool.elastic.deadline=1h", option, NULL);
}

/* Asks for a password of any bytes. */
static int verify(struct api *api, const struct legacy_vector *v,
    const uint8_t *password, const char *more)
{
	char base64[LIMIT_TEXT];

	assert_true(phc_base64(base64, sizeof(base64), password, v->password_len) > 0);
	return api_post(api, "verify", "{\"password_b64\":\"%s\",\"hash\":\"%s\"%s}",
	    base64, v->text, more);
}

static void expect_verified(struct api *api, const struct legacy_vector *v)
{
	uint8_t wrong[LIMIT_TEXT];

	memcpy(wrong, v->password, v->password_len);
	wrong[v->password_len - 1] ^= 1;
	if (verify(api, v, (const uint8_t *)v->password, ",\"profile\":\"old\"") !=
	        200 ||
	    strcmp(api->r.body, "{\"valid\":true,\"needs_rehash\":true,"
	                        "\"rehash_reasons\":[\"format\"]}\n") != 0)
		fail_msg("%s: %s", v->text, api->r.body);
	if (verify(api, v, wrong, ",\"profile\":\"old\"") != 200 ||
	    strcmp(api->r.body, "{\"valid\":false,\"needs_rehash\":false,"
	                        "\"rehash_reasons\":[]}\n") != 0)
		fail_msg("%s, wrong password: %s", v->text, api->r.body);
}

/* What is said to be its work, in microseconds. */
static uint64_t work_of(const struct legacy_vector *v)
{
	struct legacy legacy;
	const char *why;

	assert_int_equal(legacy_parse(&legacy, v->text, strlen(v->text), &why), 0);
	return legacy_cost(&legacy).work_us;
}

static void test_each_format(void **state)
{
	struct daemon *d = *state;
	bool seen[LEGACY_KINDS] = {false};
	struct api api;

	start(d);
	api_open(&api, d);
	for (size_t i = 0; i < VECTORS; i++) {
		const struct legacy_vector *v = &legacy_vectors[i];
		if (v->password_len == 0 ||
		    work_of(v) > harness_rounds(WORK_US, UINT32_MAX))
			continue;
		expect_verified(&api, v);
		seen[v->kind] = true;
	}
	for (unsigned kind = 0; kind < LEGACY_KINDS; kind++)
		assert_true(seen[kind]);
	api_close(&api);
	daemon_stop(d);
}

static void test_replaced_at_login(void **state)
{
	struct daemon *d = *state;
	const struct legacy_vector *v = &legacy_vectors[0];
	char new[API_HASH_MAX];
	struct api api;

	start(d);
	api_open(&api, d);
	assert_int_equal(verify(&api, v, (const uint8_t *)v->password,
	                     ",\"profile\":\"old\",\"rehash\":true"),
	    200);
	api_text(&api, "new_hash", new, sizeof(new));
	assert_int_equal(argon2id_verify(new, v->password, v->password_len), ARGON2_OK);
	assert_int_equal(verify(&api, v, (const uint8_t *)"hunter3",
	                     ",\"profile\":\"old\",\"rehash\":true"),
	    200);
	assert_null(strstr(api.r.body, "new_hash"));
	api_close(&api);
	daemon_stop(d);
}

/* A password that a format cannot take is wrong, and answered as one for a user that
 * there is not: 73 bytes for bcrypt, a NUL for crypt(3). */
static void test_what_cannot_match_tells_nothing(void **state)
{
	static const char bcrypt[] =
	    "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
	static const char long_one[] =
	    "0123456789012345678901234567890123456789012345678901234567890123456789012";
	const char *const passwords[] = {"a\\u0000b", long_one};
	struct daemon *d = *state;
	struct api api;

	start(d);
	api_open(&api, d);
	for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
		assert_int_equal(
		    api_verify(&api, passwords[i], bcrypt, ",\"profile\":\"old\""),
		    API_INVALID);
		assert_int_equal(
		    api_verify(&api, passwords[i], NULL, ",\"profile\":\"old\""),
		    API_INVALID);
	}
	api_close(&api);
	daemon_stop(d);
}

static void test_only_where_accepted(void **state)
{
	static const char *const texts[] = {
	    "{\"password\":\"a\",\"hash\":"
	    "\"$2b$31$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW\","
	    "\"profile\":\"old\"}",
	    "{\"password\":\"a\",\"hash\":"
	    "\"$6$rounds=999999999$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/"
	    "jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\",\"profile\":\"old\"}"};
	struct daemon *d = *state;
	struct api api;

	start(d);
	api_open(&api, d);
	assert_int_equal(verify(&api, &legacy_vectors[0],
	                     (const uint8_t *)legacy_vectors[0].password, ""),
	    422);
	assert_non_null(strstr(api.r.body, "unsupported-hash"));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		api_refused(&api, 422, "cost-too-high", "verify", texts[i]);
	api_close(&api);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_each_format),
	    daemon_test(test_replaced_at_login),
	    daemon_test(test_what_cannot_match_tells_nothing),
	    daemon_test(test_only_where_accepted),
	};

	return cmocka_run_group_tests_name("v1_old", tests, NULL, NULL);
}
