/* CPUs, memory and processes by cgroup, and files, with folders that look like the
 * kernel's. */
#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/allowed.h"
#include "common/cgroup.h"
#include "common/cpu.h"
#include "common/memory.h"

static int root_make(void **state)
{
	char *root = strdup("/tmp/argond-cgroup-XXXXXX");

	*state = root;
	return root == NULL || mkdtemp(root) == NULL ? -1 : 0;
}

static int entry_remove(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int root_remove(void **state)
{
	int rc = nftw(*state, entry_remove, 8, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return rc;
}

/* Writes root/path, with the folders on the way. */
static void kernel_says(const char *root, const char *path, const char *text)
{
	char whole[1024];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')) != NULL;
	     *at++ = '/') {
		*at = '\0';
		mkdir(whole, 0755);
	}
	file = fopen(whole, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void without_cgroups_there_is_no_limit(void **state)
{
	assert_int_equal(cpu_quota(*state, ""), 0);
	assert_int_equal(cpu_quota(*state, "0::/\n"), 0);
	assert_int_equal(cpu_quota("/nowhere", "0::/a\n1:cpu:/\n"), 0);
	assert_int_equal(cpu_quota(*state, "garbage\n:::\n0:\n\n::"), 0);
	assert_true(memory_limit(*state, "0::/a\n4:memory:/a\n").bytes == UINT64_MAX);
}

static void v2_quota_is_rounded_up(void **state)
{
	kernel_says(*state, "a/cpu.max", "150000 100000\n");
	assert_int_equal(cpu_quota(*state, "0::/a\n"), 2);
	kernel_says(*state, "a/cpu.max", "100000 100000\n");
	assert_int_equal(cpu_quota(*state, "0::/a\n"), 1);
	kernel_says(*state, "a/cpu.max", "1000 100000\n");
	assert_int_equal(cpu_quota(*state, "0::/a\n"), 1);
	kernel_says(*state, "a/cpu.max", "max 100000\n");
	assert_int_equal(cpu_quota(*state, "0::/a\n"), 0);
}

static void the_tightest_group_on_the_way_counts(void **state)
{
	kernel_says(*state, "a/cpu.max", "300000 100000\n");
	kernel_says(*state, "a/b/cpu.max", "max 100000\n");
	kernel_says(*state, "a/b/c/cpu.max", "500000 100000\n");
	assert_int_equal(cpu_quota(*state, "0::/a/b/c\n"), 3);
	kernel_says(*state, "cpu.max", "200000 100000\n");
	assert_int_equal(cpu_quota(*state, "0::/a/b/c\n"), 2);
	assert_int_equal(cpu_quota(*state, "0::/\n"), 2);
	kernel_says(*state, "a/b/c/cpu.max", "50000 100000\n");
	assert_int_equal(cpu_quota(*state, "0::/a/b/c\n"), 1);
}

static void v1_quota_is_read(void **state)
{
	static const char self[] =
	    "5:memory:/x\n3:cpu,cpuacct:/a/b\n1:name=systemd:/a\n";

	kernel_says(*state, "cpu,cpuacct/a/cpu.cfs_quota_us", "450000\n");
	kernel_says(*state, "cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
	kernel_says(*state, "cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
	kernel_says(*state, "cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
	assert_int_equal(cpu_quota(*state, self), 5);
	/* The other name that distributions give the mount. */
	kernel_says(*state, "cpu/a/b/cpu.cfs_quota_us", "120000\n");
	kernel_says(*state, "cpu/a/b/cpu.cfs_period_us", "60000\n");
	assert_int_equal(cpu_quota(*state, self), 2);
}

static void controllers_are_not_mixed_up(void **state)
{
	kernel_says(*state, "cpuset/cpu.cfs_quota_us", "100000\n");
	kernel_says(*state, "cpuset/cpu.cfs_period_us", "100000\n");
	kernel_says(*state, "cpuacct/cpu.cfs_quota_us", "100000\n");
	kernel_says(*state, "cpuacct/cpu.cfs_period_us", "100000\n");
	kernel_says(*state, "nocpu/cpu.cfs_quota_us", "100000\n");
	kernel_says(*state, "nocpu/cpu.cfs_period_us", "100000\n");
	assert_int_equal(cpu_quota(*state, "3:cpuset:/\n2:cpuacct:/\n1:nocpu:/\n"), 0);
}

/* A container without a cgroup namespace sees its own group at the mount, under a path
 * that only the host has. */
static void a_path_of_the_host_falls_back_to_the_mount(void **state)
{
	kernel_says(*state, "cpu/cpu.cfs_quota_us", "200000\n");
	kernel_says(*state, "cpu/cpu.cfs_period_us", "100000\n");
	kernel_says(*state, "memory/memory.limit_in_bytes", "1048576\n");
	assert_int_equal(cpu_quota(*state, "2:cpu:/docker/0123\n"), 2);
	assert_int_equal(
	    memory_limit(*state, "4:memory:/docker/0123\n").bytes, 1048576);
	kernel_says(*state, "x/cpu.cfs_quota_us", "100000\n");
	kernel_says(*state, "x/cpu.cfs_period_us", "100000\n");
	assert_int_equal(cpu_quota(*state, "2:cpu:/../x\n"), 2);
}

static void nonsense_is_no_limit(void **state)
{
	static const char *const texts[] = {"", "\n", "-5 100000\n", "100000 0\n",
	    "x y\n", "100000\n", "0 100000\n", "99999999999999999999 1\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		kernel_says(*state, "a/cpu.max", texts[i]);
		assert_int_equal(cpu_quota(*state, "0::/a\n"), 0);
	}
	kernel_says(*state, "a/memory.max", "99999999999999999999999\n");
	assert_true(memory_limit(*state, "0::/a\n").bytes == UINT64_MAX);
}

static void memory_is_the_least_of_v1_and_v2(void **state)
{
	kernel_says(*state, "a/memory.max", "max\n");
	kernel_says(*state, "a/b/memory.max", "4294967296\n");
	assert_true(memory_limit(*state, "0::/a/b\n").bytes == UINT64_C(4) << 30);
	kernel_says(*state, "a/memory.max", "1073741824\n");
	assert_int_equal(memory_limit(*state, "0::/a/b\n").bytes, 1 << 30);
	kernel_says(*state, "memory/c/memory.limit_in_bytes", "9223372036854771712\n");
	kernel_says(*state, "memory/memory.limit_in_bytes", "536870912\n");
	assert_int_equal(memory_limit(*state, "4:memory:/c\n0::/a/b\n").bytes, 1 << 29);
	/* Both at once: the unified hierarchy is mounted beside the others. */
	kernel_says(*state, "unified/a/b/memory.max", "1024\n");
	assert_int_equal(memory_limit(*state, "4:memory:/c\n0::/a/b\n").bytes, 1024);
}

/* Above memory.high the kernel slows a group down: that is the limit to plan for. */
static void memory_high_is_a_limit_too(void **state)
{
	struct memory_bound bound;
	char expected[128];

	kernel_says(*state, "a/memory.max", "1073741824\n");
	kernel_says(*state, "a/memory.high", "max\n");
	assert_int_equal(memory_limit(*state, "0::/a\n").bytes, 1 << 30);
	kernel_says(*state, "a/memory.high", "536870912\n");
	bound = memory_limit(*state, "0::/a\n");
	assert_int_equal(bound.bytes, 1 << 29);
	snprintf(expected, sizeof(expected), "memory.high of %s/a", (char *)*state);
	assert_string_equal(bound.from, expected);
	kernel_says(*state, "memory.max", "268435456\n");
	bound = memory_limit(*state, "0::/a\n");
	snprintf(expected, sizeof(expected), "memory.max of %s", (char *)*state);
	assert_string_equal(bound.from, expected);
	/* of v1 that is only a wish */
	kernel_says(*state, "memory/b/memory.soft_limit_in_bytes", "1024\n");
	assert_true(memory_limit(*state, "4:memory:/b\n").bytes == UINT64_MAX);
}

/* Its path is in the text as far as there is room. */
static void a_limit_deep_down_is_found(void **state)
{
	char path[400] = "", self[1024], file[512];

	for (int i = 0; i < 6; i++)
		snprintf(path + strlen(path), sizeof(path) - strlen(path),
		    "/kubepods-burstable-pod0123456789abcdef0123456789");
	snprintf(file, sizeof(file), "%s/memory.max", path + 1);
	kernel_says(*state, file, "4096\n");
	snprintf(self, sizeof(self), "12:pids:%s\n0::%s\n", path, path);
	assert_int_equal(memory_limit(*state, self).bytes, 4096);
}

static void a_long_path_does_no_harm(void **state)
{
	char self[6000] = "0::/";

	memset(self + 4, 'a', sizeof(self) - 6);
	kernel_says(*state, "cpu.max", "100000 100000\n");
	assert_in_range(cpu_quota(*state, self), 0, 1);
}

static void this_process_may_use_what_its_mask_says(void **state)
{
	cpu_set_t before, one;
	size_t cpu = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	assert_in_range(cpu_usable(), 1, CPU_COUNT(&before));
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(cpu_usable(), 1);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void this_machine_has_memory(void **state)
{
	(void)state;
	assert_true(memory_usable().bytes > 1 << 20);
	assert_true(memory_usable().bytes < UINT64_MAX);
	assert_true(memory_usable().from[0] != '\0');
}

static void address_space_is_a_limit_of_memory(void **state)
{
#ifndef __SANITIZE_ADDRESS__
	const struct rlimit few = {128 << 20, 128 << 20};
	int status;
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0)
		_exit(setrlimit(RLIMIT_AS, &few) != 0 ||
		      memory_usable().bytes > 128 << 20 ||
		      (memory_usable().bytes == 128 << 20 &&
		          strstr(memory_usable().from, "RLIMIT_AS") == NULL));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
#endif
	(void)state;
}

static void processes_are_the_least_of_v1_and_v2(void **state)
{
	struct allowed allowed = allowed_pids(*state, "0::/a/b\n8:pids:/c\n");
	char expected[128];

	assert_true(allowed.most == UINT64_MAX);
	kernel_says(*state, "a/pids.max", "max\n");
	kernel_says(*state, "a/b/pids.max", "100\n");
	allowed = allowed_pids(*state, "0::/a/b\n");
	snprintf(expected, sizeof(expected), "pids.max of %s/a/b", (char *)*state);
	assert_int_equal(allowed.most, 100);
	assert_string_equal(allowed.from, expected);
	kernel_says(*state, "a/pids.max", "60\n");
	assert_int_equal(allowed_pids(*state, "0::/a/b\n").most, 60);
	kernel_says(*state, "pids/c/d/pids.max", "70\n");
	kernel_says(*state, "pids/c/pids.max", "max\n");
	assert_int_equal(allowed_pids(*state, "8:pids:/c/d\n").most, 70);
	kernel_says(*state, "pids/pids.max", "50\n");
	assert_int_equal(allowed_pids(*state, "8:pids:/c/d\n0::/a/b\n").most, 50);
	kernel_says(*state, "pids/pids.max", "-1\n");
	assert_int_equal(allowed_pids(*state, "8:pids:/\n").most, UINT64_MAX);
}

/* Does it hold in a process that is changed for it? */
static void expect_in_child(bool (*holds)(void))
{
	int status;
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0)
		_exit(holds() ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool processes_of_a_user(void)
{
	const struct rlimit few = {7, 8};
	struct allowed allowed;

	if (setrlimit(RLIMIT_NPROC, &few) != 0)
		return false;
	if (geteuid() == 0 && (strstr(allowed_processes().from, "NPROC") != NULL ||
	                          setresuid(65534, 65534, 65534) != 0))
		return false;
	allowed = allowed_processes();
	return allowed.most < 7 || strstr(allowed.from, "RLIMIT_NPROC") != NULL;
}

static void a_users_limit_of_processes_is_not_roots(void **state)
{
	(void)state;
	expect_in_child(processes_of_a_user);
}

static bool files_stay(void)
{
	const struct rlimit few = {50, 100};
	struct rlimit now;
	struct allowed allowed;

	if (setrlimit(RLIMIT_NOFILE, &few) != 0)
		return false;
	allowed = allowed_files();
	return getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == 50 &&
	       now.rlim_max == 100 &&
	       (allowed.most == 100 ? strstr(allowed.from, "RLIMIT_NOFILE") != NULL
	                            : strstr(allowed.from, "nr_open") != NULL);
}

static bool files_of_a_user(void)
{
	return (geteuid() != 0 || setresuid(65534, 65534, 65534) == 0) &&
	       files_stay() && allowed_files().most == 100;
}

static void the_limit_of_files_is_found_and_left(void **state)
{
	(void)state;
	expect_in_child(files_stay);
	expect_in_child(files_of_a_user);
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, root_make, root_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_ROOT(without_cgroups_there_is_no_limit),
	    IN_ROOT(v2_quota_is_rounded_up),
	    IN_ROOT(the_tightest_group_on_the_way_counts),
	    IN_ROOT(v1_quota_is_read),
	    IN_ROOT(controllers_are_not_mixed_up),
	    IN_ROOT(a_path_of_the_host_falls_back_to_the_mount),
	    IN_ROOT(nonsense_is_no_limit),
	    IN_ROOT(memory_is_the_least_of_v1_and_v2),
	    IN_ROOT(memory_high_is_a_limit_too),
	    IN_ROOT(a_limit_deep_down_is_found),
	    IN_ROOT(a_long_path_does_no_harm),
	    IN_ROOT(processes_are_the_least_of_v1_and_v2),
	    cmocka_unit_test(a_users_limit_of_processes_is_not_roots),
	    cmocka_unit_test(the_limit_of_files_is_found_and_left),
	    cmocka_unit_test(this_process_may_use_what_its_mask_says),
	    cmocka_unit_test(this_machine_has_memory),
	    cmocka_unit_test(address_space_is_a_limit_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
