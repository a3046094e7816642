/*
 * A hasher in a process of its own, of which the test is the master and the only
 * frontend.
 */
#ifndef TESTS_HASHER_HASHER_WORLD_H
#define TESTS_HASHER_HASHER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "common/child.h"
#include "common/clock.h"
#include "common/job.h"
#include "common/legacy.h"
#include "common/phc.h"

enum { WORLD_FRONTEND, WORLD_HASHER, WORLD_SLOTS };
enum { WORLD_INCARNATION = 7, WORLD_PATIENCE_MS = 60000 };

struct world {
	struct config config;
	struct config_pool pool;
	struct config_profile profiles[3];
	struct config_key keys[2];
	struct key_set *key_set;
	struct child child;
	int link, control; /* our ends */
	int child_link;
	pid_t pid;
	uint64_t counter;
	uint8_t message[JOB_REPLY_MAX];
	struct job_reply reply; /* borrows from message */
};

/* Profiles: small, dear, and small with the key `new`. */
static inline void world_configure(struct world *w)
{
	static const uint8_t bytes[2][10] = {"new bytes", "old bytes"};

	for (unsigned i = 0; i < 3; i++)
		w->profiles[i] =
		    (struct config_profile){.memory_kib = i == 1 ? 1024 : 64,
		        .time = i == 1 ? 2 : 1,
		        .lanes = 1,
		        .salt = 16,
		        .tag = 32};
	strcpy(w->profiles[2].key, "new");
	strcpy(w->keys[0].name, "new");
	strcpy(w->keys[1].name, "old");
	w->keys[1].verify_only = true;
	w->key_set = calloc(1, sizeof(*w->key_set) + 2 * sizeof(struct key));
	assert_non_null(w->key_set);
	w->key_set->count = 2;
	for (unsigned i = 0; i < 2; i++) {
		w->key_set->keys[i].len = sizeof(bytes[i]) - 1;
		memcpy(w->key_set->keys[i].bytes, bytes[i], sizeof(bytes[i]) - 1);
	}
	w->pool = (struct config_pool){
	    .name = "test", .jobs = CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY, .batch = 4};
	w->config = (struct config){.profiles = w->profiles,
	    .profile_count = 3,
	    .keys = w->keys,
	    .key_count = 2,
	    .pools = &w->pool,
	    .pool_count = 1,
	    .verify_max_memory = 2048 * 1024,
	    .verify_max_time = 8,
	    .verify_max_lanes = 8};
}

/* What is on its title does not matter here. */
void setproctitle(const char *fmt, ...)
{
	(void)fmt;
}

static inline void world_child(struct world *w, int control)
{
	sigset_t none;

	sigemptyset(&none);
	w->child.control = control;
	w->child.signal_fd = signalfd(-1, &none, SFD_NONBLOCK | SFD_CLOEXEC);
	w->child.slot = board_slot(&w->child.board, WORLD_HASHER);
	w->child.keys = w->key_set;
	close(w->link);
	close(w->control);
	_exit(
	    hasher_prepare(&w->child) == 0 ? hasher_run(&w->child) : CHILD_EXIT_SETUP);
}

static inline bool world_readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, WORLD_PATIENCE_MS) == 1;
}

/* Starts the hasher and waits until it is ready. */
static inline void world_start(struct world *w)
{
	struct control_message message;
	int link[2], control[2];

	assert_int_equal(board_open(&w->child.board, WORLD_SLOTS), 0);
	assert_int_equal(link_pair(link), 0);
	assert_int_equal(link_pair(control), 0);
	w->link = link[0];
	w->control = control[0];
	w->child_link = link[1];
	w->child.config = &w->config;
	w->child.links = &w->child_link;
	w->child.link_count = 1;
	w->child.frontends = 1;
	w->pid = fork();
	assert_true(w->pid >= 0);
	if (w->pid == 0)
		world_child(w, control[1]);
	close(link[1]);
	close(control[1]);
	assert_true(world_readable(w->control));
	assert_int_equal(control_recv(w->control, &message), LINK_OK);
	assert_int_equal(message.kind, CONTROL_READY);
}

static inline int world_set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	world_configure(w);
	*state = w;
	return 0;
}

static inline int world_tear_down(void **state)
{
	struct world *w = *state;
	int status = 0;

	close(w->control); /* the master is gone */
	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CHILD_EXIT_MASTER_GONE);
	close(w->link);
	board_close(&w->child.board);
	free(w->key_set);
	free(w);
	return 0;
}

/* Sends a job, of which only the work is given. Returns its id. */
static inline uint64_t world_send(struct world *w, struct job job)
{
	struct board_slot *slot = board_slot(&w->child.board, WORLD_FRONTEND);
	uint8_t message[JOB_MESSAGE_MAX];
	ssize_t len;

	job.id = job_id_make(WORLD_INCARNATION, ++w->counter);
	job.flight = (uint32_t)(w->counter % LIMIT_FLIGHTS);
	job.deadline_ns = clock_ns() + WORLD_PATIENCE_MS * NS_PER_MS;
	atomic_store(&slot->frontend.wanted[job.flight], job.id);
	len = job_encode(&job, message, sizeof(message));
	assert_true(len > 0);
	assert_int_equal(link_send(w->link, message, (size_t)len), LINK_OK);
	return job.id;
}

/* The next reply, in w->reply. */
static inline enum job_status world_receive(struct world *w)
{
	const char *why;
	size_t len;
	pid_t pid;

	assert_true(world_readable(w->link));
	assert_int_equal(
	    link_recv(w->link, w->message, sizeof(w->message), &len, &pid), LINK_OK);
	assert_int_equal(job_reply_decode(&w->reply, w->message, len, &why), 0);
	return (enum job_status)w->reply.status;
}

static inline enum job_status world_ask(struct world *w, struct job job)
{
	uint64_t id = world_send(w, job);
	enum job_status status = world_receive(w);

	assert_int_equal(w->reply.id, id);
	return status;
}

static inline struct job world_job(
    enum job_kind kind, uint8_t profile, const char *password)
{
	return (struct job){.kind = (uint8_t)kind,
	    .profile = profile,
	    .password = (const uint8_t *)password,
	    .password_len = strlen(password)};
}

static inline enum job_status world_verify(
    struct world *w, const char *hash, const char *password, bool rehash)
{
	struct job job = world_job(JOB_VERIFY, 0, password);

	job.hash = hash;
	job.hash_len = strlen(hash);
	job.rehash = rehash;
	return world_ask(w, job);
}

#define WORLD_TEST(name)                                                               \
	cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

#endif
