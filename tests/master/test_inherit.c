/*
 * Sockets handed over by LISTEN_FDS: good ones are taken, of all others nothing is.
 */
#include "master/inherit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIRST = 3, ROOM = 8 };

struct place {
	char dir[64], path[96];
	int saved[ROOM]; /* what was open at FIRST.. before */
	struct listener_set set;
	struct config_error err;
};

/* cmocka and the shell may have descriptors there: they are put aside. */
static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	snprintf(p->dir, sizeof(p->dir), "/tmp/argond-inherit-XXXXXX");
	if (mkdtemp(p->dir) == NULL) {
		free(p);
		return -1;
	}
	snprintf(p->path, sizeof(p->path), "%s/socket", p->dir);
	for (int i = 0; i < ROOM; i++) {
		p->saved[i] = fcntl(FIRST + i, F_DUPFD_CLOEXEC, 64);
		close(FIRST + i);
	}
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	listen_close(&p->set);
	for (int i = 0; i < ROOM; i++) {
		close(FIRST + i);
		if (p->saved[i] >= 0) {
			dup2(p->saved[i], FIRST + i);
			close(p->saved[i]);
		}
	}
	unlink(p->path);
	rmdir(p->dir);
	free(p);
	return 0;
}

/* Moves a descriptor to the place where it is expected, open across exec as it would
 * be. */
static void place_at(int fd, int to)
{
	assert_true(fd >= 0);
	if (fd == to) {
		assert_int_equal(fcntl(fd, F_SETFD, 0), 0);
		return;
	}
	assert_int_equal(dup2(fd, to), to);
	close(fd);
}

static int tcp_socket(int family, bool listening)
{
	struct sockaddr_storage addr = {.ss_family = (sa_family_t)family};
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in)
	                                  : sizeof(struct sockaddr_in6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (family == AF_INET)
		((struct sockaddr_in *)(void *)&addr)->sin_addr.s_addr =
		    htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)(void *)&addr)->sin6_addr = in6addr_loopback;
	if (bind(fd, (struct sockaddr *)&addr, len) == 0 &&
	    (!listening || listen(fd, 4) == 0))
		return fd;
	close(fd);
	return -1;
}

static int unix_socket(const char *path, size_t len, int type)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, path, len);
	assert_true(fd >= 0);
	assert_return_code(
	    bind(fd, (struct sockaddr *)&addr,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    errno);
	if (type != SOCK_DGRAM)
		assert_return_code(listen(fd, 4), errno);
	return fd;
}

static void say(const char *pid, const char *fds)
{
	char self[16];

	snprintf(self, sizeof(self), "%d", (int)getpid());
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	if (pid != NULL)
		assert_int_equal(setenv("LISTEN_PID", *pid != '\0' ? pid : self, 1), 0);
	if (fds != NULL)
		assert_int_equal(setenv("LISTEN_FDS", fds, 1), 0);
	assert_int_equal(setenv("LISTEN_FDNAMES", "argond.socket", 1), 0);
}

/* What a child would inherit of it: nothing. */
static void assert_unsaid(void)
{
	assert_null(getenv("LISTEN_PID"));
	assert_null(getenv("LISTEN_FDS"));
	assert_null(getenv("LISTEN_FDNAMES"));
}

static void assert_refused(struct place *p, const char *what)
{
	memset(&p->err, 'x', sizeof(p->err));
	p->err.text[sizeof(p->err.text) - 1] = '\0';
	assert_int_equal(inherit_listeners(&p->set, false, &p->err), -1);
	if (strstr(p->err.text, what) == NULL)
		fail_msg("%s: not about %s", p->err.text, what);
	assert_null(strchr(p->err.text, '\n'));
	assert_int_equal(p->set.count, 0);
	assert_null(p->set.sockets);
	assert_unsaid();
}

static void assert_nothing(struct place *p)
{
	assert_int_equal(inherit_listeners(&p->set, false, &p->err), 0);
	assert_int_equal(p->set.count, 0);
	assert_unsaid();
}

static void assert_serves(const struct listener_socket *entry, int fd)
{
	struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(addr);
	int client, accepted;

	assert_int_equal(entry->fd, fd);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	client = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(connect(client, (struct sockaddr *)&addr, len), errno);
	accepted = accept(fd, NULL, NULL);
	assert_true(accepted >= 0);
	close(accepted);
	close(client);
}

static void nothing_said_is_nothing_taken(void **state)
{
	struct place *p = *state;

	place_at(tcp_socket(AF_INET, true), FIRST);
	say(NULL, NULL);
	assert_nothing(p);
	say("", NULL);
	assert_nothing(p);
	say(NULL, "1");
	assert_nothing(p);
	say("", "0");
	assert_nothing(p);
	assert_true(fcntl(FIRST, F_GETFD) >= 0);
}

static void listening_sockets_are_taken(void **state)
{
	struct place *p = *state;
	int six = tcp_socket(AF_INET6, true);
	char name[32];

	if (six >= 0)
		place_at(six, FIRST + 2);
	place_at(tcp_socket(AF_INET, true), FIRST);
	place_at(unix_socket(p->path, strlen(p->path), SOCK_STREAM), FIRST + 1);
	say("", six >= 0 ? "3" : "2");
	assert_int_equal(inherit_listeners(&p->set, false, &p->err), 0);
	assert_unsaid();
	assert_int_equal(p->set.count, six >= 0 ? 3 : 2);
	for (int i = 0; i < (int)p->set.count; i++)
		assert_serves(p->set.sockets[i], FIRST + i);
	assert_int_equal(
	    strncmp(p->set.sockets[0]->spec.text, "127.0.0.1:", strlen("127.0.0.1:")),
	    0);
	snprintf(name, sizeof(name), "unix:%.20s", p->path);
	assert_int_equal(strncmp(p->set.sockets[1]->spec.text, name, strlen(name)), 0);
	if (six >= 0)
		assert_int_equal(strncmp(p->set.sockets[2]->spec.text, "[::1]:", 6), 0);
}

static void an_abstract_name_can_be_read(void **state)
{
	struct place *p = *state;
	char name[40] = "", shown[64];
	int len = snprintf(name + 1, sizeof(name) - 1, "argond-%d", (int)getpid());

	place_at(unix_socket(name, (size_t)len + 1, SOCK_STREAM), FIRST);
	say("", "1");
	assert_int_equal(inherit_listeners(&p->set, true, &p->err), 0);
	snprintf(shown, sizeof(shown), "unix:@%s", name + 1);
	assert_string_equal(p->set.sockets[0]->spec.text, shown);
	assert_serves(p->set.sockets[0], FIRST);
}

/* An upgrade: the config names the socket that was handed on, and it is not bound anew.
 */
static void an_inherited_socket_is_the_one_of_the_config(void **state)
{
	struct place *p = *state;
	struct config *config;
	struct listener_set opened;
	char option[128], conf[96];
	char *options[] = {option};
	int fd;

	snprintf(conf, sizeof(conf), "%s/conf", p->dir);
	fd = open(conf, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* an empty one */
	assert_true(fd >= 0);
	close(fd);
	place_at(unix_socket(p->path, strlen(p->path), SOCK_STREAM), FIRST);
	say("", "1");
	assert_int_equal(inherit_listeners(&p->set, true, &p->err), 0);
	snprintf(option, sizeof(option), "listen=unix:%s", p->path);
	config = config_load(conf, options, 1, &p->err);
	unlink(conf);
	assert_non_null(config);
	assert_int_equal(listen_open(&opened, config, &p->set, &p->err), 0);
	assert_ptr_equal(opened.sockets[0], p->set.sockets[0]);
	listen_close(&opened);
	config_free(config);
}

/* Whose file is it? Of an upgrade ours, of systemd not. */
static void a_socket_file_is_removed_after_an_upgrade_only(void **state)
{
	struct place *p = *state;

	for (int upgrade = 0; upgrade < 2; upgrade++) {
		place_at(unix_socket(p->path, strlen(p->path), SOCK_STREAM), FIRST);
		say("", "1");
		assert_int_equal(inherit_listeners(&p->set, upgrade != 0, &p->err), 0);
		listen_close(&p->set);
		assert_int_equal(access(p->path, F_OK), upgrade != 0 ? -1 : 0);
		unlink(p->path);
	}
}

static void another_ones_sockets_are_refused(void **state)
{
	struct place *p = *state;
	char parent[16];
	const char *const pids[] = {
	    parent, "0", "-1", "1", "me", "99999999999", "0x10", "3 "};

	snprintf(parent, sizeof(parent), "%d", (int)getppid());
	place_at(tcp_socket(AF_INET, true), FIRST);
	for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
		say(pids[i], "1");
		assert_refused(p, "LISTEN_PID");
	}
	assert_true(fcntl(FIRST, F_GETFD) >= 0); /* it is not ours to close */
}

static void numbers_out_of_range_are_refused(void **state)
{
	static const char *const numbers[] = {
	    "33", "-1", "1000000", "99999999999999999999", "two", "", "1x"};
	struct place *p = *state;

	place_at(tcp_socket(AF_INET, true), FIRST);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		say("", numbers[i]);
		assert_refused(p, "0..32");
	}
}

static void what_is_no_socket_is_refused(void **state)
{
	struct place *p = *state;
	int pipe_fds[2];

	say("", "1");
	assert_refused(p, "descriptor 3 is not a socket"); /* closed */
	place_at(open("/dev/null", O_RDWR | O_CLOEXEC), FIRST);
	say("", "1");
	assert_refused(p, "descriptor 3 is not a socket");
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	place_at(pipe_fds[0], FIRST);
	close(pipe_fds[1]);
	say("", "1");
	assert_refused(p, "descriptor 3 is not a socket");
}

static void what_nobody_can_connect_to_is_refused(void **state)
{
	struct place *p = *state;
	int pair[2];

	place_at(unix_socket(p->path, strlen(p->path), SOCK_DGRAM), FIRST);
	say("", "1");
	assert_refused(p, "descriptor 3 is not a listening stream socket");
	assert_return_code(unlink(p->path), errno);
	place_at(unix_socket(p->path, strlen(p->path), SOCK_SEQPACKET), FIRST);
	say("", "1");
	assert_refused(p, "descriptor 3 is not a listening stream socket");
	place_at(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), FIRST);
	say("", "1");
	assert_refused(p, "descriptor 3 is not a listening stream socket");
	place_at(tcp_socket(AF_INET, false), FIRST);
	say("", "1");
	assert_refused(p, "descriptor 3 is not a listening stream socket");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	place_at(pair[0], FIRST);
	close(pair[1]);
	say("", "1");
	assert_refused(p, "descriptor 3 is not a listening stream socket");
}

/* One of them is wrong: then none of them is taken. */
static void good_ones_do_not_make_up_for_a_bad_one(void **state)
{
	struct place *p = *state;

	place_at(tcp_socket(AF_INET, true), FIRST);
	place_at(open("/dev/null", O_RDWR | O_CLOEXEC), FIRST + 1);
	place_at(tcp_socket(AF_INET, true), FIRST + 2);
	say("", "3");
	assert_refused(p, "descriptor 4 is not a socket");
}

/* Activation: whatever the config says, it is these that count. */
static void handed_over_sockets_replace_listen(void **state)
{
	struct place *p = *state;
	struct config config = {.listen_count = 0};

	assert_int_equal(inherit_override(&p->set, &config), 0);
	assert_null(config.listen);
	place_at(tcp_socket(AF_INET, true), FIRST);
	place_at(unix_socket(p->path, strlen(p->path), SOCK_STREAM), FIRST + 1);
	say("", "2");
	assert_int_equal(inherit_listeners(&p->set, false, &p->err), 0);
	assert_int_equal(inherit_override(&p->set, &config), 0);
	assert_int_equal(config.listen_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(listen_same(&config.listen[i], &p->set.sockets[i]->spec));
	free(config.listen);
}

#define inherit_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    inherit_test(nothing_said_is_nothing_taken),
	    inherit_test(listening_sockets_are_taken),
	    inherit_test(an_abstract_name_can_be_read),
	    inherit_test(an_inherited_socket_is_the_one_of_the_config),
	    inherit_test(a_socket_file_is_removed_after_an_upgrade_only),
	    inherit_test(another_ones_sockets_are_refused),
	    inherit_test(numbers_out_of_range_are_refused),
	    inherit_test(what_is_no_socket_is_refused),
	    inherit_test(what_nobody_can_connect_to_is_refused),
	    inherit_test(good_ones_do_not_make_up_for_a_bad_one),
	    inherit_test(handed_over_sockets_replace_listen),
	};

	return cmocka_run_group_tests_name("inherit", tests, NULL, NULL);
}
