#include "hasher/hasher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <bsd/unistd.h>

#include "common/clock.h"
#include "common/locked.h"
#include "common/log.h"
#include "hasher/legacy_verify.h"
enum {
	/*
	 * How often a working hasher looks for signals and further jobs. A job that
	 * still lies on a link at the second look had no idle hasher to take it (they
	 * need some tens of microseconds), so it may join. Two looks a job's twentieth
	 * part apart cost 0.1 %.
	 */
	LOOK_NS = 500000,
	REST_MS = 2000, /* idle so long, the engine gives its memory back */
	SHORT_MS = 20,  /* until it is seen whether the kernel has memory again */
};

static bool hasher_listen(const struct hasher *h, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/*
 * A message wakes all hashers that sleep. Not EPOLLEXCLUSIVE: of two messages on two
 * links, the hasher woken for the one may take the other, and the one woken for that
 * finds nothing and sleeps on, beside the first.
 */
static int hasher_open_epoll(struct hasher *h)
{
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll < 0 || !hasher_listen(h, h->child->control, EPOLLIN) ||
	    !hasher_listen(h, h->child->signal_fd, EPOLLIN))
		return -1;
	for (size_t i = 0; i < h->child->link_count; i++)
		if (!hasher_listen(h, h->child->links[i], EPOLLIN))
			return -1;
	return 0;
}

static int hasher_open_engine(struct hasher *h)
{
	const struct config *config = h->child->config;
	const struct engine_config spec = {.kind = config->engine,
	    .streams = h->batch,
	    .arena_bytes = (size_t)config_pool_arena(config, h->pool),
	    .keep_bytes = (size_t)config_pool_profiles(config, h->pool)};

	if ((h->pool->jobs & (CONFIG_JOBS_HASH | CONFIG_JOBS_VERIFY)) == 0)
		return 0;
	if (engine_open(&h->engine, &spec) != 0)
		return -1;
	if (engine_fallback_reason(h->engine) != NULL)
		log_warn("engine %s: %s", engine_name(h->engine),
		    engine_fallback_reason(h->engine));
	/* the config knows that of the engine it names, not of one that failed its test
	 */
	if (!engine_is_interruptible(h->engine))
		h->batch = 1;
	return 0;
}

static int hasher_open(struct hasher *h, struct child *child)
{
	uint8_t first;

	*h = (struct hasher){.child = child,
	    .pool = &child->config->pools[child->pool],
	    .board = &child->slot->hasher,
	    .epoll = -1};
	h->batch = h->pool->batch;
	if (hasher_open_engine(h) != 0) {
		log_error("engine: %s", strerror(errno));
		return -1;
	}
	/* it takes its memory now: for want of it, it would end the process later */
	arc4random_buf(&first, sizeof(first));
	if ((h->pool->jobs & CONFIG_JOBS_LOOKUP) != 0)
		h->lookup = lookup_open(h);
	if (((h->pool->jobs & CONFIG_JOBS_LOOKUP) != 0 && h->lookup == NULL) ||
	    hasher_open_epoll(h) != 0) {
		log_error("cannot set up: %s", strerror(errno));
		return -1;
	}
	atomic_store(&h->board->idle_since, clock_ns());
	setproctitle(
	    "hasher %s/%u [busy 0/%u, done 0]", h->pool->name, child->index, h->batch);
	return 0;
}

static void hasher_close(struct hasher *h)
{
	engine_close(h->engine);
	lookup_close(h->lookup);
	for (unsigned i = 0; i < LIMIT_STREAMS; i++)
		secret_free(&h->hands[i].kept);
	legacy_close(h->child->legacy);
	key_set_unmap(h->child->keys);
	if (h->epoll >= 0)
		close(h->epoll);
	explicit_bzero(h, sizeof(*h));
}

static void hasher_hear(struct hasher *h)
{
	struct control_message message;

	switch (control_recv(h->child->control, &message)) {
	case LINK_OK:
		h->leaving = h->leaving || message.kind == CONTROL_LEAVE;
		return;
	case LINK_CLOSED:
		h->master_gone = true;
		return;
	case LINK_AGAIN:
		return;
	case LINK_SHORT:
		h->short_of_memory = true;
		return;
	default:
		log_bug("the master sent an ill-formed message");
	}
}

static void hasher_signalled(struct hasher *h)
{
	struct signalfd_siginfo info;

	while (read(h->child->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGQUIT ||
		    info.ssi_signo == SIGINT)
			h->leaving = true;
}

static bool hasher_hashes(const struct hasher *h, unsigned kind)
{
	return (kind == JOB_HASH && (h->pool->jobs & CONFIG_JOBS_HASH) != 0) ||
	       (kind == JOB_VERIFY && (h->pool->jobs & CONFIG_JOBS_VERIFY) != 0);
}

/* Does what the job asks for, or says why not. One for which there is no room now is
 * held, and none is taken before it has run: small jobs must not starve a large one. */
static void hasher_begin(struct hasher *h, struct hand *hand)
{
	h->held = NULL;
	h->alone = hand->job.alone;
	if (!hand_wanted(h, hand)) {
		hand_answer(h, hand, JOB_DROPPED, NULL, 0);
	} else if (hasher_hashes(h, hand->job.kind)) {
		if (!password_start(h, hand)) {
			h->held = hand;
			return;
		}
	} else if (hand->job.kind == JOB_LOOKUP && h->lookup != NULL) {
		lookup_do(h, hand);
	} else {
		hand_answer(h, hand, JOB_REFUSED, NULL, 0);
	}
	explicit_bzero(h->message, sizeof(h->message));
}

static bool hasher_held_may_run(const struct hasher *h)
{
	return h->held != NULL &&
	       (h->running == 1 ||
	           (!h->held->job.alone && password_has_room(h, h->held)));
}

static void hasher_accept(struct hasher *h, unsigned frontend, size_t len)
{
	struct job job;
	struct hand *hand;
	const char *why;

	if (job_decode(&job, h->message, len, &why) != 0) {
		atomic_store(&h->board->taking, 0);
		explicit_bzero(h->message, sizeof(h->message));
		log_bug("frontend %u sent an ill-formed job: %s", frontend, why);
		return;
	}
	hand = hand_claim(h, frontend, &job);
	atomic_store(&h->board->taking, 0);
	if (hand == NULL)
		return; /* cannot be: there was room when it was taken */
	if (job.alone && h->running > 1)
		h->held = hand;
	else
		hasher_begin(h, hand);
}

/* Takes one message from the first link that has one; each is asked first in its turn.
 */
static bool hasher_take(struct hasher *h)
{
	const size_t links = h->child->link_count;

	for (size_t i = 0; i < links; i++) {
		unsigned from = (unsigned)((h->next_link + i) % links);
		size_t len = 0;
		pid_t sender;
		enum link_result result;

		atomic_store(&h->board->taking, from + 1);
		result = link_recv(h->child->links[from], h->message,
		    sizeof(h->message), &len, &sender);
		if (result == LINK_OK) {
			h->next_link = from + 1;
			hasher_accept(h, from, len);
			return true;
		}
		atomic_store(&h->board->taking, 0);
		if (result == LINK_SHORT)
			h->short_of_memory = true;
		if (result == LINK_BAD) {
			explicit_bzero(h->message, sizeof(h->message));
			log_bug("process %d sent what is no job on link %u",
			    (int)sender, from);
			return true;
		}
	}
	return false;
}

static bool hasher_has_room(const struct hasher *h)
{
	return !h->leaving && h->held == NULL && h->running < h->batch &&
	       !(h->alone && h->running > 0);
}

static bool hasher_job_waits(const struct hasher *h)
{
	struct pollfd fds[4 * LIMIT_FRONTENDS];
	nfds_t n = 0;

	for (size_t i = 0; i < h->child->link_count; i++)
		fds[n++] = (struct pollfd){.fd = h->child->links[i], .events = POLLIN};
	return poll(fds, n, 0) > 0;
}

/* Every so often while busy: signals and the master. Returns whether it was time. */
static bool hasher_tend(struct hasher *h)
{
	uint64_t now = clock_ns();

	if (now - h->looked_ns < LOOK_NS)
		return false;
	h->looked_ns = now;
	hasher_hear(h);
	hasher_signalled(h);
	return true;
}

/* While at work: jobs that nobody else had time for. */
static void hasher_join(struct hasher *h)
{
	if (!hasher_has_room(h) || !hasher_job_waits(h))
		h->waited = 0;
	else if (++h->waited >= 2)
		hasher_take(h);
}

static void hasher_retire_when_due(struct hasher *h)
{
	const struct control_message message = {.kind = CONTROL_RETIRE};

	if (h->leaving || h->pool->max_jobs == 0 ||
	    atomic_load(&h->board->done) < h->pool->max_jobs)
		return;
	h->leaving = true;
	if (control_send(h->child->control, &message) != LINK_OK)
		log_warn("the master does not listen");
}

/* What is ready and cannot be read would wake us at once, and without end. */
static void hasher_wait_for_memory(struct hasher *h)
{
	h->short_of_memory = false;
	(void)poll(NULL, 0, SHORT_MS);
}

/* Nothing in hand: sleeps until something is to be done. */
static void hasher_wait(struct hasher *h, bool *rested)
{
	struct epoll_event event;
	bool wiping = h->engine != NULL && engine_is_busy(h->engine);
	int timeout = wiping ? 0 : *rested || h->engine == NULL ? -1 : REST_MS;
	int n = epoll_wait(h->epoll, &event, 1, timeout);

	if (n > 0 && event.data.fd == h->child->control)
		hasher_hear(h);
	else if (n > 0 && event.data.fd == h->child->signal_fd)
		hasher_signalled(h);
	else if (n == 0 && wiping)
		password_work(h);
	else if (n == 0) {
		engine_rest(h->engine);
		*rested = true;
	}
}

static void hasher_loop(struct hasher *h)
{
	bool rested = true;

	while (!h->master_gone && (!h->leaving || h->running > 0)) {
		if (hasher_held_may_run(h)) {
			hasher_begin(h, h->held);
		} else if (h->running > 0) {
			password_work(h);
			if (hasher_tend(h))
				hasher_join(h);
			rested = false;
		} else if (hasher_take(h)) {
			hasher_tend(h);
		} else if (h->short_of_memory) {
			hasher_wait_for_memory(h);
			hasher_tend(h);
		} else {
			/* a hasher that was woken may have died before it took the
			 * message, so the links were asked, and not only the epoll set,
			 * before we sleep */
			hasher_wait(h, &rested);
		}
		hasher_retire_when_due(h);
	}
}

int hasher_prepare(struct child *child)
{
	const struct config *config = child->config;
	unsigned accept = 0;

	for (size_t i = 0; i < config->profile_count; i++)
		accept |= config->profiles[i].accept;
	if (accept == 0 || (config->pools[child->pool].jobs & CONFIG_JOBS_VERIFY) == 0)
		return 0;
	return legacy_open(&child->legacy);
}

int hasher_run(struct child *child)
{
	const struct control_message ready = {.kind = CONTROL_READY};
	struct hasher *h = locked_zalloc(sizeof(*h)); /* messages are read into it */
	int status = CHILD_EXIT_SETUP;

	if (h == NULL)
		log_error("cannot set up: %s", strerror(errno));
	if (h == NULL || hasher_open(h, child) != 0)
		goto out;
	if (control_send(child->control, &ready) != LINK_OK)
		h->master_gone = true;
	hasher_loop(h);
	status = h->master_gone ? CHILD_EXIT_MASTER_GONE : CHILD_EXIT_DONE;
	if (!h->master_gone && h->pool->max_jobs != 0 &&
	    atomic_load(&h->board->done) >= h->pool->max_jobs)
		status = CHILD_EXIT_RETIRED;
out:
	if (h != NULL)
		hasher_close(h);
	locked_free(h);
	return status;
}
