/* master/signals.c: which signals are commands, by their sender. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "master/signals.h"

static struct signalfd_siginfo sent(int signo, int code, unsigned pid)
{
	return (struct signalfd_siginfo){
	    .ssi_signo = (uint32_t)signo, .ssi_code = code, .ssi_pid = pid};
}

static void assert_command(int signo, int code, unsigned pid, bool is)
{
	const struct signalfd_siginfo info = sent(signo, code, pid);

	assert_int_equal(signal_is_command(&info, false), is);
}

static void what_a_terminal_sends_to_all_is_no_command(void **state)
{
	static const int of_terminals[] = {SIGWINCH, SIGTTIN, SIGTTOU};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_command(of_terminals[i], SI_KERNEL, 0, false);
		assert_command(of_terminals[i], SI_USER, 4711, true);
		assert_command(of_terminals[i], SI_QUEUE, 4711, true);
	}
	assert_command(SIGINT, SI_KERNEL, 0, true);
	assert_command(SIGQUIT, SI_KERNEL, 0, true);
	assert_command(SIGCHLD, CLD_EXITED, 4711, true);
}

/* `docker run` without -t, in a terminal that is resized. */
static void a_forwarded_resize_is_no_command(void **state)
{
	struct signalfd_siginfo by_init = sent(SIGWINCH, SI_USER, 1);
	struct signalfd_siginfo outside = sent(SIGWINCH, SI_USER, 0);

	(void)state;
	unsetenv("INVOCATION_ID");
	assert_false(signal_is_command(&outside, false));
	assert_false(signal_is_command(&outside, true));
	assert_false(signal_is_command(&by_init, false));
	assert_true(signal_is_command(&by_init, true));
	setenv("INVOCATION_ID", "a service of systemd", 1);
	assert_true(signal_is_command(&by_init, false));
	unsetenv("INVOCATION_ID");
	assert_command(SIGTTIN, SI_USER, 0, true);
	assert_command(SIGHUP, SI_USER, 0, true);
	assert_command(SIGTERM, SI_USER, 0, true);
}

static void only_the_kernel_tells_of_a_terminals_end(void **state)
{
	const struct signalfd_siginfo gone = sent(SIGHUP, SI_KERNEL, 0),
	                              reload = sent(SIGHUP, SI_USER, 0),
	                              other = sent(SIGINT, SI_KERNEL, 0);

	(void)state;
	assert_true(signal_is_hangup(&gone));
	assert_false(signal_is_hangup(&reload));
	assert_false(signal_is_hangup(&other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_terminal_sends_to_all_is_no_command),
	    cmocka_unit_test(a_forwarded_resize_is_no_command),
	    cmocka_unit_test(only_the_kernel_tells_of_a_terminals_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
