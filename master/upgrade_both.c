#include "master/upgrade_both.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "master/command_server.h"
#include "master/master.h"

static const double CLAIM_AGAIN_SECONDS = .25;

bool upgrade_under_way(const struct master *m)
{
	return m->upgrade.successor != 0 && !m->upgrade.handed_on;
}

void upgrade_explain(int channel, const char *why)
{
	char message[1 + UPGRADE_WORDS];
	const char *text = getenv(UPGRADE_VARIABLE);
	int n = snprintf(message, sizeof(message), "%c%s", UPGRADE_WHY, why);

	if (channel < 0 && (text == NULL || sscanf(text, "%d", &channel) != 1))
		return; /* nobody has started us */
	if (n >= (int)sizeof(message))
		n = sizeof(message) - 1;
	(void)send(channel, message, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int upgrade_handed_lock(void)
{
	const char *text = getenv(UPGRADE_LOCK_VARIABLE);
	int fd = -1, pid = 0;

	return text != NULL && sscanf(text, "%d %d", &fd, &pid) == 2 && pid == getpid()
	           ? fd
	           : -1;
}

bool upgrade_must_wait(struct master *m, int error)
{
	struct upgrade *up = &m->upgrade;

	if (link_is_short(error))
		loop_rest(m->loop, &up->rest, &up->watcher);
	return error == EINTR || link_must_wait(error);
}

void upgrade_end(struct master *m)
{
	struct upgrade *up = &m->upgrade;

	loop_stop(m->loop, &up->rest, &up->watcher);
	ev_timer_stop(m->loop, &up->limit);
	if (up->channel >= 0)
		close(up->channel);
	up->channel = -1;
}

int upgrade_claim_files(struct master *m)
{
	return lockfile_claim(&m->lockfile) == 0 ? command_open(m) : -1;
}

static void upgrade_claim_again(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct master *m = w->data;

	(void)events;
	if (upgrade_claim_files(m) == 0)
		ev_timer_stop(loop, w);
}

void upgrade_claim(struct master *m)
{
	struct ev_timer *claim = &m->upgrade.claim;

	upgrade_claim_stop(m);
	if (upgrade_claim_files(m) == 0)
		return;
	log_warn("pidfile %s and its command socket do not lead to this master yet: %s",
	    m->lockfile.path, strerror(errno));
	ev_timer_init(
	    claim, upgrade_claim_again, CLAIM_AGAIN_SECONDS, CLAIM_AGAIN_SECONDS);
	claim->data = m;
	ev_timer_start(m->loop, claim);
}

void upgrade_claim_stop(struct master *m)
{
	ev_timer_stop(m->loop, &m->upgrade.claim);
}

void upgrade_close(struct master *m)
{
	if (m->loop == NULL)
		return;
	upgrade_claim_stop(m);
	upgrade_end(m);
}
