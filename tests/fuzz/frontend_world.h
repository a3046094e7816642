/*
 * A frontend without its process, for fuzz targets: real connections, real dispatch and
 * links; the target is the clients, the hashers and the master. It has the clock, too,
 * so that nothing ever waits and every input does the same each time.
 *
 * The world stays from input to input, which makes it fast; world_is_calm() says
 * whether an input has left anything behind.
 */
#ifndef TESTS_FUZZ_FRONTEND_WORLD_H
#define TESTS_FUZZ_FRONTEND_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "frontend/frontend.h"
#include "tests/fuzz/wiped.h"

enum { WORLD_POOLS = 3, WORLD_PLACES = 2, WORLD_INCARNATION = 77 };
enum { WORLD_SLOTS = 1 + WORLD_POOLS * WORLD_PLACES, WORLD_DEADLINE_MS = 1000 };

struct world {
	struct frontend fe;
	struct child child;
	struct config config;
	struct config_pool pools[WORLD_POOLS];
	struct config_profile profile;
	int links[WORLD_POOLS];   /* the frontend's ends */
	int hashers[WORLD_POOLS]; /* the hashers' */
	int master;               /* the master's end of the control socket */
	uint64_t now_ns;
	uint8_t message[JOB_MESSAGE_MAX];
};

static struct world *world;

/* --- the clock */

int clock_gettime(clockid_t which, struct timespec *now)
{
	if (which != CLOCK_MONOTONIC || world == NULL)
		return (int)syscall(SYS_clock_gettime, which, now);
	now->tv_sec = (time_t)(world->now_ns / NS_PER_SEC);
	now->tv_nsec = (long)(world->now_ns % NS_PER_SEC);
	return 0;
}

static inline void world_pass(uint64_t ms)
{
	world->now_ns += ms * NS_PER_MS;
}

/* Lets the loop come round: all that has happened is seen, nothing is waited for. A
 * timer of 0 needs a moment to pass. */
static inline void world_turn(void)
{
	world->now_ns += 1000;
	ev_run(world->fe.loop, EVRUN_NOWAIT);
}

/* --- clients */

/* Connects one that may have `unread` bytes (0: as many as usual) before the frontend
 * has to wait for it. Returns its end, which does not block. */
static inline int world_connect(int unread)
{
	const struct sockaddr addr = {.sa_family = AF_UNIX};
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) ==
	      0);
	CHECK(unread == 0 ||
	      setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &unread, sizeof(unread)) == 0);
	CHECK(conn_accept(&world->fe, fds[1], &addr, sizeof(addr.sa_family)) == 0);
	return fds[0];
}

void frontend_conn_gone(struct frontend *fe)
{
	CHECK(fe == &world->fe);
}

/* --- hashers */

/* One takes the next job of a pool; false where none is there. It must be well-formed:
 * nothing that a client sends makes a frontend send what is not. */
static inline bool world_take(unsigned pool, struct job *job)
{
	size_t len;
	pid_t sender;
	const char *why;
	enum link_result result = link_recv(world->hashers[pool], world->message,
	    sizeof(world->message), &len, &sender);

	if (result == LINK_AGAIN)
		return false;
	CHECK(result == LINK_OK);
	CHECK(job_decode(job, world->message, len, &why) == 0);
	CHECK(job->password_len <= world->config.max_password);
	return true;
}

static inline void world_answer(
    unsigned pool, const struct job *job, enum job_status status, const char *text)
{
	const struct job_reply reply = {.id = job->id,
	    .flight = job->flight,
	    .status = (uint8_t)status,
	    .work_ns = NS_PER_MS,
	    .text = text,
	    .text_len = status == JOB_OK ? strlen(text) : 0};
	uint8_t message[JOB_REPLY_MAX];
	ssize_t len = job_reply_encode(&reply, message, sizeof(message));

	CHECK(len > 0);
	CHECK(link_send(world->hashers[pool], message, (size_t)len) == LINK_OK);
}

/* What the fake hashers answer a job with: a text that tells of its input. */
static inline void world_text(const void *bytes, size_t len, char text[24])
{
	const uint8_t *at = bytes;
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ at[i]) * UINT64_C(0x100000001b3);
	snprintf(text, 24, "fnv-%016llx", (unsigned long long)sum);
}

static inline void world_job_text(const struct job *job, char text[24])
{
	if (job->kind == JOB_HASH)
		world_text(job->password, job->password_len, text);
	else
		snprintf(text, 24, "%lld", (long long)job->user);
}

/* Answers every job that is on the links; how many that were. */
static inline unsigned world_answer_all(void)
{
	struct job job;
	char text[24];
	unsigned n = 0;

	for (unsigned pool = 0; pool < WORLD_POOLS; pool++)
		for (; world_take(pool, &job); n++) {
			world_job_text(&job, text);
			world_answer(pool, &job, JOB_OK, text);
		}
	return n;
}

/* --- the world */

static inline void world_open_pool(unsigned pool, const char *name, unsigned jobs)
{
	int fds[2];

	world->pools[pool] = (struct config_pool){.jobs = jobs,
	    .min_processes = 1,
	    .max_processes = WORLD_PLACES,
	    .batch = 1,
	    .queue_limit = 4,
	    .old_formats_share = 20,
	    .deadline_ms = WORLD_DEADLINE_MS,
	    .retries = 1};
	snprintf(world->pools[pool].name, LIMIT_NAME, "%s", name);
	CHECK(link_pair(fds) == 0);
	world->links[pool] = fds[0];
	world->hashers[pool] = fds[1];
	world->child.pool_slot[pool] = 1 + pool * WORLD_PLACES;
	world->child.pool_slot[pool + 1] = 1 + (pool + 1) * WORLD_PLACES;
	atomic_store(&board_head(&world->child.board)->alive[pool], 1);
}

static inline void world_configure(void)
{
	world->profile = (struct config_profile){.name = "default",
	    .memory_kib = 19456,
	    .time = 2,
	    .lanes = 1,
	    .salt = 16,
	    .tag = 32};
	world->config = (struct config){.seed_routes = true,
	    .max_body = 1024,
	    .max_password = 32,
	    .header_timeout_ms = 5000,
	    .body_timeout_ms = 5000,
	    .keepalive_timeout_ms = 60000,
	    .write_timeout_ms = 10000,
	    .verify_max_memory = UINT64_C(256) << 20,
	    .verify_max_time = 16,
	    .verify_max_lanes = 16,
	    .memory_budget = UINT64_C(8) << 30,
	    .frontend = {.processes = 1, .max_connections = 64},
	    .pools = world->pools,
	    .pool_count = WORLD_POOLS,
	    .profiles = &world->profile,
	    .profile_count = 1};
}

static inline void world_open(void)
{
	int control[2];

	world = calloc(1, sizeof(*world));
	CHECK(world != NULL);
	world->now_ns = 1000 * NS_PER_SEC;
	CHECK(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO) == 0);
	CHECK(link_pair(control) == 0);
	world->master = control[0];
	world_configure();
	world->child = (struct child){.config = &world->config,
	    .control = control[1],
	    .signal_fd = -1,
	    .incarnation = WORLD_INCARNATION,
	    .links = world->links,
	    .link_count = WORLD_POOLS,
	    .frontends = 1};
	CHECK(board_open(&world->child.board, WORLD_SLOTS) == 0);
	world->child.slot = board_slot(&world->child.board, 0);
	board_slot_reset(world->child.slot, WORLD_INCARNATION);
	atomic_store(&board_head(&world->child.board)->frontends, 1);
	world_open_pool(0, "elastic", CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY);
	world_open_pool(1, "fixed", CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY);
	world_open_pool(2, "lookup", CONFIG_JOBS_LOOKUP);
	world->fe.child = &world->child;
	world->fe.config = &world->config;
	conn_init(&world->fe);
	world->fe.loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	CHECK(world->fe.loop != NULL);
	world->fe.dispatch = dispatch_open(world->fe.loop, &world->child);
	CHECK(world->fe.dispatch != NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	world_open();
	return 0;
}

/* What the frontend has told the master so far; every message is well-formed. */
static inline unsigned world_heard(enum control_kind kind)
{
	struct control_message message;
	enum link_result result;
	unsigned n = 0;

	while ((result = control_recv(world->master, &message)) == LINK_OK)
		n += message.kind == (uint32_t)kind;
	CHECK(result == LINK_AGAIN);
	return n;
}

static inline void check_zeros(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	CHECK(size == 0 || (at[0] == 0 && memcmp(at, at + 1, size - 1) == 0));
}

/* What the board says is wanted, somebody waits for. */
static inline void world_check_wanted(void)
{
	unsigned wanted = 0;

	for (unsigned i = 0; i < LIMIT_FLIGHTS; i++)
		wanted += atomic_load(&world->child.slot->frontend.wanted[i]) != 0;
	CHECK(wanted <= dispatch_pending(world->fe.dispatch));
}

/* All clients have gone: no connection is left, and no byte of what passed through. */
static inline void world_check_deserted(void)
{
	CHECK(world->fe.conn_count == 0);
	CHECK(TAILQ_EMPTY(&world->fe.conns));
	CHECK(world->fe.waiting == 0);
	CHECK(atomic_load(&world->child.slot->frontend.connections) == 0);
	check_zeros(world->fe.scratch.in, sizeof(world->fe.scratch.in));
	check_zeros(world->fe.scratch.out, sizeof(world->fe.scratch.out));
}

/* Answers and waits until no job is left; then nothing may be that was not there at the
 * beginning, and no byte of what passed through. */
static inline void world_calm(void)
{
	const struct board_frontend *own = &world->child.slot->frontend;

	for (unsigned i = 0; i < 64; i++) {
		world_turn();
		world_answer_all();
		world_pass(i < 8 ? 0 : 100);
	}
	world_turn();
	CHECK(dispatch_pending(world->fe.dispatch) == 0);
	for (unsigned pool = 0; pool < WORLD_POOLS; pool++) {
		CHECK(atomic_load(&own->waiting[pool]) == 0);
		CHECK(atomic_load(&own->in_flight[pool]) == 0);
	}
	for (unsigned i = 0; i < LIMIT_FLIGHTS; i++)
		CHECK(atomic_load(&own->wanted[i]) == 0);
	world_heard(CONTROL_WANT);
}

#endif
