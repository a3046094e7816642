#include "tests/system/drain.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "tests/system/house.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

void drain_begin(struct daemon *d)
{
	assert_return_code(kill(d->pid, SIGTERM), errno);
	daemon_wait_log(d, "master: leaving");
}

void drain_expect_left(struct daemon *d)
{
	assert_int_equal(daemon_wait_end(d), 0);
	assert_false(daemon_log_has(d, "shutdown_timeout has passed"));
	daemon_check_log(d);
}

/* A connection that had an answer and is kept. Just after a reload the old
 * generation may accept one more, and does not keep it. */
void drain_open_idle(struct client *client, const struct address *to)
{
	struct response r = {0};
	bool last = true;

	while (last) {
		client_open(client, to);
		client_get(client, &r, "/livez");
		assert_int_equal(r.status, 200);
		last = response_has(&r, "Connection", "close");
		if (last)
			client_close(client);
	}
	response_free(&r);
}

/* A connection whose request is not answered before hello_delay. */
void drain_open_busy(struct client *client, struct daemon *d)
{
	drain_open_idle(client, &d->tcp);
	client_say(client, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
	/* read by now: the answers of one frontend's connections come in order */
	assert_int_equal(client_fetch(&d->tcp, "/livez", NULL, 0), 200);
}

void drain_expect_last_answer(struct client *client, const char *ask, int status)
{
	struct response r = {0};

	if (ask != NULL)
		client_say(client, ask);
	client_read(client, &r, false);
	assert_int_equal(r.status, status);
	assert_true(response_has(&r, "Connection", "close"));
	response_free(&r);
	client_expect_end(client);
	assert_int_equal(client->error, 0);
	client_close(client);
}

void drain_expect_clean_end(struct client *client)
{
	client_expect_end(client);
	assert_true(client->ended);
	assert_int_equal(client->error, 0);
	client_close(client);
}

static bool is_refused(void *arg)
{
	struct client client;
	int err = client_try(&client, arg);

	client_close(&client);
	return err == ECONNREFUSED;
}

void drain_wait_refused(struct address *to)
{
	wait_until(is_refused, to, "connections are refused");
}

void drain_signal_frontends(const struct daemon *d, int signo)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(d, "frontend ", pids, PROCESS_MAX);

	assert_int_not_equal(n, 0);
	for (size_t i = 0; i < n; i++) {
		assert_return_code(kill(pids[i], signo), errno);
		if (signo == SIGSTOP)
			process_stop(pids[i]);
	}
}

void drain_reload(struct daemon *d)
{
	char said[1024];

	if (masters_send(d, "reload", said, sizeof(said)) != 0)
		fail_msg("reload: %s", said);
}
