/*
 * The process that may open files: those of its database's folder, where the kernel has
 * Landlock, and no others; and that it is not there where no route asks it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/landlock.h"
#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/process.h"
#include "tests/system/wall.h"

static void a_lookup_reaches_the_folder_of_its_database_alone(void **state)
{
	static const char *const others[] = {"/", "/etc", "/etc/passwd",
	    "/etc/hostname", "/tmp", "/proc", "/proc/self/status", "/proc/self/maps",
	    "/proc/version", "/sys", "/dev/null", "/dev/zero", "/usr/bin/env"};
	struct daemon *d = *state;
	struct remote remote;
	char path[128];
	long fd;

	wall_start(d);
	if (landlock_version() < 1) {
		daemon_stop(d);
		print_message("this kernel has no Landlock\n");
		skip();
	}
	wall_expect_service(d);
	wall_take(d, &remote, "hasher lookup/0");
	fd = remote_open_file(&remote, d->store, O_RDWR);
	assert_in_range(fd, 3, 1000);
	assert_int_equal(
	    remote_call(&remote, SYS_close, (unsigned long)fd, 0, 0, 0, 0, 0), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		wall_expect_closed(&remote, others[i], O_RDONLY);
		wall_expect_closed(&remote, others[i], O_WRONLY);
	}
	wall_expect_closed(&remote, "/tmp/argond-wall", O_WRONLY | O_CREAT);
	snprintf(path, sizeof(path), "%s/..", d->dir);
	wall_expect_closed(&remote, path, O_RDONLY);
	remote_close(&remote);
	wall_expect_service(d);
	daemon_stop(d);
}

/* Between execve() and its first line a program of the same user can be looked into:
 * the successor of an upgrade. A look-up that waits for that moment gets nothing. */
static void a_lookup_cannot_look_into_any_process_of_its_user(void **state)
{
	struct daemon *d = *state;
	struct remote remote;
	const struct passwd *user;
	pid_t pid;

	wall_start(d);
	if (landlock_version() < 1) {
		daemon_stop(d);
		print_message("this kernel has no Landlock\n");
		skip();
	}
	user = confined_user("nobody");
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		if (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0 ||
		    prctl(PR_SET_DUMPABLE, 1) != 0)
			_exit(125);
		raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	assert_true(wall_is_dumpable(pid));
	wall_take(d, &remote, "hasher lookup/0");
	wall_expect_hidden(&remote, pid);
	remote_close(&remote);
	assert_return_code(kill(pid, SIGKILL), errno);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	daemon_stop(d);
}

/* It may be looked into by its user, but not by its siblings. */
static void a_lookup_cannot_look_into_a_frontend_with_core_files(void **state)
{
	struct daemon *d = *state;
	struct remote remote;

	wall_start_with(d, "rlimit_core = 1M");
	if (landlock_version() < 1) {
		daemon_stop(d);
		print_message("this kernel has no Landlock\n");
		skip();
	}
	assert_true(wall_is_dumpable(process_find(d, "frontend 0")));
	assert_false(wall_is_dumpable(d->pid));
	wall_take(d, &remote, "hasher lookup/0");
	wall_expect_hidden(&remote, process_find(d, "frontend 0"));
	remote_close(&remote);
	wall_expect_service(d);
	daemon_stop(d);
}

static void reload(
    struct daemon *d, const char *base, const char *more, unsigned number)
{
	char text[1024], pattern[48];

	snprintf(text, sizeof(text), "%s%s", base, more);
	harness_write_file(d->conf, text);
	if (number == 1) {
		daemon_start(d, CONFINED_SMALL, NULL);
		return;
	}
	snprintf(pattern, sizeof(pattern), "ready, generation %u$", number);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, pattern);
}

/* The process that may open files is not there where it is of no use. */
static void no_process_looks_up_where_no_route_asks(void **state)
{
	struct daemon *d = *state;
	char *base = harness_read_file(d->conf), text[1024];

	assert_non_null(base);
	reload(d, base, "seed_routes = off\npool other { jobs = {lookup} }\n", 1);
	assert_true(
	    daemon_log_has(d, "pool lookup: no processes.* seed_routes is off"));
	assert_true(daemon_log_has(d, "pool other: no processes"));
	if (process_titles_visible(d))
		assert_int_equal(process_count(d, "hasher elastic"), 1);
	assert_int_equal(process_count(d, "hasher lookup"), 0);
	assert_int_equal(process_count(d, "hasher other"), 0);
	assert_int_equal(
	    client_fetch(&d->tcp, "/readyz?verbose", text, sizeof(text)), 200);
	assert_non_null(strstr(text, "[+] pool lookup: no route asks it\n"));
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 404);
	reload(d, base, "seed_routes = on\n", 2);
	confined_expect_service(d);
	reload(d, base, "seed_routes = off\n", 3);
	process_wait_count(d, "hasher lookup", 0);
	assert_int_equal(client_fetch(&d->tcp, "/readyz", NULL, 0), 200);
	free(base);
	daemon_stop(d);
}

/* A program in the folder that runs as the daemon's user, whoever starts it. */
static void a_lookup_makes_no_program_for_others(void **state)
{
	struct daemon *d = *state;
	struct remote remote;
	char path[128];
	long fd;

	wall_start(d);
	snprintf(path, sizeof(path), "%s/program", d->dir);
	wall_take(d, &remote, "hasher lookup/0");
	fd = remote_open_file(&remote, path, O_WRONLY | O_CREAT);
	assert_in_range(fd, 3, 1000);
	assert_int_equal(remote_call(&remote, SYS_fchmod, (unsigned long)fd,
	                     S_ISUID | 0755, 0, 0, 0, 0),
	    REMOTE_DENIED);
	remote_close(&remote);
	assert_return_code(unlink(path), errno);
	wall_expect_service(d);
	daemon_stop(d);
}

/* Its folder is its own, with all that lies there: nothing should that is worth it. */
static void secrets_beside_the_database_are_told_of(void **state)
{
	struct daemon *d = *state;
	struct remote remote;
	char path[128];

	wall_start(d);
	snprintf(path, sizeof(path), "%s/pepper", d->dir);
	wall_take(d, &remote, "hasher lookup/0");
	assert_true(remote_open_file(&remote, path, O_RDONLY) >= 0);
	remote_close(&remote);
	daemon_wait_log(d, "key k: .*/pepper lies in the folder of the store");
	daemon_wait_log(d, "token_file .*/tokens lies in the folder of the store");
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_lookup_reaches_the_folder_of_its_database_alone),
	    daemon_test(a_lookup_cannot_look_into_any_process_of_its_user),
	    daemon_test(a_lookup_cannot_look_into_a_frontend_with_core_files),
	    daemon_test(a_lookup_makes_no_program_for_others),
	    daemon_test(secrets_beside_the_database_are_told_of),
	    daemon_test(no_process_looks_up_where_no_route_asks),
	};

	return cmocka_run_group_tests_name("wall: lookup", tests, NULL, NULL);
}
