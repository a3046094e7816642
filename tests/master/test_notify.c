/*
 * What the service manager is told, on a socket that plays its part.
 */
#include "master/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"

struct manager {
	char dir[64], path[96];
	int fd;
	int lowest; /* the first free descriptor: whoever leaks one changes it */
};

static int lowest_free(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

static int setup(void **state)
{
	struct manager *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return -1;
	snprintf(m->dir, sizeof(m->dir), "/tmp/argond-notify-XXXXXX");
	if (mkdtemp(m->dir) == NULL) {
		free(m);
		return -1;
	}
	snprintf(m->path, sizeof(m->path), "%s/notify", m->dir);
	m->fd = -1;
	*state = m;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

static int teardown(void **state)
{
	struct manager *m = *state;

	if (m->fd >= 0)
		close(m->fd);
	unlink(m->path);
	rmdir(m->dir);
	free(m);
	return 0;
}

/* Binds a socket of that type and makes it known; "@name" is an abstract one. */
static void listen_at(struct manager *m, const char *name, int type)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(name);

	assert_true(len < sizeof(addr.sun_path));
	memcpy(addr.sun_path, name, len);
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	m->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(m->fd >= 0);
	assert_return_code(
	    bind(m->fd, (struct sockaddr *)&addr,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    errno);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	m->lowest = lowest_free();
}

/* The datagram that has come, whole; "" where there is none. */
static const char *heard(struct manager *m)
{
	static char text[256];
	ssize_t n = recv(m->fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		assert_int_equal(errno, EAGAIN);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void say_everything(struct manager *m)
{
	char text[64];

	notify_ready();
	assert_string_equal(heard(m), "READY=1\nSTATUS=serving");
	notify_stopping();
	assert_string_equal(heard(m), "STOPPING=1\nSTATUS=answering what is in flight");
	notify_watchdog();
	assert_string_equal(heard(m), "WATCHDOG=1");
	notify_main(4711);
	snprintf(text, sizeof(text), "MAINPID=%d\nREADY=1\nWATCHDOG=1", 4711);
	assert_string_equal(heard(m), text);
	assert_string_equal(heard(m), "");
	assert_int_equal(lowest_free(), m->lowest);
}

static void it_is_said_to_a_path(void **state)
{
	struct manager *m = *state;

	listen_at(m, m->path, SOCK_DGRAM);
	say_everything(m);
}

static void it_is_said_to_an_abstract_name(void **state)
{
	struct manager *m = *state;
	char name[64];

	snprintf(name, sizeof(name), "@argond-notify-%d", (int)getpid());
	listen_at(m, name, SOCK_DGRAM);
	say_everything(m);
}

/* The longest path that a socket can have is not too long. */
static void it_is_said_to_a_long_name(void **state)
{
	struct manager *m = *state;
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	memset(name, 'x', sizeof(name));
	snprintf(name, 32, "@argond-notify-%d", (int)getpid());
	name[strlen(name)] = '-';
	name[sizeof(name) - 1] = '\0';
	listen_at(m, name, SOCK_DGRAM);
	say_everything(m);
}

/* The manager compares it with its own clock: it must be this one, in microseconds. */
static void a_reload_has_the_time_it_began(void **state)
{
	struct manager *m = *state;
	uint64_t before = clock_ns() / 1000, told = 0;
	char end;

	listen_at(m, m->path, SOCK_DGRAM);
	notify_reloading();
	assert_int_equal(
	    sscanf(heard(m), "RELOADING=1\nMONOTONIC_USEC=%" SCNu64 "%c", &told, &end),
	    1);
	assert_in_range(told, before, clock_ns() / 1000);
	notify_ready();
	assert_string_equal(heard(m), "READY=1\nSTATUS=serving");
}

static void tell_all(void)
{
	notify_ready();
	notify_reloading();
	notify_stopping();
	notify_main(getpid());
	notify_watchdog();
}

/* Nobody asked, or nobody can be reached: life goes on, and no descriptor is lost. */
static void wrong_addresses_are_survived(void **state)
{
	struct manager *m = *state;
	char long_path[200], missing[128];
	const char *const names[] = {"", "notify", "./notify", "@", "/", "vsock:2:1234",
	    m->dir, missing, long_path, "@nobody-listens-to-this-name"};
	int lowest = lowest_free();

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	snprintf(missing, sizeof(missing), "%s/none/notify", m->dir);
	tell_all(); /* the variable is unset */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
		tell_all();
		assert_int_equal(lowest_free(), lowest);
	}
}

/* A socket of another kind, a file, one whose owner is gone. */
static void wrong_sockets_are_survived(void **state)
{
	struct manager *m = *state;
	int fd;

	listen_at(m, m->path, SOCK_STREAM);
	tell_all();
	assert_int_equal(lowest_free(), m->lowest);
	close(m->fd);
	assert_return_code(unlink(m->path), errno);
	listen_at(m, m->path, SOCK_DGRAM);
	close(m->fd);
	m->fd = -1;
	tell_all();
	assert_return_code(unlink(m->path), errno);
	fd = open(m->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	tell_all();
}

/* A manager that does not listen does not stop us. */
static void a_full_queue_never_blocks(void **state)
{
	struct manager *m = *state;
	unsigned n = 0;

	listen_at(m, m->path, SOCK_DGRAM);
	alarm(30);
	for (int i = 0; i < 2000; i++)
		notify_watchdog();
	alarm(0);
	while (heard(m)[0] != '\0')
		n++;
	assert_in_range(n, 1, 1999);
	notify_ready();
	assert_string_equal(heard(m), "READY=1\nSTATUS=serving");
}

static uint64_t watchdog(const char *usec, const char *pid)
{
	unsetenv("WATCHDOG_PID");
	assert_int_equal(setenv("WATCHDOG_USEC", usec, 1), 0);
	if (pid != NULL)
		assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	return notify_watchdog_usec();
}

static void the_watchdog_is_for_whom_it_names(void **state)
{
	char pid[16];

	(void)state;
	assert_int_equal(notify_watchdog_usec(), 0);
	assert_int_equal(watchdog("30000000", NULL), 0); /* nowhere to say it */
	assert_int_equal(setenv("NOTIFY_SOCKET", "/run/notify", 1), 0);
	assert_int_equal(watchdog("30000000", NULL), 30000000);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_int_equal(watchdog("30000000", pid), 30000000);
	snprintf(pid, sizeof(pid), "%d", (int)getppid());
	assert_int_equal(watchdog("30000000", pid), 0);
	assert_int_equal(watchdog("30000000", "me"), 0);
	assert_int_equal(watchdog("0", NULL), 0);
	assert_int_equal(watchdog("-5", NULL), 0);
	assert_int_equal(watchdog("soon", NULL), 0);
	assert_int_equal(watchdog("", NULL), 0);
	assert_int_equal(watchdog("99999999999999999999", NULL), 0);
}

#define notify_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    notify_test(it_is_said_to_a_path),
	    notify_test(it_is_said_to_an_abstract_name),
	    notify_test(it_is_said_to_a_long_name),
	    notify_test(a_reload_has_the_time_it_began),
	    notify_test(wrong_addresses_are_survived),
	    notify_test(wrong_sockets_are_survived),
	    notify_test(a_full_queue_never_blocks),
	    notify_test(the_watchdog_is_for_whom_it_names),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
