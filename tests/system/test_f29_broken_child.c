/*
 * F29: a child that was broken into writes nonsense to its slot of the board and to its
 * control channel, and closes that and stays. The master does not follow, index or kill
 * by what it reads there; the child is replaced, and nobody else is hurt.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/child.h"
#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/fds.h"
#include "tests/system/hostile.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/process.h"

/* A daemon, and a process that somebody might name: it must outlive all this. */
struct house {
	struct daemon *d;
	pid_t stranger;
};

static const char *const victims[] = {"frontend 0", "hasher elastic/0"};

/* The child's end of its control channel: the one socket of which the master has the
 * other end and not this one, too. -1 where that cannot be had. */
static int take_control(const struct daemon *d, pid_t child)
{
	struct fd_list *lists = calloc(2, sizeof(*lists));
	int handle = process_handle(child), taken = -1;

	assert_non_null(lists);
	if (handle >= 0 && fds_list_peers(child, &lists[0]) &&
	    fds_list(d->pid, &lists[1]))
		for (size_t i = 0; taken < 0 && i < lists[0].count; i++) {
			const struct fd_entry *entry = &lists[0].entries[i];

			if (fds_find(&lists[1], entry->peer) != NULL &&
			    fds_find(&lists[1], entry->inode) == NULL)
				taken =
				    (int)syscall(SYS_pidfd_getfd, handle, entry->fd, 0);
		}
	if (handle >= 0)
		close(handle);
	free(lists);
	return taken;
}

static void start(struct house *house, struct daemon *d)
{
	int control;

	*house = (struct house){.d = d};
	d->bugs_expected = true;
	daemon_start(d, AFTERMATH_DAEMON, NULL);
	control = take_control(d, process_find(d, victims[0]));
	if (control < 0) {
		daemon_stop(d);
		print_message("needs root, and pidfd_getfd\n");
		skip();
	}
	close(control);
	house->stranger = fork();
	if (house->stranger == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

static void expect_service(const struct house *house)
{
	struct load load = {
	    .to = &house->d->tcp, .connections = 8, .fresh = 4, .requests = 40};

	load_run(&load);
	load_expect_ok(&load, false);
	assert_int_equal(waitpid(house->stranger, NULL, WNOHANG), 0);
}

static void finish(struct house *house)
{
	expect_service(house);
	kill(house->stranger, SIGKILL);
	waitpid(house->stranger, NULL, 0);
	daemon_stop(house->d);
}

/* ---- the control channel */

/* What is sent, and whether it costs the sender its life. */
struct words {
	const char *name;
	long length; /* of the packet; -1: a message's */
	struct control_message message;
	bool frontend_may, hasher_may;
};

static const struct words table[] = {
    {"nothing of a kind", -1, {.kind = 0}, false, false},
    {"an unknown kind", -1, {.kind = CONTROL_KIND_END}, false, false},
    {"a huge kind", -1, {.kind = UINT32_MAX}, false, false},
    {"a message of the master", -1, {.kind = CONTROL_GONE}, false, false},
    {"a pool out of range", -1, {.kind = CONTROL_WANT, .pool = 15}, false, false},
    {"a huge pool", -1, {.kind = CONTROL_WANT, .pool = UINT32_MAX}, false, false},
    {"claims out of range", -1, {.kind = CONTROL_READY, .claims = UINT32_MAX}, false,
        false},
    {"a cause out of range", -1, {.kind = CONTROL_READY, .cause = UINT32_MAX}, false,
        false},
    {"one byte", 1, {.kind = CONTROL_READY}, false, false},
    {"a byte short", (long)sizeof(struct control_message) - 1, {.kind = CONTROL_READY},
        false, false},
    {"a byte long", (long)sizeof(struct control_message) + 1, {.kind = CONTROL_READY},
        false, false},
    {"60 kB", 60000, {.kind = CONTROL_READY}, false, false},
    {"READY again", -1, {.kind = CONTROL_READY}, true, true},
    {"WANT", -1, {.kind = CONTROL_WANT}, true, false},
    {"SUSPECT", -1, {.kind = CONTROL_SUSPECT, .pid = 1}, true, false},
    {"SUSPECT of a pool out of range", -1, {.kind = CONTROL_SUSPECT, .pool = 15}, false,
        false},
    {"RETIRE", -1, {.kind = CONTROL_RETIRE}, false, true},
};

struct newborn {
	const struct daemon *d;
	const char *what;
	pid_t pid;
};

/* Its title is that of one at work: it was READY, or will be before our words come. */
static bool is_at_work(void *arg)
{
	struct newborn *newborn = arg;
	char title[PROCESS_TITLE];

	newborn->pid = process_find(newborn->d, newborn->what);
	process_title(newborn->pid, title);
	return newborn->pid != 0 && strchr(title, '[') != NULL;
}

static pid_t wait_at_work(const struct house *house, const char *what)
{
	struct newborn newborn = {.d = house->d, .what = what};

	wait_until(is_at_work, &newborn, what);
	return newborn.pid;
}

/* Sends it in the name of that child, and waits for what follows. */
static void say(struct house *house, const char *victim, const struct words *words)
{
	const bool may = victim == victims[0] ? words->frontend_may : words->hasher_may;
	const bool leaves = may && words->message.kind == CONTROL_RETIRE;
	pid_t pid = wait_at_work(house, victim);
	int control = take_control(house->d, pid);
	uint8_t packet[60000] = {0};
	char line[128];

	assert_return_code(control, errno);
	memcpy(packet, &words->message, sizeof(words->message));
	daemon_log_mark(house->d);
	assert_true(hostile_send(control, packet,
	    words->length >= 0 ? (size_t)words->length : sizeof(words->message)));
	if (!may || leaves) {
		snprintf(line, sizeof(line),
		    leaves ? "%s \\(%d\\) left in order"
		           : "%s \\(%d\\) killed by SIGKILL, by us, it broke the rules",
		    victim, (int)pid);
		daemon_wait_log(house->d, line);
		if (leaves) /* its successor has another number */
			process_wait_count(house->d, "hasher elastic/", 2);
		else
			process_wait_new(house->d, victim, pid);
	}
	close(control);
	assert_int_equal(client_fetch(&house->d->tcp, "/hash/x", NULL, 0), 200);
	if (may && !leaves && !process_alive(pid))
		fail_msg("%s died of: %s", victim, words->name);
}

static void test_control(void **state)
{
	struct house house;

	start(&house, *state);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (size_t v = 0; v < 2; v++)
			say(&house, victims[v], &table[i]);
	assert_true(log_tail_count(house.d->log, 0, "BUG: ") >= 10); /* ten a second */
	finish(&house);
}

/* A frontend names whom it likes: only hashers of that pool are replaced for it, one a
 * second. */
static void test_names(void **state)
{
	struct control_message message = {.kind = CONTROL_SUSPECT};
	struct house house;
	pid_t frontend, others[6], hashers[2];
	int control;

	start(&house, *state);
	frontend = process_find(house.d, victims[0]);
	hashers[0] = process_find(house.d, "hasher elastic/0");
	hashers[1] = process_find(house.d, "hasher elastic/1");
	others[0] = house.d->pid;
	others[1] = house.stranger;
	others[2] = process_find(house.d, "frontend 1");
	others[3] = process_find(house.d, "hasher fixed/0");
	others[4] = frontend;
	others[5] = getpid();
	control = take_control(house.d, frontend);
	for (int pid = -5; pid < 5; pid++) {
		message.pid = pid;
		assert_true(
		    hostile_send(control, (const uint8_t *)&message, sizeof(message)));
	}
	for (size_t i = 0; i < 6; i++) {
		message.pid = others[i];
		assert_true(
		    hostile_send(control, (const uint8_t *)&message, sizeof(message)));
	}
	for (size_t i = 0; i < 2; i++) {
		message.pid = hashers[i];
		assert_true(
		    hostile_send(control, (const uint8_t *)&message, sizeof(message)));
	}
	process_wait_new(house.d, "hasher elastic/0", hashers[0]);
	for (size_t i = 0; i < 6; i++)
		assert_true(process_alive(others[i]));
	assert_true(process_alive(hashers[1]));
	close(control);
	finish(&house);
}

/* More than anybody wants to hear, under load. */
struct flood {
	int control;
	unsigned left;
};

static bool pour(struct load *load, void *arg)
{
	static const uint32_t kinds[] = {CONTROL_WANT, CONTROL_SUSPECT, CONTROL_READY};
	struct control_message message = {.pid = 1};
	struct flood *flood = arg;

	(void)load;
	for (unsigned i = 0; i < 2000 && flood->left > 0; i++, flood->left--) {
		message.kind = kinds[i % 3];
		if (!hostile_try(
		        flood->control, (const uint8_t *)&message, sizeof(message)))
			break;
	}
	return flood->left > 0;
}

static void test_flood(void **state)
{
	struct house house;
	struct flood flood = {.left = harness_rounds(20000, 1000000)};
	struct load load = {.tick = pour, .arg = &flood, .tick_ms = 1};
	pid_t pids[2];

	start(&house, *state);
	pids[0] = process_find(house.d, "frontend 0");
	pids[1] = process_find(house.d, "frontend 1");
	flood.control = take_control(house.d, pids[0]);
	load.to = &house.d->tcp;
	load.connections = 36;
	load.fresh = 4;
	load.requests = 1U << 30;
	load_run(&load);
	load_print(&load, "F29 flood");
	load_expect_ok(&load, false);
	close(flood.control);
	for (int i = 0; i < 2; i++)
		assert_true(process_alive(pids[i]));
	finish(&house);
}

/* It closes the channel and does not go (it is stopped): the master makes it. */
static void test_closed(void **state)
{
	struct house house;
	char line[128];

	start(&house, *state);
	for (size_t v = 0; v < 2; v++) {
		pid_t pid = wait_at_work(&house, victims[v]);
		int control = take_control(house.d, pid);

		process_stop(pid);
		assert_return_code(shutdown(control, SHUT_RDWR), errno);
		close(control);
		process_wait_new(house.d, victims[v], pid);
		assert_false(process_alive(pid));
		snprintf(line, sizeof(line),
		    "%s \\(%d\\) killed by SIGKILL, by us, it "
		    "(broke the rules|was stopped with a job)",
		    victims[v], (int)pid);
		daemon_wait_log(house.d, line);
		expect_service(&house);
	}
	finish(&house);
}

/* ---- the board */

/* Where the child has its own slot: the only writable part of the board. */
static uint64_t find_slot(pid_t pid)
{
	char path[64], *maps, *line, *save = NULL;
	unsigned long long from = 0, at;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = harness_read_file(path);
	assert_non_null(maps);
	for (line = strtok_r(maps, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		if (strstr(line, "memfd:argond-board") != NULL &&
		    strstr(line, " rw-s ") != NULL && sscanf(line, "%llx-", &at) == 1)
			from = at;
	free(maps);
	return from;
}

static bool write_slot(pid_t pid, const void *bytes, size_t len)
{
	uint64_t at = find_slot(pid);
	char path[64];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && at != 0 && pwrite(fd, bytes, len, (off_t)at) == (ssize_t)len;
	if (fd >= 0)
		close(fd);
	return done;
}

/* Nonsense in a slot, under load; then its process dies, and the master reads what it
 * had in hand. Nobody is hurt but it. */
static void test_board(void **state)
{
	static const uint8_t fills[] = {0xff, 0x01, 0xa5};
	uint8_t slot[BOARD_SLOT_SIZE];
	struct house house;

	start(&house, *state);
	for (size_t i = 0; i < sizeof(fills); i++)
		for (size_t v = 0; v < 2; v++) {
			pid_t pid = wait_at_work(&house, victims[v]);
			pid_t other = process_find(house.d, "hasher fixed/0");

			memset(slot, fills[i], sizeof(slot));
			for (size_t at = 0; fills[i] == 0xa5 && at < sizeof(slot); at++)
				slot[at] = (uint8_t)rand();
			process_stop(pid); /* it would set some of it right */
			if (!write_slot(pid, slot, sizeof(slot)))
				fail_msg(
				    "the slot of %s cannot be written", victims[v]);
			assert_int_equal(
			    client_fetch(&house.d->tcp, "/livez", NULL, 0), 200);
			assert_int_equal(
			    client_fetch(&house.d->tcp, "/hash_rayon/x", NULL, 0), 200);
			kill(pid, SIGSEGV);
			kill(pid, SIGCONT);
			process_wait_new(house.d, victims[v], pid);
			expect_service(&house);
			assert_true(process_alive(other));
		}
	finish(&house);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_control),
	    daemon_test(test_names),
	    daemon_test(test_flood),
	    daemon_test(test_closed),
	    daemon_test(test_board),
	};

	setenv("ASAN_OPTIONS", "handle_segv=0", 0);
	return cmocka_run_group_tests_name("F29 broken child", tests, NULL, NULL);
}
