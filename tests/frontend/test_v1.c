/* frontend/v1*.c: which job is asked for, and how its end is told. */
#include "common/units.h"
#include "tests/frontend/v1_world.h"

/* ---- hash ---- */

static void a_hash_is_asked_for_and_told(void **state)
{
	struct fixture *f = *state;
	const struct task *task;
	struct answer answer;
	int fd = client_open(f);

	post(f, fd, "/v1/hash",
	    "{\"password\":\"p\\u0000w\",\"profile\":\"dear\",\"pool\":\"fixed\","
	    "\"timeout_ms\":77}");
	task = the_task(f);
	assert_int_equal(task->spec.kind, JOB_HASH);
	assert_int_equal(task->spec.pool, 1);
	assert_int_equal(task->spec.profile, 1);
	assert_int_equal(task->spec.cost.memory_kib, 65536);
	assert_int_equal(task->spec.cost.lanes, 4);
	assert_int_equal(task->spec.timeout_ms, 77);
	assert_int_equal(task->spec.hash_len, 0);
	assert_int_equal(task->password.len, 3);
	assert_memory_equal(task->password.data, "p\0w", 3);
	task_finish(f, TASK_OK, "$argon2id$\"\\");
	client_receive(f, fd, &answer);
	assert_answer(
	    &answer, 200, "{\"hash\":\"$argon2id$\\\"\\\\\",\"profile\":\"dear\"}\n");
	assert_true(answer_has(&answer, "\r\nContent-Type: application/json\r\n"));
	assert_true(answer_has(&answer, "\r\nCache-Control: no-store\r\n"));
	assert_true(answer_has(&answer, "\r\nServer-Timing: queue;dur=1.500, "));
	close(fd);
}

static void what_is_not_said_is_the_default(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	f->config.default_pool = 1;
	post(f, fd, "/v1/hash", "{\"password\":\"x\"}");
	assert_int_equal(the_task(f)->spec.pool, 1);
	assert_int_equal(f->dispatch.tasks[0]->spec.profile, 0);
	assert_int_equal(f->dispatch.tasks[0]->spec.timeout_ms, 0);
	task_finish(f, TASK_OK, "h");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200, "{\"hash\":\"h\",\"profile\":\"default\"}\n");
	/* the default pool does not verify: another one does */
	f->pools[1].jobs = CONFIG_JOBS_HASH;
	post(f, fd, "/v1/verify", "{\"password\":\"x\",\"hash\":null}");
	assert_int_equal(the_task(f)->spec.pool, 0);
	task_finish(f, TASK_INVALID, "");
	client_receive(f, fd, &answer);
	close(fd);
}

/* ---- verify ---- */

static void a_verification_is_asked_for(void **state)
{
	struct fixture *f = *state;
	const struct task *task;
	struct answer answer;
	int fd = client_open(f);

	post(f, fd, "/v1/verify",
	    "{\"password\":\"hunter2\",\"hash\":\"" HASH "\",\"rehash\":true}");
	task = the_task(f);
	assert_int_equal(task->spec.kind, JOB_VERIFY);
	assert_int_equal(task->spec.cost.memory_kib, 19456);
	assert_int_equal(task->spec.cost.salt_len, 16);
	assert_false(task->spec.rehash); /* there is no reason to */
	assert_int_equal(task->spec.hash_len, strlen(HASH));
	assert_false(task->spec.nobody);
	assert_int_equal(task->password.len, strlen(HASH) + 7);
	assert_memory_equal(task->password.data, HASH "hunter2", task->password.len);
	task_finish(f, TASK_VALID, "");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200,
	    "{\"valid\":true,\"needs_rehash\":false,\"rehash_reasons\":[]}\n");
	assert_true(answer_has(&answer, "\r\nServer-Timing: "));
	close(fd);
}

static void a_new_hash_comes_with_its_reasons(void **state)
{
	static const char body[] = "{\"password\":\"x\",\"hash\":\"" HASH
	                           "\",\"rehash\":true,\"profile\":\"dear\"}";
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	post(f, fd, "/v1/verify", body);
	assert_true(the_task(f)->spec.rehash);
	assert_int_equal(f->dispatch.tasks[0]->spec.cost.memory_kib, 65536);
	task_finish(f, TASK_VALID, "$new");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200,
	    "{\"valid\":true,\"needs_rehash\":true,"
	    "\"rehash_reasons\":[\"memory\",\"time\",\"lanes\",\"key\"],"
	    "\"new_hash\":\"$new\"}\n");
	/* the wrong password learns nothing of it */
	post(f, fd, "/v1/verify", body);
	the_task(f);
	task_finish(f, TASK_INVALID, "");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200,
	    "{\"valid\":false,\"needs_rehash\":false,\"rehash_reasons\":[]}\n");
	close(fd);
}

static void no_hash_costs_what_the_profile_does(void **state)
{
	struct fixture *f = *state;
	const struct task *task;
	struct answer answer;
	int fd = client_open(f);

	post(f, fd, "/v1/verify",
	    "{\"password\":\"x\",\"hash\":null,\"profile\":\"dear\",\"rehash\":true}");
	task = the_task(f);
	assert_int_equal(task->spec.kind, JOB_VERIFY);
	assert_true(task->spec.nobody);
	assert_int_equal(task->spec.profile, 1);
	assert_int_equal(task->spec.cost.memory_kib, 65536);
	assert_false(task->spec.rehash);
	assert_int_equal(task->spec.units,
	    units_of_job(JOB_VERIFY, &task->spec.cost, f->config.engine));
	assert_in_range(task->spec.hash_len, 1, LIMIT_TEXT);
	assert_int_equal(task->password.len, task->spec.hash_len + 1);
	assert_int_equal(task->password.data[task->spec.hash_len], 'x');
	task_finish(f, TASK_INVALID, "");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200,
	    "{\"valid\":false,\"needs_rehash\":false,\"rehash_reasons\":[]}\n");
	close(fd);
}

/* A decoy is asked for as its hash is: the same costs, units and promise of a new hash.
 */
static void a_decoy_is_asked_for_as_its_hash_is(void **state)
{
	static struct config_decoy decoys[] = {
	    {1, BCRYPT("10")}, {7, "default"}, {1, "{bcrypt}" BCRYPT("12")}};
	static const char *const hashes[] = {
	    BCRYPT("10"), HASH, "{bcrypt}" BCRYPT("12")};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		struct task_spec specs[2];
		char body[512];

		v1_profiles[1].decoys = (struct config_decoys){&decoys[i], 1};
		for (unsigned nobody = 0; nobody < 2; nobody++) {
			int fd = client_open(f);
			struct answer answer;

			snprintf(body, sizeof(body),
			    "{\"password\":\"x\",\"profile\":\"dear\",\"rehash\":true,"
			    "\"user\":\"somebody\",\"hash\":%s%s%s}",
			    nobody ? "" : "\"", nobody ? "null" : hashes[i],
			    nobody ? "" : "\"");
			post(f, fd, "/v1/verify", body);
			specs[nobody] = the_task(f)->spec;
			task_finish(f, TASK_INVALID, "");
			client_receive(f, fd, &answer);
			assert_int_equal(answer.status, 200);
			close(fd);
		}
		assert_false(specs[0].nobody);
		assert_true(specs[1].nobody);
		assert_true(specs[0].rehash && specs[1].rehash);
		assert_int_equal(specs[0].units, specs[1].units);
		assert_int_equal(specs[0].hash_len, specs[1].hash_len);
		assert_memory_equal(
		    &specs[0].cost, &specs[1].cost, sizeof(specs[0].cost));
	}
	v1_profiles[1].decoys.count = 0;
}

/* A hasher that answers what was not asked is not believed. */
static void an_outcome_of_another_kind_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	post(f, fd, "/v1/hash", "{\"password\":\"x\"}");
	the_task(f);
	task_finish(f, TASK_VALID, "h");
	client_receive(f, fd, &answer);
	assert_int_equal(answer.status, 500);
	post(f, fd, "/v1/verify", "{\"password\":\"x\",\"hash\":null}");
	the_task(f);
	task_finish(f, TASK_OK, "h");
	client_receive(f, fd, &answer);
	assert_int_equal(answer.status, 500);
	assert_null(strstr(answer.text, "valid"));
	close(fd);
}

/* ---- inspect ---- */

static void a_hash_is_taken_apart(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	post_once(f, "/v1/inspect", "{\"hash\":\"" HASH "\"}", &answer);
	assert_answer(&answer, 200,
	    "{\"type\":\"argon2id\",\"accepted\":true,\"version\":19,\"memory_kib\":"
	    "19456,\"time\":2,"
	    "\"lanes\":1,\"salt_bytes\":16,\"tag_bytes\":32,\"key\":null,"
	    "\"key_known\":true,\"needs_rehash\":false,\"rehash_reasons\":[],"
	    "\"within_limits\":true}\n");
	assert_true(answer_has(&answer, "\r\nCache-Control: no-store\r\n"));
	assert_false(answer_has(&answer, "Server-Timing"));
	post_once(f, "/v1/inspect",
	    "{\"hash\":\"$argon2i$m=4294967295,t=4294967295,p=17,keyid=b2xk$"
	    "c2FsdHNhbHQ$"
	    "AAAAAA\",\"profile\":\"dear\"}",
	    &answer);
	assert_answer(&answer, 200,
	    "{\"type\":\"argon2i\",\"accepted\":true,\"version\":16,\"memory_kib\":"
	    "4294967295,"
	    "\"time\":4294967295,\"lanes\":17,\"salt_bytes\":8,\"tag_bytes\":4,"
	    "\"key\":\"old\",\"key_known\":true,\"needs_rehash\":true,"
	    "\"rehash_reasons\":[\"type\",\"version\",\"memory\",\"time\",\"lanes\","
	    "\"salt\",\"tag\",\"key\"],\"within_limits\":false}\n");
	assert_int_equal(f->dispatch.submitted, 0);
}

static void an_old_hash_is_taken_apart(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	post_once(f, "/v1/inspect", "{\"hash\":\"" BCRYPT("10") "\"}", &answer);
	assert_answer(&answer, 200,
	    "{\"type\":\"bcrypt\",\"accepted\":false,\"needs_rehash\":true,"
	    "\"rehash_reasons\":[\"format\"],\"within_limits\":true}\n");
	post_once(f, "/v1/inspect",
	    "{\"hash\":\"" BCRYPT("31") "\",\"profile\":\"dear\"}", &answer);
	assert_answer(&answer, 200,
	    "{\"type\":\"bcrypt\",\"accepted\":true,\"needs_rehash\":true,"
	    "\"rehash_reasons\":[\"format\"],\"within_limits\":false}\n");
	post_once(f, "/v1/inspect", "{\"hash\":\"argon2" HASH "\"}", &answer);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "\"type\":\"argon2id\""));
	assert_non_null(strstr(answer.body, "[\"format\"]"));
}

static void an_old_hash_is_verified_where_it_is_accepted(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	post(f, fd, "/v1/verify",
	    "{\"password\":\"x\",\"hash\":\"" BCRYPT(
	        "10") "\","
	              "\"profile\":\"dear\",\"rehash\":true}");
	assert_true(the_task(f)->spec.rehash);
	assert_int_equal(f->dispatch.tasks[0]->spec.hash_len, 60);
	assert_int_equal(f->dispatch.tasks[0]->spec.cost.memory_kib, 65536);
	task_finish(f, TASK_VALID, "$new");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200,
	    "{\"valid\":true,\"needs_rehash\":true,\"rehash_reasons\":[\"format\"],"
	    "\"new_hash\":\"$new\"}\n");
	close(fd);
}

/* What a caller calls a key is not repeated to him. */
static void an_unknown_key_is_not_named(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	post_once(f, "/v1/inspect",
	    "{\"hash\":\"$argon2id$v=19$m=64,t=1,p=1,keyid=IjwAPg$c2FsdHNhbHQ$"
	    "AAAAAA\"}",
	    &answer);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "\"key\":null,\"key_known\":false"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    V1_TEST(a_hash_is_asked_for_and_told),
	    V1_TEST(what_is_not_said_is_the_default),
	    V1_TEST(a_verification_is_asked_for),
	    V1_TEST(a_new_hash_comes_with_its_reasons),
	    V1_TEST(no_hash_costs_what_the_profile_does),
	    V1_TEST(a_decoy_is_asked_for_as_its_hash_is),
	    V1_TEST(an_outcome_of_another_kind_is_an_error),
	    V1_TEST(a_hash_is_taken_apart),
	    V1_TEST(an_old_hash_is_taken_apart),
	    V1_TEST(an_old_hash_is_verified_where_it_is_accepted),
	    V1_TEST(an_unknown_key_is_not_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
