/*
 * A hasher and frontends that have been broken into (hasher/hasher.c, hand.c,
 * password.c): whatever lies on its links, it must be so that
 *   - every well-formed job gets exactly one answer, on its own link, and whatever is
 *     none gets none;
 *   - only what a profile allows is worked at, and only what is wanted and in time;
 *   - it leaves in order, with no claim, and nothing that was attached is kept.
 *
 * Input: a tape of messages, which all lie there when the hasher begins.
 */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "hasher/engine_internal.h"
#include "hasher/hasher.h"
#include "tests/fuzz/attach.h"
#include "tests/fuzz/fuzz.h"

enum { LINKS = 2, MESSAGES = 24, PROFILES = 2, TICK_NS = 20000 };

/* A job that lies on a link, and so far has no answer. */
struct expected {
	unsigned link;
	bool answered;
	struct job job;
};

static struct play {
	struct config config;
	struct config_pool pool;
	struct config_profile profiles[PROFILES];
	struct child child;
	int links[LINKS], ends[LINKS]; /* the hasher's, the frontends' */
	int master;                    /* its end of the control socket, or -1 */
	struct expected expected[MESSAGES];
	unsigned count;
	uint64_t now_ns, began_ns;
	struct tape tape;
} play = {.master = -1};

/* --- the system that the hasher runs on */

/* Every look at the clock finds it later. */
int clock_gettime(clockid_t which, struct timespec *now)
{
	if (which != CLOCK_MONOTONIC || play.now_ns == 0)
		return (int)syscall(SYS_clock_gettime, which, now);
	play.now_ns += TICK_NS;
	now->tv_sec = (time_t)(play.now_ns / NS_PER_SEC);
	now->tv_nsec = (long)(play.now_ns % NS_PER_SEC);
	return 0;
}

/* It has nothing more to do and would sleep: the master goes. */
int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
	CHECK(epoll >= 0 && max > 0);
	if (timeout >= 0)
		return 0;
	CHECK(play.master >= 0);
	close(play.master);
	play.master = -1;
	events->data.fd = play.child.control;
	events->events = EPOLLIN;
	return 1;
}

/* It has tests of its own, and is what would take the time here. */
const char *engine_selftest(struct engine *engine)
{
	CHECK(engine != NULL);
	return NULL;
}

void setproctitle(const char *fmt, ...)
{
	CHECK(fmt != NULL);
}

/* --- what is sent */

static void link_put(unsigned link, const void *bytes, size_t len, int fd)
{
	struct expected *expected = &play.expected[play.count];
	const char *why;

	CHECK(attach_send(play.ends[link], bytes, len, fd) == (ssize_t)len);
	if (fd >= 0 || len > JOB_MESSAGE_MAX ||
	    job_decode(&expected->job, bytes, len, &why) != 0)
		return;
	expected->job.password = NULL;
	expected->link = link;
	expected->answered = false;
	play.count++;
}

/* What a frontend that was broken into may send to be verified. */
static const char *const hashes[] = {
    "$",
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
    "$argon2d$m=16,t=2,p=2$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
    "$argon2i$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=8,t=4294967295,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=8,t=1,p=1,keyid=Zm9v$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
    "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
    "$argon2id$",
};

static void job_verify(struct job *job, uint8_t how)
{
	job->kind = JOB_VERIFY;
	job->rehash = (how & 8) != 0;
	job->nobody = (how & 4) != 0;
	job->hash = hashes[how / 16 % (sizeof(hashes) / sizeof(hashes[0]))];
	job->hash_len = strlen(job->hash);
}

/* A job; `bend`: with some of it as the tape will have it. */
static void put_job(unsigned link, bool bend)
{
	uint8_t message[JOB_MESSAGE_MAX], how = tape_byte(&play.tape);
	struct job job = {.id = job_id_make(7, 1U + tape_byte(&play.tape)),
	    .flight = tape_byte(&play.tape),
	    .deadline_ns = how & 1 ? UINT64_MAX : tape_byte(&play.tape) * NS_PER_MS,
	    .kind = how & 2 ? JOB_LOOKUP : JOB_HASH,
	    .alone = (how & 4) != 0,
	    .profile = how / 8 % (PROFILES + 1)};
	size_t at, len = tape_byte(&play.tape);
	ssize_t n;

	if ((how & 34) == 32)
		job_verify(&job, tape_byte(&play.tape));
	if (job.kind != JOB_LOOKUP)
		job.password = tape_bytes(&play.tape, len, &job.password_len);
	if ((how & 128) == 0)
		atomic_store(
		    &board_slot(&play.child.board, link)->frontend.wanted[job.flight],
		    job.id);
	n = job_encode(&job, message, sizeof(message));
	CHECK(n > 0);
	at = tape_byte(&play.tape) % (size_t)n;
	if (bend)
		tape_fill(
		    &play.tape, message + at, (size_t)n - at < 4 ? (size_t)n - at : 4);
	link_put(link, message, (size_t)n, how & 64 ? play.master : -1);
}

static void put_rubbish(unsigned link)
{
	uint8_t bytes[JOB_MESSAGE_MAX + 64], how = tape_byte(&play.tape);
	size_t len = how & 1 ? how * 17U : how / 2U;

	len = len < sizeof(bytes) ? len : sizeof(bytes);
	tape_fill(&play.tape, bytes, len);
	link_put(link, bytes, len, -1);
}

static void put_messages(void)
{
	for (unsigned i = 0; i < MESSAGES && play.tape.left > 0; i++) {
		uint8_t how = tape_byte(&play.tape);

		if (how % 4 == 0)
			put_rubbish(how / 4 % LINKS);
		else
			put_job(how / 4 % LINKS, how % 4 == 1);
	}
}

/* --- what comes back */

static void check_status(const struct expected *expected, const struct job_reply *reply)
{
	const struct job *job = &expected->job;
	const struct board_slot *slot = board_slot(&play.child.board, expected->link);
	bool wanted = board_wanted(slot, job->flight, job->id);

	if (!wanted || job->deadline_ns <= play.began_ns) {
		CHECK(reply->status == JOB_DROPPED);
		return;
	}
	if (reply->status == JOB_DROPPED)
		CHECK(job->deadline_ns <= play.now_ns);
	else if (job->kind == JOB_VERIFY)
		CHECK(reply->status == JOB_INVALID || reply->status == JOB_REFUSED);
	else if (job->kind == JOB_HASH && job->profile < PROFILES)
		CHECK(reply->status == JOB_OK && reply->text_len > 10 &&
		      memcmp(reply->text, "$argon2id$", 10) == 0);
	else
		CHECK(reply->status == JOB_REFUSED);
}

static void check_reply(unsigned link, const uint8_t *message, size_t len)
{
	struct expected *found = NULL;
	struct job_reply reply;
	const char *why;
	unsigned alike = 0;

	CHECK(job_reply_decode(&reply, message, len, &why) == 0);
	for (unsigned i = 0; i < play.count; i++) {
		struct expected *expected = &play.expected[i];

		if (expected->link != link || expected->job.id != reply.id ||
		    expected->job.flight != reply.flight)
			continue;
		alike++;
		if (!expected->answered)
			found = expected;
	}
	CHECK(found != NULL);
	found->answered = true;
	if (alike == 1) /* else it may be the answer to another one */
		check_status(found, &reply);
}

static void check_replies(void)
{
	uint8_t message[JOB_REPLY_MAX];
	const struct board_hasher *own = &play.child.slot->hasher;
	unsigned n = 0;
	size_t len;
	pid_t pid;

	for (unsigned link = 0; link < LINKS; link++)
		while (link_recv(play.ends[link], message, sizeof(message), &len,
		           &pid) == LINK_OK) {
			check_reply(link, message, len);
			n++;
		}
	CHECK(n == play.count);
	CHECK(atomic_load(&own->done) + atomic_load(&own->dropped) == n);
	CHECK(atomic_load(&own->busy) == 0 && atomic_load(&own->taking) == 0);
	for (unsigned i = 0; i < LIMIT_STREAMS; i++)
		CHECK(atomic_load(&own->claim[i]) == 0);
}

/* --- all of it */

static void world_open(void)
{
	int fds[2];

	CHECK(link_pair(fds) == 0);
	play.master = fds[0];
	play.child.control = fds[1];
	for (unsigned i = 0; i < LINKS; i++) {
		CHECK(link_pair(fds) == 0);
		play.ends[i] = fds[0];
		play.links[i] = fds[1];
	}
	for (unsigned i = 0; i <= LINKS; i++)
		board_slot_reset(board_slot(&play.child.board, i), 7 + i);
	play.now_ns = play.began_ns = 100 * NS_PER_MS;
	play.count = 0;
}

static void world_close(void)
{
	for (unsigned i = 0; i < LINKS; i++) {
		close(play.ends[i]);
		close(play.links[i]);
	}
	close(play.child.control);
	play.now_ns = 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	sigset_t none;

	(void)argc;
	(void)argv;
	CHECK(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO) == 0);
	sigemptyset(&none);
	for (unsigned i = 0; i < PROFILES; i++)
		play.profiles[i] = (struct config_profile){.memory_kib = 8U << i,
		    .time = 1,
		    .lanes = 1 + i,
		    .salt = 8,
		    .tag = 16};
	play.pool = (struct config_pool){.name = "elastic",
	    .jobs = CONFIG_JOBS_HASH,
	    .batch = 3,
	    .max_processes = 1,
	    .min_processes = 1};
	play.config = (struct config){.pools = &play.pool,
	    .pool_count = 1,
	    .profiles = play.profiles,
	    .profile_count = PROFILES};
	play.child = (struct child){.config = &play.config,
	    .incarnation = 9,
	    .links = play.links,
	    .link_count = LINKS,
	    .frontends = LINKS,
	    .signal_fd = signalfd(-1, &none, SFD_NONBLOCK | SFD_CLOEXEC)};
	CHECK(play.child.signal_fd >= 0);
	CHECK(board_open(&play.child.board, LINKS + 1) == 0);
	play.child.slot = board_slot(&play.child.board, LINKS);
	return 0;
}

static int lowest_free_fd(void)
{
	int fd = dup(STDERR_FILENO);

	CHECK(fd >= 0);
	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = lowest_free_fd();

	play.tape = (struct tape){data, size};
	world_open();
	put_messages();
	CHECK(hasher_run(&play.child) == CHILD_EXIT_MASTER_GONE);
	check_replies();
	world_close();
	CHECK(lowest_free_fd() == fd);
	return 0;
}
