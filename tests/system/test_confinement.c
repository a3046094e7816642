/*
 * What is left to a process that was broken into: nobody's rights, no files, no new
 * sockets, and no way to look into its siblings.
 */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/confined.h"
#include "tests/system/fds.h"
#include "tests/system/process.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1 /* it makes mlockall() do nothing */
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- who they are ---- */

/* The rest of the line of /proc/PID/status that begins with `name`. */
static void status_field(pid_t pid, const char *name, char value[256])
{
	char path[64], *text, *line;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	text = harness_read_file(path);
	assert_non_null(text);
	line = strstr(text, name);
	assert_non_null(line);
	line += strlen(name);
	line += strspn(line, ":\t ");
	snprintf(value, 256, "%.*s", (int)strcspn(line, "\n"), line);
	free(text);
}

static void expect_field(pid_t pid, const char *name, const char *expected)
{
	char value[256], title[PROCESS_TITLE];

	status_field(pid, name, value);
	if (strcmp(value, expected) == 0)
		return;
	process_title(pid, title);
	fail_msg("%s: %s is %s, not %s", title, name, value, expected);
}

static void expect_confined(pid_t pid, uid_t uid, gid_t gid)
{
	static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb"};
	char ids[64];

	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", uid, uid, uid, uid);
	expect_field(pid, "Uid", ids);
	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", gid, gid, gid, gid);
	expect_field(pid, "Gid", ids);
	expect_field(pid, "NoNewPrivs", "1");
	expect_field(pid, "Seccomp", "2");
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		expect_field(pid, sets[i], "0000000000000000");
}

static void expect_limit_none(pid_t pid, const char *name)
{
	char path[64], *text, *line;
	unsigned long soft = 1, hard = 1;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	text = harness_read_file(path);
	line = text != NULL ? strstr(text, name) : NULL;
	assert_non_null(line);
	assert_int_equal(sscanf(line + strlen(name), " %lu %lu", &soft, &hard), 2);
	assert_int_equal(soft, 0);
	assert_int_equal(hard, 0);
	free(text);
}

static unsigned long locked_kib(pid_t pid)
{
	char value[256];

	status_field(pid, "VmLck", value);
	return strtoul(value, NULL, 10);
}

static void expect_all_confined(const struct daemon *d, uid_t uid, gid_t gid)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX);

	assert_in_range(n, 5, PROCESS_MAX);
	for (size_t i = 0; i < n; i++) {
		expect_confined(pids[i], uid, gid);
		expect_limit_none(pids[i], "Max core file size");
		expect_limit_none(pids[i], "Max processes");
	}
}

/* Where the process's / is. */
static void root_of(pid_t pid, char root[256])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	n = readlink(path, root, 255);
	assert_return_code(n, errno);
	root[n] = '\0';
}

static void expect_roots(const struct daemon *d, const char *others)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX);
	pid_t lookup = process_find(d, "hasher lookup/0");
	char root[256];

	for (size_t i = 0; i < n; i++) {
		root_of(pids[i], root);
		if (pids[i] == lookup)
			assert_string_equal(root, d->dir);
		else if (strstr(root, others) == NULL)
			fail_msg("the root of a process is %s", root);
	}
}

static void test_as_root_with_a_user(void **state)
{
	struct daemon *d = *state;
	const struct passwd *user = confined_folder(d, "nobody");

	daemon_start(d, CONFINED_SMALL, "user=nobody", NULL);
	expect_all_confined(d, user->pw_uid, user->pw_gid);
	expect_roots(d, "(deleted)");
	confined_expect_service(d);
	if (!SANITIZED) {
		assert_true(locked_kib(process_find(d, "frontend 0")) > 0);
		assert_true(locked_kib(process_find(d, "hasher elastic/0")) > 0);
		/* but not the arena, which is to be given back */
		assert_true(locked_kib(process_find(d, "hasher elastic/0")) < 64 << 10);
	}
	daemon_stop(d);
}

static void test_users_of_their_own(void **state)
{
	struct daemon *d = *state;
	const struct passwd *user = confined_folder(d, "nobody");
	const uid_t nobody = user->pw_uid;
	const gid_t nogroup = user->pw_gid;

	user = confined_user("daemon");
	daemon_start(d, CONFINED_SMALL, "user=daemon", "pool.lookup.user=nobody", NULL);
	expect_confined(process_find(d, "frontend 0"), user->pw_uid, user->pw_gid);
	expect_confined(
	    process_find(d, "hasher elastic/0"), user->pw_uid, user->pw_gid);
	expect_confined(process_find(d, "hasher lookup/0"), nobody, nogroup);
	confined_expect_service(d);
	daemon_stop(d);
}

/* Numbers that no user database has, as containers use them. */
static void test_users_by_number(void **state)
{
	struct daemon *d = *state;
	const uid_t user = 123451, other = 123452;
	const gid_t group = 123461, others = 123462;

	confined_user("root");
	assert_return_code(chown(d->dir, other, others), errno);
	daemon_start(d, CONFINED_SMALL, "user=123451", "group=123461",
	    "pool.lookup.user=123452:123462", "pool.fixed.user=123452",
	    "frontend.user=0", NULL);
	expect_confined(process_find(d, "hasher elastic/0"), user, group);
	expect_confined(process_find(d, "hasher lookup/0"), other, others);
	expect_confined(process_find(d, "hasher fixed/0"), other, group);
	expect_field(process_find(d, "frontend 0"), "CapEff", "0000000000000000");
	expect_field(process_find(d, "frontend 0"), "Uid", "0\t0\t0\t0");
	confined_expect_service(d);
	daemon_stop(d);
}

static void test_chroot(void **state)
{
	struct daemon *d = *state;
	char option[128];

	confined_folder(d, "nobody");
	snprintf(option, sizeof(option), "chroot=%s", d->dir);
	daemon_start(d, CONFINED_SMALL, "user=nobody", option, NULL);
	expect_roots(d, d->dir);
	confined_expect_service(d);
	daemon_stop(d);
}

static void test_as_root_without_a_user(void **state)
{
	struct daemon *d = *state;

	confined_user("root");
	daemon_start(d, CONFINED_SMALL, NULL);
	expect_field(process_find(d, "hasher elastic/0"), "CapEff", "0000000000000000");
	expect_field(process_find(d, "frontend 0"), "CapPrm", "0000000000000000");
	expect_roots(d, "(deleted)");
	confined_expect_service(d);
	daemon_stop(d);
}

/* As whoever runs the tests or, if that is root, as nobody. */
static void test_unprivileged(void **state)
{
	struct daemon *d = *state;
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (uid == 0) {
		const struct passwd *user = confined_folder(d, "nobody");

		uid = user->pw_uid;
		gid = user->pw_gid;
		confined_start_as_nobody(d);
	} else {
		daemon_start(d, CONFINED_SMALL, NULL);
	}
	expect_all_confined(d, uid, gid);
	confined_expect_service(d);
	daemon_stop(d);
}

/* ---- what they have open ---- */

struct census {
	const char *target;
	size_t count;
};

static void expect_fds(pid_t pid, const struct census *census)
{
	static struct fd_list list;
	size_t sum = 0;
	bool right = true;

	assert_true(fds_list(pid, &list));
	for (; census->target != NULL; census++) {
		right &= fds_count(&list, census->target) == census->count;
		sum += census->count;
	}
	if (right && sum == list.count)
		return;
	fds_print(pid, &list);
	fail_msg("process %d has not what it should have", (int)pid);
}

static void test_open_files(void **state)
{
	/* 2 frontends and as many places for their heirs: 4 links */
	static const struct census hasher[] = {{"pipe:", 3}, {"socket:", 4 + 1},
	    {"anon_inode:[eventpoll]", 1}, {"anon_inode:[signalfd]", 1}, {NULL, 0}};
	/* 2 listeners, links to 3 pools; the spare fd is an epoll set too */
	static const struct census frontend[] = {{"pipe:", 3}, {"socket:", 2 + 3 + 1},
	    {"anon_inode:[eventpoll]", 2}, {"anon_inode:[signalfd]", 1}, {NULL, 0}};
	struct daemon *d = *state;
	pid_t pids[PROCESS_MAX];
	size_t n;

	confined_user("root");
	daemon_start(d, CONFINED_SMALL, NULL);
	n = process_all(d, "hasher ", pids, PROCESS_MAX);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		expect_fds(pids[i], hasher);
	n = process_all(d, "frontend ", pids, PROCESS_MAX);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++)
		expect_fds(pids[i], frontend);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_as_root_with_a_user),
	    daemon_test(test_users_of_their_own),
	    daemon_test(test_users_by_number),
	    daemon_test(test_chroot),
	    daemon_test(test_as_root_without_a_user),
	    daemon_test(test_unprivileged),
	    daemon_test(test_open_files),
	};

	return cmocka_run_group_tests_name("confinement", tests, NULL, NULL);
}
