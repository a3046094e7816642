#include "tests/frontend/fixture.h"

static void test_hash(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	client_send(
	    f, fd, "GET /hash/p%00%2F+;%C3%bc?password=no HTTP/1.1\r\nHost: a\r\n\r\n");
	await_tasks(f, 1);
	assert_int_equal(f->dispatch.tasks[0]->spec.kind, JOB_HASH);
	assert_int_equal(f->dispatch.tasks[0]->spec.pool, 0);
	assert_int_equal(f->dispatch.tasks[0]->password.len, 7);
	assert_memory_equal(f->dispatch.tasks[0]->password.data, "p\0/+;\xc3\xbc", 7);
	assert_int_equal(f->dispatch.tasks[0]->spec.cost.type, 2);
	assert_int_equal(f->dispatch.tasks[0]->spec.cost.version, 0x13);
	assert_int_equal(f->dispatch.tasks[0]->spec.cost.memory_kib, 19456);
	assert_int_equal(f->dispatch.tasks[0]->spec.cost.time, 2);
	assert_int_equal(f->dispatch.tasks[0]->spec.cost.lanes, 1);
	assert_int_equal(f->dispatch.tasks[0]->spec.cost.salt_len, 16);
	assert_int_equal(f->dispatch.tasks[0]->spec.cost.tag_len, 32);
	task_finish(f, TASK_OK, "$argon2id$");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200, "Hashed password: $argon2id$");
	assert_true(answer_has(
	    &answer, "\r\nServer-Timing: queue;dur=1.500, work;dur=20.000\r\n"));
	assert_true(answer_has(&answer, "\r\nCache-Control: no-store\r\n"));
	assert_true(
	    answer_has(&answer, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
	close(fd);
}

static void test_hash_rayon(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	client_send(f, fd, GET("/hash_rayon/x"));
	await_tasks(f, 1);
	assert_int_equal(f->dispatch.tasks[0]->spec.pool, 1);
	task_finish(f, TASK_OK, "h");
	client_receive(f, fd, &answer);
	assert_answer(&answer, 200, "Hashed password (Rayon): h");
	close(fd);
}

/* The longest text that a reply can carry fits. */
static void test_longest_result(void **state)
{
	static char text[LIMIT_TEXT + 1];
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	memset(text, 'h', LIMIT_TEXT);
	client_send(f, fd, GET("/hash_rayon/x"));
	await_tasks(f, 1);
	task_finish(f, TASK_OK, text);
	client_receive(f, fd, &answer);
	assert_int_equal(
	    answer.body_len, strlen("Hashed password (Rayon): ") + LIMIT_TEXT);
	close(fd);
}

static void test_bad_passwords(void **state)
{
	static const struct {
		const char *path;
		unsigned status;
		const char *body;
	} rows[] = {
	    {"/hash/", 404, "There is nothing here"},
	    {"/hash/?x", 404, "There is nothing here"},
	    {"/hash_rayon/", 404, "There is nothing here"},
	    {"/hash/a/b", 404, "There is nothing here"},
	    {"/hash/a/", 404, "There is nothing here"},
	    {"/hash/%", 400, "The request is not well-formed"},
	    {"/hash/%4", 400, "The request is not well-formed"},
	    {"/hash/%zz", 400, "The request is not well-formed"},
	    {"/hash/0123456789012345678901234567890123", 422,
	        "The password is too long"},
	};
	struct fixture *f = *state;
	int fd = client_open(f);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[128];
		struct answer answer;

		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
		    rows[i].path);
		client_ask(f, fd, text, &answer);
		assert_answer(&answer, rows[i].status, rows[i].body);
	}
	assert_int_equal(f->dispatch.submitted, 0);
	close(fd);
}

/* The limit is one of decoded bytes. */
static void test_longest_password(void **state)
{
	struct fixture *f = *state;
	char text[256] = "GET /hash/";
	int fd = client_open(f);

	for (unsigned i = 0; i < f->config.max_password; i++)
		strcat(text, "%00");
	strcat(text, " HTTP/1.1\r\nHost: a\r\n\r\n");
	client_send(f, fd, text);
	await_tasks(f, 1);
	assert_int_equal(f->dispatch.tasks[0]->password.len, f->config.max_password);
	close(fd);
}

static void test_user(void **state)
{
	static const struct {
		const char *digits;
		int64_t id;
	} rows[] = {{"1", 1}, {"0", 0}, {"007", 7}, {"9223372036854775807", INT64_MAX}};
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[128];

		snprintf(text, sizeof(text), "GET /user/%s HTTP/1.1\r\nHost: a\r\n\r\n",
		    rows[i].digits);
		client_send(f, fd, text);
		await_tasks(f, 1);
		assert_int_equal(f->dispatch.tasks[0]->spec.kind, JOB_LOOKUP);
		assert_int_equal(f->dispatch.tasks[0]->spec.pool, 2);
		assert_int_equal(f->dispatch.tasks[0]->spec.user, rows[i].id);
		task_finish(f, i == 0 ? TASK_OK : TASK_NOT_FOUND,
		    i == 0 ? "User data for ID 1" : "");
		client_receive(f, fd, &answer);
		assert_answer(&answer, i == 0 ? 200 : 404,
		    i == 0 ? "User data for ID 1" : "User not found");
		assert_true(answer_has(&answer, "\r\nCache-Control: no-store\r\n"));
	}
	close(fd);
}

static void test_bad_users(void **state)
{
	static const struct {
		const char *path;
		unsigned status;
	} rows[] = {{"/user/", 404}, {"/user/1/2", 404}, {"/user/x", 400},
	    {"/user/-1", 400}, {"/user/+1", 400}, {"/user/1x", 400}, {"/user/%31", 400},
	    {"/user/1.0", 400}, {"/user/9223372036854775808", 400},
	    {"/user/99999999999999999999", 400}};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[128];
		struct answer answer;

		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
		    rows[i].path);
		ask_once(f, text, &answer);
		assert_int_equal(answer.status, rows[i].status);
		assert_true(answer_has(&answer, "\r\nContent-Type: text/plain"));
	}
	assert_int_equal(f->dispatch.submitted, 0);
}

static void test_outcomes(void **state)
{
	static const struct {
		enum task_outcome outcome;
		unsigned status;
		const char *body;
	} rows[] = {
	    {TASK_REFUSED, 500, "Failed to process password"},
	    {TASK_NO_MEMORY, 503, "There is no memory left for it"},
	    {TASK_FAILED, 500, "Failed to process password"},
	    {TASK_CRASHED, 500, "Failed to process password"},
	    {TASK_EXPIRED, 504, "The job was not done in time"},
	    {TASK_LATE, 503, "The job could not be done in time"},
	    {TASK_SHED, 503, "Too many jobs are waiting"},
	};
	struct fixture *f = *state;
	int fd = client_open(f);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer;

		client_send(f, fd, GET("/hash/x"));
		await_tasks(f, 1);
		task_finish(f, rows[i].outcome, "");
		client_receive(f, fd, &answer);
		assert_answer(&answer, rows[i].status, rows[i].body);
		assert_true(answer_has(&answer, "\r\nServer-Timing: "));
		assert_int_equal(answer_has(&answer, "\r\nRetry-After: 7\r\n"),
		    rows[i].status == 503);
	}
	close(fd);
}

static void test_refusals(void **state)
{
	static const struct {
		enum admission admission;
		unsigned status;
		const char *body;
	} rows[] = {
	    {ADMISSION_NO_HASHER, 503, "Too many jobs are waiting"},
	    {ADMISSION_CLIENT_LIMIT, 429, "Too many jobs of one client"},
	    {ADMISSION_MEMORY_BUDGET, 503, "There is no memory left for it"},
	    {ADMISSION_QUEUE_FULL, 503, "Too many jobs are waiting"},
	    {ADMISSION_DEADLINE, 503, "The job could not be done in time"},
	};
	struct fixture *f = *state;
	int fd = client_open(f);

	assert_int_equal(sizeof(rows) / sizeof(rows[0]), ADMISSION_END - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer;

		f->dispatch.admission = rows[i].admission;
		client_ask(f, fd, GET("/hash/x"), &answer);
		assert_answer(&answer, rows[i].status, rows[i].body);
		assert_true(answer_has(&answer, "\r\nRetry-After: 7\r\n"));
		assert_int_equal(f->fe.waiting, 0);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(test_hash),
	    FIXTURE_TEST(test_hash_rayon),
	    FIXTURE_TEST(test_longest_result),
	    FIXTURE_TEST(test_bad_passwords),
	    FIXTURE_TEST(test_longest_password),
	    FIXTURE_TEST(test_user),
	    FIXTURE_TEST(test_bad_users),
	    FIXTURE_TEST(test_outcomes),
	    FIXTURE_TEST(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
