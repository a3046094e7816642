/*
 * F18: hashers that run into a memory limit at work. The job is answered, with 503 or
 * 500; nothing leaks, the master does not notice, and with more memory all is well
 * again.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/control_group.h"
#include "tests/system/house.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

enum { GROWTH_KIB = 1024 }; /* that pages of allocators and counters may come to */

/* Kilobytes resident. */
static unsigned long resident(pid_t pid)
{
	char path[64], *text, *at;
	unsigned long kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	text = harness_read_file(path);
	assert_non_null(text);
	at = strstr(text, "VmRSS:");
	if (at != NULL)
		kib = strtoul(at + strlen("VmRSS:"), NULL, 10);
	free(text);
	assert_true(kib > 0);
	return kib;
}

static bool group_limit(const char *folder, const char *bytes)
{
	return control_group_put(folder, "memory.limit_in_bytes", bytes) ||
	       control_group_put(folder, "memory.max", bytes);
}

static void expect_hash(const struct daemon *d)
{
	static const char lead[] = "Hashed password (Rayon): ";
	char text[512];

	assert_int_equal(
	    client_fetch(&d->tcp, "/hash_rayon/x", text, sizeof(text)), 200);
	assert_int_equal(strncmp(text, lead, strlen(lead)), 0);
	assert_true(load_verify(text + strlen(lead), "x"));
}

static bool start(struct daemon *d)
{
	daemon_start(d, "profile.default.memory=64M", "profile.default.time=1",
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",
	    "pool.fixed.batch=1", "pool.elastic.max_processes=1",
	    "frontend.processes=1", NULL);
	if (process_find(d, "hasher fixed/0") != 0)
		return true;
	daemon_stop(d);
	return false;
}

struct told {
	const struct daemon *d;
	size_t times;
};

static bool is_told(void *arg)
{
	const struct told *told = arg;

	return log_tail_count(told->d->log, 0,
	           "killed by SIGKILL, by the kernel, for want of memory: lower") ==
	       told->times;
}

/* The kernel takes a hasher that wants more than there is, and its second try; then the
 * client is told. Never another process. */
static void test_out_of_memory(void **state)
{
	struct daemon *d = *state;
	const unsigned rounds = harness_rounds(5, 50);
	char folder[CONTROL_GROUP_PATH], house[HOUSE_TEXT];
	struct told told = {.d = d};
	unsigned long master;
	pid_t frontend;

	if (!start(d))
		skip();
	if (!control_group_open("memory", folder)) {
		daemon_stop(d);
		skip();
	}
	frontend = process_find(d, "frontend 0");
	house_settle(d, house);
	if (!group_limit(folder, "32M") || !control_group_take(folder, d)) {
		daemon_stop(d);
		rmdir(folder);
		skip();
	}
	master = resident(d->pid);
	for (unsigned i = 0; i < rounds; i++)
		assert_int_equal(client_fetch(&d->tcp, "/hash_rayon/x", NULL, 0), 500);
	told.times = 2 * (size_t)rounds;
	wait_until(is_told, &told, "the cause of each death");
	house_expect(d, house);
	assert_true(resident(d->pid) <= master + GROWTH_KIB);
	assert_int_equal(process_find(d, "frontend 0"), frontend);
	assert_true(group_limit(folder, "512M"));
	expect_hash(d);
	daemon_stop(d);
	assert_return_code(rmdir(folder), errno);
}

static bool are_dead(void *arg)
{
	const struct daemon *d = arg;

	return process_zombies(d->pid) == 2;
}

/* Both are put down to the kernel, though the master learns of them at one moment. */
static void test_out_of_memory_twice_at_once(void **state)
{
	static const char question[] = "GET /hash_rayon/x HTTP/1.1\r\nHost: t\r\n\r\n";
	struct daemon *d = *state;
	char folder[CONTROL_GROUP_PATH];
	struct response r = {0};
	struct client clients[2];

	daemon_start(d, "profile.default.memory=64M", "profile.default.time=1",
	    "pool.fixed.min_processes=2", "pool.fixed.max_processes=2",
	    "pool.fixed.batch=1", "pool.elastic.max_processes=1",
	    "frontend.processes=1", NULL);
	if (!process_titles_visible(d) || !control_group_open("memory", folder)) {
		daemon_stop(d);
		skip();
	}
	if (!group_limit(folder, "32M") || !control_group_take(folder, d)) {
		daemon_stop(d);
		rmdir(folder);
		skip();
	}
	process_stop(d->pid);
	for (size_t i = 0; i < 2; i++) {
		client_open(&clients[i], &d->tcp);
		client_say(&clients[i], question);
	}
	wait_until(are_dead, d, "two hashers that the kernel has killed");
	assert_return_code(kill(d->pid, SIGCONT), errno);
	for (size_t i = 0; i < 2; i++) {
		client_read(&clients[i], &r, false);
		assert_int_equal(r.status, 500);
		response_free(&r);
		client_close(&clients[i]);
	}
	daemon_wait_log(d, "for want of memory");
	assert_true(group_limit(folder, "512M"));
	expect_hash(d);
	assert_false(daemon_log_has(d, "SIGKILL, by somebody"));
	/* what the kernel has not done is not put down to it */
	process_kill(process_find(d, "hasher elastic/0"));
	daemon_wait_log(d, "hasher elastic/0.*SIGKILL, by somebody");
	daemon_stop(d);
	assert_return_code(rmdir(folder), errno);
}

/* A hasher has taken all the address space that it will need before it says that it is
 * ready: with none left it goes on as before. */
static void test_address_space(void **state)
{
	struct daemon *d = *state;
	const unsigned rounds = harness_rounds(20, 1000);
	struct rlimit limit;
	pid_t hasher;

	if (!start(d))
		skip();
	hasher = process_find(d, "hasher fixed/0");
	if (prlimit(hasher, RLIMIT_AS, NULL, &limit) != 0) {
		daemon_stop(d);
		skip();
	}
	limit.rlim_cur = 1 << 20;
	assert_return_code(prlimit(hasher, RLIMIT_AS, &limit, NULL), errno);
	for (unsigned i = 0; i < rounds; i++)
		expect_hash(d);
	assert_int_equal(process_find(d, "hasher fixed/0"), hasher);
	daemon_stop(d);
}

/* How it went is counted on the board, by cause, and a reload does not lose it. */
static void test_counted(void **state)
{
	struct daemon *d = *state;
	const size_t fixed = BOARD_POOLS + PEEK_FIXED;
	char house[HOUSE_TEXT];
	struct peek peek;
	pid_t hasher;

	if (!start(d))
		skip();
	if (!peek_open(&peek, d)) {
		daemon_stop(d);
		skip();
	}
	assert_int_equal(board_spawns(&peek.board, fixed), 1);
	hasher = process_find(d, "hasher fixed/0");
	process_kill(hasher);
	process_wait_new(d, "hasher fixed/0", hasher);
	assert_int_equal(board_spawns(&peek.board, fixed), 2);
	assert_int_equal(board_exits(&peek.board, fixed, EXIT_CAUSE_KILLED), 1);
	assert_int_equal(board_exits(&peek.board, fixed, EXIT_CAUSE_MEMORY), 0);
	peek_close(&peek);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, "ready, generation 2$");
	house_settle(d, house); /* the old one's board is gone */
	assert_true(peek_open(&peek, d));
	assert_int_equal(board_spawns(&peek.board, fixed), 3);
	assert_int_equal(board_exits(&peek.board, fixed, EXIT_CAUSE_KILLED), 1);
	assert_int_equal(board_exits(&peek.board, fixed, EXIT_CAUSE_LEFT), 1);
	peek_close(&peek);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_out_of_memory),
	    daemon_test(test_out_of_memory_twice_at_once),
	    daemon_test(test_address_space),
	    daemon_test(test_counted),
	};

	return cmocka_run_group_tests_name("limits_memory", tests, NULL, NULL);
}
