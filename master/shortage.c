#include "master/shortage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cgroup.h"
#include "common/clock.h"
#include "master/groups.h"

/* A process that was killed is gone within this; a kill without a death is none of ours
 * then. */
#define SHORTAGE_OPEN_NS (UINT64_C(10) * NS_PER_SEC)

struct counter {
	bool found;
	unsigned long kills;
};

/* The innermost group that counts: those above it have other programs. */
static void counter_visit(const char *folder, bool v2, void *context)
{
	struct counter *counter = context;
	char path[PATH_MAX], text[CGROUP_TEXT];
	const char *at;

	if (counter->found)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder,
	    v2 ? "memory.events" : "memory.oom_control");
	if (cgroup_read(path, text) != 0 || (at = strstr(text, "oom_kill ")) == NULL)
		return;
	counter->found = true;
	counter->kills = strtoul(at + strlen("oom_kill "), NULL, 10);
}

/* Where each pool has a group, of all of them: the one above counts for those below. */
static unsigned long counter_read(const struct groups *groups)
{
	struct counter counter = {.found = false};
	char self[CGROUP_TEXT];

	if (groups->on)
		counter_visit(groups->base, true, &counter);
	else if (cgroup_read(CGROUP_SELF, self) == 0)
		cgroup_walk(CGROUP_ROOT, self, "memory", counter_visit, &counter);
	return counter.kills;
}

void shortage_open(struct shortage *shortage, const struct groups *groups)
{
	*shortage = (struct shortage){.counted = counter_read(groups)};
}

bool shortage_took(struct shortage *shortage, const struct groups *groups)
{
	const unsigned long kills = counter_read(groups);
	const uint64_t now = clock_ns();

	if (kills < shortage->counted) /* we were moved into another group */
		shortage->counted = 0;
	if (now - shortage->open_ns > SHORTAGE_OPEN_NS)
		shortage->open = 0;
	if (kills > shortage->counted) {
		shortage->open += kills - shortage->counted;
		shortage->open_ns = now;
		shortage->counted = kills;
	}
	if (shortage->open == 0)
		return false;
	shortage->open--;
	return true;
}
