/*
 * An upgrade under a supervisor that waits for the exit of the process that it has
 * started and is not told of another one: the upgrade goes on, with a warning.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/masters.h"

#define SMALL                                                                          \
	"profile.default.memory=64K", "profile.default.time=1",                        \
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",            \
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",                \
	    "pool.lookup.max_processes=1", "frontend.processes=1"

static const char warning[] =
    "warning master: upgrade: a supervisor \\(process [0-9]+\\) .* instead$";

static void upgrade(struct daemon *d, bool warned)
{
	char said[2048];

	daemon_log_mark(d);
	if (masters_send(d, "upgrade", said, sizeof(said)) != 0)
		fail_msg("upgrade: %s", said);
	masters_wait_changed(d);
	assert_int_equal(client_fetch(&d->local, "/livez", NULL, 0), 200);
	if (warned)
		daemon_wait_log(d, warning);
	else
		assert_false(daemon_log_has(d, warning));
}

/* The second time there is no supervisor any more. */
static void test_supervised(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, SMALL, NULL);
	upgrade(d, true);
	upgrade(d, false);
	daemon_stop(d);
}

static void test_notified(void **state)
{
	struct daemon *d = *state;
	struct address manager = {.un = {.sun_family = AF_UNIX}};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	d->files_expected = true;
	snprintf(manager.un.sun_path, sizeof(manager.un.sun_path), "%s/notify", d->dir);
	assert_return_code(bind(fd, &manager.any, sizeof(manager.un)), errno);
	assert_return_code(setenv("NOTIFY_SOCKET", manager.un.sun_path, 1), errno);
	daemon_start(d, SMALL, NULL);
	assert_return_code(unsetenv("NOTIFY_SOCKET"), errno);
	upgrade(d, false);
	daemon_stop(d);
	close(fd);
}

/* From here on this program has a terminal, as a shell has. */
static void test_terminal(void **state)
{
	struct daemon *d = *state;
	int ends[2];

	ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ends[0] < 0)
		skip();
	assert_return_code(grantpt(ends[0]), errno);
	assert_return_code(unlockpt(ends[0]), errno);
	ends[1] = open(ptsname(ends[0]), O_RDWR | O_CLOEXEC);
	assert_return_code(ends[1], errno);
	daemon_start(d, SMALL, NULL);
	upgrade(d, false);
	daemon_stop(d);
}

/* In a session of its own, without a terminal whatever the caller has. */
int main(void)
{
	const struct CMUnitTest tests[] = {
	    masters_test(test_supervised),
	    masters_test(test_notified),
	    masters_test(test_terminal),
	};
	int status = 1;
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		return cmocka_run_group_tests_name(
		    "upgrade under a supervisor", tests, NULL, NULL);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}
