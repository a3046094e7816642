/*
 * Every route of the contract, asked over real sockets.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/system/client.h"
#include "tests/system/load.h"

static void start(struct daemon *d)
{
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "max_password=64", NULL);
}

static void test_hello(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client c;
	uint64_t since;

	start(d);
	client_open(&c, &d->tcp);
	since = harness_now_ms();
	client_get(&c, &r, "/");
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "Hello world!");
	assert_true(
	    harness_now_ms() - since >= 95); /* hello_delay, in a coarse clock */
	client_get(&c, &r, "/?name=x");
	assert_string_equal(r.body, "Hello world!");
	response_free(&r);
	client_close(&c);
	daemon_stop(d);
}

/* Asks for a hash of `escaped` on a new connection and checks it against `password`. */
static void expect_hash(const struct daemon *d, const char *route, const char *lead,
    const char *escaped, const char *password)
{
	char path[256], body[1024];

	snprintf(path, sizeof(path), "%s%s", route, escaped);
	assert_int_equal(client_fetch(&d->tcp, path, body, sizeof(body)), 200);
	assert_memory_equal(body, lead, strlen(lead));
	assert_memory_equal(body + strlen(lead), "$argon2id$v=19$m=64,t=1,p=1$", 28);
	assert_true(load_verify(body + strlen(lead), password));
}

static void test_hash(void **state)
{
	struct daemon *d = *state;

	start(d);
	expect_hash(d, "/hash/", "Hashed password: ", "hunter2", "hunter2");
	expect_hash(d, "/hash/", "Hashed password: ", "a%20b%2Fc%3f", "a b/c?");
	expect_hash(d, "/hash/", "Hashed password: ", "%C3%a4", "\xc3\xa4");
	expect_hash(d, "/hash/", "Hashed password: ", "a+b", "a+b");
	expect_hash(d, "/hash/", "Hashed password: ", "x?y=z", "x");
	expect_hash(
	    d, "/hash_rayon/", "Hashed password (Rayon): ", "hunter2", "hunter2");
	daemon_stop(d);
}

/* A hash of bytes that no C string can hold is another one than that of what is before.
 */
static void test_hash_any_byte(void **state)
{
	struct daemon *d = *state;
	char body[1024];

	start(d);
	assert_int_equal(
	    client_fetch(&d->tcp, "/hash/ab%00c", body, sizeof(body)), 200);
	assert_false(load_verify(body + strlen("Hashed password: "), "ab"));
	expect_hash(d, "/hash/", "Hashed password: ", "%ff%fe%80", "\xff\xfe\x80");
	expect_hash(d, "/hash/", "Hashed password: ", "%0d%0a", "\r\n");
	daemon_stop(d);
}

static void test_hash_salted(void **state)
{
	struct daemon *d = *state;
	char one[1024], other[1024];

	start(d);
	client_fetch(&d->tcp, "/hash/same", one, sizeof(one));
	client_fetch(&d->tcp, "/hash/same", other, sizeof(other));
	assert_string_not_equal(one, other);
	daemon_stop(d);
}

static void test_built_in_cost(void **state)
{
	static const char lead[] = "Hashed password: $argon2id$v=19$m=19456,t=2,p=1$";
	struct daemon *d = *state;
	char body[1024];
	const char *salt, *tag;

	daemon_start(d, "seed_routes=on", NULL);
	assert_int_equal(
	    client_fetch(&d->tcp, "/hash/hunter2", body, sizeof(body)), 200);
	assert_memory_equal(body, lead, sizeof(lead) - 1);
	salt = body + sizeof(lead) - 1;
	tag = strchr(salt, '$');
	assert_int_equal(tag - salt, 22);      /* 16 bytes in base64 without padding */
	assert_int_equal(strlen(tag + 1), 43); /* 32 bytes */
	assert_true(load_verify(body + strlen("Hashed password: "), "hunter2"));
	daemon_stop(d);
}

/* What a path answers, row by row. */
struct expected {
	const char *path;
	int status;
	const char *body; /* NULL: any */
};

static void expect_table(const struct daemon *d, const struct expected *row)
{
	char body[1024];
	int status;

	for (; row->path != NULL; row++) {
		status = client_fetch(&d->tcp, row->path, body, sizeof(body));
		if (status != row->status)
			fail_msg("%s: status %d instead of %d", row->path, status,
			    row->status);
		if (row->body != NULL)
			assert_string_equal(body, row->body);
	}
}

static void test_statuses(void **state)
{
	static const char bytes64[] =
	    "0123456789012345678901234567890123456789012345678901234567890123";
	static const struct expected table[] = {
	    {"/nowhere", 404, NULL},
	    {"/hash", 404, NULL},
	    {"/hash/", 404, NULL},
	    {"/hash_rayon", 404, NULL},
	    {"/hash_rayon/", 404, NULL},
	    {"/user", 404, NULL},
	    {"/user/", 404, NULL},
	    {"/livezz", 404, NULL},
	    {"/livez/", 404, NULL},
	    {"//", 404, NULL},
	    {"/hash/%", 400, NULL},
	    {"/hash/%4", 400, NULL},
	    {"/hash/%zz", 400, NULL},
	    {"/hash/a%2", 400, NULL},
	    {"/user/1", 200, "User data for ID 1"},
	    {"/user/2", 404, "User not found"},
	    {"/user/x", 400, NULL},
	    {"/livez", 200, "ok"},
	    {"/readyz", 200, "ok"},
	    {NULL, 0, NULL},
	};
	struct daemon *d = *state;
	char path[256];

	start(d);
	expect_table(d, table);
	snprintf(path, sizeof(path), "/hash/%s", bytes64);
	assert_int_equal(client_fetch(&d->tcp, path, NULL, 0), 200);
	snprintf(path, sizeof(path), "/hash/%s4", bytes64);
	assert_int_equal(client_fetch(&d->tcp, path, NULL, 0), 422);
	snprintf(path, sizeof(path), "/hash_rayon/%s%%34", bytes64);
	assert_int_equal(client_fetch(&d->tcp, path, NULL, 0), 422);
	daemon_stop(d);
}

static void test_seed_routes_off(void **state)
{
	static const struct expected table[] = {
	    {"/", 404, NULL},
	    {"/hash/x", 404, NULL},
	    {"/hash_rayon/x", 404, NULL},
	    {"/user/1", 404, NULL},
	    {"/livez", 200, "ok"},
	    {NULL, 0, NULL},
	};
	struct daemon *d = *state;

	daemon_start(d, "seed_routes=off", NULL);
	expect_table(d, table);
	daemon_stop(d);
}

static void test_head(void **state)
{
	static const char *const paths[] = {
	    "/livez", "/readyz", "/", "/hash/x", "/user/1"};
	struct daemon *d = *state;
	struct response r = {0};
	struct client c;
	char text[128], length[16];

	start(d);
	client_open(&c, &d->tcp);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(text, sizeof(text), "HEAD %s HTTP/1.1\r\nHost: t\r\n\r\n",
		    paths[i]);
		client_ask(&c, &r, text); /* a body would show as the next response */
		assert_int_equal(r.status, 200);
		assert_true(
		    response_header(&r, "Content-Length", length, sizeof(length)));
		assert_true(strtoul(length, NULL, 10) > 0);
	}
	client_ask(&c, &r, "HEAD /nowhere HTTP/1.1\r\nHost: t\r\n\r\n");
	assert_int_equal(r.status, 404);
	client_get(&c, &r, "/livez");
	assert_string_equal(r.body, "ok");
	response_free(&r);
	client_close(&c);
	daemon_stop(d);
}

static void test_method_not_allowed(void **state)
{
	static const char *const methods[] = {
	    "POST", "PUT", "DELETE", "PATCH", "TRACE"};
	static const char *const paths[] = {
	    "/", "/livez", "/readyz", "/hash/x", "/hash_rayon/x", "/user/1"};
	struct daemon *d = *state;
	struct response r = {0};
	struct client c;
	char text[160], allow[64];

	start(d);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		client_open(&c, &d->tcp);
		snprintf(text, sizeof(text),
		    "%s %s HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n",
		    methods[i % 5], paths[i]);
		client_ask(&c, &r, text);
		assert_int_equal(r.status, 405);
		assert_true(response_header(&r, "Allow", allow, sizeof(allow)));
		assert_non_null(strstr(allow, "GET"));
		assert_non_null(strstr(allow, "HEAD"));
		client_close(&c);
	}
	response_free(&r);
	daemon_stop(d);
}

static void expect_request_id(struct client *c, const char *sent, bool taken)
{
	struct response r = {0};
	char text[512], id[256];

	snprintf(text, sizeof(text),
	    "GET /livez HTTP/1.1\r\nHost: t\r\nX-Request-Id: %s\r\n\r\n", sent);
	client_ask(c, &r, text);
	assert_int_equal(r.status, 200);
	assert_true(response_header(&r, "X-Request-Id", id, sizeof(id)));
	assert_int_equal(strcmp(id, sent) == 0, taken);
	assert_in_range(strlen(id), 1, 128);
	assert_int_equal(
	    strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	               "0123456789._-"),
	    strlen(id));
	response_free(&r);
}

static void test_request_id(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	char one[256], other[256], longest[130];
	struct client c;

	start(d);
	client_open(&c, &d->tcp);
	expect_request_id(&c, "abc.DEF-1_2", true);
	memset(longest, 'x', sizeof(longest));
	longest[129] = '\0';
	expect_request_id(&c, longest, false);
	expect_request_id(&c, longest + 1, true);
	expect_request_id(&c, "two words", false);
	expect_request_id(&c, "semi;colon", false);
	client_get(&c, &r, "/livez");
	assert_true(response_header(&r, "X-Request-Id", one, sizeof(one)));
	client_get(&c, &r, "/nowhere");
	assert_true(response_header(&r, "X-Request-Id", other, sizeof(other)));
	assert_string_not_equal(one, other);
	response_free(&r);
	client_close(&c);
	daemon_stop(d);
}

static void test_job_headers(void **state)
{
	static const char *const jobs[] = {
	    "/hash/x", "/hash_rayon/x", "/user/1", "/user/2"};
	struct daemon *d = *state;
	struct response r = {0};
	double queue = -1, work = -1;
	char timing[128], type[64];
	struct client c;

	start(d);
	client_open(&c, &d->tcp);
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		client_get(&c, &r, jobs[i]);
		assert_true(response_has(&r, "Cache-Control", "no-store"));
		assert_true(
		    response_header(&r, "Server-Timing", timing, sizeof(timing)));
		assert_int_equal(
		    sscanf(timing, "queue;dur=%lf, work;dur=%lf", &queue, &work), 2);
		assert_true(queue >= 0 && work >= 0);
		assert_true(response_header(&r, "Content-Type", type, sizeof(type)));
		assert_memory_equal(type, "text/plain", 10);
	}
	client_get(&c, &r, "/livez");
	assert_false(response_header(&r, "Server-Timing", timing, sizeof(timing)));
	response_free(&r);
	client_close(&c);
	daemon_stop(d);
}

static void test_unix_socket(void **state)
{
	struct daemon *d = *state;
	struct stat st;
	char listen[160], body[64];

	snprintf(listen, sizeof(listen), "listen=unix:%s?mode=0620", d->socket);
	daemon_start(d, listen, NULL);
	assert_int_equal(d->tcp.len, 0);
	assert_return_code(stat(d->socket, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0620);
	assert_int_equal(client_fetch(&d->local, "/livez", body, sizeof(body)), 200);
	assert_string_equal(body, "ok");
	assert_int_equal(client_fetch(&d->local, "/hash/x", NULL, 0), 200);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_hello),
	    daemon_test(test_hash),
	    daemon_test(test_hash_any_byte),
	    daemon_test(test_hash_salted),
	    daemon_test(test_built_in_cost),
	    daemon_test(test_statuses),
	    daemon_test(test_seed_routes_off),
	    daemon_test(test_head),
	    daemon_test(test_method_not_allowed),
	    daemon_test(test_request_id),
	    daemon_test(test_job_headers),
	    daemon_test(test_unix_socket),
	};

	return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
