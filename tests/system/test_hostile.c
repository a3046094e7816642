/*
 * F27 and F28: a hasher, then a frontend, that was broken into. The test takes over one
 * end of a link (pidfd_getfd, for which it must be root) and sends what it likes. The
 * other side survives, says BUG: and whose, and no client gets another's answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/job.h"
#include "tests/system/client.h"
#include "tests/system/fds.h"
#include "tests/system/hostile.h"
#include "tests/system/load.h"
#include "tests/system/peek.h"
#include "tests/system/process.h"

enum { FRONTENDS = 2 };

/* A running daemon with the test in its house. */
struct break_in {
	struct daemon *d;
	struct peek peek;
	pid_t frontends[FRONTENDS], elastic, fixed;
	int links[FRONTENDS]; /* ends of elastic/0 that lead to the frontends */
	char bug[96];         /* the pattern of a line that names us */
	uint8_t packet[HOSTILE_MAX];
};

static bool break_in(struct break_in *b)
{
	b->elastic = process_find(b->d, "hasher elastic/0");
	b->fixed = process_find(b->d, "hasher fixed/0");
	if (!peek_open(&b->peek, b->d))
		return false;
	for (int i = 0; i < FRONTENDS; i++) {
		b->frontends[i] =
		    process_find(b->d, i == 0 ? "frontend 0" : "frontend 1");
		b->links[i] = fds_take_link(b->elastic, b->frontends[i], 0);
		if (b->links[i] < 0)
			return false;
	}
	return true;
}

static struct break_in *start(struct daemon *d)
{
	struct break_in *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->d = d;
	d->bugs_expected = true;
	daemon_start(d, "profile.default.memory=64K", "profile.default.time=1",
	    "pool.elastic.min_processes=1", "pool.elastic.max_processes=1",
	    "pool.fixed.min_processes=1", "pool.fixed.max_processes=1",
	    "pool.elastic.deadline=120s", "pool.fixed.deadline=120s", NULL);
	snprintf(b->bug, sizeof(b->bug), "BUG: .*[^0-9]%d[^0-9]", (int)getpid());
	if (break_in(b))
		return b;
	daemon_stop(d);
	free(b);
	skip(); /* not root, or no kernel for it */
	return NULL;
}

/* The frontends have not changed, and everybody is served well. */
static void finish(struct break_in *b)
{
	struct load load = {.to = &b->d->tcp, .connections = 4, .requests = 40};

	load_run(&load);
	load_expect_ok(&load, false);
	load = (struct load){
	    .to = &b->d->tcp, .connections = 4, .requests = 40, .rayon = true};
	load_run(&load);
	load_expect_ok(&load, false);
	assert_int_equal(process_find(b->d, "frontend 0"), b->frontends[0]);
	assert_int_equal(process_find(b->d, "frontend 1"), b->frontends[1]);
	for (int i = 0; i < FRONTENDS; i++)
		close(b->links[i]);
	peek_close(&b->peek);
	daemon_stop(b->d);
	free(b);
}

/* One packet sent again and again until somebody complains of it (lines may be
 * limited). */
struct complaint {
	struct break_in *b;
	const char *pattern;
	size_t len;
	int fd, attached; /* -1: nothing */
};

static bool send_and_look(void *arg)
{
	struct complaint *c = arg;

	if (c->attached >= 0)
		hostile_send_fd(c->fd, c->b->packet, c->len, c->attached);
	else
		hostile_send(c->fd, c->b->packet, c->len);
	return daemon_log_has(c->b->d, c->pattern);
}

static void expect_complaint(struct break_in *b, int fd, size_t len, const char *name)
{
	struct complaint c = {
	    .b = b, .pattern = b->bug, .len = len, .fd = fd, .attached = -1};

	daemon_log_mark(b->d);
	wait_until(send_and_look, &c, name);
	assert_int_equal(client_fetch(&b->d->tcp, "/livez", NULL, 0), 200);
}

/* The same while the master is held: what children say is logged by it, so it has to go
 * on for a moment. */
static void expect_complaint_held(
    struct break_in *b, int fd, size_t len, const char *name)
{
	assert_return_code(kill(b->d->pid, SIGCONT), errno);
	expect_complaint(b, fd, len, name);
	process_stop(b->d->pid);
}

static void test_nonsense_replies(void **state)
{
	struct break_in *b = start(*state);
	const struct hostile *row;
	size_t len;

	for (row = hostile_replies; row->name != NULL; row++)
		for (int i = 0; i < FRONTENDS; i++) {
			len = hostile_reply(b->packet, 1, 1, "$argon2id$hostile");
			len = hostile_change(row, b->packet, len);
			expect_complaint(b, b->links[i], len, row->name);
		}
	finish(b);
}

static void test_attached_fds(void **state)
{
	struct break_in *b = start(*state);
	struct complaint c = {.b = b, .pattern = b->bug, .fd = b->links[0]};
	struct fd_list *fds = calloc(1, sizeof(*fds));
	struct address gone;

	assert_non_null(fds);
	c.len = hostile_reply(b->packet, 1, 1, "$argon2id$hostile");
	c.attached = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	daemon_log_mark(b->d);
	wait_until(send_and_look, &c, "an attached fd");
	close(c.attached);
	gone = b->d->tcp; /* answered after everything that was sent before has been
	                     read */
	assert_int_equal(client_fetch(&gone, "/livez", NULL, 0), 200);
	assert_true(fds_list(b->frontends[0], fds));
	assert_int_equal(fds_count(fds, "/dev/zero"), 0);
	free(fds);
	finish(b);
}

static const char ask_fixed[] = "GET /hash_rayon/mine HTTP/1.1\r\nHost: t\r\n\r\n";
static const char forged[] = "$argon2id$v=19$m=64,t=1,p=1$Zm9yZ2Vk$Zm9yZ2Vk";

/* A job under way: whose, and what the board says of it. */
struct flying {
	const struct break_in *b;
	int frontend;
	uint32_t flight;
	uint64_t id;
};

static bool find_flight(void *arg)
{
	struct flying *f = arg;

	for (f->frontend = 0; f->frontend < FRONTENDS; f->frontend++) {
		const struct board_slot *slot =
		    board_slot(&f->b->peek.board, (size_t)f->frontend);

		assert_non_null(slot);
		for (f->flight = 0; f->flight < LIMIT_FLIGHTS; f->flight++) {
			f->id = atomic_load(&slot->frontend.wanted[f->flight]);
			if (f->id != 0)
				return true;
		}
	}
	return false;
}

/* Asks the fixed pool, whose hasher is stopped, for a hash; tells where the job is. */
static struct flying ask_held(struct break_in *b, struct client *client)
{
	struct flying f = {.b = b};

	process_hold(b->d, b->fixed);
	client_say(client, ask_fixed);
	wait_until(find_flight, &f, "a job under way");
	return f;
}

static void expect_mine(struct client *client)
{
	static const char lead[] = "Hashed password (Rayon): ";
	struct response r = {0};

	client_read(client, &r, false);
	assert_int_equal(r.status, 200);
	assert_memory_equal(r.body, lead, sizeof(lead) - 1);
	assert_true(load_verify(r.body + sizeof(lead) - 1, "mine"));
	response_free(&r);
}

/* A hasher of one pool cannot answer the jobs of another, neither before nor after the
 * right answer; nor can a job be answered with what no hash looks like. */
static void test_foreign_ids(void **state)
{
	struct break_in *b = start(*state);
	struct client client;
	struct flying f;
	size_t len;
	int right;

	client_open(&client, &b->d->tcp);
	f = ask_held(b, &client);
	right = fds_take_link(b->fixed, b->frontends[f.frontend], 0);
	assert_true(right >= 0);
	len = hostile_reply(b->packet, f.id, f.flight, forged);
	expect_complaint_held(b, b->links[f.frontend], len, "an id of another pool");
	b->packet[28] = '\n';
	expect_complaint_held(b, right, len, "a line feed in the hash");
	process_release(b->d, b->fixed);
	expect_mine(&client);
	len = hostile_reply(b->packet, f.id, f.flight, forged);
	expect_complaint(b, b->links[f.frontend], len, "an old id of another pool");
	expect_complaint(b, right, len, "an answer given already");
	client_close(&client);
	close(right);
	finish(b);
}

/* The answer to a job whose asker has left goes nowhere, least of all to the next one.
 */
static void test_cancelled_ids(void **state)
{
	struct break_in *b = start(*state);
	struct client gone, next;
	struct flying f;
	size_t len;
	int right;

	client_open(&gone, &b->d->tcp);
	f = ask_held(b, &gone);
	right = fds_take_link(b->fixed, b->frontends[f.frontend], 0);
	assert_true(right >= 0);
	client_reset(&gone);
	client_open(&next, &b->d->tcp);
	client_say(&next, ask_fixed);
	len = hostile_reply(b->packet, f.id, f.flight, forged);
	for (int i = 0; i < 100; i++)
		assert_true(hostile_send(right, b->packet, len));
	process_release(b->d, b->fixed);
	expect_mine(&next);
	client_close(&next);
	close(right);
	finish(b);
}

/* What the flood is made of. */
struct flood {
	struct break_in *b;
	unsigned left, row;
};

static bool flood_some(struct load *load, void *arg)
{
	struct flood *flood = arg;
	struct break_in *b = flood->b;
	size_t len;

	(void)load;
	for (unsigned burst = 0; burst < 2000 && flood->left > 0; burst++) {
		const struct hostile *row = &hostile_replies[flood->row++ % 20];

		if (row->length > JOB_REPLY_MAX)
			continue;
		len = hostile_reply(
		    b->packet, flood->row, flood->row % LIMIT_FLIGHTS, forged);
		len = hostile_change(row, b->packet, len);
		if (!hostile_try(b->links[flood->row % FRONTENDS], b->packet, len))
			break;
		flood->left--;
	}
	return flood->left > 0;
}

static void test_flood(void **state)
{
	struct break_in *b = start(*state);
	struct flood flood = {.b = b, .left = 200000 / harness_slow()};
	struct load load = {.to = &b->d->tcp,
	    .connections = 8,
	    .requests = 1000000,
	    .tick = flood_some,
	    .arg = &flood,
	    .tick_ms = 1};

	load_run(&load);
	load_print(&load, "F27 flood");
	load_expect_ok(&load, false);
	assert_true(load.answered > 0);
	finish(b);
}

static void test_nonsense_jobs(void **state)
{
	struct break_in *b = start(*state);
	const struct hostile *row;
	int link = fds_take_link(b->frontends[0], b->fixed, 0);
	struct complaint c = {.b = b, .pattern = "BUG: ", .fd = link, .attached = -1};
	size_t len;

	assert_true(link >= 0);
	for (row = hostile_jobs; row->name != NULL; row++) {
		len = hostile_job(b->packet, 1, 1, 64);
		c.len = hostile_change(row, b->packet, len);
		daemon_log_mark(b->d);
		wait_until(send_and_look, &c, row->name);
	}
	assert_int_equal(process_find(b->d, "hasher fixed/0"), b->fixed);
	close(link);
	finish(b);
}

/* A frontend that asks for a cost nobody allowed, under the id of a job that is wanted:
 * the hasher looks again, and refuses. */
static void test_monstrous_cost(void **state)
{
	struct break_in *b = start(*state);
	struct response r = {0};
	struct client client;
	struct flying f;
	size_t len;
	int link;

	client_open(&client, &b->d->tcp);
	f = ask_held(b, &client);
	process_release(b->d, b->fixed);
	expect_mine(&client);
	process_hold(b->d, b->fixed);
	link = fds_take_link(b->frontends[f.frontend], b->fixed, 0);
	assert_true(link >= 0);
	/* the same connection's next job has the next id and the flight just freed */
	len = hostile_job(b->packet, f.id + 1, f.flight, UINT32_MAX);
	assert_true(hostile_send(link, b->packet, len));
	ask_held(b, &client);
	process_release(b->d, b->fixed);
	client_read(&client, &r, false);
	assert_in_range(r.status, 400, 599);
	response_free(&r);
	client_close(&client);
	close(link);
	finish(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(test_nonsense_replies),
	    daemon_test(test_attached_fds),
	    daemon_test(test_foreign_ids),
	    daemon_test(test_cancelled_ids),
	    daemon_test(test_flood),
	    daemon_test(test_nonsense_jobs),
	    daemon_test(test_monstrous_cost),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
