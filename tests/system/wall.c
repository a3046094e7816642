#include "tests/system/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/fds.h"
#include "tests/system/process.h"

static const char secret[] = "0123456789abcdef0123456789abcdef";

/* As nobody, with a pepper and tokens, so that all there is to steal is there, and with
 * one more directive for the frontends. */
void wall_start_with(struct daemon *d, const char *frontends)
{
	char path[96], text[1024];
	const struct passwd *user = confined_folder(d, "nobody");
	static const char *const names[] = {"pepper", "tokens"};

	if (harness_wrapped()) {
		print_message("the program is wrapped\n");
		skip();
	}
	for (size_t i = 0; i < 2; i++) {
		harness_path(path, d->dir, names[i]);
		snprintf(text, sizeof(text), "%s\n", secret);
		harness_write_file(path, text);
		assert_return_code(chown(path, user->pw_uid, user->pw_gid), errno);
		assert_return_code(chmod(path, 0600), errno);
	}
	snprintf(text, sizeof(text),
	    "listen = {\"127.0.0.1:0\", \"unix:%s\"}\npidfile = \"%s\"\n"
	    "store = \"sqlite:%s\"\nfrontend { processes = 2 %s }\n"
	    "token_file = \"%s/tokens\"\nkey k { file = \"%s/pepper\" }\n",
	    d->socket, d->pidfile, d->store, frontends, d->dir, d->dir);
	harness_write_file(d->conf, text);
	d->files_expected = true;
	confined_start_as_nobody(d);
}

void wall_expect_service(const struct daemon *d)
{
	static const char *const paths[] = {"/hash/x", "/hash_rayon/x", "/user/1"};
	struct response r = {0};
	struct client client;
	char text[256];

	client_open(&client, &d->tcp);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(text, sizeof(text),
		    "GET %s HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n\r\n",
		    paths[i], secret);
		client_ask(&client, &r, text);
		if (r.status != 200)
			fail_msg("%s: %d %s", paths[i], r.status, r.body);
	}
	client_close(&client);
	response_free(&r);
}

void wall_start(struct daemon *d)
{
	wall_start_with(d, "");
}

/* Takes the process `who` in hand, or skips. */
pid_t wall_take(struct daemon *d, struct remote *remote, const char *who)
{
	const pid_t pid = process_find(d, who);

	assert_true(pid > 0);
	if (remote_open(remote, pid))
		return pid;
	daemon_stop(d);
	print_message("ptrace is not permitted, or not for this architecture\n");
	skip();
	return 0;
}

/* That it gets nowhere; a folder cannot be written anyway. */
void wall_expect_closed(struct remote *remote, const char *path, int flags)
{
	const long result = remote_open_file(remote, path, flags);

	if (result != -EACCES && result != -EPERM && result != -ENOENT &&
	    result != -EISDIR)
		fail_msg("process %d: open %s, flags %x: %ld", (int)remote->pid, path,
		    (unsigned)flags, result);
}

/* All of /proc/PID that says or changes what only the process itself may. */
void wall_expect_hidden(struct remote *remote, pid_t pid)
{
	static const char *const names[] = {"environ", "mem", "maps", "smaps", "auxv",
	    "pagemap", "stack", "syscall", "io", "fd", "fdinfo", "map_files",
	    "clear_refs", "personality"};
	/* what everybody may read, and its user set */
	static const char *const dials[] = {"oom_score_adj", "oom_adj", "comm",
	    "coredump_filter", "autogroup", "loginuid"};
	static struct fd_list list;
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, names[i]);
		wall_expect_closed(remote, path, O_RDONLY);
		wall_expect_closed(remote, path, O_WRONLY);
	}
	for (size_t i = 0; i < sizeof(dials) / sizeof(dials[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, dials[i]);
		wall_expect_closed(remote, path, O_WRONLY);
	}
	assert_true(fds_list(pid, &list));
	for (size_t i = 0; i < list.count; i++) {
		snprintf(
		    path, sizeof(path), "/proc/%d/fd/%d", (int)pid, list.entries[i].fd);
		wall_expect_closed(remote, path, O_RDONLY | O_NONBLOCK);
		wall_expect_closed(remote, path, O_RDWR | O_NONBLOCK);
	}
	snprintf(path, sizeof(path), "/proc/%d/cwd/.", (int)pid);
	wall_expect_closed(remote, path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/root/etc/passwd", (int)pid);
	wall_expect_closed(remote, path, O_RDONLY);
}

/* Every file of /proc/PID that is for the process alone belongs to root then. */
bool wall_is_dumpable(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	assert_return_code(stat(path, &st), errno);
	return st.st_uid != 0;
}
