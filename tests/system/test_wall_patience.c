/*
 * A client that takes nothing of its answer: the kernel keeps the answer no longer than
 * the frontend would, whoever has closed the connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/process.h"

enum { CLIENTS = 4, SMALL_BUFFER = 4096 };

/* Connections of the daemon's port, with or without a process. */
static unsigned connections(const struct daemon *d)
{
	static const char listening[] = " 0A ";
	char *text = harness_read_file("/proc/net/tcp"), lead[32], *line;
	unsigned n = 0;

	assert_non_null(text);
	snprintf(lead, sizeof(lead), ": 0100007F:%04X ", ntohs(d->tcp.in.sin_port));
	for (line = text; (line = strstr(line, lead)) != NULL; line++)
		n += strncmp(strchr(line + strlen(lead), ' '), listening,
		         strlen(listening)) != 0;
	free(text);
	return n;
}

static bool none_is_left(void *arg)
{
	return connections(arg) == 0;
}

/* Asks for more than the client's buffer takes, and reads none of it. */
static int ask_and_wait(const struct daemon *d, const char *close_or_not)
{
	const int small = SMALL_BUFFER;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[512];

	assert_return_code(fd, errno);
	assert_return_code(
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), errno);
	assert_return_code(connect(fd, &d->tcp.any, d->tcp.len), errno);
	snprintf(text, sizeof(text), "GET /openapi.json HTTP/1.1\r\nHost: t\r\n%s\r\n",
	    close_or_not);
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	return fd;
}

static bool has_come(void *arg)
{
	char byte;

	return recv(*(const int *)arg, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static void take_nothing(struct daemon *d, const char *close_or_not, bool kill_it)
{
	int fds[CLIENTS];
	pid_t pid;

	for (size_t i = 0; i < CLIENTS; i++)
		fds[i] = ask_and_wait(d, close_or_not);
	for (size_t i = 0; i < CLIENTS; i++)
		wait_until(has_come, &fds[i], "the answer's beginning");
	/* on a slow machine the first ones have had their time already */
	assert_in_range(connections(d), 1, CLIENTS);
	if (kill_it) {
		pid = process_find(d, "frontend 0");
		process_kill(pid);
		process_wait_new(d, "frontend 0", pid);
	}
	wait_until(none_is_left, d, "the end of all connections");
	for (size_t i = 0; i < CLIENTS; i++)
		close(fds[i]);
}

static void start(struct daemon *d)
{
	daemon_start(
	    d, CONFINED_SMALL, "frontend.processes=1", "write_timeout=100ms", NULL);
}

static void an_answer_that_nobody_takes_is_not_kept(void **state)
{
	struct daemon *d = *state;

	start(d);
	take_nothing(d, "Connection: close\r\n", false);
	daemon_stop(d);
}

static void nor_when_the_frontend_has_died(void **state)
{
	struct daemon *d = *state;

	start(d);
	if (process_titles_visible(d))
		take_nothing(d, "", true);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(an_answer_that_nobody_takes_is_not_kept),
	    daemon_test(nor_when_the_frontend_has_died),
	};

	return cmocka_run_group_tests_name("wall: patience", tests, NULL, NULL);
}
