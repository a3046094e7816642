/*
 * A process that was broken into: it looks at no file by its path, and has no more
 * memory than its work may need. What another user's process could see of a file counts
 * as well, so the daemon is not root where that can be done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/sanitized.h"
#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/intruder.h"
#include "tests/system/process.h"

static const char secret[] = "/etc/passwd";
#define HERE ((uint64_t)AT_FDCWD)

#define AT_PATH(number_, ...)                                                          \
	{                                                                              \
		.number = (number_), .args = {__VA_ARGS__}, .bytes = secret,           \
		.len = sizeof(secret)                                                  \
	}

/* The result would be written over the path: nobody looks at it. */
static const struct look {
	const char *name;
	struct intruder_call call;
} looks[] = {
    {"newfstatat", AT_PATH(SYS_newfstatat, HERE, INTRUDER_BYTES, INTRUDER_BYTES, 0)},
    {"newfstatat with AT_EMPTY_PATH",
        AT_PATH(SYS_newfstatat, HERE, INTRUDER_BYTES, INTRUDER_BYTES, AT_EMPTY_PATH)},
    {"newfstatat of an fd",
        AT_PATH(SYS_newfstatat, 0, INTRUDER_BYTES, INTRUDER_BYTES, AT_EMPTY_PATH)},
    {"statx",
        AT_PATH(SYS_statx, HERE, INTRUDER_BYTES, 0, STATX_BASIC_STATS, INTRUDER_BYTES)},
    {"statx with AT_EMPTY_PATH", AT_PATH(SYS_statx, HERE, INTRUDER_BYTES, AT_EMPTY_PATH,
                                     STATX_BASIC_STATS, INTRUDER_BYTES)},
    {"access", AT_PATH(SYS_faccessat, HERE, INTRUDER_BYTES, 0, 0)},
    {"readlink", AT_PATH(SYS_readlinkat, HERE, INTRUDER_BYTES, INTRUDER_BYTES, 100)},
    {"open", AT_PATH(SYS_openat, HERE, INTRUDER_BYTES, O_PATH, 0)},
};

static void give_up(struct daemon *d)
{
	daemon_stop(d);
	print_message("ptrace is not permitted\n");
	skip();
}

/* By the only frontend and the only hasher: they are ready. */
static bool is_served(void *arg)
{
	const struct daemon *d = arg;

	return client_fetch(&d->tcp, "/hash/x", NULL, 0) == 200;
}

/* As nobody, without root's help. */
static void start(struct daemon *d)
{
	const char *const options[] = {CONFINED_SMALL, "frontend.processes=1",
	    "pool.elastic.max_processes=1", NULL};

	(void)confined_folder(d, "nobody");
	setenv("ARGOND_WRAPPER",
	    "setpriv --reuid=nobody --regid=nogroup --clear-groups", 1);
	daemon_launch_with(d, options);
	unsetenv("ARGOND_WRAPPER");
	daemon_wait_ready(d);
}

static void a_process_without_files_sees_none(void **state)
{
	static const char *const roles[] = {"frontend 0", "hasher elastic/0"};
	struct daemon *d = *state;
	enum intruder_end end;
	long result;
	pid_t pid;

	if (SANITIZED) /* it looks at files itself */
		skip();
	d->bugs_expected = true;
	start(d);
	for (size_t r = 0; r < sizeof(roles) / sizeof(roles[0]); r++)
		for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
			wait_until(is_served, d, "a hash");
			pid = process_find(d, roles[r]);
			end = intruder_do(pid, &looks[i].call, &result);
			if (end == INTRUDER_UNABLE)
				give_up(d);
			if (end != INTRUDER_DENIED)
				fail_msg("%s: %s: %ld, and not its end", roles[r],
				    looks[i].name, result);
			process_wait_new(d, roles[r], pid);
		}
	confined_expect_service(d);
	daemon_stop(d);
}

/* Maps a gigabyte, again and again. Returns how many it was given. */
static unsigned take_memory(struct daemon *d, pid_t pid, unsigned most)
{
	static const struct intruder_call map = {.number = SYS_mmap,
	    .args = {0, UINT64_C(1) << 30, PROT_READ | PROT_WRITE,
	        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1, 0}};
	unsigned given = 0;
	long result = 0;

	while (given < most && result >= 0) {
		if (intruder_do(pid, &map, &result) != INTRUDER_DONE)
			give_up(d);
		given += result >= 0;
	}
	return given;
}

static void a_frontend_has_no_more_memory_than_its_connections(void **state)
{
	enum { MOST = 16 };
	struct daemon *d = *state;
	struct rlimit limit;
	pid_t pid;

	if (SANITIZED)
		skip();
	daemon_start(d, CONFINED_SMALL, "frontend.max_connections=1000", NULL);
	pid = process_find(d, "frontend 0");
	if (prlimit(pid, RLIMIT_AS, NULL, &limit) != 0)
		give_up(d);
	assert_true(limit.rlim_max < UINT64_C(2) << 30);
	assert_int_equal(limit.rlim_cur, limit.rlim_max);
	assert_true(take_memory(d, pid, MOST) < 2);
	confined_expect_service(d);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_process_without_files_sees_none),
	    daemon_test(a_frontend_has_no_more_memory_than_its_connections),
	};

	return cmocka_run_group_tests_name("wall: reach", tests, NULL, NULL);
}
