/*
 * The old master's side of an upgrade.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/log.h"
#include "master/command_server.h"
#include "master/exits.h"
#include "master/master.h"
#include "master/notify.h"
#include "master/upgrade_both.h"

/* What we were told to do between GO and DONE, where we were. */
static void upgrade_leave(struct master *m)
{
	const int signo = m->upgrade.leave;

	m->upgrade.leave = 0;
	if (signo != 0)
		master_signal(m, signo);
}

/* No successor is alive. */
static void upgrade_failed(struct master *m, const char *why)
{
	log_error("upgrade failed, this one stays: %s", why);
	upgrade_end(m);
	m->upgrade.successor = 0;
	upgrade_claim(m);
	command_finished(m, SIGNAL_UPGRADE, false, why);
	notify_main(getpid());
	upgrade_leave(m);
	master_go_on(m);
}

/* What has been told GO may be writing into the pidfile just now: upgrade_reaped() goes
 * on, when it is dead. */
static void upgrade_give_up(struct master *m, const char *why)
{
	struct upgrade *up = &m->upgrade;

	up->given_up = true;
	strlcpy(up->why, why, sizeof(up->why));
	loop_stop(m->loop, &up->rest, &up->watcher);
	ev_timer_stop(m->loop, &up->limit);
	kill(up->successor, SIGKILL);
	kill(-up->successor, SIGKILL); /* and what a script may have started */
}

bool upgrade_postpones(struct master *m, int signo)
{
	struct upgrade *up = &m->upgrade;

	if (!upgrade_under_way(m) || up->given_up)
		return false;
	if (!up->told) {
		upgrade_give_up(m, "this one was told to leave");
		return false;
	}
	log_info("leaving when process %d has said whether it is in charge",
	    (int)up->successor);
	if (up->leave == 0) {
		ev_timer_stop(m->loop, &up->limit);
		ev_timer_set(&up->limit, LADDER_TAKE_OVER_MS / 1000., 0.);
		ev_timer_start(m->loop, &up->limit);
	}
	up->leave = up->leave == 0 ? signo : SIGINT; /* the second is impatient */
	return true;
}

/* A timer is told before what can be read: we may be the one who is late, and what the
 * new one has said in time is heard first. */
static void upgrade_late(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct master *m = w->data;
	char byte;

	(void)events;
	if (loop_watches(&m->upgrade.rest, &m->upgrade.watcher) &&
	    recv(m->upgrade.channel, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
		ev_timer_set(w, LADDER_TAKE_OVER_MS / 1000., 0.);
		ev_timer_start(loop, w);
		return;
	}
	upgrade_give_up(m, "the new program was not ready in time");
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
	notify_main(up->successor);
	command_finished(m, SIGNAL_UPGRADE, true, "");
	if (up->leave != 0)
		upgrade_forward(m, up->leave);
	upgrade_leave(m); /* first: the frontends are told why they drain */
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
		upgrade_give_up(m, "it cannot be heard: no room in the epoll set");
		return;
	}
	if (n < 0 && upgrade_must_wait(m, errno))
		return;
	text[n > 0 ? n : 0] = '\0';
	if (n == 1 && text[0] == UPGRADE_READY) {
		upgrade_claim_stop(m);
		up->told = true;
		if (send(up->channel, &(char){UPGRADE_GO}, 1, MSG_NOSIGNAL) != 1)
			upgrade_give_up(m, "it cannot be told to take over");
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
		upgrade_give_up(m, "the new program said something unknown");
}

/* The exit of this master is part of an upgrade: what follows from it here? NULL, or
 * why there must be none. */
static const char *upgrade_refusal(const struct master *m)
{
	if (getpid() == 1)
		return "this is process 1, whose exit ends the container; start a new "
		       "container instead";
	if (!m->options->detach && getenv("NOTIFY_SOCKET") == NULL &&
	    upgrade_is_supervised())
		log_warn("upgrade: a supervisor (process %d) that is not notified "
		         "(NOTIFY_SOCKET) takes this master's exit for the end of the "
		         "service; restart the service there instead",
		    (int)getppid());
	return NULL;
}

void upgrade_begin(struct master *m)
{
	struct upgrade *up = &m->upgrade;
	const char *refusal = upgrade_refusal(m);
	int fds[2];

	up->wanted = false;
	up->told = up->given_up = false;
	up->leave = 0;
	up->why[0] = '\0';
	command_begun(m, SIGNAL_UPGRADE);
	if (refusal != NULL) {
		upgrade_failed(m, refusal);
		return;
	}
	log_info("upgrade: starting %s", upgrade_program()->path);
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

/* Its last words may not have been heard yet: why it leaves, or that it was in charge,
 * which is returned. */
static bool upgrade_drain_channel(struct master *m)
{
	char text[1 + UPGRADE_WORDS + 1];
	bool done = false;
	ssize_t n;

	while (
	    (n = recv(m->upgrade.channel, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
		text[n] = '\0';
		if (text[0] == UPGRADE_WHY)
			strlcpy(m->upgrade.why, text + 1, sizeof(m->upgrade.why));
		done = done || text[0] == UPGRADE_DONE;
	}
	return done;
}

static void upgrade_words(
    const struct upgrade *up, pid_t pid, int status, char *why, size_t cap)
{
	char words[160];

	snprintf(why, cap, "the new program (process %d) %s%s%s", (int)pid,
	    exits_words(status, words, sizeof(words)), up->why[0] != '\0' ? ": " : "",
	    up->why);
}

/* One that has left in order, told to by somebody, leaves nothing to take back. */
bool upgrade_reaped(struct master *m, pid_t pid, int status)
{
	struct upgrade *up = &m->upgrade;
	char why[UPGRADE_WORDS + 256];
	const bool had_retired = up->handed_on;
	bool done;

	if (pid != up->successor || pid == 0)
		return false;
	done = (!up->given_up && upgrade_drain_channel(m)) || had_retired;
	if (done && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK) {
		upgrade_end(m); /* the time limit, too: there is nobody to kill */
		up->successor = 0;
		up->handed_on = true;
		command_finished(m, SIGNAL_UPGRADE, true, "");
		upgrade_leave(m);
		if (!had_retired)
			master_retire(m);
		master_go_on(m); /* nobody serves on the sockets any more */
		return true;
	}
	if (up->given_up)
		strlcpy(why, up->why, sizeof(why));
	else
		upgrade_words(up, pid, status, why, sizeof(why));
	kill(-pid, SIGKILL);
	up->handed_on = false;
	upgrade_failed(m, why);
	if (had_retired && !m->quitting)
		master_return(m);
	return true;
}
