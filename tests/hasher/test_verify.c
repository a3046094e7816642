/* hasher/password.c, hasher/verify.c: a hasher that is asked to hash and to verify, by
 * a frontend that may have been broken into. */
#include "tests/hasher/hasher_world.h"

#include <argon2.h>
#include <stdio.h>

/* A hash by libargon2, of `phc`'s costs, salt and data, with a secret or without. */
static void make_hash(
    char *text, size_t cap, struct phc *phc, const char *password, const char *secret)
{
	argon2_context context = {.out = phc->tag,
	    .outlen = phc->cost.tag_len,
	    .pwd = (uint8_t *)(uintptr_t)password,
	    .pwdlen = (uint32_t)strlen(password),
	    .salt = phc->salt,
	    .saltlen = phc->cost.salt_len,
	    .secret = (uint8_t *)(uintptr_t)secret,
	    .secretlen = (uint32_t)strlen(secret),
	    .ad = phc->data,
	    .adlen = phc->data_len,
	    .t_cost = phc->cost.time,
	    .m_cost = phc->cost.memory_kib,
	    .lanes = phc->cost.lanes,
	    .threads = 1,
	    .version = phc->cost.version};

	assert_int_equal(argon2_ctx(&context, (argon2_type)phc->cost.type), ARGON2_OK);
	assert_true(phc_format(text, cap, phc) > 0);
}

static void name_key(struct phc *phc, const char *name)
{
	phc->key_len = (uint32_t)strlen(name);
	memcpy(phc->key, name, phc->key_len);
}

static struct phc a_phc(uint32_t memory_kib, uint32_t time, uint32_t lanes)
{
	return (struct phc){.cost = {2, 0x13, memory_kib, time, lanes, 16, 32}};
}

static void a_hash_is_made_as_its_profile_says(void **state)
{
	struct world *w = *state;
	char text[LIMIT_TEXT + 1];
	const char *why;
	struct phc phc;

	world_start(w);
	for (uint8_t i = 0; i < 3; i++) {
		assert_int_equal(
		    world_ask(w, world_job(JOB_HASH, i, "hunter2")), JOB_OK);
		assert_int_equal(
		    phc_parse(&phc, w->reply.text, w->reply.text_len, &why), PHC_OK);
		assert_int_equal(phc.cost.type, 2);
		assert_int_equal(phc.cost.version, 0x13);
		assert_int_equal(phc.cost.memory_kib, w->profiles[i].memory_kib);
		assert_int_equal(phc.key_len, strlen(w->profiles[i].key));
		make_hash(
		    text, sizeof(text), &phc, "hunter2", i == 2 ? "new bytes" : "");
		assert_int_equal(strlen(text), w->reply.text_len);
		assert_memory_equal(text, w->reply.text, w->reply.text_len);
	}
	assert_int_equal(world_ask(w, world_job(JOB_HASH, 3, "x")), JOB_REFUSED);
	assert_int_equal(world_ask(w, world_job(JOB_HASH, 255, "x")), JOB_REFUSED);
}

static void assert_verified(struct world *w, struct phc *phc, const char *secret)
{
	char text[LIMIT_TEXT];

	make_hash(text, sizeof(text), phc, "right", secret);
	assert_int_equal(world_verify(w, text, "right", false), JOB_VALID);
	assert_int_equal(w->reply.text_len, 0);
	assert_int_equal(world_verify(w, text, "wrong", false), JOB_INVALID);
	assert_int_equal(world_verify(w, text, "", false), JOB_INVALID);
}

static void hashes_of_all_kinds_are_verified(void **state)
{
	struct world *w = *state;

	world_start(w);
	for (uint32_t type = 0; type < 3; type++)
		for (uint32_t version = 0x10; version <= 0x13; version += 3)
			for (uint32_t lanes = 1; lanes <= 8; lanes++) {
				struct phc phc = a_phc(8 * lanes, 1 + lanes % 3, lanes);

				phc.cost.type = type;
				phc.cost.version = version;
				phc.cost.salt_len = 8 + lanes;
				phc.cost.tag_len = 4 * lanes;
				phc.data_len = lanes % 2 * 32;
				phc.version_missing = version == 0x10 && lanes > 4;
				assert_verified(w, &phc, "");
			}
}

static void keys_are_found_by_name(void **state)
{
	struct world *w = *state;
	struct phc phc = a_phc(64, 1, 1);
	char text[LIMIT_TEXT];

	world_start(w);
	name_key(&phc, "old");
	assert_verified(w, &phc, "old bytes");
	name_key(&phc, "new");
	assert_verified(w, &phc, "new bytes");
	make_hash(text, sizeof(text), &phc, "right", "old bytes");
	assert_int_equal(world_verify(w, text, "right", false), JOB_INVALID);
	make_hash(text, sizeof(text), &phc, "right", "");
	assert_int_equal(world_verify(w, text, "right", false), JOB_INVALID);
	name_key(&phc, "news");
	make_hash(text, sizeof(text), &phc, "right", "new bytes");
	assert_int_equal(world_verify(w, text, "right", false), JOB_REFUSED);
}

static void keys_that_are_not_there_are_not_used(void **state)
{
	struct world *w = *state;
	struct phc phc = a_phc(64, 1, 1);
	char text[LIMIT_TEXT];

	free(w->key_set);
	w->key_set = NULL;
	world_start(w);
	name_key(&phc, "new");
	make_hash(text, sizeof(text), &phc, "right", "");
	assert_int_equal(world_verify(w, text, "right", false), JOB_REFUSED);
	assert_int_equal(world_ask(w, world_job(JOB_HASH, 2, "x")), JOB_REFUSED);
}

/* Every bit of the tag counts. */
static void a_tag_with_one_bit_changed_is_wrong(void **state)
{
	struct world *w = *state;
	struct phc phc = a_phc(8, 1, 1);
	char text[LIMIT_TEXT];

	world_start(w);
	make_hash(text, sizeof(text), &phc, "right", "");
	for (unsigned bit = 0; bit < 8 * phc.cost.tag_len; bit++) {
		phc.tag[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_true(phc_format(text, sizeof(text), &phc) > 0);
		assert_int_equal(world_verify(w, text, "right", false), JOB_INVALID);
		phc.tag[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

/* A decoy: whoever knows its password is wrong all the same, and gets no new hash. */
static void nobody_is_never_right(void **state)
{
	struct world *w = *state;
	struct phc phc = a_phc(8, 1, 1);
	struct job job = world_job(JOB_VERIFY, 0, "right");
	char text[LIMIT_TEXT];

	world_start(w);
	make_hash(text, sizeof(text), &phc, "right", "");
	job.hash = text;
	job.hash_len = strlen(text);
	assert_int_equal(world_ask(w, job), JOB_VALID);
	job.nobody = true;
	assert_int_equal(world_ask(w, job), JOB_INVALID);
	job.rehash = true;
	assert_int_equal(world_ask(w, job), JOB_INVALID);
	assert_int_equal(w->reply.text_len, 0);
	job.hash_len--;
	assert_int_equal(world_ask(w, job), JOB_REFUSED);
	job.profile = 3;
	assert_int_equal(world_ask(w, job), JOB_REFUSED);
}

static void what_the_config_does_not_allow_is_refused(void **state)
{
	static const char *const texts[] = {
	    "$argon2id$v=19$m=2049,t=1,p=1$c2FsdHNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=64,t=9,p=1$c2FsdHNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=64,t=4294967295,p=1$c2FsdHNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=72,t=1,p=9$c2FsdHNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=64,t=1,p=9$c2FsdHNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=64,t=0,p=1$c2FsdHNhbHQ$AAAAAA",
	    "$argon2id$v=18$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAA",
	    "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$AAAAAA",
	    "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAA",
	    "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$", "$argon2id$", "x"};
	struct world *w = *state;

	world_start(w);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(world_verify(w, texts[i], "x", true), JOB_REFUSED);
	assert_int_equal(
	    world_verify(
	        w, "$argon2id$v=19$m=2048,t=8,p=8$c2FsdHNhbHQ$AAAAAA", "x", false),
	    JOB_INVALID);
}

static void a_pool_does_its_own_jobs_only(void **state)
{
	struct world *w = *state;
	struct phc phc = a_phc(8, 1, 1);
	char text[LIMIT_TEXT];

	w->pool.jobs = CONFIG_JOBS_VERIFY;
	world_start(w);
	make_hash(text, sizeof(text), &phc, "right", "");
	assert_int_equal(world_ask(w, world_job(JOB_HASH, 0, "x")), JOB_REFUSED);
	assert_int_equal(world_verify(w, text, "x", false), JOB_INVALID);
	assert_int_equal(
	    world_ask(w, (struct job){.kind = JOB_LOOKUP, .user = 1}), JOB_REFUSED);
}

static void a_right_password_gets_its_new_hash(void **state)
{
	struct world *w = *state;
	struct phc phc = a_phc(8, 1, 1), new;
	char text[LIMIT_TEXT];
	const char *why;

	world_start(w);
	make_hash(text, sizeof(text), &phc, "right", "");
	assert_int_equal(world_verify(w, text, "right", true), JOB_VALID);
	assert_int_equal(
	    phc_parse(&new, w->reply.text, w->reply.text_len, &why), PHC_OK);
	assert_int_equal(new.cost.memory_kib, w->profiles[0].memory_kib);
	make_hash(text, sizeof(text), &new, "right", "");
	assert_memory_equal(text, w->reply.text, w->reply.text_len);
	assert_int_equal(world_verify(w, text, "wrong", true), JOB_INVALID);
	assert_int_equal(w->reply.text_len, 0);
}

/* While a small hash is verified a large one joins it, and when the small one is found
 * right, there is no room for the new hash until the large one is done. */
static void a_new_hash_waits_for_room(void **state)
{
	enum {
		SMALL = 512,
		LARGE = 1500,
		NEW = 1024,
		SMALL_TIME = 200,
		LARGE_TIME = 400
	};
	struct world *w = *state;
	struct phc phc = a_phc(SMALL, SMALL_TIME, 1), new;
	struct job small = world_job(JOB_VERIFY, 1, "right"), large = small;
	char text[LIMIT_TEXT], large_text[LIMIT_TEXT];
	uint64_t large_id;
	const char *why;

	w->profiles[1].memory_kib = NEW;
	w->config.verify_max_time = LARGE_TIME;
	w->pool.batch = 2;
	world_start(w);
	make_hash(text, sizeof(text), &phc, "right", "");
	small.hash = text;
	small.hash_len = strlen(text);
	small.rehash = true;
	large.hash = large_text;
	large.hash_len = (size_t)snprintf(large_text, sizeof(large_text),
	    "$argon2id$v=19$m=%d,t=%d,p=1$c2FsdHNhbHQ$AAAAAA", LARGE, LARGE_TIME);
	world_send(w, small);
	large_id = world_send(w, large);
	assert_int_equal(world_receive(w), JOB_INVALID);
	assert_int_equal(w->reply.id, large_id);
	assert_int_equal(world_receive(w), JOB_VALID);
	assert_int_equal(
	    phc_parse(&new, w->reply.text, w->reply.text_len, &why), PHC_OK);
	assert_int_equal(new.cost.memory_kib, NEW);
}

/* Where the new hash cannot be made at all, the password is right all the same. */
static void a_new_hash_that_cannot_be_is_done_without(void **state)
{
	struct world *w = *state;
	struct phc phc = a_phc(8, 1, 1);
	char text[LIMIT_TEXT];
	struct job job = world_job(JOB_VERIFY, 2, "right");

	free(w->key_set);
	w->key_set = NULL;
	world_start(w);
	make_hash(text, sizeof(text), &phc, "right", "");
	job.hash = text;
	job.hash_len = strlen(text);
	job.rehash = true;
	assert_int_equal(world_ask(w, job), JOB_VALID);
	assert_int_equal(w->reply.text_len, 0);
}

/* php -r 'echo password_hash("hunter2", PASSWORD_BCRYPT, ["cost" => 4]);' */
static const char bcrypt[] =
    "$2y$04$4Eyyy8eF0zgZWmmUqJjSd.J/kU5zoQN9wUOhShDJCov7ImZv/iVNe";

static void old_formats_are_verified_where_they_are_accepted(void **state)
{
	struct world *w = *state;
	struct job job = world_job(JOB_VERIFY, 1, "hunter2");
	char text[LIMIT_TEXT];
	struct phc new;
	const char *why;

	w->profiles[0].accept = 1U << LEGACY_BCRYPT;
	world_start(w);
	assert_int_equal(world_verify(w, bcrypt, "hunter2", false), JOB_VALID);
	assert_int_equal(w->reply.text_len, 0);
	assert_int_equal(world_verify(w, bcrypt, "hunter3", true), JOB_INVALID);
	assert_int_equal(world_verify(w, bcrypt, "hunter2", true), JOB_VALID);
	assert_int_equal(
	    phc_parse(&new, w->reply.text, w->reply.text_len, &why), PHC_OK);
	make_hash(text, sizeof(text), &new, "hunter2", "");
	assert_memory_equal(text, w->reply.text, w->reply.text_len);
	/* another profile's; too dear; a format that is not accepted; and a password
	 * that bcrypt would cut off, which is wrong like others */
	job.hash = bcrypt;
	job.hash_len = strlen(bcrypt);
	assert_int_equal(world_ask(w, job), JOB_REFUSED);
	assert_int_equal(world_verify(w,
	                     "$2y$31$4Eyyy8eF0zgZWmmUqJjSd.J/"
	                     "kU5zoQN9wUOhShDJCov7ImZv/iVNe",
	                     "hunter2", false),
	    JOB_REFUSED);
	assert_int_equal(
	    world_verify(w, "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", "x", false),
	    JOB_REFUSED);
	memset(text, 'x', 73);
	text[73] = '\0';
	assert_int_equal(world_verify(w, bcrypt, text, false), JOB_INVALID);
}

/* What is at work when an old format comes is done first. */
static void an_old_format_is_verified_alone(void **state)
{
	enum { SLOW = 400 };
	struct world *w = *state;
	struct job slow = world_job(JOB_VERIFY, 0, "x"), old = slow;
	char text[LIMIT_TEXT];
	uint64_t first, second;

	w->profiles[0].accept = 1U << LEGACY_BCRYPT;
	w->config.verify_max_time = SLOW;
	world_start(w);
	slow.hash = text;
	slow.hash_len = (size_t)snprintf(text, sizeof(text),
	    "$argon2id$v=19$m=512,t=%d,p=1$c2FsdHNhbHQ$AAAAAA", SLOW);
	old.hash = bcrypt;
	old.hash_len = strlen(bcrypt);
	first = world_send(w, slow);
	second = world_send(w, old);
	assert_int_equal(world_receive(w), JOB_INVALID);
	assert_int_equal(w->reply.id, first);
	assert_int_equal(world_receive(w), JOB_INVALID);
	assert_int_equal(w->reply.id, second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_hash_is_made_as_its_profile_says),
	    WORLD_TEST(hashes_of_all_kinds_are_verified),
	    WORLD_TEST(keys_are_found_by_name),
	    WORLD_TEST(keys_that_are_not_there_are_not_used),
	    WORLD_TEST(a_tag_with_one_bit_changed_is_wrong),
	    WORLD_TEST(nobody_is_never_right),
	    WORLD_TEST(what_the_config_does_not_allow_is_refused),
	    WORLD_TEST(a_pool_does_its_own_jobs_only),
	    WORLD_TEST(a_right_password_gets_its_new_hash),
	    WORLD_TEST(a_new_hash_waits_for_room),
	    WORLD_TEST(a_new_hash_that_cannot_be_is_done_without),
	    WORLD_TEST(old_formats_are_verified_where_they_are_accepted),
	    WORLD_TEST(an_old_format_is_verified_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
