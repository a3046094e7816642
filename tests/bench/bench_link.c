/*
 * The links alone: jobs per second from two frontend-like to some hasher-like processes
 * over the real link, codec and board, with an engine that does nothing; and how evenly
 * the hashers come by them.
 *
 *   bench_link [SECONDS]
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/board.h"
#include "common/clock.h"
#include "common/job.h"
#include "common/link.h"

enum { FRONTENDS = 2, HASHERS_MAX = 4 };

static const char answer[] = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/* One run. */
struct bench {
	struct board board;      /* slots of frontends, then of hashers */
	int frontend[FRONTENDS]; /* ends of the links */
	int hasher[FRONTENDS];
	unsigned hashers, window;
	uint64_t end_ns;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_link: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* ---- a frontend: keeps `window` jobs under way ---- */

static void send_job(const struct bench *b, unsigned self, uint64_t id, uint32_t flight)
{
	struct board_frontend *board = &board_slot(&b->board, self)->frontend;
	const struct job job = {.id = id,
	    .flight = flight,
	    .deadline_ns = b->end_ns + NS_PER_SEC,
	    .kind = JOB_HASH,
	    .password = (const uint8_t *)"correct horse",
	    .password_len = 13};
	uint8_t message[JOB_MESSAGE_MAX];
	ssize_t len = job_encode(&job, message, sizeof(message));

	atomic_store(&board->wanted[flight], id);
	if (len < 0 || link_send(b->frontend[self], message, (size_t)len) != LINK_OK)
		die("send");
}

/* Takes one reply; returns its flight, or -1 where there is none now. */
static int take_reply(const struct bench *b, unsigned self)
{
	struct board_frontend *board = &board_slot(&b->board, self)->frontend;
	uint8_t message[JOB_REPLY_MAX];
	struct job_reply reply;
	const char *why = "";
	size_t len;
	pid_t pid;

	if (link_recv(b->frontend[self], message, sizeof(message), &len, &pid) !=
	    LINK_OK)
		return -1;
	if (job_reply_decode(&reply, message, len, &why) != 0 ||
	    atomic_load(&board->wanted[reply.flight]) != reply.id)
		die("an answer that is none");
	atomic_store(&board->wanted[reply.flight], 0);
	return (int)reply.flight;
}

static void frontend(struct bench *b, unsigned self)
{
	struct pollfd fd = {.fd = b->frontend[self], .events = POLLIN};
	uint64_t id = job_id_make(self + 1, 0);
	unsigned under_way = b->window;
	int flight;

	if (board_attach(&b->board, self) != 0)
		die("board");
	for (unsigned i = 0; i < b->window; i++)
		send_job(b, self, ++id, i);
	while (under_way > 0) {
		if (poll(&fd, 1, 5000) != 1)
			die("no answer");
		while ((flight = take_reply(b, self)) >= 0) {
			if (clock_ns() < b->end_ns)
				send_job(b, self, ++id, (uint32_t)flight);
			else
				under_way--;
		}
	}
	_exit(0);
}

/* ---- a hasher: claims, does nothing, answers ---- */

static void answer_job(const struct bench *b, struct board_hasher *board, unsigned from,
    const uint8_t *message, size_t len)
{
	struct job_reply reply = {
	    .status = JOB_OK, .text = answer, .text_len = sizeof(answer) - 1};
	uint8_t bytes[JOB_REPLY_MAX];
	const char *why = "";
	struct job job;
	ssize_t n;

	if (job_decode(&job, message, len, &why) != 0)
		die(why);
	atomic_store(&board->claim_since[0], clock_ns());
	atomic_store(&board->claim[0], job.id);
	if (!board_wanted(board_slot(&b->board, from), job.flight, job.id))
		die("a job that nobody wants");
	reply.id = job.id;
	reply.flight = job.flight;
	n = job_reply_encode(&reply, bytes, sizeof(bytes));
	if (n < 0 || link_send(b->hasher[from], bytes, (size_t)n) != LINK_OK)
		die("answer");
	atomic_store(&board->claim[0], 0);
	atomic_fetch_add(&board->done, 1);
}

/* Takes from the links in turn; false where none has anything. */
static bool take_job(const struct bench *b, struct board_hasher *board, unsigned *next)
{
	uint8_t message[JOB_MESSAGE_MAX];
	size_t len;
	pid_t pid;

	for (unsigned i = 0; i < FRONTENDS; i++) {
		unsigned from = (*next + i) % FRONTENDS;

		atomic_store(&board->taking, from + 1);
		if (link_recv(b->hasher[from], message, sizeof(message), &len, &pid) ==
		    LINK_OK) {
			*next = from + 1;
			answer_job(b, board, from, message, len);
			atomic_store(&board->taking, 0);
			return true;
		}
		atomic_store(&board->taking, 0);
	}
	return false;
}

static void hasher(struct bench *b, unsigned self)
{
	struct board_hasher *board;
	struct epoll_event event;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned next = self;

	if (epoll < 0 || board_attach(&b->board, FRONTENDS + self) != 0)
		die("hasher");
	board = &board_slot(&b->board, FRONTENDS + self)->hasher;
	for (unsigned i = 0; i < FRONTENDS; i++) {
		event = (struct epoll_event){.events = EPOLLIN};
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, b->hasher[i], &event) != 0)
			die("epoll");
	}
	for (;;) {
		while (take_job(b, board, &next))
			continue;
		if (clock_ns() > b->end_ns + NS_PER_SEC)
			_exit(0);
		epoll_wait(epoll, &event, 1, 200);
	}
}

/* ---- a run ---- */

static void report(const struct bench *b, double seconds)
{
	unsigned long total = 0, least = ~0UL, most = 0;

	for (unsigned i = 0; i < b->hashers; i++) {
		unsigned long done = (unsigned long)atomic_load(
		    &board_slot(&b->board, FRONTENDS + i)->hasher.done);

		total += done;
		least = done < least ? done : least;
		most = done > most ? done : most;
	}
	printf("%d frontends, %u hashers, %2u jobs under way each: %7.0f jobs/s, "
	       "a hasher does %.1f %% to %.1f %%\n",
	    FRONTENDS, b->hashers, b->window, (double)total / seconds,
	    100. * (double)least / (double)total, 100. * (double)most / (double)total);
	fflush(stdout);
}

static void run(unsigned hashers, unsigned window, unsigned seconds)
{
	struct bench b = {.hashers = hashers,
	    .window = window,
	    .end_ns = clock_ns() + seconds * NS_PER_SEC};
	int fds[2];

	if (board_open(&b.board, FRONTENDS + HASHERS_MAX) != 0)
		die("board");
	for (unsigned i = 0; i < FRONTENDS; i++) {
		if (link_pair(fds) != 0)
			die("link");
		b.frontend[i] = fds[0];
		b.hasher[i] = fds[1];
	}
	for (unsigned i = 0; i < hashers; i++)
		if (fork() == 0)
			hasher(&b, i);
	for (unsigned i = 0; i < FRONTENDS; i++)
		if (fork() == 0)
			frontend(&b, i);
	while (wait(NULL) > 0)
		continue;
	report(&b, seconds);
	for (unsigned i = 0; i < FRONTENDS; i++) {
		close(b.frontend[i]);
		close(b.hasher[i]);
	}
	board_close(&b.board);
}

int main(int argc, char **argv)
{
	const char *error = NULL;
	unsigned seconds = 2;

	if (argc > 1)
		seconds = (unsigned)strtonum(argv[1], 1, 60, &error);
	if (error != NULL) {
		fprintf(stderr, "bench_link: %s is %s\n", argv[1], error);
		return 2;
	}
	for (unsigned hashers = 2; hashers <= HASHERS_MAX; hashers++) {
		run(hashers, hashers + 2, seconds); /* as dispatch.c does */
		run(hashers, 32, seconds);
	}
	return 0;
}
