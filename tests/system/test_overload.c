/*
 * More than can be done: who is turned away is told at once and why, what is taken on
 * is done in time, and nobody works for somebody who has left.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/client.h"
#include "tests/system/load.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"
#include "tests/system/store.h"

enum { CROWD = 100 };

/* As client_open(), from 127.0.0.n. */
static void client_open_from(struct client *client, const struct daemon *d, uint8_t n)
{
	struct sockaddr_in from = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + n)};

	*client = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	assert_true(client->fd >= 0);
	assert_int_equal(bind(client->fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(client->fd, &d->tcp.any, d->tcp.len), 0);
	assert_int_equal(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
}

static void ask_hash(struct client *client)
{
	client_say(client, "GET /hash/x HTTP/1.1\r\nHost: t\r\n\r\n");
}

static unsigned retry_after(const struct response *r)
{
	char value[32] = "";

	assert_true(response_header(r, "Retry-After", value, sizeof(value)));
	return (unsigned)strtoul(value, NULL, 10);
}

/* One address may have two jobs in each frontend; others are not affected. */
static void a_client_has_its_share_and_others_have_theirs(void **state)
{
	struct daemon *d = *state;
	struct client loud[3], quiet;
	struct response r = {0};
	char slow[48];

	harness_slow_time(slow, 2000);
	daemon_start(d, slow, "profile.default.memory=8M", "frontend.processes=1",
	    "pool.elastic.per_client_limit=2", "pool.elastic.deadline=120s", NULL);
	for (int i = 0; i < 3; i++) {
		client_open_from(&loud[i], d, 1);
		ask_hash(&loud[i]);
	}
	client_open_from(&quiet, d, 2);
	ask_hash(&quiet);
	client_read(&loud[2], &r, false);
	assert_int_equal(r.status, 429);
	assert_true(retry_after(&r) >= 1);
	assert_true(response_has(&r, "Connection", "keep-alive") ||
	            !response_has(&r, "Connection", "close"));
	client_read(&loud[0], &r, false);
	assert_int_equal(r.status, 200);
	client_read(&quiet, &r, false);
	assert_int_equal(r.status, 200);
	client_read(&loud[1], &r, false);
	assert_int_equal(r.status, 200);
	client_get(&loud[2], &r, "/hash/again"); /* there is room for it now */
	assert_int_equal(r.status, 200);
	response_free(&r);
	for (int i = 0; i < 3; i++)
		client_close(&loud[i]);
	client_close(&quiet);
	daemon_stop(d);
}

static void say_hash(struct client *client, uint64_t timeout_ms)
{
	char text[512], body[128];

	snprintf(body, sizeof(body),
	    "{\"password\":\"x\",\"pool\":\"fixed\",\"timeout_ms\":%llu}",
	    (unsigned long long)timeout_ms);
	snprintf(text, sizeof(text),
	    "POST /v1/hash HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    strlen(body), body);
	client_say(client, text);
}

/* How long a hash takes here and now; the pool learns it, too. */
static uint64_t hash_ms(const struct daemon *d)
{
	struct response r = {0};
	struct client client;
	uint64_t since = harness_now_ms();

	client_open(&client, &d->tcp);
	for (int i = 0; i < 3; i++) {
		say_hash(&client, 600000);
		client_read(&client, &r, false);
		assert_int_equal(r.status, 200);
	}
	response_free(&r);
	client_close(&client);
	return (harness_now_ms() - since) / 3 + 1;
}

/* A crowd with as much time as a tenth of it needs: the rest hears so. */
static void what_cannot_be_done_in_time_is_refused(void **state)
{
	struct daemon *d = *state;
	struct client clients[CROWD];
	struct response r = {0};
	unsigned good = 0, refused = 0, late = 0;
	uint64_t timeout_ms;
	char slow[48];

	harness_slow_time(slow, 100);
	daemon_start(d, slow, "profile.default.memory=8M", "frontend.processes=1",
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",
	    "pool.fixed.deadline=1h", NULL);
	timeout_ms = CROWD / 10 * hash_ms(d);
	for (unsigned i = 0; i < CROWD; i++) {
		client_open(&clients[i], &d->tcp);
		say_hash(&clients[i], timeout_ms);
	}
	for (unsigned i = 0; i < CROWD; i++) {
		client_read(&clients[i], &r, false);
		good += r.status == 200;
		late += r.status == 504;
		if (r.status == 503) {
			refused++;
			assert_non_null(strstr(r.body, "would-exceed-deadline"));
			assert_in_range(retry_after(&r), 1, 60);
		}
		client_close(&clients[i]);
	}
	assert_int_equal(good + refused + late, CROWD);
	assert_true(refused > CROWD / 4);
	response_free(&r);
	daemon_stop(d);
}

/* The hash would take minutes: its hasher is free again as soon as its client has
 * closed the connection, in whichever way. */
static void nobody_works_for_who_has_left(void **state)
{
	static void (*const leave[])(struct client *) = {client_close, client_reset};
	struct daemon *d = *state;
	struct client client;
	struct peek peek;

	daemon_start(d, "profile.default.memory=64M", "profile.default.time=10000",
	    "frontend.processes=1", "pool.elastic.deadline=1h", NULL);
	if (!peek_open(&peek, d)) {
		daemon_stop(d);
		skip();
	}
	for (size_t way = 0; way < sizeof(leave) / sizeof(leave[0]); way++) {
		client_open(&client, &d->tcp);
		ask_hash(&client);
		(void)peek_wait_claim(&peek, peek.pool_slot[PEEK_ELASTIC]);
		leave[way](&client);
		process_wait_count(d, "hasher elastic/0 [busy 0/", 1);
	}
	peek_close(&peek);
	daemon_stop(d);
}

/* Whoever only closes his half of the connection waits on, and so does the work. */
static void who_waits_on_is_worked_for(void **state)
{
	struct daemon *d = *state;
	struct response r = {0};
	struct client client;
	char slow[48];

	harness_slow_time(slow, 300);
	daemon_start(d, slow, "profile.default.memory=8M", NULL);
	client_open(&client, &d->tcp);
	ask_hash(&client);
	client_half_close(&client);
	client_read(&client, &r, false);
	assert_int_equal(r.status, 200);
	client_expect_end(&client);
	response_free(&r);
	client_close(&client);
	daemon_stop(d);
}

/* A look-up that cannot be stopped in place (its process hangs in the middle of it,
 * held by a debugger): when its client leaves, the process is replaced. */
static void a_lookup_that_hangs_is_ended(void **state)
{
	struct daemon *d = *state;
	struct client client;
	struct peek peek;
	sqlite3 *db;
	pid_t pid;
	int handle;

	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "frontend.processes=1", "pool.lookup.deadline=1h", NULL);
	if (!peek_open(&peek, d)) {
		daemon_stop(d);
		skip();
	}
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	pid = process_find(d, "hasher lookup/0");
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0) {
		peek_close(&peek);
		daemon_stop(d);
		print_message("ptrace is not permitted\n");
		skip();
	}
	db = store_lock(d);
	client_open(&client, &d->tcp);
	client_say(&client, "GET /user/1 HTTP/1.1\r\nHost: t\r\n\r\n");
	(void)peek_wait_claim(&peek, peek.pool_slot[PEEK_LOOKUP]);
	handle = process_handle(pid);
	assert_return_code(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), errno);
	assert_int_equal(waitpid(pid, NULL, __WALL), pid);
	client_close(&client);
	assert_true(process_wait_handle(handle, harness_limit_ms()));
	close(handle);
	assert_int_equal(waitpid(pid, NULL, __WALL), pid); /* we, too, are told */
	store_unlock(db);
	daemon_wait_log(d, "all who had asked had left");
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	peek_close(&peek);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_client_has_its_share_and_others_have_theirs),
	    daemon_test(what_cannot_be_done_in_time_is_refused),
	    daemon_test(nobody_works_for_who_has_left),
	    daemon_test(who_waits_on_is_worked_for),
	    daemon_test(a_lookup_that_hangs_is_ended),
	};

	return cmocka_run_group_tests_name("overload", tests, NULL, NULL);
}
