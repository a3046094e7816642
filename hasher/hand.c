#include <errno.h>
#include <poll.h>
#include <string.h>

#include <bsd/string.h>
#include <bsd/unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/units.h"
#include "hasher/hasher.h"

/*
 * Brings the time with any job in hand, and the work done in it, up to now: at each
 * change of their number. What was done for clients who then left counts, too: the two
 * tell how fast we are.
 */
static void hand_count_work(struct hasher *h, uint64_t now)
{
	if (h->running > 0)
		atomic_fetch_add(&h->board->busy_ns, now - h->counted_ns);
	h->counted_ns = now;
	atomic_store(&h->board->units,
	    h->other_units + (h->engine != NULL ? engine_filled(h->engine) : 0));
}

static void hand_publish(const struct hasher *h)
{
	atomic_store(&h->board->busy, h->running);
	if (h->running == 0)
		atomic_store(&h->board->idle_since, clock_ns());
	setproctitle("hasher %s/%u [busy %u/%u, done %llu]", h->pool->name,
	    h->child->index, h->running, h->batch,
	    (unsigned long long)atomic_load(&h->board->done));
}

struct hand *hand_claim(struct hasher *h, unsigned frontend, const struct job *job)
{
	for (unsigned i = 0; i < LIMIT_STREAMS; i++) {
		struct hand *hand = &h->hands[i];

		if (hand->used)
			continue;
		*hand = (struct hand){.used = true,
		    .frontend = frontend,
		    .job = *job,
		    .begun_ns = clock_ns()};
		hand_count_work(h, hand->begun_ns);
		atomic_store(&h->board->claim_since[i], hand->begun_ns);
		atomic_store(&h->board->claim[i], job->id);
		h->running++;
		hand_publish(h);
		return hand;
	}
	return NULL;
}

bool hand_wanted(const struct hasher *h, const struct hand *hand)
{
	const struct board_slot *slot = board_slot(&h->child->board, hand->frontend);

	return board_wanted(slot, hand->job.flight, hand->job.id) &&
	       clock_ns() < hand->job.deadline_ns;
}

enum { ROOM_MS = 20, ROOM_TRIES = 50 };

/* Waits until the link has room; false where it is closed. */
static bool hand_await_room(int link)
{
	struct pollfd fd = {.fd = link, .events = POLLOUT};

	return poll(&fd, 1, ROOM_MS) >= 0 && (fd.revents & (POLLERR | POLLHUP)) == 0;
}

/* Waits until the answer may be sent again; false where it is not to be. An end of the
 * kernel's want of memory is waited for as long as somebody waits for the answer. */
static bool hand_await(
    const struct hasher *h, const struct hand *hand, enum link_result result, int tries)
{
	if (result == LINK_SHORT) {
		(void)poll(NULL, 0, ROOM_MS);
		return tries < ROOM_TRIES || hand_wanted(h, hand);
	}
	return result == LINK_AGAIN && tries < ROOM_TRIES &&
	       hand_await_room(h->child->links[hand->frontend]);
}

/*
 * At most so many replies are under way on a link as the frontend has flights, and they
 * all fit into the socket. Where one does not, somebody breaks the rules: a frontend
 * that does not read, or another hasher that floods the link we share, beside which an
 * answer waits for room. Not for long: the other frontends' jobs wait as well.
 */
static void hand_send(
    const struct hasher *h, const struct hand *hand, const struct job_reply *reply)
{
	uint8_t message[JOB_REPLY_MAX];
	ssize_t len = job_reply_encode(reply, message, sizeof(message));
	enum link_result result = LINK_ERROR;
	int link = h->child->links[hand->frontend];

	if (len > 0)
		result = link_send(link, message, (size_t)len);
	for (int i = 0; hand_await(h, hand, result, i); i++)
		result = link_send(link, message, (size_t)len);
	if (result == LINK_SHORT)
		log_warn("an answer could not be sent to frontend %u: %s",
		    hand->frontend, strerror(errno));
	else if (result != LINK_OK)
		log_bug("an answer could not be sent to frontend %u: %s",
		    hand->frontend,
		    result == LINK_AGAIN ? "its link is full" : strerror(errno));
	explicit_bzero(message, sizeof(message));
}

void hand_answer(struct hasher *h, struct hand *hand, enum job_status status,
    const char *text, size_t text_len)
{
	const uint64_t now = clock_ns();
	const struct job_reply reply = {.id = hand->job.id,
	    .flight = hand->job.flight,
	    .status = (uint8_t)status,
	    .work_ns = now - hand->begun_ns,
	    .text = text,
	    .text_len = status == JOB_OK || status == JOB_VALID ? text_len : 0};

	if (hand->job.kind == JOB_LOOKUP)
		h->other_units +=
		    units_of_job(JOB_LOOKUP, NULL, h->child->config->engine);
	hand_count_work(h, now);
	if (status == JOB_DROPPED) {
		atomic_fetch_add(&h->board->dropped, 1);
	} else {
		atomic_fetch_add(&h->board->done, 1);
	}
	hand_send(h, hand, &reply);
	atomic_store(&h->board->claim[hand - h->hands], 0);
	secret_free(&hand->kept);
	explicit_bzero(hand, sizeof(*hand));
	h->running--;
	hand_publish(h);
}
