/*
 * The new master's side of an upgrade.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/contract.h"
#include "common/log.h"
#include "master/master.h"
#include "master/upgrade_both.h"

static const double UPGRADE_AGAIN_SECONDS = .05;

bool upgrade_is_heir(void)
{
	return getenv(UPGRADE_VARIABLE) != NULL;
}

/* `old`: what the old master has said of itself, "VERSION (FILE)" or "". */
static void upgrade_log_versions(const char *old)
{
	static const char same[] = ARGOND_VERSION " ";

	log_info("upgrade: %s -> %s (%s)%s", old[0] != '\0' ? old : "unknown version",
	    ARGOND_VERSION, upgrade_program()->file,
	    strncmp(old, same, sizeof(same) - 1) == 0 ? ", the same version" : "");
}

/* A descriptor that was handed on, or -1 where none was; is it as it should be? */
static bool upgrade_keeps(int fd)
{
	return fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

int upgrade_inherit(
    struct upgrade *up, int pidfile[2], bool *activated, struct config_error *err)
{
	const char *text = getenv(UPGRADE_VARIABLE);
	int flag = 0, type = 0, rest = 0;
	socklen_t len = sizeof(type);

	*up = (struct upgrade){.channel = -1};
	pidfile[0] = pidfile[1] = -1;
	*activated = false;
	if (text == NULL)
		return 0;
	pidfile[1] = upgrade_handed_lock();
	if (sscanf(text, "%d %d %d %n", &up->channel, &pidfile[0], &flag, &rest) != 3 ||
	    getsockopt(up->channel, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
	    type != SOCK_SEQPACKET || fcntl(up->channel, F_SETFD, FD_CLOEXEC) != 0 ||
	    !upgrade_keeps(pidfile[0]) || !upgrade_keeps(pidfile[1])) {
		snprintf(err->text, sizeof(err->text),
		    "%s is not what an argond hands on", UPGRADE_VARIABLE);
		up->channel = -1;
		return -1;
	}
	upgrade_log_versions(text + rest);
	unsetenv(UPGRADE_VARIABLE);
	unsetenv(UPGRADE_LOCK_VARIABLE);
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
	    !(errno == EINTR || link_must_wait(errno)))
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
	    upgrade_must_wait(m, errno))
		return;
	upgrade_end(m);
	m->upgrade.predecessor = false;
	listen_close(&m->handed);
	master_go_on(m);
}

/* GO. Whoever reads the pidfile has to find us there before the old one leaves: where
 * that cannot be, he stays, who hears of it and of our end. */
static void upgrade_take_over(struct master *m)
{
	struct upgrade *up = &m->upgrade;
	char why[PATH_MAX + 128];

	if (upgrade_claim_files(m) != 0) {
		snprintf(why, sizeof(why), "pidfile %s: %s", m->lockfile.path,
		    strerror(errno));
		master_generation_failed(m->current, why);
		return;
	}
	up->heir = false;
	up->predecessor = true;
	ev_set_cb(&up->watcher, upgrade_alone);
	supervise_serve(&m->current->roles[0]);
	upgrade_say(m, UPGRADE_DONE);
	master_in_charge(m); /* whoever waits for the upgrade hears of it: not before */
}

/* The end, without GO: there is nobody else. */
static void upgrade_take_charge(struct master *m)
{
	log_warn("the old master is gone; this one is in charge");
	upgrade_end(m);
	m->upgrade.heir = false;
	upgrade_claim(m);
	supervise_serve(&m->current->roles[0]);
	if (m->current->state == GENERATION_SERVING) /* else when it is READY */
		master_in_charge(m);
}

static void upgrade_told(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct master *m = w->data;
	char byte = 0;
	ssize_t n = recv(m->upgrade.channel, &byte, 1, MSG_DONTWAIT);

	(void)loop;
	(void)events;
	if (n < 0 && upgrade_must_wait(m, errno))
		return;
	if (n != 1 || byte != UPGRADE_GO)
		upgrade_take_charge(m);
	else if (!m->quitting && !m->stopping)
		upgrade_take_over(m); /* else he hears of our end, and stays */
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
