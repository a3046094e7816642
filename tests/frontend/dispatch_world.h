/*
 * A frontend's dispatch with a real loop, board and links, for its tests: the test is
 * the master and all hashers, and the clock is the test's.
 */
#ifndef TESTS_FRONTEND_DISPATCH_WORLD_H
#define TESTS_FRONTEND_DISPATCH_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/units.h"
#include "frontend/dispatch.h"
#include "frontend/flight.h"

enum { POOL, LOOKUP, POOLS };
enum { PLACES = 4, FIRST = 1, SLOTS = FIRST + POOLS * PLACES, INCARNATION = 77 };
enum { DEADLINE_MS = 1000 };

static const uint8_t test_key[LIMIT_CLIENT_KEY] = {1};

struct world {
	struct ev_loop *loop;
	struct clients clients;
	struct client *client; /* who asks, unless another is named */
	struct config config;
	struct config_profile profile;
	struct config_pool pools[POOLS];
	struct child child;
	struct dispatch *dispatch;
	int links[POOLS];   /* the frontend's ends */
	int hashers[POOLS]; /* the hashers' */
	int master;         /* the master's end of the control socket */
	uint8_t message[JOB_MESSAGE_MAX];
};

/* Who waits for a task. */
struct asker {
	struct world *world;
	struct task *task;
	unsigned told;
	enum task_outcome outcome;
	char text[LIMIT_TEXT + 1];
	uint64_t queue_ns, work_ns;
	unsigned retry_after;  /* where it was not admitted */
	struct task **cancels; /* when told, cancels this one */
	struct asker *asks;    /* when told, has this one ask */
};

/* --- the clock */

static uint64_t test_ns;

int clock_gettime(clockid_t which, struct timespec *now)
{
	if (which != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, which, now);
	now->tv_sec = (time_t)(test_ns / NS_PER_SEC);
	now->tv_nsec = (long)(test_ns % NS_PER_SEC);
	return 0;
}

static inline void pass(uint64_t ms)
{
	test_ns += ms * NS_PER_MS;
}

/* --- chance: nobody is refused early unless a test wants it so */

static uint32_t test_chance = UINT32_MAX; /* the number that is drawn, if it is less */

uint32_t arc4random_uniform(uint32_t bound)
{
	return test_chance < bound ? test_chance : bound - 1;
}

/* --- the frontend */

/* Lets the loop come round: all that has happened is seen, nothing is waited for. */
static inline void turn(struct world *w)
{
	ev_run(w->loop, EVRUN_NOWAIT);
	ev_run(w->loop, EVRUN_NOWAIT);
}

static inline enum admission ask_spec(
    struct world *w, struct asker *asker, struct task_spec *spec);

static inline void told(void *owner, const struct task_result *result)
{
	struct asker *asker = owner;

	asker->told++;
	asker->task = NULL;
	asker->outcome = result->outcome;
	if (result->text_len > 0)
		memcpy(asker->text, result->text, result->text_len);
	asker->text[result->text_len] = '\0';
	asker->queue_ns = result->queue_ns;
	asker->work_ns = result->work_ns;
	if (asker->cancels != NULL) {
		dispatch_cancel(asker->world->dispatch, *asker->cancels);
		*asker->cancels = NULL;
	}
	if (asker->asks != NULL) {
		struct task_spec spec = {.kind = JOB_LOOKUP, .pool = POOL, .user = 1};

		assert_int_equal(ask_spec(asker->world, asker->asks, &spec), ADMITTED);
	}
}

static inline enum admission ask_spec(
    struct world *w, struct asker *asker, struct task_spec *spec)
{
	asker->world = w;
	spec->done = told;
	spec->owner = asker;
	if (spec->client == NULL)
		spec->client = w->client;
	return dispatch_submit(w->dispatch, spec, &asker->task, &asker->retry_after);
}

/* A client asks for a hash of that password. */
static inline enum admission ask_as(
    struct world *w, struct client *client, struct asker *asker, const char *password)
{
	struct secret secret = {0};
	struct task_spec spec = {.client = client,
	    .kind = JOB_HASH,
	    .pool = POOL,
	    .cost = {2, 0x13, 19456, 2, 1, 16, 32},
	    .profile = 3,
	    .password = &secret};
	enum admission verdict;

	assert_int_equal(secret_append(&secret, password, strlen(password)), 0);
	verdict = ask_spec(w, asker, &spec);
	assert_int_equal(secret.len, verdict == ADMITTED ? 0 : strlen(password));
	secret_free(&secret);
	return verdict;
}

static inline enum admission ask(
    struct world *w, struct asker *asker, const char *password)
{
	return ask_as(w, w->client, asker, password);
}

/* The client with the IPv4 address 10.0.0.n; to be given back with client_put(). */
static inline struct client *client_of(struct world *w, uint8_t n)
{
	const struct conn_peer peer = {
	    .address = {10, 0, 0, n}, .kind = CONN_PEER_INET};
	struct client *client = client_get(&w->clients, &peer);

	assert_non_null(client);
	return client;
}

/* As many askers' passwords are "0", "1", ... */
static inline void ask_many(struct world *w, struct asker *askers, unsigned n)
{
	char password[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(password, sizeof(password), "%u", i);
		assert_int_equal(ask(w, &askers[i], password), ADMITTED);
	}
	turn(w);
}

static inline void assert_told(const struct asker *asker, enum task_outcome outcome)
{
	assert_int_equal(asker->told, 1);
	assert_int_equal(asker->outcome, outcome);
}

static inline const struct board_frontend *own_slot(const struct world *w)
{
	return &board_slot(&w->child.board, 0)->frontend;
}

static inline void assert_numbers(
    const struct world *w, unsigned waiting, unsigned in_flight)
{
	assert_int_equal(atomic_load(&own_slot(w)->waiting[POOL]), waiting);
	assert_int_equal(atomic_load(&own_slot(w)->in_flight[POOL]), in_flight);
}

/* --- the hashers */

static inline bool wanted(const struct world *w, const struct job *job)
{
	return board_wanted(board_slot(&w->child.board, 0), job->flight, job->id);
}

/* One takes the next job from a pool's link; false where none is there. */
static inline bool take_of(struct world *w, unsigned pool, struct job *job)
{
	size_t len;
	pid_t sender;
	const char *why;
	enum link_result result =
	    link_recv(w->hashers[pool], w->message, sizeof(w->message), &len, &sender);

	*job = (struct job){0};
	if (result == LINK_AGAIN)
		return false;
	assert_int_equal(result, LINK_OK);
	assert_int_equal(job_decode(job, w->message, len, &why), 0);
	return true;
}

static inline bool take(struct world *w, struct job *job)
{
	return take_of(w, POOL, job);
}

/* Takes a job, whose password must be that. */
static inline void take_password(struct world *w, struct job *job, const char *password)
{
	assert_true(take(w, job));
	assert_int_equal(job->password_len, strlen(password));
	assert_memory_equal(job->password, password, job->password_len);
}

static inline void assert_nothing_to_take(struct world *w)
{
	struct job job;

	assert_false(take(w, &job));
}

static inline void send_reply(
    struct world *w, unsigned pool, const struct job_reply *reply)
{
	uint8_t message[JOB_REPLY_MAX];
	ssize_t len = job_reply_encode(reply, message, sizeof(message));

	assert_true(len > 0);
	assert_int_equal(link_send(w->hashers[pool], message, (size_t)len), LINK_OK);
}

static inline void answer(
    struct world *w, const struct job *job, enum job_status status)
{
	const struct job_reply reply = {.id = job->id,
	    .flight = job->flight,
	    .status = (uint8_t)status,
	    .work_ns = 3 * NS_PER_MS,
	    .text = "a hash",
	    .text_len = status == JOB_OK ? 6 : 0};

	send_reply(w, POOL, &reply);
}

static inline struct board_hasher *hasher(struct world *w, unsigned index)
{
	return &board_slot(&w->child.board, FIRST + index)->hasher;
}

/* Units of one of ask()'s jobs. */
static inline uint64_t ask_units(const struct world *w)
{
	const struct job_cost cost = {.memory_kib = 19456, .time = 2, .lanes = 1};

	return units_of_job(JOB_HASH, &cost, w->config.engine);
}

/* The first hasher says that it needs so long for one of ask()'s jobs; and time passes
 * until that is believed. */
static inline void set_job_ms(struct world *w, uint64_t ms)
{
	struct forecast *forecast = &w->dispatch->pools[POOL].forecast;
	*forecast = (struct forecast){.units = forecast->units,
	    .busy_ns = forecast->busy_ns}; /* all that was learnt is forgotten */
	atomic_fetch_add(&hasher(w, 0)->units, 10 * ask_units(w));
	atomic_fetch_add(&hasher(w, 0)->busy_ns, 10 * ms * NS_PER_MS);
	pass(100);
}

/* --- the master */

static inline void set_alive(struct world *w, unsigned n)
{
	atomic_store(&board_head(&w->child.board)->alive[POOL], n);
}

static inline void gone(
    struct world *w, enum control_cause cause, const struct job *job, uint32_t taking)
{
	struct control_message message = {
	    .kind = CONTROL_GONE, .pool = POOL, .cause = cause, .taking = taking};

	if (job != NULL)
		message.claim[message.claims++] = job->id;
	dispatch_hasher_gone(w->dispatch, &message);
}

/* How many messages of that kind the frontend has sent since; others are none. */
static inline unsigned heard(struct world *w, enum control_kind kind)
{
	struct control_message message;
	unsigned n = 0;

	while (control_recv(w->master, &message) == LINK_OK) {
		assert_int_equal(message.pool, POOL);
		if (message.kind == CONTROL_SUSPECT)
			assert_int_equal(message.pid, getpid());
		n += message.kind == (uint32_t)kind;
	}
	return n;
}

/* --- all of it */

static inline void open_pool(struct world *w, unsigned pool, unsigned jobs)
{
	int fds[2];

	w->pools[pool] = (struct config_pool){.jobs = jobs,
	    .min_processes = 1,
	    .max_processes = PLACES,
	    .batch = 1,
	    .queue_limit = 5,
	    .old_formats_share = 20,
	    .deadline_ms = DEADLINE_MS,
	    .retries = 1};
	snprintf(w->pools[pool].name, LIMIT_NAME, "pool%u", pool);
	assert_int_equal(link_pair(fds), 0);
	w->links[pool] = fds[0];
	w->hashers[pool] = fds[1];
	w->child.pool_slot[pool] = FIRST + pool * PLACES;
	w->child.pool_slot[pool + 1] = FIRST + (pool + 1) * PLACES;
	atomic_store(&board_head(&w->child.board)->alive[pool], 1);
}

static inline int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	int control[2];

	assert_non_null(w);
	test_ns = 1000 * NS_PER_SEC;
	assert_int_equal(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	assert_int_equal(link_pair(control), 0);
	w->master = control[0];
	w->child = (struct child){.config = &w->config,
	    .control = control[1],
	    .incarnation = INCARNATION,
	    .links = w->links,
	    .link_count = POOLS,
	    .frontends = 1};
	assert_int_equal(board_open(&w->child.board, SLOTS), 0);
	w->child.slot = board_slot(&w->child.board, 0);
	board_slot_reset(w->child.slot, INCARNATION);
	open_pool(w, POOL, CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY);
	open_pool(w, LOOKUP, CONFIG_JOBS_LOOKUP);
	w->profile =
	    (struct config_profile){.memory_kib = 19456, .time = 2, .lanes = 1};
	w->config.profiles = &w->profile;
	w->config.profile_count = 1;
	w->config.verify_max_memory = UINT64_C(256) << 20;
	clients_init(&w->clients, test_key);
	w->client = client_of(w, 1);
	w->config.pools = w->pools;
	w->config.pool_count = POOLS;
	w->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	assert_non_null(w->loop);
	w->dispatch = dispatch_open(w->loop, &w->child);
	assert_non_null(w->dispatch);
	*state = w;
	return 0;
}

static inline int close_world(void **state)
{
	struct world *w = *state;

	assert_int_equal(dispatch_pending(w->dispatch), 0);
	dispatch_close(w->dispatch);
	client_put(w->client);
	assert_int_equal(w->clients.count, 0); /* all jobs' shares were given back */
	clients_free(&w->clients);
	test_chance = UINT32_MAX;
	ev_loop_destroy(w->loop);
	board_close(&w->child.board);
	for (unsigned i = 0; i < POOLS; i++) {
		close(w->links[i]);
		close(w->hashers[i]);
	}
	close(w->child.control);
	close(w->master);
	free(w);
	return 0;
}

enum { NEVER = 0 }; /* test_chance: whoever can be refused early is */

/* So many jobs wait beside those on the link (batch and spare: 3). */
static inline void fill(
    struct world *w, struct client *client, struct asker *askers, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(ask_as(w, client, &askers[i], "x"), ADMITTED);
	turn(w);
}

/* Answers whatever is on the link, again and again, until nothing is pending. */
static inline void finish_all(struct world *w)
{
	struct job job;

	turn(w);
	while (take(w, &job)) {
		answer(w, &job, JOB_OK);
		turn(w);
	}
	assert_int_equal(dispatch_pending(w->dispatch), 0);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

#endif
