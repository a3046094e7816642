/* Tokens: which routes ask for one, and whose share of a pool a request is of. */
#include "tests/frontend/v1_world.h"

#include <sys/mman.h>

#include "common/token.h"

static struct sealed tokens;
static char path_given[] = "/tokens";

static int token_setup(void **state)
{
	static const char text[] = "one\ntwo==\n";
	char path[] = "/tmp/argond-v1-XXXXXX";
	int fd = mkstemp(path);
	const char *why;
	struct fixture *f;

	v1_setup(state);
	f = *state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(token_set_load(&tokens, path, NULL, &why), 0);
	unlink(path);
	f->child.tokens = token_set_map(&tokens);
	f->config.token_file = path_given;
	assert_non_null(f->child.tokens);
	return 0;
}

static int token_teardown(void **state)
{
	struct fixture *f = *state;

	munmap((void *)(uintptr_t)f->child.tokens, tokens.bytes);
	sealed_close(&tokens);
	return fixture_teardown(state);
}

static void guarded_routes_ask_for_a_token(void **state)
{
	static const struct {
		const char *line;
		unsigned status;
	} rows[] = {{"", 401}, {"Authorization: Bearer one\r\n", 415},
	    {"Authorization: bearer two==\r\n", 415},
	    {"Authorization: Bearer two\r\n", 401},
	    {"Authorization: Bearer on\r\n", 401},
	    {"Authorization: Bearer one1\r\n", 401},
	    {"Authorization: Bearer \r\n", 401}, {"Authorization: Bearer\r\n", 401},
	    {"Authorization: one\r\n", 401}, {"Authorization: Basic one\r\n", 401},
	    {"Authorization: Bearer  one\r\n", 415},
	    {"Authorization:\tbEARER   two==\t\r\n", 415},
	    {"Authorization: Bearer   \r\n", 401},
	    {"Authorization: Bearer\tone\r\n", 401},
	    {"Authorization: Bearer \tone\r\n", 401},
	    {"Authorization: Bearerone\r\n", 401},
	    {"Authorization: Bearer one two==\r\n", 401},
	    {"Authorization: Bearer one\r\nAuthorization: Bearer one\r\n", 400}};
	struct fixture *f = *state;
	struct answer answer;
	char text[256];
	int fd;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
		    "POST /v1/hash HTTP/1.1\r\nHost: a\r\n%s\r\n", rows[i].line);
		ask_once(f, text, &answer);
		assert_int_equal(answer.status, rows[i].status);
		assert_int_equal(answer_has(&answer, "\r\nWWW-Authenticate: Bearer "),
		    rows[i].status == 401);
	}
	fd = client_open(f); /* an upgrade that is offered changes nothing */
	for (unsigned i = 0; i < 2; i++) {
		client_ask(f, fd,
		    "POST /v1/hash HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
		    "Upgrade: h2c\r\nContent-Length: 2\r\n\r\n{}",
		    &answer);
		assert_int_equal(answer.status, 401);
	}
	close(fd);
	ask_once(f, GET("/livez"), &answer);
	assert_int_equal(answer.status, 200);
	ask_once(f, GET("/v1/hash"), &answer);
	assert_int_equal(answer.status, 405);
	/* a body is not even asked for */
	ask_once(f,
	    "POST /v1/hash HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	    "Content-Length: 10\r\n\r\n",
	    &answer);
	assert_int_equal(answer.status, 401);
}

/* Asks for a hash with that line in the head, on a connection of its own. Returns it.
 */
static int ask_with(struct fixture *f, const char *line)
{
	static const char body[] = "{\"password\":\"x\"}";
	int fd = client_open(f);
	char text[256];

	snprintf(text, sizeof(text),
	    "POST /v1/hash HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n%s\r\n%s",
	    sizeof(body) - 1, line, body);
	client_send(f, fd, text);
	return fd;
}

/* All come from one address. */
static void a_job_is_of_its_tokens_share(void **state)
{
	static const char *const lines[] = {"Authorization: Bearer one\r\n",
	    "Authorization: Bearer two==\r\n", "Authorization: Bearer one\r\n"};
	struct fixture *f = *state;
	struct client *whose[3];
	struct answer answer;
	int fds[3];

	for (unsigned i = 0; i < 3; i++) {
		fds[i] = ask_with(f, lines[i]);
		await_tasks(f, i + 1);
		whose[i] = f->dispatch.tasks[i]->spec.client;
		assert_true(client_is_limited(whose[i]));
		assert_int_equal(whose[i]->connections, 0);
	}
	assert_ptr_equal(whose[0], whose[2]);
	assert_ptr_not_equal(whose[0], whose[1]);
	assert_int_not_equal(whose[0]->hash, whose[1]->hash);
	for (unsigned i = 0; i < 3; i++) {
		task_finish(f, TASK_OK, HASH);
		client_receive(f, fds[i], &answer);
		assert_int_equal(answer.status, 200);
	}
	/* one that is shown where none is needed says whose job it is no more */
	f->config.token_file = NULL;
	client_send(f, fds[2], GET("/hash/x"));
	await_tasks(f, 1);
	assert_int_equal(f->dispatch.tasks[0]->spec.client->connections, 3);
	task_finish(f, TASK_OK, HASH);
	client_receive(f, fds[2], &answer);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
}

/* A job that is not admitted leaves no record behind: fixture_teardown() looks. */
static void who_is_refused_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd;

	f->dispatch.admission = ADMISSION_CLIENT_LIMIT;
	fd = ask_with(f, "Authorization: Bearer two==\r\n");
	client_receive(f, fd, &answer);
	assert_int_equal(answer.status, 429);
	assert_int_equal(f->fe.clients.count, 1);
	close(fd);
}

/* Whatever costs work is guarded, and `/` beside it; health checks are not. */
static void seed_routes_ask_for_a_token(void **state)
{
	static const struct {
		const char *path;
		bool open;
	} rows[] = {{"/", false}, {"/hash/x", false}, {"/hash_rayon/x", false},
	    {"/user/1", false}, {"/livez", true}, {"/readyz", true}};
	struct fixture *f = *state;
	struct answer answer;
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
		    rows[i].path);
		ask_once(f, text, &answer);
		assert_int_equal(answer.status == 401, !rows[i].open);
		assert_int_equal(answer_has(&answer, "\r\nWWW-Authenticate: Bearer "),
		    !rows[i].open);
		if (!rows[i].open)
			assert_string_equal(answer.body, "A bearer token is needed");
		snprintf(text, sizeof(text), "OPTIONS %s HTTP/1.1\r\nHost: a\r\n\r\n",
		    rows[i].path);
		ask_once(f, text, &answer);
		assert_int_not_equal(answer.status, 401);
	}
	assert_int_equal(f->dispatch.submitted, 0);
	ask_once(f, "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer one\r\n\r\n",
	    &answer);
	assert_answer(&answer, 200, "Hello world!");
}

/* token_file is set, and there are no tokens: a fault, which opens nothing. */
static void without_a_set_nothing_is_open(void **state)
{
	struct fixture *f = *state;
	const struct token_set *set = f->child.tokens;
	struct answer answer;

	f->child.tokens = NULL;
	ask_once(f,
	    "POST /v1/hash HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer one\r\n\r\n",
	    &answer);
	assert_int_equal(answer.status, 401);
	f->child.tokens = set;
}

#define TOKEN_TEST(name)                                                               \
	cmocka_unit_test_setup_teardown(name, token_setup, token_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TOKEN_TEST(guarded_routes_ask_for_a_token),
	    TOKEN_TEST(a_job_is_of_its_tokens_share),
	    TOKEN_TEST(who_is_refused_is_forgotten),
	    TOKEN_TEST(seed_routes_ask_for_a_token),
	    TOKEN_TEST(without_a_set_nothing_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
