/*
 * F25: a second after a load of hashes with a marker as password, the marker is in no
 * process's memory and in no log.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/sanitized.h"
#include "tests/system/api.h"
#include "tests/system/process.h"

/* SANITIZED: terabytes of shadow are too much to search. */

/* In none of the program's own texts. */
#define MARKER "Zq7marker"
#define MARKER_B64 "WnE3bWFya2Vy"
#define KEY_MARKER "Kv3pepper"

/* of some other password */
#define BCRYPT "$2b$04$JoDanvapU5.EyKjj6CtniOH6RtPNxVkjFmsNOphE8HSqVSXpl1lBW"

enum { CHUNK = 1 << 20, CLIENTS = 8, REQUESTS = 1000, TEXT = 4096 };

/* ---- searching ---- */

struct search {
	const struct daemon *d;
	pid_t pid;
	size_t hits;
	bool report;
	const char *marker; /* no longer than MARKER_B64 */
	char bytes[CHUNK + sizeof(MARKER_B64)];
};

/* One mapping. What cannot be read (a device's page, a hole) has nothing of ours. */
static void search_range(
    struct search *s, int mem, uint64_t from, uint64_t end, const char *name)
{
	const size_t marker = strlen(s->marker);
	char title[PROCESS_TITLE];

	for (uint64_t at = from; at < end; at += CHUNK) {
		size_t want = CHUNK + marker - 1;
		ssize_t n;
		const char *hit;

		if (want > end - at)
			want = end - at;
		n = pread(mem, s->bytes, want, (off_t)at);
		hit = n > 0 ? memmem(s->bytes, (size_t)n, s->marker, marker) : NULL;
		if (hit == NULL)
			continue;
		s->hits++;
		process_title(s->pid, title);
		if (s->report)
			print_message("%s: at %llx of %s: %.32s\n", title,
			    (unsigned long long)at +
			        (unsigned long long)(hit - s->bytes),
			    name, hit);
	}
}

static void search_process(struct search *s, pid_t pid)
{
	char path[64], *maps, *line, *save = NULL;
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = harness_read_file(path);
	assert_return_code(mem, errno);
	assert_non_null(maps);
	s->pid = pid;
	for (line = strtok_r(maps, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		unsigned long long from, end;
		char name[128] = "", access[5] = "";

		/* what the process itself cannot read gives nothing away */
		if (sscanf(line, "%llx-%llx %4s %*s %*s %*s %127s", &from, &end, access,
		        name) >= 3 &&
		    access[0] == 'r' && name[1] != 'v') /* [vvar], [vdso], [vsyscall] */
			search_range(s, mem, from, end, name);
	}
	free(maps);
	close(mem);
}

static size_t search_all(struct search *s, bool report)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(s->d->pid, pids, PROCESS_MAX);

	s->hits = 0;
	s->report = report;
	search_process(s, s->d->pid);
	for (size_t i = 0; i < n; i++)
		search_process(s, pids[i]);
	return s->hits;
}

static bool is_found(void *arg)
{
	return search_all(arg, false) > 0;
}

/* A search that begins a second after this finds nothing. */
static void expect_forgotten(struct search *s)
{
	const uint64_t limit = harness_now_ms() + 1000 * harness_slow();
	uint64_t begun;

	do {
		begun = harness_now_ms();
		if (search_all(s, begun >= limit) == 0)
			return;
	} while (begun < limit);
	fail_msg("a password is left in %zu places", s->hits);
}

/* ---- passwords ---- */

static void get(
    struct client *client, struct response *r, const char *path, unsigned n, int status)
{
	char text[256];

	snprintf(text, sizeof(text), "%s" MARKER "%u", path, n);
	client_get(client, r, text);
	if (r->status != status)
		fail_msg("%s: %d", path, r->status);
}

static void ask_a_thousand(const struct daemon *d)
{
	static const char *const ways[] = {
	    "/hash/", "/hash_rayon/", "/hash/%5Aq7marker"};
	struct client clients[CLIENTS];
	struct response r = {0};

	for (unsigned i = 0; i < CLIENTS; i++)
		client_open(&clients[i], i % 2 == 0 ? &d->tcp : &d->local);
	for (unsigned i = 0; i < REQUESTS; i++)
		get(&clients[i % CLIENTS], &r, ways[i % 3], i, 200);
	for (unsigned i = 0; i < CLIENTS; i++)
		client_close(&clients[i]);
	response_free(&r);
}

/* In pieces, one behind the other, and behind a password that is too long. */
static void ask_in_other_ways(const struct daemon *d)
{
	static const char two[] = "GET /hash/" MARKER "a HTTP/1.1\r\nHost: t\r\n\r\n"
	                          "GET /hash_rayon/" MARKER
	                          "b HTTP/1.1\r\nHost: t\r\nX-Note: " MARKER "\r\n\r\n";
	struct client client;
	struct response r = {0};
	char text[TEXT];
	size_t n;

	client_open(&client, &d->tcp);
	client_drip(&client, "GET /hash/" MARKER "c HTTP/1.1\r\nHost: t\r\n\r\n");
	client_read(&client, &r, false);
	assert_int_equal(r.status, 200);
	client_say(&client, two);
	client_read(&client, &r, false);
	assert_int_equal(r.status, 200);
	client_read(&client, &r, false);
	assert_int_equal(r.status, 200);
	get(&client, &r, "/nowhere/", 1, 404);
	n = (size_t)snprintf(text, sizeof(text), "GET /hash/");
	while (n + 64 < sizeof(text))
		n += (size_t)snprintf(text + n, sizeof(text) - n, MARKER);
	snprintf(text + n, sizeof(text) - n, " HTTP/1.1\r\nHost: t\r\n\r\n");
	client_ask(&client, &r, text);
	assert_int_equal(r.status / 100, 4);
	client_close(&client);
	response_free(&r);
}

/* Bodies, wanted or not, whole or in chunks; and what is no HTTP. */
static void ask_for_too_much(const struct daemon *d)
{
	static const char *const texts[] = {
	    "POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
	    "Content-Length: 28\r\n\r\n{\"password\":\"" MARKER "1234\"}",
	    "POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
	    "Transfer-Encoding: chunked\r\n\r\nd\r\n{\"password\":\"\r\n9\r\n" MARKER
	    "\r\n2\r\n\"}\r\n0\r\n\r\n",
	    "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n" MARKER,
	    "GET /hash/" MARKER " HTTP/9.9\r\nHost: t\r\n\r\n",
	    "nonsense " MARKER "\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct response r = {0};
		struct client client;

		client_open(&client, &d->tcp);
		client_ask(&client, &r, texts[i]);
		assert_int_not_equal(r.status, 0);
		client_close(&client);
		response_free(&r);
	}
}

/* All other places in which somebody might leave a password; not X-Request-Id, which is
 * there to be logged. */
static const char *const paths[] = {"/hash/", "/hash_rayon/", "/user/", "/user/1?",
    "/livez?", "/readyz?verbose&", "/metrics?", "/status?", "/v1/hash?", "/v1/verify?",
    "/openapi.json?", "/?", "//", "/hash/x/", "http://t/hash/", "http://" MARKER "/"};
static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "OPTIONS", "BREW"};
static const char *const headers[] = {"Authorization: Bearer ", "Authorization: Basic ",
    "Cookie: password=", "User-Agent: ", "Referer: http://t/hash/", "Content-Type: ",
    "Accept: ", "If-None-Match: ", "Expect: ", "Upgrade: ", "X-Password: ", MARKER ": ",
    "Content-Length: ", "Transfer-Encoding: ", "Host: "};

static void ask_once(const struct daemon *d, const char *text)
{
	struct response r = {0};
	struct client client;

	client_open(&client, &d->tcp);
	client_say(&client, text);
	client_half_close(&client);
	client_read(&client, &r, strncmp(text, "HEAD ", 5) == 0);
	if (r.status != 0 &&
	    (strstr(r.head, MARKER) != NULL || strstr(r.body, MARKER) != NULL))
		fail_msg("it comes back: %s%s", r.head, r.body);
	client_close(&client);
	response_free(&r);
}

static void ask_everywhere(const struct daemon *d)
{
	char text[512];

	for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++)
		for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]); m++) {
			snprintf(text, sizeof(text),
			    "%s %s" MARKER "e HTTP/1.1\r\nHost: t\r\n\r\n", methods[m],
			    paths[p]);
			ask_once(d, text);
		}
	for (size_t h = 0; h < sizeof(headers) / sizeof(headers[0]); h++)
		for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
			snprintf(text, sizeof(text),
			    "GET %sx HTTP/1.1\r\nHost: t\r\n%s" MARKER "h\r\n\r\n",
			    paths[p], headers[h]);
			ask_once(d, text);
		}
}

/* Through /v1: hashed, verified right and wrong, made anew, in an old format, as
 * base64; and what is refused after it was read. */
static void ask_v1(const struct daemon *d)
{
	static const char *const refused[] = {"{\"password\":\"" MARKER "\",\"x\":1}",
	    "{\"password\":\"" MARKER "\"}x", "{\"password\":\"" MARKER "\\x\"}",
	    "{\"password\":\"" MARKER "\",\"password\":\"" MARKER "\"}",
	    "{\"x" MARKER "\":\"" MARKER "\"}",
	    "{\"password\":\"" MARKER "\",\"profile\":\"" MARKER "\"}",
	    "{\"password_b64\":\"" MARKER_B64 "=\"}"};
	char hash[API_HASH_MAX];
	struct api api;

	api_open(&api, d);
	for (unsigned i = 0; i < 50; i++) {
		api_hash(&api, MARKER "one", "weak", hash);
		assert_int_equal(
		    api_verify(&api, MARKER "one", hash, ",\"rehash\":true"),
		    API_REHASH);
		assert_int_equal(api_verify(&api, MARKER "two", hash, ""), API_INVALID);
		assert_int_equal(api_verify(&api, MARKER "two", NULL, ""), API_INVALID);
		assert_int_equal(
		    api_verify(&api, MARKER "two", BCRYPT, ",\"profile\":\"weak\""),
		    API_INVALID);
		assert_int_equal(
		    api_post(&api, "hash", "{\"password_b64\":\"" MARKER_B64 "\"}"),
		    200);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_in_range(api_post(&api, "hash", "%s", refused[i]), 400, 422);
	api_close(&api);
}

/* Clients that leave: in the middle of asking, while a job is under way, with a reset.
 */
static void leave(const struct daemon *d)
{
	static const char *const texts[] = {
	    "GET /hash/" MARKER,
	    "POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Length: 99\r\n\r\n" MARKER,
	    "GET /hash/" MARKER " HTTP/1.1\r\nHost: t\r\n\r\n",
	    "GET /hash_rayon/" MARKER " HTTP/1.1\r\nHost: t\r\n\r\nGET /hash/" MARKER,
	};

	for (unsigned i = 0; i < 32; i++) {
		struct client client;

		client_open(&client, &d->tcp);
		client_say(&client, texts[i % 4]);
		if (i % 8 < 4)
			client_reset(&client);
		else
			client_close(&client);
	}
}

/* A password that waits can be found: so the search can see. */
static void expect_seen(struct search *s, const struct daemon *d)
{
	const pid_t pid = process_find(d, "hasher fixed/0");
	struct response r = {0};
	struct client client;

	process_hold(d, pid);
	client_open(&client, &d->tcp);
	client_say(&client, "GET /hash_rayon/" MARKER "w HTTP/1.1\r\nHost: t\r\n\r\n");
	wait_until(is_found, s, "a password that waits");
	assert_return_code(kill(d->pid, SIGCONT), errno);
	process_kill(pid); /* and is tried again by another */
	client_read(&client, &r, false);
	assert_int_equal(r.status, 200);
	client_close(&client);
	response_free(&r);
}

static void forget(struct daemon *d, const char *engine)
{
	struct search *s;
	char option[64];

	snprintf(option, sizeof(option), "engine=%s", engine);
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "profile.weak.memory=32K", "profile.weak.accept=bcrypt",
	    "verify_max_memory=1M", "log_level=debug", "pool.fixed.min_processes=1",
	    "pool.fixed.max_processes=1", "pool.fixed.retries=1", "access_log=on",
	    option, NULL);
	if (SANITIZED || !process_titles_visible(d) || geteuid() != 0) {
		daemon_stop(d);
		print_message("needs root, no wrapper and no sanitizer\n");
		skip();
	}
	s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->d = d;
	s->marker = MARKER;
	expect_seen(s, d);
	ask_a_thousand(d);
	ask_in_other_ways(d);
	ask_for_too_much(d);
	ask_everywhere(d);
	ask_v1(d);
	leave(d);
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	expect_forgotten(s);
	s->marker = MARKER_B64;
	expect_forgotten(s);
	assert_false(daemon_log_has(d, MARKER));
	assert_false(daemon_log_has(d, MARKER_B64));
	daemon_stop(d);
	free(s);
}

/* The hashers have a key, and nobody else, not even for a moment of a reload. */
static void test_keys_are_the_hashers(void **state)
{
	struct daemon *d = *state;
	char path[96], option[128], title[PROCESS_TITLE], hash[API_HASH_MAX];
	pid_t pids[PROCESS_MAX];
	struct search *s;
	struct api api;
	size_t n;

	harness_path(path, d->dir, "key");
	harness_write_file(path, KEY_MARKER "-with-more");
	assert_return_code(chmod(path, 0600), errno);
	snprintf(option, sizeof(option), "key.new.file=%s", path);
	/* decoys are chosen by it as well */
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "profile.default.key=new", "profile.default.decoy=default;2*default",
	    option, NULL);
	if (SANITIZED || !process_titles_visible(d) || geteuid() != 0) {
		unlink(path);
		daemon_stop(d);
		skip();
	}
	api_open(&api, d);
	api_hash(&api, "x", "default", hash);
	assert_int_equal(api_verify(&api, "x", NULL, ",\"user\":\"u\""), API_INVALID);
	api_close(&api);
	s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->d = d;
	s->marker = KEY_MARKER;
	search_process(s, d->pid);
	assert_int_equal(s->hits, 0);
	n = process_children(d->pid, pids, PROCESS_MAX);
	for (size_t i = 0; i < n; i++) {
		process_title(pids[i], title);
		s->hits = 0;
		search_process(s, pids[i]);
		if (strstr(title, "hasher elastic") != NULL ||
		    strstr(title, "hasher fixed") != NULL)
			assert_int_equal(s->hits, 1);
		else
			assert_int_equal(s->hits, 0);
	}
	assert_false(daemon_log_has(d, KEY_MARKER));
	free(s);
	unlink(path);
	daemon_stop(d);
}
static void test_passwords_are_forgotten(void **state)
{
	forget(*state, "auto");
}

static void test_libargon2_forgets_too(void **state)
{
	forget(*state, "libargon2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_passwords_are_forgotten),
	    daemon_test(test_libargon2_forgets_too),
	    daemon_test(test_keys_are_the_hashers),
	};

	return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
