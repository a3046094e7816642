/*
 * Listening sockets that somebody has changed: they are mended, and the frontends are
 * replaced. They may have another socket at that address, and one of them may be who
 * has done it.
 */
#include "master/relisten.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "master/master.h"

static bool relisten_one(struct listener_socket *entry, const struct config *config)
{
	static struct log_limit limit;
	const char *wrong = listen_wrong(entry);

	if (wrong == NULL)
		return false;
	if (listen_mend(entry, config) != 0) {
		log_limited(&limit, LOG_LEVEL_ERROR,
		    "%s accepts no connections: %s, and it cannot be bound anew: %s; "
		    "restart argond, and its socket unit where it has one",
		    entry->spec.text, wrong, strerror(errno));
		return false;
	}
	log_error("%s: %s, by a frontend or by another process that has the socket; it "
	          "accepts connections again, and the frontends are replaced",
	    entry->spec.text, wrong);
	return true;
}

void relisten_look(struct generation *g)
{
	struct master *m = g->master;

	/* nobody else serves there now, or is about to */
	if (g != m->current || g->state != GENERATION_SERVING || m->candidate != NULL ||
	    upgrade_under_way(m) || m->upgrade.heir || m->upgrade.predecessor)
		return;
	for (size_t i = 0; i < g->listeners.count; i++)
		if (relisten_one(g->listeners.sockets[i], g->config))
			g->mended_ns = clock_ns();
	if (g->mended_ns != 0)
		supervise_replace(&g->roles[0], g->mended_ns);
}
