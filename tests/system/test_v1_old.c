/*
 * /v1/verify with the old formats: as their programs have written them, behind the
 * sandbox, and replaced as people log in.
 */
#include <string.h>

#include <argon2.h>

#include "common/phc.h"
#include "tests/common/legacy_vectors.h"
#include "tests/system/api.h"

enum { WORK_US = 300000 }; /* more is left to a long run */
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
	return legacy_cost(&legacy, v->password_len).work_us;
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

/* bcrypt_truncate: the program that made the hash looked at 72 bytes, and so does this
 * profile. The new hash is of the whole password. */
static void test_truncated_where_asked_for(void **state)
{
	/* python3 -c 'import bcrypt; print(bcrypt.hashpw(b"x" * 72,
	 * bcrypt.gensalt(4)))' */
	static const char *const hashes[] = {
	    "$2b$04$M5PC3bUnlC7KJD2rIYPvUOdl0jSN4PFVIMdytXJ9neSwN0kTNxeJC",
	    "{CRYPT}$2b$04$M5PC3bUnlC7KJD2rIYPvUOdl0jSN4PFVIMdytXJ9neSwN0kTNxeJC"};
	struct daemon *d = *state;
	char password[101], new[API_HASH_MAX];
	struct api api;

	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "profile.default.accept=bcrypt", "profile.cut.memory=64K",
	    "profile.cut.time=1", "profile.cut.accept=bcrypt",
	    "profile.cut.bcrypt_truncate=on", "profile.cut.rehash=only-weaker", NULL);
	api_open(&api, d);
	memset(password, 'x', 100);
	password[100] = '\0';
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    api_verify(&api, password, hashes[i], ""), API_INVALID);
		assert_int_equal(
		    api_verify(&api, password, hashes[i], ",\"profile\":\"cut\""),
		    API_REHASH);
	}
	assert_int_equal(api_verify(&api, password, hashes[0],
	                     ",\"profile\":\"cut\",\"rehash\":true"),
	    API_REHASH);
	api_text(&api, "new_hash", new, sizeof(new));
	assert_int_equal(argon2id_verify(new, password, 100), ARGON2_OK);
	assert_int_equal(argon2id_verify(new, password, 72), ARGON2_VERIFY_MISMATCH);
	password[71] = 'y';
	assert_int_equal(
	    api_verify(&api, password, hashes[0], ",\"profile\":\"cut\""), API_INVALID);
	api_close(&api);
	daemon_stop(d);
}

/* Hashes as they stand in others' columns; legacy_vectors.h says how they were made. */
#define SODIUM                                                                         \
	"$argon2id$v=19$m=8,t=1,p=1$rCpWEKB4OhuPoEGJLS5vRg$"                           \
	"13jzPujEzIwRDlDEH7/iaOwCZhKLQmfFllA9crelW20"
#define NUL5 "\\u0000\\u0000\\u0000\\u0000\\u0000"

static const char *const columns[] = {
    /* Spring Security: new DelegatingPasswordEncoder(...).encode("hunter2") */
    "{bcrypt}$2a$04$pH0uFWWOX8bLTjGQy4SfnuEHtRCxvjI4OqhMtOcOI5ui6i2hLHDeu",
    "{argon2}$argon2id$v=19$m=64,t=1,p=1$SBqhxptztbUfgrdpaN6Lvw$nm2RKe/"
    "6gAYiQBrfGVDbYSgwfUQpDMzIA6B3wi+2jz4",
    "{argon2@SpringSecurity_v5_8}$argon2id$v=19$m=16384,t=2,p=1$5e/"
    "jb1URhtRQFqgdPXf+gw$lAOgh9F9zVtNVroMvDtZUYqQ1OlelVJ0qeYqGW/Ql6c",
    /* doveadm pw -p hunter2 -s BLF-CRYPT -r 4; SHA512-CRYPT -r 1000; CRYPT;
     * SHA256-CRYPT; MD5-CRYPT; MD5; ARGON2I (Dovecot 2.4) */
    "{BLF-CRYPT}$2y$04$JDQy9s.1tIRqtGcQm32vt.3bFdv3bEiuNsPSFOPJBfnDoofoDLv6O",
    "{SHA512-CRYPT}$6$rounds=1000$bElkpem0Lgs9ouYa$"
    "U312dNgi7GScMJxpqWv4QJzcYzYvaj"
    "ylRzPZudhgjn64/1fHRZB8MVBjQkpXzKXAiC7D4Qni5Df/y.cNEPwF9/",
    "{CRYPT}$2y$05$8EJzitJBjqDPTROuhAqqe.uthz9E4luCNyji3Cnxh4hpg2WzCRlx2",
    "{SHA256-CRYPT}$5$.D89MoxucgJMGxn4$"
    "Q42CrbQZUlKxxLzhTXD2eFgZPQAn3YIk2TcLJ8qYhR0",
    "{MD5-CRYPT}$1$GDelPF9A$guOKE5XVo74fmD15QHMFi0",
    "{MD5}$1$uakA04AK$aYJZa6uB0QU0/5Bu7N/Te1",
    "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$ntXfjxMD+tIwu/"
    "u4i9Vsbg$JC5QJpljsc8PXzmlHC71gYK4LsCZj5p/pzIpBahHNSE",
    /* slappasswd -o module-load="argon2 m=64 t=1 p=1" -h '{ARGON2}' -s hunter2;
     * -h '{CRYPT}' -c '$6$rounds=1000$%.8s'; -h '{crypt}' -c '$1$%.8s' */
    "{ARGON2}$argon2id$v=19$m=64,t=1,p=1$zdc2o2ACtuWAWFfacxN4ZA$"
    "1dRq0Z6kvjnytNGK/"
    "VUB93vJMhdDm4B9D1k6w1UFziw",
    "{CRYPT}$6$rounds=1000$kT37Jxoy$6e8IISZ.LKuHlDfGEV6e/"
    "p5XmXNDodNei3blClBYoTqSey"
    "3NRnHyE7SRK37XHmwsUcK0GVHKMf9U2Xk/0seMd0",
    "{crypt}$1$ZuUGG.9i$arbXlWmX3cwMIY2a72HMb1",
    /* Nextcloud, OC\\Security\\Hasher: the number, and php -r 'echo
     * password_hash("hunter2", PASSWORD_ARGON2ID, ["memory_cost" => 64,
     * "time_cost" => 1, "threads" => 1]);', PASSWORD_ARGON2I, PASSWORD_BCRYPT
     */
    "3|$argon2id$v=19$m=64,t=1,p=1$QjN1LkRHd29MWDl6Y05iSA$"
    "bS72v6wARZCk8uzIuk04Mo0t"
    "tTrmRu7MaoMRaRog5ys",
    "2|$argon2i$v=19$m=64,t=1,p=1$QUF1QXpqNjhIbDJVbks2Yg$NDNAnghy74z3/"
    "gozSMTuRMKCf"
    "QurSpZpUajVHOLVyOY",
    "1|$2y$04$wO6aerEMG.r47V8HkMVsV.S1N8LHvgSX1lmbcFf1bHnBxWYUExqly",
    /* libsodium 1.0.18, crypto_pwhash_str_alg(out, "hunter2", 7, 1, 8192,
     * crypto_pwhash_ALG_ARGON2ID13): all 128 bytes */
    SODIUM NUL5 NUL5 NUL5 NUL5 NUL5 NUL5 NUL5,
    /* what a line of a file ends with */
    "$apr1$vS64J5vE$UcLMnJzFRN3z2tDOlnzwr/\\n",
    "$P$BRB4mDcJkIhS52nX6BJra6vwJohZVJ1\\r\\n",
};

static void test_as_columns_hold_them(void **state)
{
	struct daemon *d = *state;
	struct api api;

	start(d);
	api_open(&api, d);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		if (api_verify(&api, "hunter2", columns[i], ",\"profile\":\"old\"") !=
		        API_REHASH ||
		    strstr(api.r.body, "\"format\"") == NULL)
			fail_msg("%s: %s", columns[i], api.r.body);
		assert_int_equal(
		    api_verify(&api, "hunter3", columns[i], ",\"profile\":\"old\""),
		    API_INVALID);
		assert_int_equal(
		    api_post(&api, "inspect", "{\"hash\":\"%s\",\"profile\":\"old\"}",
		        columns[i]),
		    200);
		assert_non_null(strstr(api.r.body, "\"accepted\":true"));
		assert_non_null(strstr(api.r.body, "\"within_limits\":true"));
	}
	api_refused(&api, 422, "bad-hash", "verify",
	    "{\"password\":\"hunter2\",\"hash\":\"" SODIUM NUL5 "\"}");
	api_refused(&api, 422, "bad-hash", "inspect",
	    "{\"hash\":\"{CRYPT}$apr1$vS64J5vE$UcLMnJzFRN3z2tDOlnzwr/\"}");
	api_refused(&api, 422, "unsupported-hash", "inspect",
	    "{\"hash\":\"{CRYPT}6GHff5taX.X/Y\"}");
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
	    "\"$P$SRB4mDcJkIhS52nX6BJra6vwJohZVJ1\",\"profile\":\"old\"}",
	    "{\"password\":\"a\",\"hash\":"
	    "\"$wp$2y$31$ay7SSZjDqReIMCyn06wOXeuWK.eUmr.JFSdp0e0dy/wo5RW50YWX6\","
	    "\"profile\":\"old\"}",
	    "{\"password\":\"a\",\"hash\":"
	    "\"{bcrypt}$2b$31$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW\","
	    "\"profile\":\"old\"}",
	    "{\"password\":\"a\",\"hash\":"
	    "\"{scrypt}$130801$Zg==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
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
	    daemon_test(test_truncated_where_asked_for),
	    daemon_test(test_as_columns_hold_them),
	    daemon_test(test_only_where_accepted),
	};

	return cmocka_run_group_tests_name("v1_old", tests, NULL, NULL);
}
