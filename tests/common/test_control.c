/* common/control.c: what master and children say, and what is not listened to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/child.h"

enum { SENDER, RECEIVER };

static int open_pair(void **state)
{
	int *fds = calloc(2, sizeof(int));

	assert_non_null(fds);
	assert_int_equal(link_pair(fds), 0);
	*state = fds;
	return 0;
}

static int close_pair(void **state)
{
	int *fds = *state;

	close(fds[SENDER]);
	close(fds[RECEIVER]);
	free(fds);
	return 0;
}

static int lowest_free_fd(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

static struct control_message a_death(void)
{
	struct control_message m = {.kind = CONTROL_GONE,
	    .pool = LIMIT_POOLS - 1,
	    .pid = 77,
	    .cause = CONTROL_CAUSE_CRASHED,
	    .taking = 3,
	    .claims = LIMIT_STREAMS};

	for (unsigned i = 0; i < LIMIT_STREAMS; i++)
		m.claim[i] = i + 1;
	return m;
}

static void a_message_arrives_as_it_was(void **state)
{
	const int *fds = *state;
	const struct control_message sent = a_death();
	struct control_message got;
	int came = 0;

	assert_int_equal(control_send(fds[SENDER], &sent), LINK_OK);
	assert_int_equal(control_recv(fds[RECEIVER], &got), LINK_OK);
	assert_memory_equal(&sent, &got, sizeof(sent));
	assert_int_equal(control_send(fds[SENDER], &sent), LINK_OK);
	assert_int_equal(control_recv_fd(fds[RECEIVER], &got, &came), LINK_OK);
	assert_memory_equal(&sent, &got, sizeof(sent));
	assert_int_equal(came, -1);
}

static void assert_refused(const int *fds, const void *message, size_t len)
{
	struct control_message got;
	int came;

	assert_int_equal(link_send(fds[SENDER], message, len), LINK_OK);
	assert_int_equal(control_recv(fds[RECEIVER], &got), LINK_BAD);
	assert_int_equal(link_send(fds[SENDER], message, len), LINK_OK);
	assert_int_equal(control_recv_fd(fds[RECEIVER], &got, &came), LINK_BAD);
	assert_int_equal(came, -1);
}

static void ill_formed_messages_are_bad(void **state)
{
	const int *fds = *state;
	struct control_message wrong[6];
	struct {
		struct control_message message;
		char more;
	} longer = {.message = {.kind = CONTROL_READY}};

	for (size_t i = 0; i < 6; i++)
		wrong[i] = a_death();
	wrong[0].kind = 0;
	wrong[1].kind = CONTROL_KIND_END;
	wrong[2].pool = LIMIT_POOLS;
	wrong[3].claims = LIMIT_STREAMS + 1;
	wrong[4].cause = CONTROL_CAUSE_CRASHED + 1;
	wrong[5].kind = UINT32_MAX;
	for (size_t i = 0; i < 6; i++)
		assert_refused(fds, &wrong[i], sizeof(wrong[i]));
	wrong[0] = a_death();
	assert_refused(fds, &wrong[0], sizeof(wrong[0]) - 1);
	assert_refused(fds, &wrong[0], 1);
	assert_refused(fds, &longer, sizeof(longer));
}

static void nothing_to_read_is_no_end(void **state)
{
	const int *fds = *state;
	struct control_message got;
	int came;

	assert_int_equal(control_recv(fds[RECEIVER], &got), LINK_AGAIN);
	assert_int_equal(control_recv_fd(fds[RECEIVER], &got, &came), LINK_AGAIN);
}

static void the_end_is_told_on_both_sides(void **state)
{
	int *fds = *state;
	struct control_message got;
	int came;

	close(fds[SENDER]);
	fds[SENDER] = dup(STDIN_FILENO);
	assert_int_equal(control_recv(fds[RECEIVER], &got), LINK_CLOSED);
	assert_int_equal(control_recv_fd(fds[RECEIVER], &got, &came), LINK_CLOSED);
	assert_int_equal(came, -1);
}

static void an_fd_that_comes_works(void **state)
{
	const int *fds = *state;
	struct control_message got;
	int ends[2], came = -1;
	char byte = 0;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(control_send_fd(fds[SENDER], CONTROL_SIGHT, ends[1]), LINK_OK);
	assert_int_equal(control_recv_fd(fds[RECEIVER], &got, &came), LINK_OK);
	assert_int_equal(got.kind, CONTROL_SIGHT);
	assert_true(came >= 0 && came != ends[1]);
	assert_int_equal(write(came, "x", 1), 1);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(came);
	close(ends[0]);
	close(ends[1]);
}

static void send_with_fds(int fd, const struct control_message *message, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct control_message copy = *message;
	struct iovec part = {.iov_base = &copy, .iov_len = sizeof(copy)};
	struct msghdr header = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
	assert_int_equal(sendmsg(fd, &header, 0), sizeof(copy));
}

static void only_one_kind_brings_an_fd_and_only_one(void **state)
{
	static const struct control_message sight = {.kind = CONTROL_SIGHT};
	const struct control_message death = a_death();
	const int *fds = *state;
	struct control_message got;
	int came, before = lowest_free_fd();

	assert_int_equal(control_send(fds[SENDER], &sight), LINK_OK); /* without */
	assert_int_equal(control_recv_fd(fds[RECEIVER], &got, &came), LINK_BAD);
	send_with_fds(fds[SENDER], &death, 1);
	assert_int_equal(control_recv_fd(fds[RECEIVER], &got, &came), LINK_BAD);
	for (size_t count = 2; count <= 4; count++) {
		send_with_fds(fds[SENDER], &sight, count);
		assert_int_equal(control_recv_fd(fds[RECEIVER], &got, &came), LINK_BAD);
		assert_int_equal(came, -1);
	}
	assert_int_equal(lowest_free_fd(), before);
}

static void nobody_else_takes_an_fd(void **state)
{
	static const struct control_message ready = {.kind = CONTROL_READY},
	                                    sight = {.kind = CONTROL_SIGHT};
	const int *fds = *state;
	struct control_message got;
	int before = lowest_free_fd();

	send_with_fds(fds[SENDER], &ready, 1);
	assert_int_equal(control_recv(fds[RECEIVER], &got), LINK_BAD);
	assert_int_equal(control_send(fds[SENDER], &sight), LINK_OK); /* without */
	assert_int_equal(control_recv(fds[RECEIVER], &got), LINK_BAD);
	assert_int_equal(lowest_free_fd(), before);
}

static void a_child_that_does_not_read_is_told_apart(void **state)
{
	const int *fds = *state;
	const struct control_message m = {.kind = CONTROL_READY};
	enum link_result result;

	while ((result = control_send(fds[SENDER], &m)) == LINK_OK)
		continue;
	assert_int_equal(result, LINK_AGAIN);
	assert_int_equal(
	    control_send_fd(fds[SENDER], CONTROL_SIGHT, STDIN_FILENO), LINK_AGAIN);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_PAIR(a_message_arrives_as_it_was),
	    WITH_PAIR(ill_formed_messages_are_bad),
	    WITH_PAIR(nothing_to_read_is_no_end),
	    WITH_PAIR(the_end_is_told_on_both_sides),
	    WITH_PAIR(an_fd_that_comes_works),
	    WITH_PAIR(only_one_kind_brings_an_fd_and_only_one),
	    WITH_PAIR(nobody_else_takes_an_fd),
	    WITH_PAIR(a_child_that_does_not_read_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
