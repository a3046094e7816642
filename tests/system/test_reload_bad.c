/*
 * F13: reloads that fail, each in another way. The old generation serves on as if
 * nothing had been: the same processes, the same fds; the log and `-s reload` say why.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config_table.h"
#include "tests/system/client.h"
#include "tests/system/house.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

enum { LINES = 6 }; /* of the good config, before what is bad */

static void configure(const struct daemon *d, const char *rest)
{
	char text[2048];

	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:0\", \"unix:%s\"}\npidfile = \"%s\"\n"
	    "store = \"sqlite:%s\"\nprofile default { memory = 64K time = 1 }\n"
	    "pool elastic { min_processes = 2 max_processes = 2 }\n"
	    "frontend { processes = 2 }\n%s",
	    d->socket, d->pidfile, d->store, rest);
	harness_write_file(d->conf, text);
}

/* A way to fail. In `text`, %s is the daemon's folder. */
struct way {
	const char *text;
	int line; /* after LINES; 0: the error names no line */
	const char *said;
};

static const struct way ways[] = {
    {"log_level = {", 1, "not closed"},
    {"pool web { jobs = {\"hash\"}", 0, "argond.conf"},
    {"nonsense = 1", 1, "nonsense"},
    {"\npool elastic2 { nonsense = 1 }", 2, "nonsense"},
    {"max_body = 9000G", 1, "max_body: 9000G"},
    {"hello_delay = 5", 1, "hello_delay"},
    {"seed_routes = off\nseed_routes = on", 2, "seed_routes"},
    {"memory_budget = 1M", 0, "memory_budget"}, /* connections need most */
    {"profile big { memory = 900G }", 1, "memory"},
    {"user = \"nobody-of-this-name\"", 1, "nobody-of-this-name"},
    {"group = \"no-group-of-this-name\"", 1, "no-group-of-this-name"},
    {"chroot = \"%s/nowhere\"", 1, "nowhere"},
    {"log = \"%s/nowhere/argond.log\"", 1, "nowhere"},
    {"log = \"%s\"", 1, "log: "},
    {"key pepper { file = \"%s/nowhere\" }", 1, "nowhere"},
    {"token_file = \"%s/nowhere\"", 1, "nowhere"},
    {"default_pool = \"nowhere\"", 1, "nowhere"},
};

static size_t count_errors(const struct daemon *d)
{
	return log_tail_count(d->log, d->log_mark, "] error ");
}

struct children {
	pid_t pids[PROCESS_MAX];
	size_t count;
};

static void count_children(const struct daemon *d, struct children *c)
{
	*c = (struct children){0};
	c->count = process_children(d->pid, c->pids, PROCESS_MAX);
}

static bool children_same(const struct daemon *d, const struct children *before)
{
	struct children now;

	count_children(d, &now);
	return now.count == before->count &&
	       memcmp(now.pids, before->pids, sizeof(now.pids)) == 0;
}

/* The reload fails, `said` tells the reason, and nobody has noticed. */
static void expect_failure(struct daemon *d, const char *said, const char *before)
{
	struct children children;
	char text[2048], why[1024];
	unsigned lines = 0;

	count_children(d, &children);
	daemon_log_mark(d);
	if (masters_send(d, "reload", text, sizeof(text)) != 1 ||
	    strstr(text, said) == NULL || strstr(text, "reload failed: ") == NULL)
		fail_msg("%s was expected, but: %s", said, text);
	for (const char *at = text; *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, 1);
	daemon_wait_log(d, "error master: reload failed, generation 1 stays: ");
	assert_true(log_tail_group(
	    d->log, d->log_mark, "generation 1 stays: (.*)$", why, sizeof(why)));
	assert_non_null(strstr(text, why)); /* both say the same */
	assert_int_equal(count_errors(d), 1);
	house_expect(d, before);
	assert_true(children_same(d, &children));
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
}

static void start(struct daemon *d, char before[HOUSE_TEXT])
{
	configure(d, "");
	daemon_start(d, NULL);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	house_settle(d, before);
}

/* And then a good one goes well. */
static void finish(struct daemon *d)
{
	char text[1024];

	configure(d, "hello_delay = 1ms\n");
	if (masters_send(d, "reload", text, sizeof(text)) != 0)
		fail_msg("a good reload: %s", text);
	daemon_wait_log(d, "ready, generation 2$");
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	daemon_stop(d);
}

static void test_ways(void **state)
{
	struct daemon *d = *state;
	char before[HOUSE_TEXT], rest[512], said[600];
	unsigned rounds = harness_rounds(1, 10);

	start(d, before);
	for (unsigned n = 0; n < rounds; n++)
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			const struct way *way = &ways[i];
			const char *dir = strstr(way->text, "%s");

			snprintf(rest, sizeof(rest), "%.*s%s%s",
			    dir != NULL ? (int)(dir - way->text) : 512, way->text,
			    dir != NULL ? d->dir : "", dir != NULL ? dir + 2 : "");
			configure(d, rest);
			snprintf(
			    said, sizeof(said), "%s:%d: ", d->conf, LINES + way->line);
			expect_failure(d, way->line != 0 ? said : way->said, before);
			if (!daemon_log_has(d, way->said))
				fail_msg("the log does not say: %s", way->said);
		}
	finish(d);
}

/* A directive that is misspelt, has no value or no end, or is said twice, in its
 * section. */
static void write_way(const struct daemon *d, size_t n)
{
	const struct config_directive *row =
	    &config_directives[n % config_directive_count];
	const struct config_section_row *section = &config_sections[row->section];
	char rest[512], line[256];

	if (n / config_directive_count == 0)
		snprintf(line, sizeof(line), "%ss = 1\n", row->name);
	else if (n / config_directive_count == 1)
		snprintf(line, sizeof(line), "%s =\n", row->name);
	else if (n / config_directive_count == 2)
		snprintf(line, sizeof(line), "%s = {\"\n", row->name);
	else
		snprintf(line, sizeof(line), "%s = \"%s\"\n%s = \"%s\"\n", row->name,
		    row->fallback, row->name, row->fallback);
	snprintf(rest, sizeof(rest), "%s%s%s%s%s", section->name,
	    section->titled ? " extra" : "", *section->name != '\0' ? " {\n" : "", line,
	    *section->name != '\0' ? "}\n" : "");
	configure(d, rest);
}

static void test_f13_each_in_another_way(void **state)
{
	struct daemon *d = *state;
	const size_t all = 4 * config_directive_count;
	const unsigned rounds = harness_rounds(20, 200);
	char before[HOUSE_TEXT], said[128];

	assert_true(all >= 200);
	snprintf(said, sizeof(said), "%s:", d->conf);
	start(d, before);
	for (unsigned n = 0; n < rounds; n++) {
		write_way(d, n * all / rounds);
		expect_failure(d, said, before);
		if (!daemon_log_has(d, "argond\\.conf:[0-9]+: "))
			fail_msg("no line is named: way %zu", n * all / rounds);
	}
	finish(d);
}

/* Files of secrets that are there, and still cannot be read: also for root. */
static void test_key_file(void **state)
{
	struct daemon *d = *state;
	char before[HOUSE_TEXT], said[256], rest[256], path[96];

	harness_path(path, d->dir, "pepper");
	start(d, before);
	snprintf(rest, sizeof(rest), "\nkey pepper {\nfile = \"%s\"\n}\n", path);
	snprintf(said, sizeof(said), "%s:%d: ", d->conf, LINES + 3);
	configure(d, rest);
	expect_failure(d, said, before); /* none */
	assert_true(daemon_log_has(d, "No such file"));
	assert_return_code(mkdir(path, 0700), errno);
	expect_failure(d, said, before);
	assert_true(daemon_log_has(d, "not a regular file"));
	assert_return_code(rmdir(path), errno);
	assert_return_code(mkfifo(path, 0600), errno); /* nobody writes: no wait */
	expect_failure(d, said, before);
	assert_true(daemon_log_has(d, "not a regular file"));
	assert_return_code(unlink(path), errno);
	assert_return_code(symlink(path, path), errno);
	expect_failure(d, said, before);
	assert_true(daemon_log_has(d, "pepper: "));
	assert_return_code(unlink(path), errno);
	if (geteuid() != 0) {
		harness_write_file(path, "secret\n");
		assert_return_code(chmod(path, 0), errno);
		expect_failure(d, said, before);
		assert_true(daemon_log_has(d, "Permission denied"));
		assert_return_code(unlink(path), errno);
	}
	finish(d);
}

static void test_port_in_use(void **state)
{
	struct daemon *d = *state;
	struct address taken = {.len = sizeof(taken.in)};
	char before[HOUSE_TEXT], text[1024], said[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	taken.in.sin_family = AF_INET;
	taken.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_return_code(bind(fd, &taken.any, taken.len), errno);
	assert_return_code(listen(fd, 1), errno);
	assert_return_code(getsockname(fd, &taken.any, &taken.len), errno);
	start(d, before);
	snprintf(said, sizeof(said), "127.0.0.1:%u", ntohs(taken.in.sin_port));
	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:0\", \"unix:%s/fresh\",\n\"%s\"}\n"
	    "pidfile = \"%s\"\nfrontend { processes = 2 }\n",
	    d->dir, said, d->pidfile);
	harness_write_file(d->conf, text);
	expect_failure(d, said, before);
	snprintf(text, sizeof(text), "%s/fresh", d->dir);
	assert_int_equal(access(text, F_OK), -1); /* nothing of it is left */
	harness_path(text, d->dir, "argond.conf:");
	assert_true(daemon_log_has(d, text));
	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:0\", \"unix:%s/nowhere/s\"}\npidfile = \"%s\"\n",
	    d->dir, d->pidfile);
	harness_write_file(d->conf, text);
	expect_failure(d, "nowhere", before);
	close(fd);
	finish(d);
}

static void configure_listen(const struct daemon *d, const char *tcp)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    "listen = {%s \"unix:%s\"}\npidfile = \"%s\"\nstore = \"sqlite:%s\"\n"
	    "frontend { processes = 2 }\n",
	    tcp, d->socket, d->pidfile, d->store);
	harness_write_file(d->conf, text);
}

/* From an address to its wildcard: the error says how, and that way leads there. */
static void test_wildcard(void **state)
{
	struct daemon *d = *state;
	char before[HOUSE_TEXT], text[1024], any[64];

	start(d, before);
	snprintf(any, sizeof(any), "\"0.0.0.0:%u\",", ntohs(d->tcp.in.sin_port));
	configure_listen(d, any);
	expect_failure(d, "reload twice, at first with neither of the two", before);
	configure_listen(d, "");
	assert_int_equal(masters_send(d, "reload", NULL, 0), 0);
	configure_listen(d, any);
	if (masters_send(d, "reload", text, sizeof(text)) != 0)
		fail_msg("the second reload: %s", text);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	daemon_stop(d);
}

/* No file at all, a folder, a FIFO that nobody writes to, one that may not be read. */
static void test_no_file(void **state)
{
	struct daemon *d = *state;
	char before[HOUSE_TEXT];

	start(d, before);
	assert_return_code(unlink(d->conf), errno);
	expect_failure(d, d->conf, before);
	assert_return_code(mkdir(d->conf, 0755), errno);
	expect_failure(d, d->conf, before);
	assert_return_code(rmdir(d->conf), errno);
	assert_return_code(mkfifo(d->conf, 0644), errno);
	expect_failure(d, d->conf, before);
	assert_return_code(unlink(d->conf), errno);
	if (geteuid() != 0) {
		configure(d, "");
		assert_return_code(chmod(d->conf, 0), errno);
		expect_failure(d, d->conf, before);
		assert_return_code(unlink(d->conf), errno);
	}
	finish(d);
}

/* The new generation dies, or is not ready in time: it goes as a whole. */
static void test_child_fails(void **state)
{
	struct daemon *d = *state;
	char before[HOUSE_TEXT], text[1024];

	start(d, before);
	/* less than the program itself has */
	configure(
	    d, "verify_max_memory = 1M\npool fixed { memory_limit = 2M batch = 1 }\n");
	assert_int_equal(masters_send(d, "reload", text, sizeof(text)), 1);
	assert_non_null(strstr(text, HARNESS_SETUP_FAILED));
	daemon_wait_log(d, "reload failed, generation 1 stays: its hasher ");
	house_expect(d, before);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	configure(d, "ready_timeout = 1ms\n");
	assert_int_equal(masters_send(d, "reload", text, sizeof(text)), 1);
	daemon_wait_log(d, "not ready or not gone in time");
	house_expect(d, before);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	configure(d, "");
	assert_int_equal(masters_send(d, "reload", text, sizeof(text)), 0);
	daemon_stop(d);
}

/* A first generation that never gets READY is replaced by one that does. */
static void test_bad_start_mended(void **state)
{
	struct daemon *d = *state;
	char text[1024];

	configure(
	    d, "verify_max_memory = 1M\npool fixed { memory_limit = 2M batch = 1 }\n");
	daemon_launch(d, NULL);
	daemon_wait_log(d, "pool fixed: next try in");
	configure(d, "");
	if (masters_send(d, "reload", text, sizeof(text)) != 0)
		fail_msg("a good reload: %s", text);
	daemon_wait_ready(d);
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	assert_int_equal(client_fetch(&d->tcp, "/hash_rayon/x", NULL, 0), 200);
	daemon_stop(d);
}

/* With a broken file only the master who is named by -o is signalled. */
static void test_send_with_broken_file(void **state)
{
	struct daemon *d = *state;
	char before[HOUSE_TEXT], said[1024];
	struct daemon other = *d;

	start(d, before);
	configure(d, "nonsense = 1");
	assert_int_equal(masters_send(d, "reopen", said, sizeof(said)), 0);
	daemon_wait_log(d, "log opened anew");
	harness_path(other.pidfile, d->dir, "nobody.pid");
	assert_int_equal(masters_send(&other, "stop", said, sizeof(said)), 1);
	assert_non_null(strstr(said, "not running"));
	other.pidfile[0] = '\0'; /* none is given */
	assert_int_equal(masters_send(&other, "stop", said, sizeof(said)), 1);
	assert_non_null(strstr(said, "nonsense"));
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_ways),
	    daemon_test(test_f13_each_in_another_way),
	    daemon_test(test_key_file),
	    daemon_test(test_port_in_use),
	    daemon_test(test_wildcard),
	    daemon_test(test_no_file),
	    daemon_test(test_child_fails),
	    daemon_test(test_bad_start_mended),
	    daemon_test(test_send_with_broken_file),
	};

	return cmocka_run_group_tests_name("reload_bad", tests, NULL, NULL);
}
