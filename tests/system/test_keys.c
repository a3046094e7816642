/*
 * Keys (peppers) and bearer tokens: who has them, and how they change.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/api.h"
#include "tests/system/process.h"

/* The config file anew, with what differs from test to test. */
static void configure(const struct daemon *d, const char *rest)
{
	char text[2048];

	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:0\", \"unix:%s\"}\npidfile = \"%s\"\n"
	    "store = \"sqlite:%s\"\nfrontend { processes = 2 }\n%s",
	    d->socket, d->pidfile, d->store, rest);
	harness_write_file(d->conf, text);
}

/* Writes DIR/name with that text and mode. */
static void file_write(
    const struct daemon *d, const char *name, const char *text, mode_t mode)
{
	char path[96];
	int fd;

	harness_path(path, d->dir, name);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* Other bytes in the same file, without a moment in which it is another's. */
static void file_rewrite(const struct daemon *d, const char *name, const char *text)
{
	char path[96];
	int fd;

	harness_path(path, d->dir, name);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void file_remove(const struct daemon *d, const char *name)
{
	char path[96];

	harness_path(path, d->dir, name);
	unlink(path);
}

static void reload(struct daemon *d, const char *pattern)
{
	daemon_log_mark(d);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, pattern);
}

/* A connection to the generation that a reload has made: the one before accepts until
 * it has been told. `hash` verified says `expected` there. */
struct newest {
	const struct daemon *d;
	struct api *api;
	const char *hash, *expected;
};

static bool newest_open(void *arg)
{
	const struct newest *newest = arg;

	api_open(newest->api, newest->d);
	api_post(newest->api, "verify", "{\"password\":\"hunter2\",\"hash\":\"%s\"}",
	    newest->hash);
	if (strstr(newest->api->r.body, newest->expected) != NULL)
		return true;
	api_close(newest->api);
	return false;
}

static void open_newest(
    const struct daemon *d, struct api *api, const char *hash, const char *expected)
{
	struct newest newest = {d, api, hash, expected};

	api_close(api);
	wait_until(newest_open, &newest, expected);
}

#define COSTS "memory = 64K time = 1"

/* A profile with the key of that name, which is one of those given. */
static void configure_key(
    const struct daemon *d, const char *key, const char *a, const char *b)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    "profile default { " COSTS " key = \"%s\" }\n"
	    "profile bare { " COSTS " }\n"
	    "key \"%s\" { file = \"%s/%s\" verify_only = %s }\n"
	    "key \"%s\" { file = \"%s/%s\" verify_only = %s }\n",
	    key, a, d->dir, a, strcmp(key, a) == 0 ? "off" : "on", b, d->dir, b,
	    strcmp(key, b) == 0 ? "off" : "on");
	configure(d, text);
}

/* The key goes in, is named in the hash, and is replaced by a reload without loss. */
static void test_rotation(void **state)
{
	struct daemon *d = *state;
	char first[API_HASH_MAX], second[API_HASH_MAX], bare[API_HASH_MAX],
	    text[API_HASH_MAX];
	struct api api;

	file_write(d, "k2025", "the first pepper", 0600);
	file_write(d, "k2026", "the second pepper", 0400);
	configure_key(d, "k2025", "k2025", "k2026");
	/* read before the privileges are given up */
	daemon_start(d,
	    geteuid() == 0 ? "pool.elastic.user=nobody" : "pool.elastic.nice=10", NULL);
	api_open(&api, d);
	api_hash(&api, "hunter2", "default", first);
	assert_non_null(strstr(first, ",p=1,keyid=azIwMjU$")); /* k2025 */
	assert_int_equal(api_verify(&api, "hunter2", first, ""), API_VALID);
	assert_int_equal(api_verify(&api, "hunter3", first, ""), API_INVALID);
	api_hash(&api, "hunter2", "bare", bare);
	assert_null(strstr(bare, "keyid"));
	/* the same hash without its key's name, and with another one's */
	snprintf(text, sizeof(text), "%.*s%s", (int)(strstr(first, ",keyid") - first),
	    first, strchr(strstr(first, "keyid"), '$'));
	assert_int_equal(api_verify(&api, "hunter2", text, ""), API_INVALID);
	snprintf(text, sizeof(text), "%s", first);
	*(strstr(text, "azIwMjU") + strlen("azIwMj")) = 'Y';
	assert_int_equal(api_verify(&api, "hunter2", text, ""), API_INVALID);

	configure_key(d, "k2026", "k2025", "k2026");
	reload(d, "ready, generation 2$");
	open_newest(d, &api, first, "\"key\"");
	assert_int_equal(
	    api_verify(&api, "hunter2", first, ",\"rehash\":true"), API_REHASH);
	assert_non_null(strstr(api.r.body, "\"rehash_reasons\":[\"key\"]"));
	api_text(&api, "new_hash", second, sizeof(second));
	assert_non_null(strstr(second, ",keyid=azIwMjY$"));
	assert_int_equal(api_verify(&api, "hunter2", second, ""), API_VALID);
	assert_int_equal(api_verify(&api, "hunter2", bare, ""), API_REHASH);
	assert_non_null(strstr(api.r.body, "[\"key\"]"));

	configure(d, "profile default { " COSTS " }\n");
	reload(d, "ready, generation 3$");
	open_newest(d, &api, second, "unknown-key");
	assert_int_equal(api.r.status, 422);
	assert_int_equal(api_verify(&api, "hunter2", bare, ""), API_VALID);
	api_close(&api);
	file_remove(d, "k2025");
	file_remove(d, "k2026");
	daemon_stop(d);
}

/* On a connection of its own: one that is kept ends with its generation. */
static enum api_verdict verify_once(
    const struct daemon *d, const char *password, const char *hash)
{
	enum api_verdict verdict;
	struct api api;

	api_open(&api, d);
	verdict = api_verify(&api, password, hash, "");
	api_close(&api);
	return verdict;
}

/* Reloads that rotate the key while hashes of both are verified: each is found right,
 * whichever generation answers. */
static void test_rotation_under_way(void **state)
{
	struct daemon *d = *state;
	char hash[2][API_HASH_MAX], pattern[48];
	static const char *const names[] = {"one", "two"};
	const unsigned rounds = harness_rounds(6, 60);
	struct api api;

	file_write(d, "one", "the first pepper", 0600);
	file_write(d, "two", "the second pepper", 0600);
	for (unsigned i = 0; i < rounds; i++) {
		configure_key(d, names[i % 2], "one", "two");
		if (i == 0)
			daemon_start(d, NULL);
		else
			assert_return_code(kill(d->pid, SIGHUP), errno);
		snprintf(pattern, sizeof(pattern), "ready, generation %u$", i + 1);
		if (i < 2) {
			daemon_wait_log(d, pattern);
			api_open(&api, d);
			api_hash(&api, "hunter2", "default", hash[i]);
			api_close(&api);
			continue;
		}
		do {
			for (unsigned h = 0; h < 2; h++) {
				assert_int_not_equal(
				    verify_once(d, "hunter2", hash[h]), API_INVALID);
				assert_int_equal(
				    verify_once(d, "wrong", hash[h]), API_INVALID);
			}
		} while (!daemon_log_has(d, pattern));
	}
	file_remove(d, "one");
	file_remove(d, "two");
	daemon_stop(d);
}

/* KILL to every process whose title begins with `what`, and a wait for as many others.
 */
static void replace_all(const struct daemon *d, const char *what)
{
	pid_t pids[PROCESS_MAX];
	char title[PROCESS_TITLE];
	size_t n = process_all(d, what, pids, PROCESS_MAX);

	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		process_title(pids[i], title);
		title[strcspn(title, "[") - 1] = '\0';
		process_kill(pids[i]);
		process_wait_new(d, title + strlen("argond: "), pids[i]);
	}
}

/* Hashers are born at any time; the file of their key is read at one. Whatever is done
 * to it then, a generation has the key that it began with, and a reload the new one. */
static void test_rewritten_in_place(void **state)
{
	struct daemon *d = *state;
	char first[API_HASH_MAX], second[API_HASH_MAX];
	struct api api;

	file_write(d, "a", "the first pepper", 0600);
	file_write(d, "b", "another pepper", 0600);
	configure_key(d, "a", "a", "b");
	daemon_start(d, "pool.elastic.max_processes=1", NULL);
	if (!process_titles_visible(d)) {
		file_remove(d, "a");
		file_remove(d, "b");
		daemon_stop(d);
		skip();
	}
	api_open(&api, d);
	api_hash(&api, "hunter2", "default", first);
	file_rewrite(d, "a", "the other pepper");
	replace_all(d, "hasher elastic/");
	assert_int_equal(api_verify(&api, "hunter2", first, ""), API_VALID);
	file_remove(d, "a");
	replace_all(d, "hasher elastic/");
	assert_int_equal(api_verify(&api, "hunter2", first, ""), API_VALID);
	api_hash(&api, "hunter2", "default", second);
	assert_int_equal(api_verify(&api, "hunter2", second, ""), API_VALID);

	/* it is not there: no reload, and all goes on */
	reload(d, "key.a.file: .*/a: No such file");
	assert_int_equal(api_verify(&api, "hunter2", first, ""), API_VALID);
	file_write(d, "a", "the other pepper", 0600);
	daemon_log_mark(d);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "key a: .*/a has other bytes than before");
	daemon_wait_log(d, "ready, generation 2$");
	open_newest(d, &api, first, "\"valid\":false");
	assert_int_equal(api_verify(&api, "hunter2", second, ""), API_INVALID);
	api_hash(&api, "hunter2", "default", second);
	assert_int_equal(api_verify(&api, "hunter2", second, ""), API_VALID);
	assert_false(daemon_log_has(d, "key b: .*other bytes"));
	api_close(&api);
	file_remove(d, "a");
	file_remove(d, "b");
	daemon_stop(d);
}

/* A key that cannot be read, or that others can: no start, and no reload. */
static void test_bad_key_files(void **state)
{
	struct daemon *d = *state;
	static const struct {
		const char *text;
		mode_t mode;
		const char *said;
	} rows[] = {
	    {"long enough", 0620, "others may"},
	    {"long enough", 0604, "others may"},
	    {"short", 0600, "shorter than 8 bytes"},
	};
	struct api api;
	char hash[API_HASH_MAX], said[128];

	file_write(d, "old", "the old pepper", 0600);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		file_write(d, "new", rows[i].text, rows[i].mode);
		configure_key(d, "new", "old", "new");
		daemon_launch(d, NULL);
		assert_int_equal(daemon_wait_end(d), 1 << 8);
		snprintf(said, sizeof(said), "key.new.file: .*: %s", rows[i].said);
		daemon_wait_log(d, said);
	}
	configure(d, "profile default { " COSTS " }\n");
	daemon_start(d, NULL);
	api_open(&api, d);
	api_hash(&api, "hunter2", "default", hash);
	configure_key(d, "new", "old", "new");
	reload(d, "shorter than 8 bytes");
	assert_int_equal(api_verify(&api, "hunter2", hash, ""), API_VALID);
	api_close(&api);
	file_remove(d, "old");
	file_remove(d, "new");
	daemon_stop(d);
}

/* ---- tokens ---- */

static int try_token(const struct daemon *d, const char *token)
{
	struct api api;
	int status;

	api_open(&api, d);
	api.token = token;
	status = api_post(&api, "hash", "{\"password\":\"x\"}");
	if (status == 401)
		assert_true(response_has(
		    &api.r, "WWW-Authenticate", "Bearer realm=\"argond\""));
	api_close(&api);
	return status;
}

struct trial {
	const struct daemon *d;
	const char *token;
	int status;
};

static bool is_answered(void *arg)
{
	const struct trial *trial = arg;

	return try_token(trial->d, trial->token) == trial->status;
}

/* Until every frontend says so, those of the generation before do not. */
static void wait_token(const struct daemon *d, const char *token, int status)
{
	struct trial trial = {d, token, status};

	wait_until(is_answered, &trial, token);
}

static void test_tokens(void **state)
{
	struct daemon *d = *state;
	char text[256];

	file_write(d, "tokens", "# of tests\none-token\ntwo+token==\n", 0600);
	snprintf(text, sizeof(text),
	    "token_file = \"%s/tokens\"\nprofile default { " COSTS " }\n", d->dir);
	configure(d, text);
	daemon_start(d, NULL);
	assert_int_equal(try_token(d, NULL), 401);
	assert_int_equal(try_token(d, "three"), 401);
	assert_int_equal(try_token(d, "one-token2"), 401);
	assert_int_equal(try_token(d, "one-token"), 200);
	assert_int_equal(try_token(d, "two+token=="), 200);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 401);

	file_rewrite(d, "tokens", "three\n");
	if (process_titles_visible(d))
		replace_all(d, "frontend ");
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(try_token(d, "three"), 401);
		assert_int_equal(try_token(d, "one-token"), 200);
	}
	reload(d, "ready, generation 2$");
	wait_token(d, "three", 200);
	wait_token(d, "one-token", 401);

	file_write(d, "tokens", "not a token\n", 0600);
	reload(d, "token_file: .*: a line is no token");
	file_write(d, "tokens", "four\n", 0620);
	reload(d, "token_file: .*: others may read");
	wait_token(d, "three", 200);
	assert_false(daemon_log_has(d, "one-token"));
	file_remove(d, "tokens");
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_rotation),
	    daemon_test(test_rotation_under_way),
	    daemon_test(test_rewritten_in_place),
	    daemon_test(test_bad_key_files),
	    daemon_test(test_tokens),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
