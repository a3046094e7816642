/*
 * /v1 over real sockets: what argond hashes others verify, and the other way round.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <argon2.h>

#include "tests/system/api.h"
#include "tests/system/vectors.h"

#define SMALL "profile.default.memory=64K", "profile.default.time=1"

static void test_hash_and_verify(void **state)
{
	struct daemon *d = *state;
	char hash[API_HASH_MAX], value[128];
	struct api api;

	daemon_start(d, SMALL, NULL);
	api_open(&api, d);
	api_hash(&api, "hunter2", "default", hash);
	assert_memory_equal(hash, "$argon2id$v=19$m=64,t=1,p=1$", 28);
	assert_int_equal(argon2id_verify(hash, "hunter2", 7), ARGON2_OK);
	assert_true(response_has(&api.r, "Content-Type", "application/json"));
	assert_true(response_has(&api.r, "Cache-Control", "no-store"));
	assert_true(response_header(&api.r, "X-Request-Id", value, sizeof(value)));
	assert_true(response_header(&api.r, "Server-Timing", value, sizeof(value)));
	assert_memory_equal(value, "queue;dur=", 10);
	assert_non_null(strstr(value, ", work;dur="));
	assert_int_equal(api_verify(&api, "hunter2", hash, ""), API_VALID);
	assert_true(response_has(&api.r, "Cache-Control", "no-store"));
	assert_true(response_header(&api.r, "Server-Timing", value, sizeof(value)));
	assert_int_equal(api_verify(&api, "hunter3", hash, ""), API_INVALID);
	assert_int_equal(api_verify(&api, "hunter2", NULL, ""), API_INVALID);
	assert_int_equal(
	    api_verify(&api, "hunter2", hash, ",\"pool\":\"fixed\""), API_VALID);
	/* \u0070\u00000 and the same bytes as base64 */
	api_post(&api, "hash", "{\"password\":\"p\\u0000\\u00fc\"}");
	api_text(&api, "hash", hash, sizeof(hash));
	assert_int_equal(argon2id_verify(hash, "p\0\xc3\xbc", 4), ARGON2_OK);
	assert_int_equal(api_post(&api, "verify",
	                     "{\"password_b64\":\"cADDvA==\",\"hash\":\"%s\"}", hash),
	    200);
	assert_non_null(strstr(api.r.body, "\"valid\":true"));
	api_close(&api);
	daemon_stop(d);
}

/* libargon2 verifies what we have hashed with one to eight lanes. */
static void test_lanes(void **state)
{
	struct daemon *d = *state;
	char option[8][64], profile[16], hash[API_HASH_MAX];
	struct api api;

	for (unsigned p = 1; p <= 8; p++)
		snprintf(
		    option[p - 1], sizeof(option[0]), "profile.p%u.lanes=%u", p, p);
	daemon_start(d, option[0], option[1], option[2], option[3], option[4],
	    option[5], option[6], option[7], NULL);
	api_open(&api, d);
	for (unsigned p = 1; p <= 8; p++) {
		snprintf(profile, sizeof(profile), "p%u", p);
		api_hash(&api, "hunter2", profile, hash);
		assert_int_equal(argon2id_verify(hash, "hunter2", 7), ARGON2_OK);
		assert_int_equal(
		    argon2id_verify(hash, "hunter3", 7), ARGON2_VERIFY_MISMATCH);
		snprintf(option[0], sizeof(option[0]), ",\"profile\":\"p%u\"", p);
		assert_int_equal(
		    api_verify(&api, "hunter2", hash, option[0]), API_VALID);
	}
	api_close(&api);
	daemon_stop(d);
}

/* We verify what libargon2 has hashed: every type, version and number of lanes. */
static void test_types(void **state)
{
	struct daemon *d = *state;
	char hash[API_HASH_MAX];
	struct api api;
	uint8_t tag[32];

	daemon_start(d, SMALL, NULL);
	api_open(&api, d);
	for (int type = 0; type < 3; type++)
		for (unsigned version = 0x10; version <= 0x13; version += 3)
			for (uint32_t lanes = 1; lanes <= 8; lanes++) {
				assert_int_equal(
				    argon2_hash(2, 16 * lanes + 3, lanes, "pw", 2,
				        "saltsalt", 8, tag, sizeof(tag), hash,
				        sizeof(hash), (argon2_type)type, version),
				    ARGON2_OK);
				assert_int_equal(
				    api_verify(&api, "pw", hash, ""), API_REHASH);
				assert_int_equal(
				    api_verify(&api, "pW", hash, ""), API_INVALID);
			}
	api_close(&api);
	daemon_stop(d);
}

static void test_hashes_of_others(void **state)
{
	struct daemon *d = *state;
	char path[96], option[128];
	struct api api;
	int fd;

	harness_path(path, d->dir, "node.key");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "a pepper of node", 16), 16);
	close(fd);
	snprintf(option, sizeof(option), "key.node.file=%s", path);
	daemon_start(d, SMALL, option, NULL);
	api_open(&api, d);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		if (api_verify(&api, vectors[i].password, vectors[i].hash, "") !=
		    API_REHASH)
			fail_msg("%s: wrong", vectors[i].hash);
		assert_int_equal(
		    api_verify(&api, "wrong", vectors[i].hash, ""), API_INVALID);
	}
	assert_int_equal(
	    api_verify(&api, vector_with_secret.password, vector_with_secret.hash, ""),
	    API_REHASH);
	api_close(&api);
	unlink(path);
	daemon_stop(d);
}

static void test_new_hash(void **state)
{
	struct daemon *d = *state;
	char old[API_HASH_MAX], new[API_HASH_MAX];
	struct api api;

	daemon_start(d, SMALL, "profile.weak.memory=32K", "profile.weak.time=1", NULL);
	api_open(&api, d);
	api_hash(&api, "hunter2", "weak", old);
	assert_int_equal(api_verify(&api, "hunter2", old, ""), API_REHASH);
	assert_non_null(strstr(api.r.body, "[\"memory\"]}"));
	assert_int_equal(
	    api_verify(&api, "hunter2", old, ",\"rehash\":true"), API_REHASH);
	api_text(&api, "new_hash", new, sizeof(new));
	assert_int_equal(argon2id_verify(new, "hunter2", 7), ARGON2_OK);
	assert_int_equal(
	    api_verify(&api, "hunter2", new, ",\"rehash\":true"), API_VALID);
	assert_int_equal(
	    api_verify(&api, "wrong", old, ",\"rehash\":true"), API_INVALID);
	assert_null(strstr(api.r.body, "new_hash"));
	api_close(&api);
	daemon_stop(d);
}

static void test_what_is_wrong_is_said(void **state)
{
	static const struct {
		int status;
		const char *name, *what, *json;
	} rows[] = {
	    {400, "bad-json", "hash", "{\"password\":\"a\"} x"},
	    {400, "bad-json", "hash", "{\"password\":\"\xff\"}"},
	    {400, "bad-json", "hash",
	        "{\"password\":[[[[[[[[[[[[[[\"a\"]]]]]]]]]]]]]]}"},
	    {422, "password-length", "hash", "{\"password\":\"\"}"},
	    {422, "unknown-profile", "hash", "{\"password\":\"a\",\"profile\":\"x\"}"},
	    {422, "unknown-pool", "hash", "{\"password\":\"a\",\"pool\":\"lookup\"}"},
	    {422, "unsupported-hash", "verify", "{\"password\":\"a\",\"hash\":\"x\"}"},
	    {422, "bad-hash", "verify", "{\"password\":\"a\",\"hash\":\"$argon2id$\"}"},
	    {422, "cost-too-high", "verify",
	        "{\"password\":\"a\",\"hash\":"
	        "\"$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$AAAAAA\"}"},
	    {422, "unknown-key", "verify",
	        "{\"password\":\"a\",\"hash\":"
	        "\"$argon2id$v=19$m=64,t=1,p=1,keyid=eA$c2FsdHNhbHQ$AAAAAA\"}"},
	    {504, "deadline-exceeded", "verify",
	        "{\"password\":\"a\",\"hash\":null,\"timeout_ms\":1,"
	        "\"profile\":\"slow\"}"},
	};
	struct daemon *d = *state;
	struct api api;

	daemon_start(d, SMALL, "profile.slow.memory=64M", "profile.slow.time=50", NULL);
	api_open(&api, d);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		api_refused(
		    &api, rows[i].status, rows[i].name, rows[i].what, rows[i].json);
	assert_int_equal(api_post(&api, "inspect",
	                     "{\"hash\":\"$argon2id$v=19$m=4294967295,t=1,p=1$"
	                     "c2FsdHNhbHQ$AAAAAA\"}"),
	    200);
	assert_non_null(strstr(api.r.body, "\"within_limits\":false"));
	client_ask(&api.client, &api.r,
	    "POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Length: 16\r\n\r\n"
	    "{\"password\":\"a\"}");
	assert_int_equal(api.r.status, 415);
	client_get(&api.client, &api.r, "/v1/hash");
	assert_int_equal(api.r.status, 405);
	assert_true(response_has(&api.r, "Allow", "POST, OPTIONS"));
	api_close(&api);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_hash_and_verify),
	    daemon_test(test_lanes),
	    daemon_test(test_types),
	    daemon_test(test_hashes_of_others),
	    daemon_test(test_new_hash),
	    daemon_test(test_what_is_wrong_is_said),
	};

	return cmocka_run_group_tests_name("v1", tests, NULL, NULL);
}
