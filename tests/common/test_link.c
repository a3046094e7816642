/* common/link.c: whole messages, their sender, and no fd that nobody asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/link.h"

struct pair {
	int fds[2];
	uint8_t buf[64];
	size_t len;
	pid_t pid;
};

static int open_pair(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	assert_int_equal(link_pair(p->fds), 0);
	*state = p;
	return 0;
}

static int close_pair(void **state)
{
	struct pair *p = *state;

	for (int i = 0; i < 2; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	free(p);
	return 0;
}

static enum link_result receive(struct pair *p)
{
	return link_recv(p->fds[1], p->buf, sizeof(p->buf), &p->len, &p->pid);
}

static int lowest_free_fd(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

static void both_ends_are_safe_to_inherit_and_never_block(void **state)
{
	struct pair *p = *state;

	for (int i = 0; i < 2; i++) {
		assert_true(fcntl(p->fds[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(p->fds[i], F_GETFL) & O_NONBLOCK);
	}
	assert_int_equal(receive(p), LINK_AGAIN);
}

static void a_message_arrives_whole_with_its_sender(void **state)
{
	struct pair *p = *state;

	assert_int_equal(link_send(p->fds[0], "one", 3), LINK_OK);
	assert_int_equal(link_send(p->fds[0], "three", 5), LINK_OK);
	assert_int_equal(receive(p), LINK_OK);
	assert_int_equal(p->len, 3);
	assert_memory_equal(p->buf, "one", 3);
	assert_int_equal(p->pid, getpid());
	assert_int_equal(receive(p), LINK_OK);
	assert_int_equal(p->len, 5);
	assert_int_equal(receive(p), LINK_AGAIN);
}

/* Of several processes on one end each is known by its own pid. */
static void the_sender_is_who_the_kernel_says(void **state)
{
	struct pair *p = *state;
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(link_send(p->fds[0], "x", 1) == LINK_OK ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(receive(p), LINK_OK);
	assert_int_equal(p->pid, child);
}

static void a_message_too_long_for_the_buffer_is_bad(void **state)
{
	struct pair *p = *state;
	uint8_t message[sizeof(p->buf) + 1] = {0};

	assert_int_equal(link_send(p->fds[0], message, sizeof(message)), LINK_OK);
	assert_int_equal(link_send(p->fds[0], message, sizeof(p->buf)), LINK_OK);
	assert_int_equal(receive(p), LINK_BAD);
	assert_int_equal(p->pid, getpid());
	assert_int_equal(receive(p), LINK_OK); /* the next one is not hurt */
	assert_int_equal(p->len, sizeof(p->buf));
}

static void send_with_fds(int to, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = {0};
	char byte = 'x';
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr header = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &to, sizeof(int));
	assert_int_equal(sendmsg(to, &header, 0), 1);
}

static void attached_fds_are_bad_and_never_installed(void **state)
{
	struct pair *p = *state;
	int before = lowest_free_fd();

	for (size_t count = 1; count <= 8; count++) {
		send_with_fds(p->fds[0], count);
		assert_int_equal(receive(p), LINK_BAD);
		assert_int_equal(p->pid, getpid());
		assert_int_equal(lowest_free_fd(), before);
	}
}

/* They look alike but for the sender: nobody has sent an end. */
static void an_empty_message_is_not_the_end(void **state)
{
	struct pair *p = *state;

	assert_int_equal(send(p->fds[0], "", 0, 0), 0);
	assert_int_equal(receive(p), LINK_OK);
	assert_int_equal(p->len, 0);
	assert_int_equal(p->pid, getpid());
	close(p->fds[0]);
	p->fds[0] = -1;
	assert_int_equal(receive(p), LINK_CLOSED);
}

static void a_closed_end_is_told_to_who_sends(void **state)
{
	struct pair *p = *state;

	close(p->fds[1]);
	p->fds[1] = -1;
	assert_int_equal(
	    link_send(p->fds[0], "x", 1), LINK_CLOSED); /* and no SIGPIPE */
}

static void unread_messages_of_a_closed_end_are_a_reset(void **state)
{
	struct pair *p = *state;

	assert_int_equal(link_send(p->fds[1], "x", 1), LINK_OK);
	close(p->fds[0]);
	p->fds[0] = -1;
	assert_int_equal(receive(p), LINK_CLOSED);
}

static void a_full_link_says_again_and_takes_more_after_a_read(void **state)
{
	struct pair *p = *state;
	enum link_result result;
	unsigned sent = 0, got = 0;

	while ((result = link_send(p->fds[0], "12345678", 8)) == LINK_OK)
		sent++;
	assert_int_equal(result, LINK_AGAIN);
	assert_true(sent > 0);
	assert_int_equal(receive(p), LINK_OK);
	assert_int_equal(link_send(p->fds[0], "12345678", 8), LINK_OK);
	while (receive(p) == LINK_OK)
		got++;
	assert_int_equal(got, sent);
}

static void a_message_no_link_can_carry_is_an_error(void **state)
{
	struct pair *p = *state;
	const size_t huge = (size_t)64 << 20;
	uint8_t *message = calloc(1, huge);

	assert_non_null(message);
	assert_int_equal(link_send(p->fds[0], message, huge), LINK_ERROR);
	free(message);
}

static void unread_counts_down_to_nothing(void **state)
{
	struct pair *p = *state;

	assert_int_equal(link_unread(p->fds[0]), 0);
	assert_int_equal(link_send(p->fds[0], "x", 1), LINK_OK);
	assert_true(link_unread(p->fds[0]) > 0);
	assert_int_equal(link_unread(p->fds[1]), 0); /* the other direction */
	assert_int_equal(receive(p), LINK_OK);
	assert_int_equal(link_unread(p->fds[0]), 0);
	assert_int_equal(link_unread(-1), -1);
}

static void what_is_no_socket_is_an_error(void **state)
{
	struct pair *p = *state;

	assert_int_equal(link_send(-1, "x", 1), LINK_ERROR);
	assert_int_equal(
	    link_recv(-1, p->buf, sizeof(p->buf), &p->len, &p->pid), LINK_ERROR);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_PAIR(both_ends_are_safe_to_inherit_and_never_block),
	    WITH_PAIR(a_message_arrives_whole_with_its_sender),
	    WITH_PAIR(the_sender_is_who_the_kernel_says),
	    WITH_PAIR(a_message_too_long_for_the_buffer_is_bad),
	    WITH_PAIR(attached_fds_are_bad_and_never_installed),
	    WITH_PAIR(an_empty_message_is_not_the_end),
	    WITH_PAIR(a_closed_end_is_told_to_who_sends),
	    WITH_PAIR(unread_messages_of_a_closed_end_are_a_reset),
	    WITH_PAIR(a_full_link_says_again_and_takes_more_after_a_read),
	    WITH_PAIR(a_message_no_link_can_carry_is_an_error),
	    WITH_PAIR(unread_counts_down_to_nothing),
	    WITH_PAIR(what_is_no_socket_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
