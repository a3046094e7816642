#include "master/command_send.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/contract.h"
#include "master/command.h"
#include "master/lock.h"
#include "master/lockfile.h"
#include "master/place.h"

enum {
	SEND_BUILT_IN_MS = 30000, /* ready_timeout and shutdown_timeout */
	SEND_ANSWER_MS = 10000,   /* of what a master does at once */
	/* In an upgrade, or at a start, the socket is there a moment later than the
	 * lock, and the number in the pidfile not at the same moment. */
	SEND_SETTLE_MS = 1000,
	SEND_NAP_MS = 10,
};

/* What came of one try. */
enum step {
	STEP_DONE,
	STEP_FAILED, /* why is filled */
	STEP_AGAIN,  /* a successor has to be asked */
	STEP_GONE,   /* the connection has ended without an answer */
	STEP_ABSENT, /* nobody is there */
	STEP_REMOTE, /* the number in the pidfile is not that of the master */
	STEP_LATE,
};

struct asking {
	const char *pidfile;
	const struct signal_row *row;
	uint64_t start_ns, limit_ms, trouble_ns; /* since when nobody is there, or 0 */
	pid_t pid, asked; /* who answers there, 0: not seen yet; who was asked last */
	char *why;
};

/* ---- who is there */

/* Whoever owns the folder rules over what lies there. */
static bool peer_is_trusted(const struct place *place, const struct ucred *peer)
{
	struct stat st;

	return peer->uid == 0 || peer->uid == geteuid() ||
	       (fstat(place->folder, &st) == 0 && peer->uid == st.st_uid);
}

/* What is pinned is looked at before anything is sent there. */
static int pin_connect(const struct place *place, int pin, struct ucred *peer)
{
	struct sockaddr_un addr;
	socklen_t len = sizeof(*peer);
	struct stat st;
	int fd, error;

	errno = ENOTSOCK;
	if (fstat(pin, &st) != 0 || !S_ISSOCK(st.st_mode) ||
	    place_address(place, pin, &addr) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len) == 0) {
		if (peer_is_trusted(place, peer))
			return fd;
		errno = EPERM;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* A connection to the master; -1 with errno. */
static int command_connect(const char *pidfile, struct ucred *peer)
{
	struct place place;
	int fd = -1, pin = -1, error;

	if (place_open(&place, pidfile, COMMAND_SUFFIX) == 0)
		pin = place_pin(&place);
	if (pin >= 0)
		fd = pin_connect(&place, pin, peer);
	error = errno;
	if (pin >= 0)
		close(pin);
	place_close(&place);
	errno = error;
	return fd;
}

pid_t command_master(const char *pidfile)
{
	struct ucred peer;
	const int fd = command_connect(pidfile, &peer);

	if (fd < 0)
		return -1;
	close(fd);
	return peer.pid;
}

/* Is a master there, or one about to be? Then it has the lock. */
static bool lock_is_there(const char *pidfile)
{
	struct place place;
	bool there = false;

	if (place_open(&place, pidfile, LOCKFILE_SUFFIX) == 0)
		there = lock_is_held(&place) == 1;
	place_close(&place);
	return there;
}

/* ---- words for people */

static void say_absent(struct asking *a)
{
	const pid_t pid = lockfile_number(a->pidfile);

	if (a->asked != 0)
		snprintf(a->why, COMMAND_WHY_MAX, "%s failed: the master is gone",
		    a->row->word);
	else if (lock_is_there(a->pidfile))
		snprintf(a->why, COMMAND_WHY_MAX,
		    "argond is running, but cannot be asked: %s%s is not there; "
		    "use kill(1), or restart it",
		    a->pidfile, COMMAND_SUFFIX);
	else if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH)
		snprintf(a->why, COMMAND_WHY_MAX,
		    "argond is not running: pidfile %s names process %d, which is "
		    "gone",
		    a->pidfile, (int)pid);
	else if (pid > 0)
		snprintf(a->why, COMMAND_WHY_MAX,
		    "pidfile %s names process %d, which has no command socket: "
		    "another program, or an argond from before there was one, for "
		    "which kill(1) is to be used",
		    a->pidfile, (int)pid);
	else
		snprintf(a->why, COMMAND_WHY_MAX, "argond is not running (pidfile %s)",
		    a->pidfile);
}

/* Was the process told to stop (SIGSTOP, a debugger)? */
static bool process_is_stopped(pid_t pid)
{
	char path[32], text[512] = "", *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0)
		close(fd);
	at = n > 0 ? strrchr(text, ')') : NULL;
	return at != NULL && (strncmp(at, ") T", 3) == 0 || strncmp(at, ") t", 3) == 0);
}

static void say_late(struct asking *a)
{
	const unsigned seconds = (unsigned)((clock_ns() - a->start_ns) / NS_PER_SEC);

	if (a->pid > 0)
		snprintf(a->why, COMMAND_WHY_MAX,
		    "%s: no outcome within %u s: process %d %s", a->row->word, seconds,
		    (int)a->pid,
		    process_is_stopped(a->pid) ? "is stopped"
		                               : "is busy; its log says more");
	else
		snprintf(a->why, COMMAND_WHY_MAX,
		    "%s: no outcome within %u s: the master takes no connection",
		    a->row->word, seconds);
}

static void say_refused(struct asking *a, int error)
{
	const char *text = strerror(error);

	if (error == EPERM)
		text = "made by a process of another user, which is not believed";
	else if (error == ENOTSOCK || error == ELOOP || error == EPROTOTYPE)
		text = "not a command socket";
	snprintf(a->why, COMMAND_WHY_MAX, "%s%s: %s", a->pidfile, COMMAND_SUFFIX, text);
}

static void say_remote(struct asking *a)
{
	snprintf(a->why, COMMAND_WHY_MAX,
	    "pidfile %s: its master is in another pid namespace (a container?), where "
	    "alone it can be signalled",
	    a->pidfile);
}

/* ---- one try */

static uint64_t spent_ms(uint64_t since_ns)
{
	return (clock_ns() - since_ns) / NS_PER_MS;
}

static enum step answer_wait(struct asking *a, int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	uint64_t spent;
	int n;

	for (;;) {
		spent = spent_ms(a->start_ns);
		if (spent >= a->limit_ms)
			return STEP_LATE;
		n = poll(&ready, 1, (int)(a->limit_ms - spent));
		if (n > 0)
			return STEP_DONE;
		if (n < 0 && errno != EINTR) {
			say_refused(a, errno);
			return STEP_FAILED;
		}
	}
}

static enum step answer_take(struct asking *a, int fd)
{
	char bytes[COMMAND_ANSWER_MAX], words[4 * COMMAND_ANSWER_MAX - 256];
	enum command_result result;
	const ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		say_refused(a, errno);
		return STEP_FAILED;
	}
	if (n <= 0)
		return STEP_GONE;
	if (command_answer_read(bytes, (size_t)n, &result, words, sizeof(words)) != 0) {
		snprintf(a->why, COMMAND_WHY_MAX,
		    "%s failed: the master answers what this argond does not "
		    "understand",
		    a->row->word);
		return STEP_FAILED;
	}
	if (result == COMMAND_AGAIN) {
		a->asked = 0;
		return STEP_AGAIN;
	}
	if (result == COMMAND_OK)
		return STEP_DONE;
	snprintf(a->why, COMMAND_WHY_MAX, "%s failed: %.*s", a->row->word,
	    COMMAND_WHY_MAX - 64, words);
	return STEP_FAILED;
}

static enum step asking_talk(struct asking *a, int fd)
{
	char bytes[COMMAND_REQUEST_MAX];
	const size_t len = command_request(bytes, a->row);
	enum step step;

	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		return STEP_GONE;
	a->asked = a->pid;
	step = answer_wait(a, fd);
	return step == STEP_DONE ? answer_take(a, fd) : step;
}

/* The connection of a master that has gone is the end of what it was asked for; of an
 * upgrade, that there is another one now is the success. */
static enum step asking_try(struct asking *a)
{
	struct ucred peer = {0};
	const pid_t number = lockfile_number(a->pidfile);
	const int fd = command_connect(a->pidfile, &peer);
	enum step step;

	if (fd < 0 && errno == EAGAIN) /* as many as it takes are waiting */
		return STEP_LATE;
	if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR))
		return STEP_ABSENT;
	if (fd < 0) {
		say_refused(a, errno);
		return STEP_FAILED;
	}
	a->pid = peer.pid;
	if (peer.pid == 0 || (number > 0 && number != peer.pid))
		step = STEP_REMOTE;
	else if (a->row->action == SIGNAL_UPGRADE && a->asked != 0 &&
	         a->asked != peer.pid)
		step = STEP_DONE;
	else
		step = asking_talk(a, fd);
	close(fd);
	return step;
}

/* ---- all of them */

static void asking_nap(void)
{
	const struct timespec nap = {.tv_nsec = SEND_NAP_MS * NS_PER_MS};

	nanosleep(&nap, NULL);
}

/* Does its end say that the master has done what it was asked for? */
static bool asking_was_to_leave(const struct asking *a)
{
	return a->asked != 0 &&
	       (a->row->action == SIGNAL_QUIT || a->row->action == SIGNAL_STOP);
}

/* Returns whether another try may help. */
static bool asking_goes_on(struct asking *a, enum step step)
{
	const bool trouble = step == STEP_ABSENT || step == STEP_REMOTE;

	if (!trouble)
		a->trouble_ns = 0;
	else if (a->trouble_ns == 0)
		a->trouble_ns = clock_ns();
	if (step == STEP_DONE || step == STEP_FAILED ||
	    (step == STEP_GONE && asking_was_to_leave(a)) ||
	    spent_ms(a->start_ns) >= a->limit_ms)
		return false;
	if (step == STEP_ABSENT && !lock_is_there(a->pidfile))
		return false;
	return !trouble || spent_ms(a->trouble_ns) < SEND_SETTLE_MS;
}

unsigned command_limit_ms(const struct config *config)
{
	const uint64_t ready =
	    (config != NULL ? config->ready_timeout_ms : SEND_BUILT_IN_MS) +
	    LADDER_TAKE_OVER_MS;
	const uint64_t leave =
	    (config != NULL ? config->shutdown_timeout_ms : SEND_BUILT_IN_MS) +
	    LADDER_LEAVE_MS;

	return (unsigned)(ready + leave + ready);
}

int command_send(const char *pidfile, const struct signal_row *row,
    const struct config *config, char why[COMMAND_WHY_MAX])
{
	const bool waits =
	    row->action == SIGNAL_RELOAD || row->action == SIGNAL_UPGRADE;
	struct asking a = {.pidfile = pidfile,
	    .row = row,
	    .start_ns = clock_ns(),
	    .limit_ms = waits ? command_limit_ms(config) : SEND_ANSWER_MS,
	    .why = why};
	enum step step;

	why[0] = '\0';
	while (asking_goes_on(&a, step = asking_try(&a)))
		asking_nap();
	if (step == STEP_DONE ||
	    ((step == STEP_ABSENT || step == STEP_GONE) && asking_was_to_leave(&a)))
		return 0;
	if (step == STEP_ABSENT)
		say_absent(&a);
	else if (step == STEP_REMOTE)
		say_remote(&a);
	else if (step != STEP_FAILED)
		say_late(&a);
	return -1;
}
