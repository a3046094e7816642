/*
 * What a master is handed by others at its birth, or `argond -s` finds on the disk:
 *   - a status file (master/status.h): whatever it says, the answer is one line; what a
 *     master has written is read back;
 *   - a pidfile that somebody has locked (master/lockfile.h): it names a process of its
 *     owner, or none;
 *   - LISTEN_PID and LISTEN_FDS (master/inherit.h) with a socket of any name: it is
 * taken or refused with a reason, and the variables are gone.
 *
 * Input: a byte that says which, and what stands there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "master/inherit.h"
#include "master/master.h"
#include "master/status.h"
#include "tests/fuzz/fuzz.h"

enum { NOBODY = 0x40000000, FIRST_HANDED = 3, TEXT_MAX = 2048, WAIT_MS = 1000 };

static char folder[] = "/tmp/argond-fuzz-XXXXXX";
static char pidfile[64], status_file[80];
static struct master master;

/* Nobody is waited for, and without this the kernel takes its time. */
int inotify_init1(int flags)
{
	(void)flags;
	errno = EMFILE;
	return -1;
}

static void folder_remove(void)
{
	unlink(pidfile);
	unlink(status_file);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO) == 0);
	CHECK(mkdtemp(folder) != NULL);
	snprintf(pidfile, sizeof(pidfile), "%s/pid", folder);
	snprintf(status_file, sizeof(status_file), "%s.status", pidfile);
	atexit(folder_remove);
	return 0;
}

static int file_write(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK(write(fd, bytes, len) == (ssize_t)len);
	return fd;
}

static void check_line(const char *text, size_t cap)
{
	CHECK(memchr(text, '\0', cap) != NULL);
	CHECK(strchr(text, '\n') == NULL);
}

/* --- the status file */

static void status_any(struct tape *tape)
{
	char why[512];
	unsigned last;

	close(file_write(status_file, tape->at, tape->left));
	last = status_last(pidfile);
	(void)status_wait(pidfile, NOBODY, last, WAIT_MS, why, sizeof(why));
	check_line(why, sizeof(why));
	(void)status_wait(pidfile, NOBODY, 0, WAIT_MS, why, 16);
	check_line(why, 16);
	unlink(status_file);
}

/* What a master says of a reload. */
static void status_told(struct tape *tape)
{
	bool ok = tape_byte(tape) % 2 == 0;
	char why[TEXT_MAX], heard[TEXT_MAX] = "";
	size_t len = tape->left < 512 ? tape->left : 512;
	unsigned before = status_last(pidfile);

	CHECK(before == 0);
	tape_fill(tape, why, len);
	why[len] = '\0';
	why[strcspn(why, "\n")] = '\0';
	memmove(why, why + strspn(why, " \t\r\v\f"),
	    strlen(why) + 1 - strspn(why, " \t\r\v\f"));
	CHECK(lockfile_open(&master.lockfile, pidfile) == 0);
	master.reload.begun = tape->left > 0 ? tape->at[0] : 0;
	status_begun(&master);
	CHECK(status_last(pidfile) == master.reload.begun);
	status_finished(&master, ok, why);
	CHECK(status_wait(pidfile, NOBODY, master.reload.begun - 1, WAIT_MS, heard,
	          sizeof(heard)) == (ok ? STATUS_OK : STATUS_FAILED));
	CHECK(strcmp(heard, why) == 0);
	status_remove(&master);
	lockfile_close(&master.lockfile, true);
	CHECK(access(status_file, F_OK) != 0 && access(pidfile, F_OK) != 0);
}

/* --- the pidfile */

static void pidfile_any(struct tape *tape)
{
	int fd = file_write(pidfile, tape->at, tape->left);
	char text[16] = "";
	pid_t pid;

	tape_fill(tape, text, tape->left < 15 ? tape->left : 15);
	CHECK(lockfile_holder(pidfile) == 0); /* nobody has locked it */
	CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0);
	pid = lockfile_holder(pidfile);
	CHECK(pid > 1 || pid == -1);
	if (pid > 1)
		CHECK(strtol(text, NULL, 10) == pid);
	close(fd);
	unlink(pidfile);
}

/* --- sockets */

static int socket_named(struct tape *tape)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = tape_byte(tape) % (sizeof(addr.sun_path) - 1);

	CHECK(fd >= 0);
	tape_fill(tape, addr.sun_path + 1, len); /* an abstract name */
	if (bind(fd, (const struct sockaddr *)&addr,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)) == 0)
		CHECK(listen(fd, 1) == 0);
	return fd;
}

static void text_take(struct tape *tape, char *text, size_t cap)
{
	size_t len = tape_byte(tape) % cap;

	tape_fill(tape, text, len);
	text[len] = '\0';
}

static void sockets_any(struct tape *tape)
{
	int kept = dup(FIRST_HANDED), fd = socket_named(tape);
	char text[24];
	struct listener_set set;
	struct config_error err = {{0}};

	CHECK(dup2(fd, FIRST_HANDED) == FIRST_HANDED);
	text_take(tape, text, sizeof(text));
	if (*text == '\0')
		snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	text_take(tape, text, sizeof(text));
	setenv("LISTEN_FDS", *text == '\0' ? "1" : text, 1);
	if (inherit_listeners(&set, tape_byte(tape) % 2 == 1, &err) == 0) {
		for (size_t i = 0; i < set.count; i++)
			CHECK(memchr(set.sockets[i]->spec.text, '\0',
			          sizeof(set.sockets[i]->spec.text)) != NULL);
		listen_close(&set);
	} else {
		CHECK(*err.text != '\0');
	}
	CHECK(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL);
	if (kept >= 0)
		CHECK(dup2(kept, FIRST_HANDED) == FIRST_HANDED && close(kept) == 0);
	else
		close(FIRST_HANDED);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(struct tape *) = {
	    status_any, status_told, pidfile_any, sockets_any};
	struct tape tape = {data, size};

	if (size > 0 && size <= TEXT_MAX)
		kinds[tape_byte(&tape) % (sizeof(kinds) / sizeof(kinds[0]))](&tape);
	return 0;
}
