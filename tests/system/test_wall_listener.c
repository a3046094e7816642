/*
 * A frontend that was broken into, and the listening sockets that it shares with the
 * others. The socket's options, its flags and its end are out of its reach; where
 * somebody else has changed them all the same, the master finds it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/confined.h"
#include "tests/system/intruder.h"
#include "tests/system/process.h"

#define ONE_FRONTEND CONFINED_SMALL, "frontend.processes=1"

static const int families[] = {AF_INET, AF_UNIX};

static const struct address *address_of(const struct daemon *d, int family)
{
	return family == AF_INET ? &d->tcp : &d->local;
}

static void expect_served(const struct daemon *d)
{
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    client_fetch(address_of(d, families[i]), "/livez", NULL, 0), 200);
}

/* ---- what a frontend can do to a listener by its own calls ---- */

static const struct linger for_long = {.l_onoff = 1, .l_linger = 1000};
static const int one = 1;
static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
static const struct sockaddr_in anywhere = {.sin_family = AF_INET};

#define DEED(number_, ...)                                                             \
	{                                                                              \
		.number = (number_), .args = { __VA_ARGS__ }                           \
	}
#define DEED_WITH(object, number_, ...)                                                \
	{                                                                              \
		.number = (number_), .args = {__VA_ARGS__}, .bytes = &(object),        \
		.len = sizeof(object)                                                  \
	}
#define OPTION(level, name, value)                                                     \
	DEED_WITH(value, SYS_setsockopt, 0, level, name, INTRUDER_BYTES, sizeof(value))

/* Argument 0 is the listener. */
static const struct deed {
	const char *name;
	struct intruder_call call;
} denied[] = {
    {"shutdown(SHUT_RD)", DEED(SYS_shutdown, 0, SHUT_RD)},
    {"shutdown(SHUT_RDWR)", DEED(SYS_shutdown, 0, SHUT_RDWR)},
    {"shutdown(SHUT_RD) in 64 bits",
        DEED(SYS_shutdown, 0, SHUT_RD | UINT64_C(1) << 32)},
    {"shutdown(SHUT_WR)", DEED(SYS_shutdown, 0, SHUT_WR)},
    {"SO_LINGER", OPTION(SOL_SOCKET, SO_LINGER, for_long)},
    {"SO_RCVBUF", OPTION(SOL_SOCKET, SO_RCVBUF, one)},
    {"SO_SNDBUF", OPTION(SOL_SOCKET, SO_SNDBUF, one)},
    {"SO_DETACH_FILTER", OPTION(SOL_SOCKET, SO_DETACH_FILTER, one)},
    {"TCP_DEFER_ACCEPT", OPTION(IPPROTO_TCP, TCP_DEFER_ACCEPT, one)},
    {"TCP_USER_TIMEOUT", OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT, one)},
    {"listen(0)", DEED(SYS_listen, 0, 0)},
    {"connect(AF_UNSPEC)",
        DEED_WITH(nowhere, SYS_connect, 0, INTRUDER_BYTES, sizeof(nowhere))},
    {"bind", DEED_WITH(anywhere, SYS_bind, 0, INTRUDER_BYTES, sizeof(anywhere))},
    {"fcntl(F_SETFL)", DEED(SYS_fcntl, 0, F_SETFL, 0)},
    {"fcntl(F_SETOWN)", DEED(SYS_fcntl, 0, F_SETOWN, 1)},
    {"fcntl(F_DUPFD)", DEED(SYS_fcntl, 0, F_DUPFD, 100)},
    {"dup", DEED(SYS_dup, 0)},
    {"ioctl(FIONBIO)", DEED_WITH(one, SYS_ioctl, 0, FIONBIO, INTRUDER_BYTES)},
    {"ioctl(FIOASYNC)", DEED_WITH(one, SYS_ioctl, 0, FIOASYNC, INTRUDER_BYTES)},
    {"sendto(MSG_FASTOPEN)",
        DEED_WITH(one, SYS_sendto, 0, INTRUDER_BYTES, 4, MSG_FASTOPEN)},
    {"sendto(MSG_OOB)", DEED_WITH(one, SYS_sendto, 0, INTRUDER_BYTES, 4, MSG_OOB)},
};

/* Allowed for the sake of connections; to a listener they do nothing. */
static const struct deed harmless[] = {
    {"recvfrom", DEED_WITH(one, SYS_recvfrom, 0, INTRUDER_BYTES, 4, MSG_DONTWAIT)},
    {"write", DEED_WITH(one, SYS_write, 0, INTRUDER_BYTES, 4)},
    {"close", DEED(SYS_close, 0)},
};

static void try_deed(struct daemon *d, const struct deed *deed, int family, bool deny)
{
	const pid_t pid = process_find(d, "frontend 0");
	const int fd = intruder_listener(pid, family);
	struct intruder_call call = deed->call;
	enum intruder_end end = INTRUDER_UNABLE;
	long result = 0;

	call.args[0] = (uint64_t)fd;
	if (fd >= 0)
		end = intruder_do(pid, &call, &result);
	if (end == INTRUDER_UNABLE) {
		daemon_stop(d);
		print_message("ptrace and pidfd_getfd are not permitted\n");
		skip();
	}
	if (deny && end != INTRUDER_DENIED)
		fail_msg("%s on a listener of family %d: %ld, and not its end",
		    deed->name, family, result);
	if (!deny && end != INTRUDER_DONE)
		fail_msg("%s on a listener of family %d is denied", deed->name, family);
	if (!deny)
		process_kill(pid);
	process_wait_new(d, "frontend 0", pid);
	expect_served(d);
}

static void try_deeds(
    struct daemon *d, const struct deed *deeds, size_t count, bool deny)
{
	for (size_t i = 0; i < count; i++)
		for (size_t f = 0; f < 2; f++)
			try_deed(d, &deeds[i], families[f], deny);
}

static void a_frontend_cannot_change_a_listener(void **state)
{
	struct daemon *d = *state;

	d->bugs_expected = true;
	daemon_start(d, ONE_FRONTEND, NULL);
	try_deeds(d, denied, sizeof(denied) / sizeof(denied[0]), true);
	daemon_stop(d);
}

static void what_a_frontend_may_do_harms_no_listener(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, ONE_FRONTEND, NULL);
	try_deeds(d, harmless, sizeof(harmless) / sizeof(harmless[0]), false);
	daemon_stop(d);
}

/* ---- a listener that was changed all the same ---- */

static void shut_reading(int fd)
{
	assert_return_code(shutdown(fd, SHUT_RD), errno);
}

static void shut_all(int fd)
{
	assert_return_code(shutdown(fd, SHUT_RDWR), errno);
}

static void set_linger(int fd)
{
	assert_return_code(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &for_long, sizeof(for_long)), errno);
}

static void set_blocking(int fd)
{
	assert_return_code(fcntl(fd, F_SETFL, 0), errno);
}

static void drop_all(int fd)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = {.len = 1, .filter = &code};

	assert_return_code(
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
	    errno);
}

static void drop_all_for_good(int fd)
{
	drop_all(fd);
	assert_return_code(
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)), errno);
}

static void (*const changes[])(int fd) = {
    shut_reading, shut_all, set_linger, set_blocking, drop_all, drop_all_for_good};

/* Its successor has another place, and so another number. */
static pid_t the_frontend(const struct daemon *d)
{
	pid_t pid;

	process_wait_count(d, "frontend ", 1);
	assert_int_equal(process_all(d, "frontend ", &pid, 1), 1);
	return pid;
}

/* A client of the other address notices nothing, but for `Connection: close`. */
static void change_and_wait(struct daemon *d, int family, void (*change)(int fd))
{
	const pid_t pid = the_frontend(d);
	const int other = family == AF_INET ? AF_UNIX : AF_INET;
	const int fd = intruder_take(pid, intruder_listener(pid, family));
	struct client client;
	struct response r = {0};
	char left[64];

	if (fd < 0) {
		daemon_stop(d);
		print_message("pidfd_getfd is not permitted\n");
		skip();
	}
	client_open(&client, address_of(d, other));
	client_get(&client, &r, "/livez");
	assert_int_equal(r.status, 200);
	client_say(&client, "GET /hash/x HTTP/1.1\r\nHost: t\r\n\r\n");
	daemon_log_mark(d);
	change(fd);
	close(fd);
	daemon_wait_log(d, "accepts connections again");
	client_read(&client, &r, false);
	assert_int_equal(r.status, 200);
	client_close(&client);
	response_free(&r);
	expect_served(d);
	snprintf(left, sizeof(left), "frontend . \\(%d\\) left in order", (int)pid);
	daemon_wait_log(d, left);
}

static void a_listener_that_somebody_has_changed_is_mended(void **state)
{
	struct daemon *d = *state;

	daemon_start(d, ONE_FRONTEND, NULL);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		for (size_t f = 0; f < 2; f++)
			change_and_wait(d, families[f], changes[i]);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_frontend_cannot_change_a_listener),
	    daemon_test(what_a_frontend_may_do_harms_no_listener),
	    daemon_test(a_listener_that_somebody_has_changed_is_mended),
	};

	return cmocka_run_group_tests_name("wall: listeners", tests, NULL, NULL);
}
