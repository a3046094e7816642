#include "master/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <bsd/unistd.h>

#include "common/log.h"
#include "master/exits.h"
#include "master/master.h"
#include "master/notify.h"
#include "master/status.h"

/* What is said on the channel; WHY is followed by words. */
enum { UPGRADE_READY = 'R', UPGRADE_GO = 'G', UPGRADE_DONE = 'D', UPGRADE_WHY = 'W' };
enum { UPGRADE_FIRST = 3, UPGRADE_WORDS = 1024 };

static const double UPGRADE_AGAIN_SECONDS = .05;

static const char variable[] = "ARGOND_UPGRADE"; /* "CHANNEL PIDFILE ACTIVATED" */

/* What we were started with; never changes after main() has noted it. */
static struct {
	char program[PATH_MAX];
	char **argv;
} started;

int upgrade_remember(int argc, char **argv)
{
	ssize_t n =
	    readlink("/proc/self/exe", started.program, sizeof(started.program) - 1);

	started.program[n > 0 ? n : 0] = '\0';
	started.argv = calloc((size_t)argc + 1, sizeof(char *));
	if (started.argv == NULL)
		return -1;
	memcpy(started.argv, argv, (size_t)argc * sizeof(char *));
	started.argv[0] =
	    started.program; /* the first one is the title's place by now */
	return 0;
}

bool upgrade_under_way(const struct master *m)
{
	return m->upgrade.successor != 0 && !m->upgrade.handed_on;
}

void upgrade_explain(int channel, const char *why)
{
	char message[1 + UPGRADE_WORDS];
	const char *text = getenv(variable);
	int n = snprintf(message, sizeof(message), "%c%s", UPGRADE_WHY, why);

	if (channel < 0 && (text == NULL || sscanf(text, "%d", &channel) != 1))
		return; /* nobody has started us */
	if (n >= (int)sizeof(message))
		n = sizeof(message) - 1;
	(void)send(channel, message, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Nothing is wrong with the channel. */
static bool upgrade_must_wait(int error)
{
	return error == EINTR || link_must_wait(error);
}

static void upgrade_end(struct master *m)
{
	struct upgrade *up = &m->upgrade;

	ev_io_stop(m->loop, &up->watcher);
	ev_timer_stop(m->loop, &up->limit);
	if (up->channel >= 0)
		close(up->channel);
	up->channel = -1;
}

static void upgrade_failed(struct master *m, const char *why)
{
	log_error("upgrade failed, this one stays: %s", why);
	if (m->upgrade.successor > 0) {
		kill(m->upgrade.successor, SIGKILL);
		kill(-m->upgrade.successor,
		    SIGKILL); /* and what a script may have started */
	}
	upgrade_end(m);
	m->upgrade.successor = 0;
	if (lockfile_claim(&m->lockfile) != 0)
		log_warn("pidfile: %s", strerror(errno));
	status_finished(m, false, why);
	notify_main(getpid());
	master_go_on(m);
}

/* ---- the old one ---- */

/* Descriptors for the program to come: from 3 on the sockets, then the two others. They
 * are moved out of the way first, lest one is overwritten before it was copied. */
static int upgrade_place(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0 &&
		    (fds[i] = fcntl(fds[i], F_DUPFD, UPGRADE_FIRST + (int)count)) < 0)
			return -1;
	for (size_t i = 0; i < count; i++) {
		int to = UPGRADE_FIRST + (int)i;

		if (fds[i] < 0)
			close(to); /* there is no pidfile: nothing at its place */
		else if (dup2(fds[i], to) < 0)
			return -1;
	}
	closefrom(UPGRADE_FIRST + (int)count);
	return 0;
}

static void upgrade_environment(
    size_t sockets, bool pidfile, bool activated, bool watched)
{
	char text[64];

	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	if (watched) /* what was for us is for our successor */
		setenv("WATCHDOG_PID", text, 1);
	snprintf(text, sizeof(text), "%zu", sockets);
	setenv("LISTEN_FDS", text, 1);
	snprintf(text, sizeof(text), "%d %d %d", UPGRADE_FIRST + (int)sockets,
	    pidfile ? UPGRADE_FIRST + (int)sockets + 1 : -1, activated);
	setenv(variable, text, 1);
}

/* In the forked child. The exit status of what cannot be executed is the shell's. */
static void upgrade_exec(const struct master *m, int channel)
{
	const struct listener_set *set = &m->current->listeners;
	int fds[LIMIT_LISTENERS + 2];
	size_t n = 0;
	char why[PATH_MAX + 64];
	sigset_t none;

	setpgid(0, 0);
	for (; n < set->count; n++)
		fds[n] = set->sockets[n]->fd;
	fds[n++] = channel;
	fds[n++] = m->lockfile.fd;
	upgrade_environment(set->count, m->lockfile.fd >= 0, m->activated.count > 0,
	    m->watchdog.repeat > 0.);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (upgrade_place(fds, n) == 0)
		execv(started.program, started.argv);
	snprintf(why, sizeof(why), "%s: %s", started.program, strerror(errno));
	upgrade_explain(UPGRADE_FIRST + (int)set->count, why);
	_exit(126);
}

static void upgrade_late(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	upgrade_failed(w->data, "the new program was not ready in time");
}

bool upgrade_forward(const struct master *m, int signo)
{
	return m->upgrade.handed_on && m->upgrade.successor > 0 &&
	       kill(m->upgrade.successor, signo) == 0;
}

static void upgrade_hand_on(struct master *m)
{
	struct upgrade *up = &m->upgrade;

	log_info("process %d is in charge now", (int)up->successor);
	up->handed_on = true;
	ev_timer_stop(m->loop, &up->limit);
	status_finished(m, true, "");
	notify_main(up->successor);
	master_retire(m);
	if (m->reload.wanted)
		upgrade_forward(m, SIGHUP);
	if (up->wanted)
		upgrade_forward(m, SIGUSR2);
}

static void upgrade_heard(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct master *m = w->data;
	struct upgrade *up = &m->upgrade;
	char text[1 + UPGRADE_WORDS + 1];
	ssize_t n = recv(up->channel, text, sizeof(text) - 1, MSG_DONTWAIT);

	if ((events & EV_ERROR) != 0 && !up->handed_on) {
		upgrade_failed(m, "it cannot be heard: no room in the epoll set");
		return;
	}
	if (n < 0 && upgrade_must_wait(errno))
		return;
	text[n > 0 ? n : 0] = '\0';
	if (n == 1 && text[0] == UPGRADE_READY) {
		if (send(up->channel, &(char){UPGRADE_GO}, 1, MSG_NOSIGNAL) != 1)
			upgrade_failed(m, "it cannot be told to take over");
		return;
	}
	if (n == 1 && text[0] == UPGRADE_DONE && !up->handed_on) {
		upgrade_hand_on(m);
		return;
	}
	if (n > 1 && text[0] == UPGRADE_WHY) {
		strlcpy(up->why, text + 1, sizeof(up->why));
		return;
	}
	ev_io_stop(
	    loop, w); /* it is dying: upgrade_reaped() says how, or the time limit */
	if (n > 0 && !up->handed_on)
		upgrade_failed(m, "the new program said something unknown");
}

void upgrade_begin(struct master *m)
{
	struct upgrade *up = &m->upgrade;
	int fds[2];

	up->wanted = false;
	up->why[0] = '\0';
	status_begun(m);
	log_info("upgrade: starting %s", started.program);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
		upgrade_failed(m, strerror(errno));
		return;
	}
	up->successor = fork();
	if (up->successor == 0)
		upgrade_exec(m, fds[1]);
	close(fds[1]);
	up->channel = fds[0];
	if (up->successor < 0) {
		up->successor = 0;
		upgrade_failed(m, strerror(errno));
		return;
	}
	ev_io_init(&up->watcher, upgrade_heard, up->channel, EV_READ);
	/* its processes have their ready_timeout; it says first which of them was late
	 */
	ev_timer_init(&up->limit, upgrade_late,
	    (double)(m->current->config->ready_timeout_ms + LADDER_TAKE_OVER_MS) /
	        1000.,
	    0.);
	up->watcher.data = up->limit.data = m;
	ev_io_start(m->loop, &up->watcher);
	ev_timer_start(m->loop, &up->limit);
}

/* Its last words may not have been heard yet. */
static void upgrade_drain_channel(struct master *m)
{
	char text[1 + UPGRADE_WORDS + 1];
	ssize_t n;

	while (
	    (n = recv(m->upgrade.channel, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
		text[n] = '\0';
		if (text[0] == UPGRADE_WHY)
			strlcpy(m->upgrade.why, text + 1, sizeof(m->upgrade.why));
	}
}

/* One that has left in order, told to by somebody, leaves nothing to take back. */
bool upgrade_reaped(struct master *m, pid_t pid, int status)
{
	struct upgrade *up = &m->upgrade;
	char words[160], why[UPGRADE_WORDS + 256];
	bool was_in_charge = up->handed_on;

	if (pid != up->successor || pid == 0)
		return false;
	if (was_in_charge && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK) {
		up->successor = 0;
		return true;
	}
	upgrade_drain_channel(m);
	snprintf(why, sizeof(why), "the new program (process %d) %s%s%s", (int)pid,
	    exits_words(status, words, sizeof(words)), up->why[0] != '\0' ? ": " : "",
	    up->why);
	kill(-pid, SIGKILL);
	up->successor = 0;
	up->handed_on = false;
	upgrade_failed(m, why);
	if (was_in_charge)
		master_return(m);
	return true;
}

/* ---- the new one ---- */

bool upgrade_is_heir(void)
{
	return getenv(variable) != NULL;
}

int upgrade_inherit(
    struct upgrade *up, int *pidfile, bool *activated, struct config_error *err)
{
	const char *text = getenv(variable);
	int flag = 0, type = 0;
	socklen_t len = sizeof(type);

	*up = (struct upgrade){.channel = -1};
	*pidfile = -1;
	*activated = false;
	if (text == NULL)
		return 0;
	if (sscanf(text, "%d %d %d", &up->channel, pidfile, &flag) != 3 ||
	    getsockopt(up->channel, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
	    type != SOCK_SEQPACKET || fcntl(up->channel, F_SETFD, FD_CLOEXEC) != 0 ||
	    (*pidfile >= 0 && fcntl(*pidfile, F_SETFD, FD_CLOEXEC) != 0)) {
		snprintf(err->text, sizeof(err->text),
		    "%s is not what an argond hands on", variable);
		up->channel = -1;
		return -1;
	}
	unsetenv(variable);
	setpgid(
	    0, getpgid(getppid())); /* where we should have been without an upgrade */
	*activated = flag != 0;
	up->heir = true;
	return 0;
}

static void upgrade_say_again(struct ev_loop *loop, struct ev_timer *w, int events);

/* To the old one; as soon as the kernel has memory for it. Where he is gone that is the
 * end of the channel, and heard as such. */
static void upgrade_say(struct master *m, char word)
{
	struct upgrade *up = &m->upgrade;

	if (send(up->channel, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ||
	    !upgrade_must_wait(errno))
		return;
	up->word = word;
	ev_timer_init(&up->limit, upgrade_say_again, UPGRADE_AGAIN_SECONDS, 0.);
	up->limit.data = m;
	ev_timer_start(m->loop, &up->limit);
}

static void upgrade_say_again(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct master *m = w->data;

	(void)loop;
	(void)events;
	upgrade_say(m, m->upgrade.word);
}

/* The one before us has drained and gone. */
static void upgrade_alone(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct master *m = w->data;
	char byte;

	(void)loop;
	(void)events;
	if (recv(m->upgrade.channel, &byte, 1, MSG_DONTWAIT) < 0 &&
	    upgrade_must_wait(errno))
		return;
	upgrade_end(m);
	m->upgrade.predecessor = false;
	master_go_on(m);
}

/* GO, or the end: either way there is nobody else in charge. */
static void upgrade_told(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct master *m = w->data;
	struct upgrade *up = &m->upgrade;
	char byte = 0;
	ssize_t n = recv(up->channel, &byte, 1, MSG_DONTWAIT);

	(void)loop;
	(void)events;
	if (n < 0 && upgrade_must_wait(errno))
		return;
	up->heir = false;
	if (n == 1 && byte == UPGRADE_GO) {
		up->predecessor = true;
		ev_set_cb(w, upgrade_alone);
		generation_serve(m->current);
		master_in_charge(m);
		upgrade_say(m, UPGRADE_DONE);
		return;
	}
	log_warn("the old master is gone; this one is in charge");
	upgrade_end(m);
	generation_serve(m->current);
	if (m->current->state != GENERATION_STARTING) /* else when it is READY */
		master_in_charge(m);
}

void upgrade_watch(struct master *m)
{
	struct upgrade *up = &m->upgrade;

	ev_io_init(&up->watcher, upgrade_told, up->channel, EV_READ);
	up->watcher.data = m;
	ev_io_start(m->loop, &up->watcher);
}

void upgrade_announce(struct master *m)
{
	upgrade_say(m, UPGRADE_READY);
}

void upgrade_close(struct master *m)
{
	if (m->loop != NULL)
		upgrade_end(m);
}
