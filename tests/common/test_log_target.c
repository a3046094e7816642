/*
 * common/log_sink.c: standard output and error by all their names, whatever is behind
 * them, and the journal of systemd.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/log_sink.h"

static void standard_names_are_known(void **state)
{
	static const struct {
		const char *name;
		int fd;
	} names[] = {{"stdout", 1}, {"stderr", 2}, {"/dev/stdout", 1},
	    {"/dev/stderr", 2}, {"/dev/fd/1", 1}, {"/dev/fd/2", 2},
	    {"/proc/self/fd/1", 1}, {"/proc/self/fd/2", 2}, {"", -1}, {"1", -1},
	    {"syslog", -1}, {"stdin", -1}, {"/dev/stdin", -1}, {"/dev/fd/0", -1},
	    {"/dev/fd/3", -1}, {"/dev/fd/11", -1}, {"/dev/fd/stdout", -1},
	    {"/dev/1", -1}, {"/dev/stdout/", -1}, {"/dev", -1},
	    {"/var/log/stdout", -1}};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (log_sink_standard(names[i].name) != names[i].fd)
			fail_msg("%s", names[i].name);
}

/* ---- what is behind them: in a process of its own, which logs one line ---- */

struct behind {
	int read, write;
	uid_t user;          /* 0: as we are */
	const char *journal; /* JOURNAL_STREAM, or NULL */
	enum log_format format;
};

static void log_a_line(const struct behind *b, const char *target, int standard)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(standard == 1 ? b->write : null, 1);
	dup2(standard == 2 ? b->write : null, 2);
	close(b->write);
	close(b->read);
	if (b->journal != NULL)
		setenv("JOURNAL_STREAM", b->journal, 1);
	else
		unsetenv("JOURNAL_STREAM");
	if (b->user != 0 && setuid(b->user) != 0)
		_exit(3);
	if (log_open(target, b->format, LOG_LEVEL_DEBUG) != 0)
		_exit(2);
	log_ident("tester");
	log_error("an error");
	log_warn("a warning");
	log_info("a line");
	log_debug("more");
	_exit(log_dropped() == 0 ? 0 : 1);
}

/* Fills text[cap] with what arrives at the other end. */
static void take_lines(
    const struct behind *b, const char *target, int standard, char *text, size_t cap)
{
	size_t len = 0;
	ssize_t n;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		log_a_line(b, target, standard);
	close(b->write);
	while ((n = read(b->read, text + len, cap - 1 - len)) > 0)
		len += (size_t)n;
	close(b->read);
	text[len] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("%s: 0x%x, %s", target, (unsigned)status, text);
}

static struct behind a_pipe(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	return (struct behind){.read = ends[0], .write = ends[1]};
}

static struct behind a_socket(void)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	return (struct behind){.read = ends[0], .write = ends[1]};
}

static void they_may_be_pipes_or_sockets_of_anybody(void **state)
{
	static const char *const names[][3] = {
	    {"stdout", "/dev/stdout", "/proc/self/fd/1"},
	    {"stderr", "/dev/stderr", "/dev/fd/2"}};
	char text[2048];

	(void)state;
	for (int fd = 1; fd <= 2; fd++)
		for (size_t i = 0; i < 3; i++)
			for (int kind = 0; kind < 4; kind++) {
				struct behind b = kind % 2 == 0 ? a_pipe() : a_socket();

				if (kind >= 2)
					b.user = geteuid() == 0 ? 12345 : 0;
				take_lines(
				    &b, names[fd - 1][i], fd, text, sizeof(text));
				assert_non_null(strstr(text, "info tester: a line\n"));
			}
}

static void journal_of(int fd, char text[64])
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	snprintf(text, 64, "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
}

static void the_journal_is_told_priorities(void **state)
{
	struct behind b = a_socket();
	char text[2048], stream[64];

	(void)state;
	journal_of(b.write, stream);
	b.journal = stream;
	take_lines(&b, "stderr", 2, text, sizeof(text));
	assert_memory_equal(text, "<3>2", 4);
	assert_non_null(strstr(text, "an error\n<4>2"));
	assert_non_null(strstr(text, "a warning\n<6>2"));
	assert_non_null(strstr(text, "a line\n<7>2"));

	b = a_socket();
	journal_of(b.write, stream);
	b.journal = stream;
	b.format = LOG_FORMAT_JSON;
	take_lines(&b, "/dev/stdout", 1, text, sizeof(text));
	assert_memory_equal(text, "<3>{\"time\"", 10);
}

/* The variable is inherited by what is no service: the descriptor must be that one. */
static void what_is_not_the_journal_is_not_told(void **state)
{
	static const char *const others[] = {NULL, "", "1:2", ":", "nonsense"};
	struct behind b, other = a_socket();
	char text[2048], stream[64];

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		b = a_socket();
		b.journal = others[i];
		take_lines(&b, "stderr", 2, text, sizeof(text));
		assert_int_equal(text[0], '2');
	}
	journal_of(other.write, stream);
	b = a_socket();
	b.journal = stream;
	take_lines(&b, "stdout", 1, text, sizeof(text));
	assert_int_equal(text[0], '2');
	close(other.read);
	close(other.write);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(standard_names_are_known),
	    cmocka_unit_test(they_may_be_pipes_or_sockets_of_anybody),
	    cmocka_unit_test(the_journal_is_told_priorities),
	    cmocka_unit_test(what_is_not_the_journal_is_not_told),
	};

	return cmocka_run_group_tests_name("log, target", tests, NULL, NULL);
}
