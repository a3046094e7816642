/* master/listen_mend.c: sockets that somebody has changed accept again, where they did.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "master/listen.h"

enum { PATIENCE_MS = 12345 };

struct place {
	char dir[64], path[96];
	struct config_listen specs[2];
	struct config config;
	struct listener_set set;
};

static int open_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct config_error err;

	assert_non_null(p);
	strcpy(p->dir, "/tmp/argond-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/socket", p->dir);
	memcpy(un.sun_path, p->path, sizeof(p->path));
	memcpy(&p->specs[0].addr, &in, sizeof(in));
	p->specs[0].addr_len = sizeof(in);
	memcpy(&p->specs[1].addr, &un, sizeof(un));
	p->specs[1].addr_len = sizeof(un);
	p->config = (struct config){
	    .listen = p->specs, .listen_count = 2, .write_timeout_ms = PATIENCE_MS};
	assert_int_equal(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	assert_int_equal(listen_open(&p->set, &p->config, NULL, &err), 0);
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

/* ---- what is done to them ---- */

static void shut_reading(int fd)
{
	assert_return_code(shutdown(fd, SHUT_RD), errno);
}

static void shut_all(int fd)
{
	assert_return_code(shutdown(fd, SHUT_RDWR), errno);
}

static void linger(int fd)
{
	const struct linger value = {.l_onoff = 1, .l_linger = 1000};

	assert_return_code(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof(value)), errno);
}

static void block(int fd)
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
	const int on = 1;

	drop_all(fd);
	assert_return_code(
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)), errno);
}

static void (*const changes[])(int fd) = {
    shut_reading, shut_all, linger, block, drop_all, drop_all_for_good};

/* ---- and that they are as they were ---- */

static void assert_answers(
    int listener, const struct sockaddr_storage *addr, socklen_t len)
{
	const int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int accepted;

	assert_return_code(fd, errno);
	assert_return_code(connect(fd, (const struct sockaddr *)addr, len), errno);
	accepted = accept(listener, NULL, NULL);
	assert_return_code(accepted, errno);
	close(accepted);
	close(fd);
}

static void a_changed_socket_accepts_again_where_it_was(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		for (size_t s = 0; s < p->set.count; s++) {
			struct listener_socket *entry = p->set.sockets[s];
			const struct sockaddr_storage addr = entry->bound;
			const socklen_t len = entry->bound_len;

			assert_null(listen_wrong(entry));
			changes[i](entry->fd);
			assert_non_null(listen_wrong(entry));
			assert_return_code(listen_mend(entry, &p->config), errno);
			assert_null(listen_wrong(entry));
			assert_answers(entry->fd, &addr, len);
		}
}

static void an_address_that_was_set_is_kept(void **state)
{
	struct place *p = *state, other = {.config = p->config};
	struct config_error err;

	/* the port that the kernel chose, now as one of the config */
	other.specs[0] = p->specs[0];
	other.specs[0].addr = p->set.sockets[0]->bound;
	other.config.listen = other.specs;
	other.config.listen_count = 1;
	listen_close(&p->set);
	assert_int_equal(listen_open(&p->set, &other.config, NULL, &err), 0);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct listener_socket *entry = p->set.sockets[0];

		changes[i](entry->fd);
		assert_return_code(listen_mend(entry, &p->config), errno);
		assert_null(listen_wrong(entry));
		assert_answers(
		    entry->fd, &other.specs[0].addr, other.specs[0].addr_len);
	}
}

/* The service manager's: its file stays, and who can mend it is told. */
static void a_file_that_is_not_ours_is_not_replaced(void **state)
{
	struct place *p = *state;
	struct listener_socket *entry = p->set.sockets[1];
	const int file = entry->file;

	entry->file = -1;
	linger(entry->fd);
	assert_return_code(listen_mend(entry, &p->config), errno);
	shut_reading(entry->fd);
	assert_int_equal(listen_mend(entry, &p->config), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(access(p->path, F_OK), 0);
	entry->file = file;
}

static void one_that_has_ended_is_left_alone(void **state)
{
	struct place *p = *state;

	listen_end(p->set.sockets[0]);
	assert_null(listen_wrong(p->set.sockets[0]));
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_PLACE(a_changed_socket_accepts_again_where_it_was),
	    WITH_PLACE(an_address_that_was_set_is_kept),
	    WITH_PLACE(a_file_that_is_not_ours_is_not_replaced),
	    WITH_PLACE(one_that_has_ended_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
