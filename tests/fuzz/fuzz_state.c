/*
 * What a master is handed by others at its birth or sent by a client, and what `argond
 * -s` finds on the disk or is answered:
 *   - a request and an answer on the command socket (master/command.h): one of those
 *     there are, or none; a reason is printable, and what a master has said is read
 * back;
 *   - a pidfile (master/lockfile.h): it names a process, or none;
 *   - LISTEN_PID and LISTEN_FDS (master/inherit.h) with a socket of any name: it is
 * taken or refused with a reason, and the variables are gone.
 *
 * Input: a byte that says which, and what stands there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "master/command.h"
#include "master/inherit.h"
#include "master/lockfile.h"
#include "tests/fuzz/fuzz.h"

enum { FIRST_HANDED = 3, TEXT_MAX = 2048 };

static char folder[] = "/tmp/argond-fuzz-XXXXXX";
static char pidfile[64];

static void folder_remove(void)
{
	unlink(pidfile);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO) == 0);
	CHECK(mkdtemp(folder) != NULL);
	snprintf(pidfile, sizeof(pidfile), "%s/pid", folder);
	atexit(folder_remove);
	return 0;
}

/* --- the command socket */

static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* What a client asks for. */
static void request_any(struct tape *tape)
{
	char bytes[COMMAND_REQUEST_MAX];
	const char *why;
	const struct signal_row *row =
	    command_request_read((const char *)tape->at, tape->left, &why);

	CHECK((row == NULL) == (why != NULL));
	if (row == NULL)
		return;
	CHECK(row->word != NULL);
	CHECK(command_request(bytes, row) == tape->left);
	CHECK(memcmp(bytes, tape->at, tape->left) == 0);
}

/* What a master, or another one in its place, answers. */
static void answer_any(struct tape *tape)
{
	enum command_result result;
	const size_t cap = 1 + tape_byte(tape) * 8u;
	char *why = malloc(cap);

	CHECK(why != NULL);
	if (command_answer_read(
	        (const char *)tape->at, tape->left, &result, why, cap) == 0) {
		CHECK(result <= COMMAND_AGAIN);
		CHECK(memchr(why, '\0', cap) != NULL);
		CHECK(is_printable(why));
	}
	free(why);
}

static void message_any(struct tape *tape)
{
	request_any(tape);
	answer_any(tape);
}

/* What a master says of a reload. */
static void answer_told(struct tape *tape)
{
	const bool ok = tape_byte(tape) % 2 == 0;
	char why[TEXT_MAX], heard[4 * TEXT_MAX + 1], bytes[COMMAND_ANSWER_MAX];
	size_t len = tape->left < 512 ? tape->left : 512;
	enum command_result result;

	tape_fill(tape, why, len);
	why[len] = '\0';
	len = command_answer(bytes, ok ? COMMAND_OK : COMMAND_FAILED, why);
	CHECK(len < sizeof(bytes));
	CHECK(command_answer_read(bytes, len, &result, heard, sizeof(heard)) == 0);
	CHECK(result == (ok ? COMMAND_OK : COMMAND_FAILED));
	CHECK(!is_printable(why) || strcmp(heard, why) == 0);
}

/* --- the pidfile */

static void pidfile_any(struct tape *tape)
{
	const int fd = open(pidfile, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char text[16] = "";
	pid_t pid;

	CHECK(fd >= 0);
	CHECK(write(fd, tape->at, tape->left) == (ssize_t)tape->left);
	close(fd);
	tape_fill(tape, text, tape->left < 15 ? tape->left : 15);
	pid = lockfile_number(pidfile);
	CHECK(pid >= 0);
	if (pid > 0)
		CHECK(strtol(text, NULL, 10) == pid);
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
	    message_any, answer_told, pidfile_any, sockets_any};
	struct tape tape = {data, size};

	if (size > 0 && size <= TEXT_MAX)
		kinds[tape_byte(&tape) % (sizeof(kinds) / sizeof(kinds[0]))](&tape);
	return 0;
}
