/* frontend/v1*.c, route.c: what is refused before anything is queued. */
#include "tests/frontend/v1_world.h"

#define COSTLY(m, t, p) "$argon2id$v=19$m=" m ",t=" t ",p=" p "$c2FsdHNhbHQ$AAAAAAAA"

/* ---- what is refused ---- */

struct refusal {
	const char *path, *body;
	unsigned status;
	const char *name;
};

static void assert_refused(struct fixture *f, const struct refusal *row)
{
	char name[64];
	struct answer answer;

	post_once(f, row->path, row->body, &answer);
	snprintf(name, sizeof(name), "\"urn:argond:problem:%s\"", row->name);
	if (answer.status != row->status || strstr(answer.body, name) == NULL)
		fail_msg("%s %s: %s", row->path, row->body, answer.text);
	assert_true(
	    answer_has(&answer, "\r\nContent-Type: application/problem+json\r\n"));
	assert_int_equal(f->dispatch.submitted, 0);
}

#define VERIFY(hash) "/v1/verify", "{\"password\":\"x\",\"hash\":\"" hash "\"}"
#define LONGEST "0123456789abcdef0123456789abcdef"

static void what_is_wrong_is_said_before_any_work(void **state)
{
	static const struct refusal rows[] = {
	    {"/v1/hash", "{", 400, "bad-json"},
	    {"/v1/hash", "", 400, "bad-json"},
	    {"/v1/hash", "{\"password\":\"x\",\"hash\":null}", 400, "bad-json"},
	    {"/v1/hash", "{\"password\":\"x\",\"rehash\":true}", 400, "bad-json"},
	    {"/v1/verify", "{\"password\":\"x\"}", 400, "bad-json"},
	    {"/v1/inspect", "{\"hash\":null}", 400, "bad-json"},
	    {"/v1/inspect", "{\"hash\":\"x\",\"password\":\"x\"}", 400, "bad-json"},
	    {"/v1/hash", "{\"password\":\"\"}", 422, "password-length"},
	    {"/v1/hash", "{\"password\":\"" LONGEST "x\"}", 422, "password-length"},
	    {"/v1/verify", "{\"password\":\"" LONGEST "x\",\"hash\":null}", 422,
	        "password-length"},
	    {"/v1/hash", "{\"password\":\"x\",\"profile\":\"none\"}", 422,
	        "unknown-profile"},
	    {"/v1/hash", "{\"password\":\"x\",\"profile\":\"\"}", 422,
	        "unknown-profile"},
	    {"/v1/hash", "{\"password\":\"x\",\"profile\":\"dear\\u0000\"}", 422,
	        "unknown-profile"},
	    {"/v1/inspect", "{\"hash\":\"x\",\"profile\":\"none\"}", 422,
	        "unknown-profile"},
	    {"/v1/hash", "{\"password\":\"x\",\"pool\":\"none\"}", 422, "unknown-pool"},
	    {"/v1/hash", "{\"password\":\"x\",\"pool\":\"lookup\"}", 422,
	        "unknown-pool"},
	    {"/v1/verify", "{\"password\":\"x\",\"hash\":null,\"pool\":\"lookup\"}",
	        422, "unknown-pool"},
	    {VERIFY(""), 422, "unsupported-hash"},
	    {VERIFY("$argon2x$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAA"), 422,
	        "unsupported-hash"},
	    {VERIFY("$argon2id$v=18$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAA"), 422,
	        "unsupported-hash"},
	    {VERIFY(HASH "="), 422, "bad-hash"},
	    {VERIFY(HASH "\\u0000"), 422, "bad-hash"},
	    {VERIFY(COSTLY("064", "1", "1")), 422, "bad-hash"},
	    {VERIFY(COSTLY("64", "0", "1")), 422, "bad-hash"},
	    {VERIFY(COSTLY("64", "1", "0")), 422, "bad-hash"},
	    {VERIFY(COSTLY("64", "1", "9")), 422, "bad-hash"},
	    {"/v1/inspect", "{\"hash\":\"$argon2id$\"}", 422, "bad-hash"},
	    {VERIFY(BCRYPT("10")), 422, "unsupported-hash"},
	    {VERIFY("$2b$10$short"), 422, "bad-hash"},
	    {"/v1/verify",
	        "{\"password\":\"x\",\"hash\":\"" BCRYPT(
	            "31") "\",\"profile\":\"dear\"}",
	        422, "cost-too-high"},
	    {VERIFY(COSTLY("4294967295", "1", "1")), 422, "cost-too-high"},
	    {VERIFY(COSTLY("262145", "1", "1")), 422, "cost-too-high"},
	    {VERIFY(COSTLY("64", "17", "1")), 422, "cost-too-high"},
	    {VERIFY(COSTLY("64", "4294967295", "1")), 422, "cost-too-high"},
	    {VERIFY(COSTLY("262144", "1", "17")), 422, "cost-too-high"},
	    {VERIFY(COSTLY("4294967295", "4294967295", "16777215")), 422,
	        "cost-too-high"},
	    {VERIFY("$argon2id$v=19$m=64,t=1,p=1,keyid=bmV3cw$c2FsdHNhbHQ$AAAAAA"), 422,
	        "unknown-key"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_refused(*state, &rows[i]);
}

static void what_is_at_the_limit_is_taken(void **state)
{
	static const char *const bodies[] = {
	    "{\"password\":\"x\",\"hash\":\"" COSTLY("262144", "16", "16") "\"}",
	    "{\"password\":\"" LONGEST "\",\"hash\":null}",
	    ("{\"password\":\"x\",\"hash\":"
	     "\"$argon2d$m=64,t=1,p=8,keyid=b2xk,data=AAAA$c2FsdHNhbHQ$AAAAAA\"}")};
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		post(f, fd, "/v1/verify", bodies[i]);
		the_task(f);
		task_finish(f, TASK_INVALID, "");
		client_receive(f, fd, &answer);
		assert_int_equal(answer.status, 200);
	}
	close(fd);
}

static void only_json_is_read(void **state)
{
	static const struct {
		const char *type;
		unsigned status;
	} rows[] = {{"", 415}, {"Content-Type: text/plain\r\n", 415},
	    {"Content-Type: application/x-www-form-urlencoded\r\n", 415},
	    {"Content-Type: application/jsonx\r\n", 415},
	    {"Content-Type: application/json, text/plain\r\n", 415},
	    {"Content-Type: application/json\r\n", 400},
	    {"Content-Type: Application/JSON ; charset=utf-8\r\n", 400},
	    {"Content-Type: application/json;charset=utf-8\r\n", 400}};
	struct answer answer;
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
		    "POST /v1/hash HTTP/1.1\r\nHost: a\r\n%sContent-Length: "
		    "2\r\n\r\n{}",
		    rows[i].type);
		ask_once(*state, text, &answer);
		assert_int_equal(answer.status, rows[i].status);
	}
}

static void other_methods_are_not_allowed(void **state)
{
	static const char *const methods[] = {"GET", "PUT", "DELETE", "PATCH"};
	struct answer answer;
	char text[128];

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		snprintf(text, sizeof(text),
		    "%s /v1/verify HTTP/1.1\r\nHost: a\r\n\r\n", methods[i]);
		ask_once(*state, text, &answer);
		assert_int_equal(answer.status, 405);
		assert_true(answer_has(&answer, "\r\nAllow: POST, OPTIONS\r\n"));
	}
	ask_once(*state, GET("/v1/verify/"), &answer);
	assert_int_equal(answer.status, 404);
	ask_once(*state, GET("/v1"), &answer);
	assert_int_equal(answer.status, 404);
}

/* A job that is not admitted or fails is told as elsewhere. */
static void failures_are_problems(void **state)
{
	static const struct {
		enum task_outcome outcome;
		unsigned status;
	} rows[] = {{TASK_REFUSED, 500}, {TASK_NO_MEMORY, 503}, {TASK_FAILED, 500},
	    {TASK_CRASHED, 500}, {TASK_EXPIRED, 504}};
	struct fixture *f = *state;
	struct answer answer;
	int fd = client_open(f);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		post(f, fd, "/v1/verify", "{\"password\":\"x\",\"hash\":null}");
		the_task(f);
		task_finish(f, rows[i].outcome, "");
		client_receive(f, fd, &answer);
		assert_int_equal(answer.status, rows[i].status);
		assert_int_equal(answer_has(&answer, "\r\nRetry-After: 7\r\n"),
		    rows[i].status == 503);
	}
	f->dispatch.admission = ADMISSION_QUEUE_FULL;
	post(f, fd, "/v1/hash", "{\"password\":\"x\"}");
	client_receive(f, fd, &answer);
	assert_int_equal(answer.status, 503);
	assert_true(answer_has(&answer, "\r\nRetry-After: 7\r\n"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    V1_TEST(what_is_wrong_is_said_before_any_work),
	    V1_TEST(what_is_at_the_limit_is_taken),
	    V1_TEST(only_json_is_read),
	    V1_TEST(other_methods_are_not_allowed),
	    V1_TEST(failures_are_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
