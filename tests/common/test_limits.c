/* common/limits.c: what may not be had is done without, or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
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
		    limits_apply(&spec, 0) != 0)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whoever_yields_may_do_so),
	    cmocka_unit_test(a_class_that_is_not_allowed_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
