/*
 * A client with a network of many addresses has no more than one with a single address:
 * neither of the hashers' time nor of connections. (Needs root, for a network of its
 * own.)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/crowd.h"
#include "tests/system/own_network.h"

enum {
	PORT = 8080,
	HONEST = 4,
	EACH = 64,     /* connections of each: their first requests are enough */
	MANY = 512,    /* /64s of one network, with one connection each */
	ANSWERS = 160, /* to the honest clients, all together */
	EVENTS = 64,
	TEXT = 2048,
};

static const char listener[] = "2001:db8:ffff::1";

#define GET(path) "GET " path " HTTP/1.1\r\nHost: t\r\n\r\n"

/* A connection that asks again whenever it has an answer. */
struct asker {
	struct in6_addr address;
	int fd;
	unsigned answers, refusals;
	size_t len;
	char text[TEXT];
};

struct askers {
	struct asker honest[HONEST][EACH], many[MANY];
	int epoll;
};

static int connect_from(const struct in6_addr *address)
{
	struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_addr = *address};
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET6, listener, &to.sin6_addr), 1);
	assert_return_code(fd, errno);
	assert_return_code(bind(fd, (struct sockaddr *)&from, sizeof(from)), errno);
	assert_return_code(connect(fd, (struct sockaddr *)&to, sizeof(to)), errno);
	return fd;
}

static void asker_ask(struct asker *asker)
{
	asker->len = 0;
	(void)!send(
	    asker->fd, GET("/hash/x"), sizeof(GET("/hash/x")) - 1, MSG_NOSIGNAL);
}

static void asker_connect(struct askers *all, struct asker *asker)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = asker};

	asker->fd = connect_from(&asker->address);
	assert_return_code(
	    epoll_ctl(all->epoll, EPOLL_CTL_ADD, asker->fd, &event), errno);
	asker_ask(asker);
}

/* Is there a whole answer in its text? */
static bool asker_is_answered(const struct asker *asker)
{
	const char *body = strstr(asker->text, "\r\n\r\n");
	const char *length = strstr(asker->text, "Content-Length: ");

	return body != NULL && length != NULL &&
	       asker->text + asker->len >= body + 4 + strtoul(length + 16, NULL, 10);
}

static void asker_receive(struct askers *all, struct asker *asker)
{
	ssize_t n = recv(
	    asker->fd, asker->text + asker->len, TEXT - 1 - asker->len, MSG_DONTWAIT);

	if (n <= 0) {
		close(asker->fd);
		asker_connect(all, asker);
		return;
	}
	asker->len += (size_t)n;
	asker->text[asker->len] = '\0';
	if (!asker_is_answered(asker))
		return;
	if (strncmp(asker->text, "HTTP/1.1 200", 12) == 0)
		asker->answers++;
	else
		asker->refusals++;
	asker_ask(asker);
}

static unsigned answers_of(const struct asker *askers, size_t count)
{
	unsigned sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += askers[i].answers;
	return sum;
}

/* Receives what comes within limit_ms, at most; false where nothing did. */
static bool turn(struct askers *all, int limit_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(all->epoll, events, EVENTS, limit_ms);

	for (int i = 0; i < n; i++)
		asker_receive(all, events[i].data.ptr);
	return n > 0;
}

static void askers_begin(struct askers *all, struct asker *askers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		own_network_add(&askers[i].address);
		asker_connect(all, &askers[i]);
	}
}

static void askers_end(struct askers *all)
{
	for (size_t i = 0; i < MANY; i++)
		close(all->many[i].fd);
	for (size_t i = 0; i < HONEST * EACH; i++)
		close(all->honest[i / EACH][i % EACH].fd);
	close(all->epoll);
	free(all);
}

/* From when all of them have asked: while the honest clients have their answers, the
 * network has about as many as one of them. */
static void expect_one_share(struct askers *all)
{
	unsigned many, honest, before[2];

	askers_begin(all, all->many, MANY);
	askers_begin(all, all->honest[0], HONEST * EACH);
	while (turn(all, 0))
		continue;
	before[0] = answers_of(all->many, MANY);
	before[1] = answers_of(all->honest[0], HONEST * EACH);
	do {
		if (!turn(all, harness_limit_ms()))
			fail_msg("nobody is answered");
		many = answers_of(all->many, MANY) - before[0];
		honest = answers_of(all->honest[0], HONEST * EACH) - before[1];
	} while (honest < ANSWERS && many < 4 * ANSWERS);
	print_message("%u answers to the network, %u to %u others\n", many, honest,
	    (unsigned)HONEST);
	assert_true(honest >= ANSWERS);
	assert_true(many <= 3 * honest / HONEST); /* frontends are not quite alike */
	for (size_t i = 0; i < HONEST; i++)
		assert_true(answers_of(all->honest[i], EACH) >= ANSWERS / HONEST / 2);
	askers_end(all);
}

/* One job at a time, some milliseconds each, and nobody is refused. */
static bool start(struct daemon *d, const char *frontends)
{
	static bool entered;
	const struct in6_addr own = own_network_address(listener, 0);

	if (!crowd_permitted(4 * MANY) || (!entered && !own_network_enter()))
		return false;
	entered = true;
	own_network_add(&own);
	daemon_start(d, "listen=127.0.0.1:0,[2001:db8:ffff::1]:8080", frontends,
	    "pool.elastic.max_processes=1", "pool.elastic.batch=1",
	    "pool.elastic.queue_limit=4096", "pool.elastic.deadline=5m",
	    "profile.default.memory=8M", "profile.default.time=3", NULL);
	return true;
}

static struct askers *askers_new(void)
{
	struct askers *all = calloc(1, sizeof(*all));

	assert_non_null(all);
	all->epoll = epoll_create1(EPOLL_CLOEXEC);
	assert_return_code(all->epoll, errno);
	return all;
}

static void a_network_of_512_has_one_share(void **state)
{
	static const char *const texts[HONEST] = {
	    "2001:db8:b::1", "2001:db8:c::1", "2001:db8:d::1", "2001:db8:e::1"};
	struct daemon *d = *state;
	struct askers *all;

	if (!start(d, "frontend.processes=2"))
		skip();
	all = askers_new();
	for (unsigned i = 0; i < MANY; i++)
		all->many[i].address = own_network_address("2001:db8:a::1", i);
	for (unsigned i = 0; i < HONEST * EACH; i++)
		all->honest[i / EACH][i % EACH].address =
		    own_network_address(texts[i / EACH], 0);
	expect_one_share(all);
	daemon_stop(d);
}

/* In one frontend: how many others a network asks is known of the widest ones only. */
static void a_network_inside_a_network_has_one_share(void **state)
{
	struct daemon *d = *state;
	struct askers *all;

	if (!start(d, "frontend.processes=1"))
		skip();
	all = askers_new();
	for (unsigned i = 0; i < MANY; i++)
		all->many[i].address = own_network_address("2001:db8:a::1", i % 256);
	for (unsigned i = 0; i < HONEST * EACH; i++)
		all->honest[i / EACH][i % EACH].address =
		    own_network_address("2001:db8:a::1", 256 * (1 + i / EACH));
	expect_one_share(all);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_network_of_512_has_one_share),
	    daemon_test(a_network_inside_a_network_has_one_share),
	};

	return cmocka_run_group_tests_name("wall networks", tests, NULL, NULL);
}
