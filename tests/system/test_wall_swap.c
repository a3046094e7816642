/*
 * No password reaches a disk: each page that has one, in whatever process and at
 * whatever moment, is locked and is left out of a core. Looked for are passwords that
 * wait, in whatever form they came, and those that a hasher works on.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/sanitized.h"
#include "tests/system/api.h"
#include "tests/system/confined.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"
#include "tests/system/run.h"

/* SANITIZED: it makes mlock() do nothing. */

/* In none of the program's own texts. */
#define MARKER "Xw5marker"

enum { CHUNK = 1 << 20, WAITING = 300, LONG_ONES = 40, ADDRESSES = 16 };

/* ---- searching ---- */

struct search {
	const struct daemon *d;
	pid_t pid;
	size_t hits, unlocked;
	/* of the mapping that is read: its hits, and the first of them */
	size_t here;
	uint64_t at[ADDRESSES];
	char bytes[CHUNK + sizeof(MARKER)];
};

static void search_range(struct search *s, int mem, uint64_t from, uint64_t end)
{
	s->here = 0;
	for (uint64_t at = from; at < end; at += CHUNK) {
		const size_t want =
		    end - at < sizeof(s->bytes) ? (size_t)(end - at) : sizeof(s->bytes);
		const ssize_t n = pread(mem, s->bytes, want, (off_t)at);
		const char *hit = s->bytes, *stop = s->bytes + (n > 0 ? n : 0);

		while (hit < stop && (hit = memmem(hit, (size_t)(stop - hit), MARKER,
		                          strlen(MARKER))) != NULL) {
			if (s->here < ADDRESSES)
				s->at[s->here] = at + (uint64_t)(hit - s->bytes);
			s->here++;
			hit++;
		}
	}
	s->hits += s->here;
}

/* The mapping's last line in smaps(5) has come. */
static void search_judge(struct search *s, const char *flags, const char *name)
{
	char title[PROCESS_TITLE];

	if (s->here == 0 ||
	    (strstr(flags, " lo") != NULL && strstr(flags, " dd") != NULL))
		return;
	process_title(s->pid, title);
	s->unlocked += s->here;
	for (size_t i = 0; i < s->here && i < ADDRESSES; i++)
		print_message("%s: at %llx of %s, %s\n", title,
		    (unsigned long long)s->at[i],
		    *name != '\0' ? name : "anonymous memory", flags);
}

static void search_process(struct search *s, pid_t pid)
{
	char path[64], *smaps, *line, *save = NULL, name[128] = "";
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	smaps = harness_read_file(path);
	assert_return_code(mem, errno);
	assert_non_null(smaps);
	s->pid = pid;
	for (line = strtok_r(smaps, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		unsigned long long from, end;
		char access[5] = "";

		if (strncmp(line, "VmFlags:", 8) == 0) {
			search_judge(s, line, name);
		} else if (sscanf(line, "%llx-%llx %4s", &from, &end, access) == 3) {
			*name = '\0';
			(void)sscanf(line, "%*s %*s %*s %*s %*s %127s", name);
			s->here = 0;
			if (access[0] == 'r' && name[1] != 'v') /* [vvar] */
				search_range(s, mem, from, end);
		}
	}
	free(smaps);
	close(mem);
}

static void search_all(struct search *s)
{
	pid_t pids[PROCESS_MAX];
	const size_t n = process_children(s->d->pid, pids, PROCESS_MAX);

	s->hits = s->unlocked = 0;
	search_process(s, s->d->pid);
	for (size_t i = 0; i < n; i++)
		search_process(s, pids[i]);
}

static struct search *search_open(const struct daemon *d)
{
	struct search *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->d = d;
	return s;
}

static void need_root(void)
{
	if (!SANITIZED && !harness_wrapped() && geteuid() == 0)
		return;
	print_message("needs root, no wrapper and no sanitizer\n");
	skip();
}

/* ---- passwords that wait ---- */

static void say_json(struct client *client, unsigned i, const char *filling)
{
	char text[4096], body[3072];

	snprintf(body, sizeof(body),
	    "{\"password\":\"" MARKER "%u%s\",\"pool\":\"fixed\"}", i, filling);
	snprintf(text, sizeof(text),
	    "POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    strlen(body), body);
	assert_true(client_say(client, text));
}

static void say_path(struct client *client, unsigned i, const char *filling)
{
	char text[256];

	(void)filling;
	snprintf(text, sizeof(text),
	    "GET /hash_rayon/" MARKER "%u HTTP/1.1\r\nHost: t\r\n\r\n", i);
	assert_true(client_say(client, text));
}

/* In pieces, the last of which does not come. */
static void say_a_part(struct client *client, unsigned i, const char *filling)
{
	char text[256];

	(void)filling;
	snprintf(text, sizeof(text),
	    i % 8 < 4 ? "GET /hash_rayon/" MARKER "%u HTTP/1.1\r\n"
	              : "POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Length: 200\r\n"
	                "Content-Type: application/json\r\n\r\n{\"password\":\"" MARKER
	                "%u",
	    i);
	assert_true(client_say(client, text));
}

/* One behind the other. */
static void say_two(struct client *client, unsigned i, const char *filling)
{
	say_path(client, i, filling);
	say_json(client, i, filling);
}

static bool is_in_place(void *arg)
{
	struct search *s = arg;

	search_all(s);
	return s->hits >= WAITING + LONG_ONES;
}

static void passwords_that_wait_are_locked(void **state)
{
	static void (*const ways[])(struct client *, unsigned, const char *) = {
	    say_json, say_path, say_a_part, say_two};
	static struct client clients[WAITING + LONG_ONES];
	static char filling[900];
	struct daemon *d = *state;
	struct search *s;
	pid_t pid;

	need_root();
	daemon_start(d, CONFINED_SMALL, "pool.fixed.deadline=1m", NULL);
	pid = process_find(d, "hasher fixed/0");
	process_hold(d, pid);
	memset(filling, 'x', sizeof(filling) - 1);
	for (unsigned i = 0; i < WAITING + LONG_ONES; i++) {
		client_open(&clients[i], i % 2 == 0 ? &d->tcp : &d->local);
		if (i < WAITING)
			ways[i % 4](&clients[i], i, "");
		else
			say_json(&clients[i], i, filling);
	}
	s = search_open(d);
	wait_until(is_in_place, s, "passwords in memory");
	print_message("%zu places, %zu of them not locked\n", s->hits, s->unlocked);
	assert_int_equal(s->unlocked, 0);
	process_release(d, pid);
	for (unsigned i = 0; i < WAITING + LONG_ONES; i++)
		client_close(&clients[i]);
	free(s);
	daemon_stop(d);
}

/* ---- passwords at work ---- */

/* Each takes long enough to be caught, most of the time. */
static const char *const hashes[] = {
    "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$6$rounds=99999$salt1234salt1234$"
    "AaS9nuW7gNLgi4ZmPFm8IGtmt5YgVMa6kLN27idrE7S4Xmu8NWm"
    "7X.x8jcZ8XXaJDh6K8uLOfz1NEXOKaZ6W40",
    "pbkdf2_sha1$400000$seasalt$I+GIv5b1beEwEVH6hrB5JGI53cs=",
    "scrypt:65536:8:1$saltsalt$49db9ccca40aa5e011fe644543e63c1281dfb80ff3596d"
    "8e74092fc1657214b359123a8bc451e81ed52edb229b4ea47093811de15b74dbc46e6e5e2f6bc1fd0"
    "f",
    "$y$j9T$Zr.v6Cf9T6FyEj73WvJO6.$RYo.kGCVmehVjBc3UrBP6js3TgFHUAg.4DIIp.k7hx4",
    "$P$ERB4mDcJkIhS52nX6BJra6vwJohZVJ1",
    "$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
};

static void catch_at_work(struct daemon *d, const struct peek *peek, const char *hash)
{
	const size_t slot = peek->pool_slot[PEEK_FIXED];
	struct search *s = search_open(d);
	struct response r = {0};
	struct client client;
	char text[1024], body[768];
	pid_t pid = process_find(d, "hasher fixed/0");

	snprintf(body, sizeof(body),
	    "{\"password\":\"" MARKER
	    "\",\"hash\":\"%s\",\"pool\":\"fixed\",\"rehash\":true}",
	    hash);
	snprintf(text, sizeof(text),
	    "POST /v1/verify HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    strlen(body), body);
	client_open(&client, &d->tcp);
	do {
		client_say(&client, text);
		peek_wait_claim(peek, slot);
		process_hold(d, pid);
		search_all(s);
		if (s->hits == 0) /* it was quicker */
			process_release(d, pid);
		else
			break;
		client_read(&client, &r, false);
	} while (true);
	print_message("%.12s...: %zu places, %zu of them not locked\n", hash, s->hits,
	    s->unlocked);
	assert_int_equal(s->unlocked, 0);
	process_release(d, pid);
	client_read(&client, &r, false);
	assert_int_equal(r.status, 200);
	client_close(&client);
	response_free(&r);
	free(s);
}

static void at_work(struct daemon *d, const char *engine)
{
	char option[64];
	struct peek peek;

	need_root();
	snprintf(option, sizeof(option), "engine=%s", engine);
	daemon_start(d, CONFINED_SMALL, "pool.fixed.deadline=1m", option,
	    "profile.default.accept=bcrypt,sha512crypt,django-pbkdf2,werkzeug-scrypt,"
	    "yescrypt,phpass",
	    NULL);
	assert_true(peek_open(&peek, d));
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		catch_at_work(d, &peek, hashes[i]);
	peek_close(&peek);
	daemon_stop(d);
}

static void passwords_at_work_are_locked(void **state)
{
	at_work(*state, "auto");
}

static void so_are_those_of_libargon2(void **state)
{
	at_work(*state, "libargon2");
}

/* ---- where the limit is low ---- */

static unsigned long locked_kib(pid_t pid)
{
	char path[64], *text, *line;
	unsigned long kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	text = harness_read_file(path);
	line = text != NULL ? strstr(text, "\nVmLck:") : NULL;
	if (line != NULL)
		kib = strtoul(line + 7, NULL, 10);
	free(text);
	return kib;
}

/* As much as the limit allows is locked, and the rest is served all the same. */
static void a_low_limit_is_used_and_survived(void **state)
{
	static struct client clients[WAITING];
	static char filling[900];
	struct daemon *d = *state;
	struct response r = {0};

	need_root();
	confined_folder(d, "nobody");
	confined_start_as_nobody(d); /* with 64 KiB */
	daemon_wait_log(d,
	    "info master: locked memory of a frontend: [0-9]+K needed, 64K "
	    "allowed");
	assert_in_range(locked_kib(process_find(d, "frontend 0")), 32, 64);
	assert_in_range(locked_kib(process_find(d, "hasher fixed/0")), 32, 64);
	memset(filling, 'x', sizeof(filling) - 1);
	for (unsigned i = 0; i < WAITING; i++) {
		client_open(&clients[i], i % 2 == 0 ? &d->tcp : &d->local);
		say_json(&clients[i], i, filling);
	}
	for (unsigned i = 0; i < WAITING; i++) {
		client_read(&clients[i], &r, false);
		assert_int_equal(r.status, 200);
		client_close(&clients[i]);
	}
	response_free(&r);
	confined_expect_service(d);
	daemon_stop(d);
}

/* -t has the numbers. */
static void the_test_of_a_config_says_what_is_needed(void **state)
{
	static struct run run;
	const struct rlimit small = {64 << 10, 64 << 10}; /* as above */
	struct daemon *d = *state;
	struct rlimit own;

	need_root();
	confined_folder(d, "nobody");
	assert_return_code(prlimit(0, RLIMIT_MEMLOCK, &small, &own), errno);
	setenv("ARGOND_WRAPPER",
	    "setpriv --reuid=nobody --regid=nogroup --clear-groups", 1);
	run_argond(&run, "-t", "-c", d->conf, NULL);
	unsetenv("ARGOND_WRAPPER");
	(void)setrlimit(RLIMIT_MEMLOCK, &own);
	assert_int_equal(run.status, 0);
	if (strstr(run.out, "\nlocked memory of a frontend: ") == NULL ||
	    strstr(run.out,
	        " needed, 64K allowed (RLIMIT_MEMLOCK, ulimit -l): passwords that do "
	        "not fit may be swapped out; raise it to ") == NULL)
		fail_msg("%s", run.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(passwords_that_wait_are_locked),
	    daemon_test(passwords_at_work_are_locked),
	    daemon_test(so_are_those_of_libargon2),
	    daemon_test(a_low_limit_is_used_and_survived),
	    daemon_test(the_test_of_a_config_says_what_is_needed),
	};

	return cmocka_run_group_tests_name("wall_swap", tests, NULL, NULL);
}
