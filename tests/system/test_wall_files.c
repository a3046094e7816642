/*
 * What a local user, or the user of the daemon's processes, puts in the way of a master
 * that is root: locks on what it may open, links in the place of files that the master
 * makes. The master starts and reloads, and touches no file but its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

/* The folder of the sockets belongs to the user of the processes, as a badly made one
 * in /run would; that of the pidfile and the log to root. */
struct field {
	struct daemon *d;
	const struct passwd *user;
	char run[96], socket[96], victim[96];
	char listen[160];
};

static void field_open(struct field *f, struct daemon *d)
{
	*f = (struct field){.d = d, .user = confined_user("nobody")};
	assert_return_code(chmod(d->dir, 0755), errno);
	harness_path(f->run, d->dir, "run");
	harness_path(f->socket, d->dir, "run/a.sock");
	harness_path(f->victim, d->dir, "victim");
	assert_return_code(mkdir(f->run, 0755), errno);
	assert_return_code(chown(f->run, f->user->pw_uid, f->user->pw_gid), errno);
	harness_write_file(f->victim, "precious\n");
	assert_return_code(chmod(f->victim, 0600), errno);
	snprintf(f->listen, sizeof(f->listen), "listen=unix:%s?mode=0666&group=%u",
	    f->socket, (unsigned)f->user->pw_gid);
	d->files_expected = true;
}

static void field_start(struct field *f)
{
	daemon_launch(f->d, CONFINED_SMALL, "user=nobody", f->listen, NULL);
	daemon_wait_log(f->d, "ready, generation 1$");
}

static void expect_untouched(const char *path)
{
	char *text = harness_read_file(path);
	struct stat st;

	assert_return_code(stat(path, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, 0);
	assert_non_null(text);
	assert_string_equal(text, "precious\n");
	free(text);
}

static void reload(struct daemon *d, unsigned generation)
{
	char line[64];

	snprintf(line, sizeof(line), "ready, generation %u$", generation);
	assert_return_code(kill(d->pid, SIGHUP), errno);
	daemon_wait_log(d, line);
}

static void stop(struct daemon *d)
{
	int status;

	assert_return_code(kill(d->pid, SIGTERM), errno);
	status = daemon_wait_end(d);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	daemon_check_log(d);
}

/* ---- links in the place of a socket's file */

static void put_symlink(const struct field *f)
{
	assert_return_code(symlink(f->victim, f->socket), errno);
}

static void put_hard_link(const struct field *f)
{
	assert_return_code(link(f->victim, f->socket), errno);
}

static void put_symlink_to_folder(const struct field *f)
{
	assert_return_code(symlink(f->d->dir, f->socket), errno);
}

static void put_nothing(const struct field *f)
{
	(void)f;
}

static void (*const links[])(const struct field *f) = {
    put_symlink, put_hard_link, put_symlink_to_folder, put_nothing};

/* At each reload mode and group are set: those of the socket's own file. */
static void a_link_in_a_sockets_place_is_left_alone(void **state)
{
	struct field f;
	struct stat before, after;

	field_open(&f, *state);
	field_start(&f);
	assert_return_code(stat(f.d->dir, &before), errno);
	for (unsigned i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		(void)unlink(f.socket);
		links[i](&f);
		reload(f.d, 2 + i);
		expect_untouched(f.victim);
	}
	assert_return_code(stat(f.d->dir, &after), errno);
	assert_int_equal(before.st_mode, after.st_mode);
	assert_int_equal(before.st_gid, after.st_gid);
	put_symlink(&f);
	stop(f.d);
	assert_return_code(unlink(f.socket), errno); /* it was not removed */
	expect_untouched(f.victim);
}

/* A successor has the socket, and finds its file by the name. */
static void a_successor_takes_a_link_for_nothing_of_its_own(void **state)
{
	struct field f;

	masters_copy(*state);
	field_open(&f, *state);
	field_start(&f);
	for (unsigned i = 0; i < 2; i++) {
		(void)unlink(f.socket);
		links[i](&f);
		daemon_log_mark(f.d);
		assert_return_code(kill(f.d->pid, SIGUSR2), errno);
		masters_wait_changed(f.d);
		reload(f.d, 2);
		expect_untouched(f.victim);
	}
	stop(f.d);
	expect_untouched(f.victim);
}

/* A socket of root's, to which a second name leads. */
static void a_socket_of_roots_is_not_opened_to_others(void **state)
{
	struct field f;
	struct address other = {.un.sun_family = AF_UNIX, .len = sizeof(other.un)};
	struct stat st;
	char path[96];
	int fd;

	masters_copy(*state);
	field_open(&f, *state);
	harness_path(path, f.d->dir, "other.sock");
	snprintf(other.un.sun_path, sizeof(other.un.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(fd, &other.any, other.len), errno);
	assert_return_code(chmod(path, 0600), errno);
	assert_return_code(listen(fd, 1), errno);
	field_start(&f);
	assert_return_code(unlink(f.socket), errno);
	assert_return_code(link(path, f.socket), errno);
	reload(f.d, 2);
	daemon_log_mark(f.d);
	assert_return_code(kill(f.d->pid, SIGUSR2), errno);
	masters_wait_changed(f.d);
	reload(f.d, 2);
	assert_return_code(stat(path, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_gid, 0);
	stop(f.d);
	assert_return_code(access(f.socket, F_OK), errno);
	close(fd);
}

/* ---- links in the place of other files of the master */

static void expect_link_refused(struct daemon *d, const char *option, const char *said)
{
	daemon_launch(d, CONFINED_SMALL, "user=nobody", option, NULL);
	assert_int_equal(daemon_wait_end(d), 1 << 8);
	if (!daemon_log_has(d, said))
		fail_msg("not said: %s", said);
	daemon_check_log(d);
}

/* What the master writes has a name of its own before it has that one. */
static void a_pidfile_is_never_written_through_a_link(void **state)
{
	struct field f;
	char pidfile[96], option[128];

	field_open(&f, *state);
	harness_path(pidfile, f.run, "pid");
	snprintf(option, sizeof(option), "pidfile=%s", pidfile);
	for (int hard = 0; hard < 2; hard++) {
		if (hard)
			assert_return_code(link(f.victim, pidfile), errno);
		else
			assert_return_code(symlink(f.victim, pidfile), errno);
		daemon_launch(f.d, CONFINED_SMALL, "user=nobody", option, NULL);
		daemon_wait_log(f.d, "ready, generation 1$");
		expect_untouched(f.victim);
		assert_true(
		    daemon_log_has(f.d, "warning master: pidfile .* belongs to user"));
		stop(f.d);
		assert_int_equal(access(pidfile, F_OK), -1);
		expect_untouched(f.victim);
	}
}

static void a_log_is_never_written_through_a_link(void **state)
{
	struct field f;
	char path[96], option[128];

	field_open(&f, *state);
	harness_path(path, f.run, "log");
	snprintf(option, sizeof(option), "log=%s", path);
	assert_return_code(link(f.victim, path), errno);
	expect_link_refused(f.d, option, "log .*: Too many links");
	expect_untouched(f.victim);
	assert_return_code(unlink(path), errno);
	assert_return_code(symlink(f.victim, path), errno);
	expect_link_refused(f.d, option, "log .*: a symbolic link");
	expect_untouched(f.victim);
}

/* ---- locks */

/* As another user, locks all that it can open, in each way there is; returns when all
 * is locked. Its death is the end of them. */
static pid_t stranger_start(
    const struct field *f, const char *const *paths, size_t count)
{
	const struct flock reading = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	int ready[2];
	char byte;
	pid_t pid;

	assert_return_code(pipe2(ready, O_CLOEXEC), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		if (setgid(f->user->pw_gid) != 0 || setuid(f->user->pw_uid) != 0)
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (size_t i = 0; i < count; i++) {
			const int fd = open(paths[i], O_RDONLY);

			if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
				(void)fcntl(fd, F_SETLK, &reading);
		}
		(void)!write(ready[1], "", 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void stranger_end(pid_t pid)
{
	assert_return_code(kill(pid, SIGKILL), errno);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Folder, pidfile and whatever else of a master that was killed is still there. */
static void locks_of_others_keep_nobody_from_starting(void **state)
{
	struct field f;
	char lock[96], command[96], said[512];
	const char *paths[5];
	pid_t stranger;

	field_open(&f, *state);
	harness_path(lock, f.d->dir, "argond.pid.lock");
	harness_path(command, f.d->dir, "argond.pid.command");
	paths[0] = f.d->dir;
	paths[1] = f.run;
	paths[2] = f.d->pidfile;
	paths[3] = lock;
	paths[4] = command;
	field_start(&f);
	stranger = stranger_start(&f, paths, 5); /* what is locked here is not now */
	assert_return_code(kill(f.d->pid, SIGKILL), errno);
	daemon_wait_end(f.d);
	stranger_end(stranger);
	stranger = stranger_start(&f, paths, 5);
	daemon_log_mark(f.d);
	field_start(&f);
	assert_int_equal(masters_named(f.d), f.d->pid);
	assert_int_equal(masters_send(f.d, "reopen", said, sizeof(said)), 0);
	stop(f.d);
	stranger_end(stranger);
}

static void a_reload_waits_for_no_lock(void **state)
{
	struct field f;
	char path[96], text[512], *conf;
	const char *paths[2];
	pid_t stranger;

	field_open(&f, *state);
	daemon_launch(f.d, CONFINED_SMALL, "user=nobody", NULL);
	daemon_wait_log(f.d, "ready, generation 1$");
	paths[0] = f.run;
	paths[1] = f.d->dir;
	stranger = stranger_start(&f, paths, 2);
	conf = harness_read_file(f.d->conf);
	harness_path(path, f.run, "b.sock");
	snprintf(text, sizeof(text),
	    "pidfile = \"%s\"\nstore = \"sqlite:%s\"\n"
	    "listen = \"unix:%s\"\n",
	    f.d->pidfile, f.d->store, path);
	harness_write_file(f.d->conf, text);
	reload(f.d, 2);
	snprintf(f.d->local.un.sun_path, sizeof(f.d->local.un.sun_path), "%s", path);
	assert_int_equal(client_fetch(&f.d->local, "/livez", NULL, 0), 200);
	free(conf);
	stop(f.d);
	stranger_end(stranger);
}

/* Not even who may read the folder may open what is locked. */
static void the_lock_is_for_its_user_alone(void **state)
{
	struct field f;
	struct stat st;
	char lock[96];

	field_open(&f, *state);
	field_start(&f);
	harness_path(lock, f.d->dir, "argond.pid.lock");
	assert_return_code(stat(lock, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0600);
	harness_path(lock, f.d->dir, "argond.pid.command");
	assert_return_code(stat(lock, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_return_code(stat(f.d->pidfile, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0644);
	stop(f.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_link_in_a_sockets_place_is_left_alone),
	    masters_test(a_successor_takes_a_link_for_nothing_of_its_own),
	    masters_test(a_socket_of_roots_is_not_opened_to_others),
	    daemon_test(a_pidfile_is_never_written_through_a_link),
	    daemon_test(a_log_is_never_written_through_a_link),
	    daemon_test(locks_of_others_keep_nobody_from_starting),
	    daemon_test(a_reload_waits_for_no_lock),
	    daemon_test(the_lock_is_for_its_user_alone),
	};

	return cmocka_run_group_tests_name("walls: files", tests, NULL, NULL);
}
