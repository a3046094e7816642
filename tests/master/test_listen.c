/* master/listen.c: what is bound, what of it is ours to remove, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/log.h"
#include "master/listen.h"

struct place {
	char dir[64], path[100];
	struct config_listen specs[3];
	struct config config;
	struct listener_set set;
	struct config_error err;
};

static int open_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->dir, "/tmp/argond-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/socket", p->dir);
	p->config.listen = p->specs;
	assert_int_equal(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	*state = p;
	return 0;
}

static int close_place(void **state)
{
	struct place *p = *state;

	listen_close(&p->set);
	unlink(p->path);
	assert_int_equal(rmdir(p->dir), 0);
	free(p);
	return 0;
}

static void add_v4(struct place *p, uint16_t port)
{
	struct config_listen *spec = &p->specs[p->config.listen_count++];
	struct sockaddr_in addr = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	snprintf(spec->text, sizeof(spec->text), "127.0.0.1:%u", port);
	memcpy(&spec->addr, &addr, sizeof(addr));
	spec->addr_len = sizeof(addr);
}

static void add_v6(struct place *p, uint16_t port)
{
	struct config_listen *spec = &p->specs[p->config.listen_count++];
	struct sockaddr_in6 addr = {.sin6_family = AF_INET6,
	    .sin6_port = htons(port),
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	snprintf(spec->text, sizeof(spec->text), "[::1]:%u", port);
	memcpy(&spec->addr, &addr, sizeof(addr));
	spec->addr_len = sizeof(addr);
}

static struct config_listen *add_unix(struct place *p)
{
	struct config_listen *spec = &p->specs[p->config.listen_count++];
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	strlcpy(addr.sun_path, p->path, sizeof(addr.sun_path));
	snprintf(spec->text, sizeof(spec->text), "unix:%s", p->path);
	memcpy(&spec->addr, &addr, sizeof(addr));
	spec->addr_len = sizeof(addr);
	return spec;
}

static int open_all(struct place *p)
{
	return listen_open(&p->set, &p->config, NULL, &p->err);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 v6 = {0};
	struct sockaddr_in v4 = {0};
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	memcpy(&v6, &addr, sizeof(v6));
	memcpy(&v4, &addr, sizeof(v4));
	return ntohs(addr.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

/* Connects as a client would; the connection is closed again. */
static void assert_answers(int listener)
{
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);
	int fd, accepted;

	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	fd = socket(addr.ss_family, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, len), 0);
	accepted = accept(listener, NULL, NULL);
	assert_true(accepted >= 0);
	close(accepted);
	close(fd);
}

static void a_tcp_port_is_chosen_and_answers(void **state)
{
	struct place *p = *state;
	int flag = 0, fd;
	socklen_t len = sizeof(flag);

	add_v4(p, 0);
	assert_int_equal(open_all(p), 0);
	fd = p->set.sockets[0]->fd;
	assert_int_not_equal(port_of(fd), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &flag, &len), 0);
	assert_true(flag);
	assert_answers(fd);
	listen_announce(&p->set);
}

/* A port that is free in both families, or 0 on a machine without IPv6. */
static uint16_t port_free_in_both(void)
{
	struct sockaddr_in6 addr = {.sin6_family = AF_INET6};
	const int off = 0;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	uint16_t port = 0;

	if (fd >= 0 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0 &&
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		port = port_of(fd);
	if (fd >= 0)
		close(fd);
	return port;
}

/* The IPv6 socket is for IPv6 only. */
static void both_families_share_a_port(void **state)
{
	struct place *p = *state;
	uint16_t port = port_free_in_both();

	if (port == 0)
		skip();
	add_v6(p, port);
	add_v4(p, port);
	assert_int_equal(open_all(p), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(port_of(p->set.sockets[i]->fd), port);
		assert_answers(p->set.sockets[i]->fd);
	}
	listen_announce(&p->set);
}

static void a_port_in_use_is_said_and_nothing_stays_open(void **state)
{
	struct place *p = *state;
	struct listener_set first;
	int before;

	add_v4(p, 0);
	assert_int_equal(open_all(p), 0);
	first = p->set;
	p->config.listen_count = 0;
	add_unix(p);
	add_v4(p, port_of(first.sockets[0]->fd));
	before = dup(STDIN_FILENO);
	close(before);
	assert_int_equal(open_all(p), -1);
	assert_non_null(strstr(p->err.text, p->specs[1].text));
	assert_non_null(strstr(p->err.text, strerror(EADDRINUSE)));
	assert_null(p->set.sockets);
	assert_int_equal(access(p->path, F_OK), -1); /* our socket file is gone, too */
	assert_int_equal(dup(STDIN_FILENO), before);
	close(before);
	listen_close(&first);
}

static void assert_socket_mode(const char *path, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, mode);
}

static void a_unix_socket_has_the_mode_and_group_it_was_given(void **state)
{
	struct place *p = *state;
	struct config_listen *spec = add_unix(p);
	struct stat st;

	spec->has_mode = true;
	spec->mode = 0640;
	spec->has_group = geteuid() == 0;
	spec->group = 12345;
	assert_int_equal(open_all(p), 0);
	assert_socket_mode(p->path, 0640);
	assert_int_equal(lstat(p->path, &st), 0);
	if (spec->has_group)
		assert_int_equal(st.st_gid, 12345);
	assert_answers(p->set.sockets[0]->fd);
	listen_announce(&p->set);
	listen_close(&p->set);
	assert_int_equal(access(p->path, F_OK), -1);
}

static void without_a_mode_the_umask_decides(void **state)
{
	struct place *p = *state;
	mode_t before = umask(027);

	add_unix(p);
	assert_int_equal(open_all(p), 0);
	assert_int_equal(umask(before), 027); /* and is as it was */
	assert_socket_mode(p->path, 0640);
}

/* Binds without listening: what a killed process leaves is such a file. */
static int bind_path(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void a_stale_socket_is_replaced(void **state)
{
	struct place *p = *state;

	close(bind_path(p->path));
	add_unix(p);
	assert_int_equal(open_all(p), 0);
	assert_answers(p->set.sockets[0]->fd);
}

static void a_live_socket_is_not_touched(void **state)
{
	struct place *p = *state;
	int fd = bind_path(p->path);

	assert_int_equal(listen(fd, 1), 0);
	add_unix(p);
	assert_int_equal(open_all(p), -1);
	assert_non_null(strstr(p->err.text, strerror(EADDRINUSE)));
	assert_answers(fd);
	close(fd);
}

static void a_plain_file_is_not_touched(void **state)
{
	struct place *p = *state;
	struct stat st;
	int fd = open(p->path, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
	add_unix(p);
	assert_int_equal(open_all(p), -1);
	assert_non_null(strstr(p->err.text, strerror(EEXIST)));
	assert_int_equal(lstat(p->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void a_symlink_is_not_followed(void **state)
{
	struct place *p = *state;
	char target[128];
	int fd;

	snprintf(target, sizeof(target), "%s.target", p->path);
	fd = bind_path(target);
	assert_int_equal(symlink(target, p->path), 0);
	add_unix(p);
	assert_int_equal(open_all(p), -1);
	assert_int_equal(unlink(target), 0); /* it was still there */
	close(fd);
}

static void a_missing_folder_is_said(void **state)
{
	struct place *p = *state;

	strlcat(p->path, "/none", sizeof(p->path));
	add_unix(p);
	assert_int_equal(open_all(p), -1);
	assert_non_null(strstr(p->err.text, strerror(ENOENT)));
}

/* The wildcard instead of the loopback address, of the same family. */
static void make_any(struct config_listen *spec)
{
	struct sockaddr_in *v4 = (void *)&spec->addr;
	struct sockaddr_in6 *v6 = (void *)&spec->addr;

	if (spec->addr.ss_family == AF_INET)
		v4->sin_addr.s_addr = htonl(INADDR_ANY);
	else
		v6->sin6_addr = in6addr_any;
}

/* An address and its wildcard, either way round: why, and what to do. */
static void an_overlap_with_the_old_addresses_is_explained(void **state)
{
	struct place *p = *state;
	struct config_listen wanted;
	struct config config = {.listen = &wanted, .listen_count = 1};
	struct listener_set set;

	for (int i = 0; i < 4; i++) {
		p->config.listen_count = 0;
		if (i < 2)
			add_v4(p, 0);
		else
			add_v6(p, 0);
		wanted = p->specs[0];
		make_any(i % 2 == 0 ? &wanted : &p->specs[0]);
		assert_int_equal(open_all(p), 0);
		if (i < 2)
			((struct sockaddr_in *)(void *)&wanted.addr)->sin_port =
			    htons(port_of(p->set.sockets[0]->fd));
		else
			((struct sockaddr_in6 *)(void *)&wanted.addr)->sin6_port =
			    htons(port_of(p->set.sockets[0]->fd));
		assert_int_equal(listen_open(&set, &config, &p->set, &p->err), -1);
		assert_non_null(strstr(p->err.text, strerror(EADDRINUSE)));
		assert_non_null(strstr(p->err.text, "it overlaps "));
		assert_non_null(strstr(p->err.text, p->specs[0].text));
		assert_non_null(strstr(p->err.text, "reload twice"));
		listen_close(&p->set);
	}
}

static void an_overlap_within_the_list_is_explained(void **state)
{
	struct place *p = *state;
	uint16_t port;

	add_v4(p, 0);
	assert_int_equal(open_all(p), 0);
	port = port_of(p->set.sockets[0]->fd);
	listen_close(&p->set);
	p->config.listen_count = 0;
	add_v4(p, port);
	add_v4(p, port);
	make_any(&p->specs[1]);
	assert_int_equal(open_all(p), -1);
	assert_non_null(strstr(p->err.text, "which is listed as well"));
}

static void a_successors_socket_is_not_removed(void **state)
{
	struct place *p = *state;
	int fd;

	add_unix(p);
	assert_int_equal(open_all(p), 0);
	assert_int_equal(unlink(p->path), 0);
	fd = bind_path(p->path);
	assert_int_equal(listen(fd, 1), 0);
	listen_close(&p->set);
	assert_int_equal(access(p->path, F_OK), 0);
	assert_answers(fd);
	close(fd);
}

static int connect_to(int listener)
{
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);
	int fd;

	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	fd = socket(addr.ss_family, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&addr, len) == 0)
		return fd;
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
	return -1;
}

static void a_socket_ends_when_its_queue_is_empty(void **state)
{
	struct place *p = *state;

	add_v4(p, 0);
	add_v6(p, 0);
	add_unix(p);
	assert_int_equal(open_all(p), 0);
	for (size_t i = 0; i < p->set.count; i++) {
		struct listener_socket *entry = p->set.sockets[i];
		int frontend = dup(entry->fd), client = connect_to(entry->fd), conn;

		assert_true(client >= 0);
		listen_refuse(entry);
		assert_int_equal(
		    listen_waits(entry), entry->spec.addr.ss_family != AF_UNIX);
		conn = accept(frontend, NULL, NULL);
		assert_true(conn >= 0);
		assert_int_equal(write(client, "x", 1), 1);
		assert_false(listen_waits(entry));
		listen_end(entry);
		assert_int_equal(entry->fd, -1);
		assert_int_equal(connect_to(frontend), -1);
		close(conn);
		close(client);
		close(frontend);
	}
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_PLACE(a_tcp_port_is_chosen_and_answers),
	    WITH_PLACE(both_families_share_a_port),
	    WITH_PLACE(a_port_in_use_is_said_and_nothing_stays_open),
	    WITH_PLACE(a_unix_socket_has_the_mode_and_group_it_was_given),
	    WITH_PLACE(without_a_mode_the_umask_decides),
	    WITH_PLACE(a_stale_socket_is_replaced),
	    WITH_PLACE(a_live_socket_is_not_touched),
	    WITH_PLACE(a_plain_file_is_not_touched),
	    WITH_PLACE(a_symlink_is_not_followed),
	    WITH_PLACE(a_missing_folder_is_said),
	    WITH_PLACE(an_overlap_with_the_old_addresses_is_explained),
	    WITH_PLACE(an_overlap_within_the_list_is_explained),
	    WITH_PLACE(a_successors_socket_is_not_removed),
	    WITH_PLACE(a_socket_ends_when_its_queue_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
