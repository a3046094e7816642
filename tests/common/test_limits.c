/* common/limits.c: what may not be had is done without, or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/limits.h"

enum { NOBODY = 65534 };

/* What limits_apply() makes of the scheduling class of a process that was started with
 * that one, and is not root. */
static int class_of(int started_with, enum config_scheduling asked)
{
	const struct limits_spec spec = {.scheduling = asked};
	const struct sched_param none = {0};
	int status;
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0) {
		if (sched_setscheduler(0, started_with, &none) != 0 ||
		    (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0) ||
		    limits_apply(&spec) != 0)
			_exit(100);
		_exit(sched_getscheduler(0));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void whoever_yields_may_do_so(void **state)
{
	(void)state;
	assert_int_equal(class_of(SCHED_OTHER, CONFIG_SCHEDULING_OTHER), SCHED_OTHER);
	assert_int_equal(class_of(SCHED_OTHER, CONFIG_SCHEDULING_BATCH), SCHED_BATCH);
	assert_int_equal(class_of(SCHED_OTHER, CONFIG_SCHEDULING_IDLE), SCHED_IDLE);
	assert_int_equal(class_of(SCHED_BATCH, CONFIG_SCHEDULING_OTHER), SCHED_BATCH);
}

/* Out of SCHED_IDLE one comes with privileges, or where RLIMIT_NICE allows it: else the
 * process does its work where it is. */
static void a_class_that_is_not_allowed_stays(void **state)
{
	const int got = class_of(SCHED_IDLE, CONFIG_SCHEDULING_BATCH);

	(void)state;
	assert_true(got == SCHED_IDLE || got == SCHED_BATCH);
}

static struct limits_sched_attr attr_of_this(void)
{
	struct limits_sched_attr attr = {0};

	assert_return_code(
	    syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0), errno);
	return attr;
}

/* The rest stays. Kernels without slices say that they are 0. */
static void a_slice_of_its_own(void **state)
{
	const struct limits_spec spec = {.slice_ns = 200000};
	const struct limits_sched_attr before = attr_of_this();
	struct limits_sched_attr after;

	(void)state;
	assert_int_equal(limits_apply(&spec), 0);
	after = attr_of_this();
	if (before.policy == SCHED_OTHER || before.policy == SCHED_BATCH)
		assert_int_equal(after.runtime_ns, before.runtime_ns != 0 ? 200000 : 0);
	else
		assert_int_equal(after.runtime_ns, before.runtime_ns);
	assert_int_equal(after.policy, before.policy);
	assert_int_equal(after.nice, before.nice);
}

/* A class without slices is left alone. */
static void no_slice_of_the_idle(void **state)
{
	const struct limits_spec spec = {.slice_ns = 200000};
	const struct sched_param none = {0};
	int status;
	pid_t pid = fork();

	(void)state;
	assert_return_code(pid, errno);
	if (pid == 0)
		_exit(sched_setscheduler(0, SCHED_IDLE, &none) != 0 ||
		      limits_apply(&spec) != 0 || sched_getscheduler(0) != SCHED_IDLE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* What is left of RLIMIT_CPU to a process that may have `hard` seconds, is not root,
 * and is to have `asked`: it works on, within what it may have. */
static int have_cpu(rlim_t hard, uint64_t asked)
{
	const struct limits_spec spec = {.cpu = asked};
	struct rlimit limit = {hard, hard};

	if (setrlimit(RLIMIT_CPU, &limit) != 0 ||
	    (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0))
		return 1;
	if (limits_apply(&spec) != 0 || getrlimit(RLIMIT_CPU, &limit) != 0)
		return 2;
	if (limit.rlim_max > hard || limit.rlim_max > asked + 1)
		return 3;
	/* SIGXCPU comes first, and says what it was */
	return limit.rlim_max <= 1 || limit.rlim_cur < limit.rlim_max ? 0 : 4;
}

static void a_limit_of_cpu_time_may_be_over_what_there_is(void **state)
{
	static const rlim_t hards[] = {
	    1, 2, 3, 10, 1000, INT64_MAX, RLIM_INFINITY - 1, RLIM_INFINITY};
	static const uint64_t asked[] = {
	    1, 2, 3, 9, 10, 11, 999, 1000, 365 * 24 * 3600};
	int status;

	(void)state;
	for (size_t i = 0; i < sizeof(hards) / sizeof(hards[0]); i++)
		for (size_t j = 0; j < sizeof(asked) / sizeof(asked[0]); j++) {
			pid_t pid = fork();

			assert_return_code(pid, errno);
			if (pid == 0)
				_exit(have_cpu(hards[i], asked[j]));
			assert_int_equal(waitpid(pid, &status, 0), pid);
			if (status != 0)
				fail_msg(
				    "%lu seconds allowed, %lu asked for: status %x",
				    (unsigned long)hards[i], (unsigned long)asked[j],
				    (unsigned)status);
		}
}

/* Where a filter around the daemon refuses even to tell a limit. */
static int have_no_say(void)
{
	const struct limits_spec spec = {
	    .cpu = 5, .nofile = 100, .memory = UINT64_C(1) << 40};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (filter == NULL ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 0) !=
	        0 ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setrlimit), 0) !=
	        0 ||
	    seccomp_load(filter) != 0)
		return 1;
	return limits_apply(&spec) == 0 ? 0 : 2;
}

static void limits_that_cannot_be_changed_stay(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_return_code(pid, errno);
	if (pid == 0)
		_exit(have_no_say());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* More connections: more address space, and a frontend that has all
 * of it is no reason to kill it before a hasher. */
static void a_frontends_memory_follows_from_its_connections(void **state)
{
	struct config config = {.max_body = 8192,
	    .frontend = {.max_connections = 1000},
	    .memory = {.bytes = UINT64_C(4) << 30}};
	const struct limits_spec few = limits_of_frontend(&config);
	struct limits_spec many, all;

	(void)state;
	config.frontend.max_connections = 10000;
	many = limits_of_frontend(&config);
	config.frontend.max_connections = 1000000;
	all = limits_of_frontend(&config);
#ifndef __SANITIZE_ADDRESS__
	assert_true(few.memory > UINT64_C(1000) * 2 * 8192);
	assert_true(few.memory < many.memory && many.memory < all.memory);
#endif
	assert_true(few.oom_score_adj < 500 && few.oom_score_adj > many.oom_score_adj);
	assert_true(many.oom_score_adj >= all.oom_score_adj && all.oom_score_adj > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whoever_yields_may_do_so),
	    cmocka_unit_test(a_limit_of_cpu_time_may_be_over_what_there_is),
	    cmocka_unit_test(limits_that_cannot_be_changed_stay),
	    cmocka_unit_test(a_class_that_is_not_allowed_stays),
	    cmocka_unit_test(a_slice_of_its_own),
	    cmocka_unit_test(no_slice_of_the_idle),
	    cmocka_unit_test(a_frontends_memory_follows_from_its_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
