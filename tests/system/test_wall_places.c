/*
 * Crowds that take all places and keep the server waiting, each in its way, from a few
 * addresses: all that others ask is answered meanwhile.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/crowd.h"
#include "tests/system/process.h"

enum {
	PLACES = 200,
	CROWD = 250,
	SOURCES = 4, /* addresses: 127.0.0.2 and those behind it */
	AT_ONCE = 64,
	LARGE = 8100,
	PROBES = 5,
	REQUESTS = 16,
};

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"
#define HEAD "GET /livez HTTP/1.1\r\nHost: t\r\nDrip: "
#define BODY                                                                           \
	"POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"      \
	"Content-Length: 8192\r\n\r\n"

/* What each connection begins with: `text`, and `fill` up to `len`. SAYS_ALL: the text
 * over and over instead, and no answer is taken; SAYS_AGAIN: the text once more for
 * each answer. */
struct way {
	const char *name, *text;
	char fill;
	size_t len;
	enum { SAYS_ONCE, SAYS_ALL, SAYS_AGAIN } manner;
};

struct intruder {
	int fd;
	bool said;
};

/* The crowd: a process of its own. */
struct intruders {
	struct address to;
	char *text;
	size_t len;
	int manner;
	int epoll, opened;
	int full; /* a pipe: a byte once the server has closed one of them */
	struct intruder all[CROWD];
};

static void intruder_open(struct intruders *crowd, struct intruder *intruder)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = intruder};

	from.sin_addr.s_addr =
	    htonl(INADDR_LOOPBACK + 1 + (unsigned)(crowd->opened++ % SOURCES));
	intruder->said = false;
	intruder->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (intruder->fd < 0 ||
	    bind(intruder->fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
	    (connect(intruder->fd, &crowd->to.any, crowd->to.len) != 0 &&
	        errno != EINPROGRESS) ||
	    epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, intruder->fd, &event) != 0)
		_exit(1);
}

/* Closed, or told something that it does not want to know: there is another. */
static void intruder_again(struct intruders *crowd, struct intruder *intruder)
{
	char byte = 1;

	if (crowd->full >= 0)
		(void)!write(crowd->full, &byte, 1);
	if (crowd->full >= 0)
		close(crowd->full);
	crowd->full = -1;
	close(intruder->fd);
	intruder_open(crowd, intruder);
}

/* Does it go on, with an answer that is not the last? */
static bool intruder_goes_on(struct intruders *crowd, struct intruder *intruder)
{
	char text[LARGE];
	ssize_t n;

	if (crowd->manner != SAYS_AGAIN)
		return false;
	n = recv(intruder->fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 && strstr(text, "Connection: close") == NULL &&
	       send(intruder->fd, crowd->text, crowd->len, MSG_NOSIGNAL) > 0;
}

static void intruder_turn(
    struct intruders *crowd, struct intruder *intruder, uint32_t events)
{
	struct epoll_event event = {
	    .events = crowd->manner == SAYS_ALL ? EPOLLRDHUP : EPOLLIN,
	    .data.ptr = intruder};

	if ((events & ~(uint32_t)EPOLLOUT) != 0) {
		if (!intruder_goes_on(crowd, intruder))
			intruder_again(crowd, intruder);
		return;
	}
	epoll_ctl(crowd->epoll, EPOLL_CTL_MOD, intruder->fd, &event);
	if (!intruder->said)
		(void)!send(intruder->fd, crowd->text, crowd->len, MSG_NOSIGNAL);
	intruder->said = true;
}

static void intrude(struct intruders *crowd)
{
	struct epoll_event events[AT_ONCE];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < CROWD; i++)
		intruder_open(crowd, &crowd->all[i]);
	for (;;) {
		int n = epoll_wait(crowd->epoll, events, AT_ONCE, -1);

		for (int i = 0; i < n; i++)
			intruder_turn(crowd, events[i].data.ptr, events[i].events);
	}
}

/* Begins, and waits until all places are taken: until somebody has lost one. */
static pid_t crowd_begin(const struct daemon *d, const struct way *way)
{
	struct intruders *crowd = calloc(1, sizeof(*crowd));
	const size_t len = strlen(way->text);
	int ends[2];
	char byte;
	pid_t pid;

	assert_non_null(crowd);
	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	crowd->to = d->tcp;
	crowd->manner = way->manner;
	crowd->full = ends[1];
	crowd->len = way->len > len ? way->len : len;
	crowd->text = malloc(crowd->len + 1);
	assert_non_null(crowd->text);
	memset(crowd->text, way->fill, crowd->len);
	memcpy(crowd->text, way->text, len);
	for (size_t at = len; way->manner == SAYS_ALL && at < crowd->len; at++)
		crowd->text[at] = crowd->text[at - len];
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0)
		intrude(crowd);
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		fail_msg("the crowd has ended");
	close(ends[0]);
	free(crowd->text);
	free(crowd);
	return pid;
}

static void crowd_end(pid_t pid)
{
	assert_return_code(kill(pid, SIGKILL), errno);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void ask(const struct daemon *d, const char *text)
{
	struct response r = {0};
	struct client c;

	client_open(&c, &d->tcp);
	client_ask(&c, &r, text);
	if (r.status != 200)
		print_error("%s%s\n", r.head, r.body != NULL ? r.body : "");
	assert_int_equal(r.status, 200);
	response_free(&r);
	client_close(&c);
}

/* Health, and work, on new connections; and on one that was there before. */
static void expect_served(struct daemon *d, const struct way *way)
{
	struct response r = {0};
	struct client c;
	pid_t pid;

	client_open(&c, &d->tcp);
	client_get(&c, &r, "/livez");
	pid = crowd_begin(d, way);
	for (unsigned i = 0; i < harness_rounds(PROBES, 4 * PROBES); i++)
		ask(d, GET("/livez"));
	for (unsigned i = 0; i < harness_rounds(REQUESTS, 4 * REQUESTS); i++)
		ask(d, GET("/hash/x"));
	client_get(&c, &r, "/livez");
	assert_int_equal(r.status, 200);
	response_free(&r);
	client_close(&c);
	crowd_end(pid);
	process_wait_count(d, "frontend 0 [conns 0,", 1);
}

static void crowds_keep_nobody_out(void **state)
{
	static const struct way ways[] = {
	    {"a byte of a head", "G", ' ', 0, SAYS_ONCE},
	    {"a large head", HEAD, 'x', LARGE, SAYS_ONCE},
	    {"a body", BODY, 'x', LARGE, SAYS_ONCE},
	    {"chunks",
	        "POST /v1/hash HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: "
	        "chunked\r\n\r\n1FFF\r\n",
	        'x', LARGE, SAYS_ONCE},
	    {"nothing", "", ' ', 0, SAYS_ONCE},
	    {"one request, and then nothing", GET("/livez"), ' ', 0, SAYS_ALL},
	    {"requests without end", GET("/livez"), ' ', 0, SAYS_AGAIN},
	    {"answers that are not taken", GET("/openapi.json"), ' ', LARGE, SAYS_ALL},
	};
	struct daemon *d = *state;

	if (!crowd_permitted(CROWD + PLACES))
		skip();
	daemon_start(d, "frontend.processes=1", "frontend.max_connections=200",
	    "header_timeout=5m", "body_timeout=5m", "keepalive_timeout=5m",
	    "write_timeout=5m", NULL);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		print_message("%s\n", ways[i].name);
		expect_served(d, &ways[i]);
	}
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(crowds_keep_nobody_out),
	};

	return cmocka_run_group_tests_name("wall places", tests, NULL, NULL);
}
