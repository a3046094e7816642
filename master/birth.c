/*
 * What a child does before its role begins: it forgets what is not its own, takes on
 * its limits, gives up its privileges. All of this runs in the new process.
 */
#include "master/birth.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/unistd.h>

#include "common/limits.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "master/signals.h"

enum { KEEP_MAX = 16 + LIMIT_LISTENERS + 4 * LIMIT_FRONTENDS };

/* The fds that a child keeps, in the order of their numbers. */
struct keep {
	int fds[KEEP_MAX];
	size_t count;
};

static void keep_add(struct keep *keep, int fd)
{
	if (fd > STDERR_FILENO && keep->count < KEEP_MAX)
		keep->fds[keep->count++] = fd;
}

static int keep_compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes everything from 3 up that is not kept. */
static void keep_only(struct keep *keep)
{
	int next = STDERR_FILENO + 1;

	qsort(keep->fds, keep->count, sizeof(keep->fds[0]), keep_compare);
	for (size_t i = 0; i < keep->count; i++) {
		if (keep->fds[i] > next)
			close_range((unsigned)next, (unsigned)keep->fds[i] - 1, 0);
		next = keep->fds[i] + 1;
	}
	close_range((unsigned)next, UINT_MAX, 0);
}

/* All three are the pipe: what a library has to say at its end goes to the log, and
 * there is no /dev/null, which is everybody's, to change the mode of. */
static int birth_standard(int said)
{
	return dup2(said, STDIN_FILENO) < 0 || dup2(said, STDOUT_FILENO) < 0 ||
	               dup2(said, STDERR_FILENO) < 0
	           ? -1
	           : 0;
}

/* Hands over /proc/self/stat for the master's watch, which may not be able to open it
 * by the pid. The watch also works without it. */
static void birth_show(int control)
{
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (control_send_fd(control, CONTROL_SIGHT, fd) != LINK_OK)
		log_debug("the master does not see what this process does");
	close(fd);
}

static void child_links(struct child *child, const struct process *p, int *links)
{
	const struct generation *g = p->role->generation;
	size_t pools = g->config->pool_count;

	if (p->role->kind->listens) {
		child->link_count = pools;
		for (size_t i = 0; i < pools; i++)
			links[i] = g->link_frontend[p->index * pools + i];
	} else {
		child->link_count = g->frontend_slots;
		for (size_t i = 0; i < g->frontend_slots; i++)
			links[i] = g->link_hasher[i * pools + p->role->pool];
	}
	child->links = links;
}

static void child_listeners(
    struct child *child, const struct listener_set *set, int *fds)
{
	for (size_t i = 0; i < set->count; i++)
		fds[i] = set->sockets[i]->fd;
	child->listeners = fds;
	child->listener_count = set->count;
}

static void child_describe(struct child *child, const struct process *p, int control)
{
	const struct generation *g = p->role->generation;

	*child = (struct child){.config = g->config,
	    .board = g->board,
	    .control = control,
	    .incarnation = p->incarnation,
	    .index = p->index,
	    .pool = p->role->pool,
	    .frontends = g->frontend_slots};
	for (size_t i = 0; i < g->config->pool_count; i++) {
		child->pool_slot[i] = (unsigned)g->roles[1 + i].slot;
		child->pool_slot[i + 1] =
		    (unsigned)(g->roles[1 + i].slot + g->roles[1 + i].slot_count);
	}
}

static void child_name(const struct process *p)
{
	char who[64];

	log_ident(process_name(p, who, sizeof(who)));
	setproctitle("%s", who);
}

struct limits_spec birth_limits(const struct process *p)
{
	const struct config *config = p->role->generation->config;

	return p->role->kind->listens
	           ? limits_of_frontend(config)
	           : limits_of_pool(config, &config->pools[p->role->pool]);
}

static int child_limits(const struct process *p)
{
	const struct generation *g = p->role->generation;
	const struct limits_spec spec = birth_limits(p);

	if (!p->role->kind->listens &&
	    groups_join(&g->master->groups, &g->config->pools[p->role->pool]) != 0)
		return -1;
	return limits_apply(&spec);
}

static struct sandbox_spec child_sandbox(const struct process *p)
{
	const struct config *config = p->role->generation->config;

	return p->role->kind->listens
	           ? sandbox_of_frontend(config)
	           : sandbox_of_pool(config, &config->pools[p->role->pool]);
}

/* The secrets that it needs, which the master has read for all. Returns 0, or -1 with
 * errno. */
static int child_map_secrets(struct child *child, const struct process *p)
{
	const struct generation *g = p->role->generation;
	const enum sandbox_kind kind = child_sandbox(p).kind;

	if (kind == SANDBOX_HASHER && g->keys.bytes > 0) {
		child->keys = key_set_map(&g->keys);
		return child->keys != NULL ? 0 : -1;
	}
	if (kind == SANDBOX_FRONTEND && g->tokens.bytes > 0) {
		child->tokens = token_set_map(&g->tokens);
		if (child->tokens == NULL)
			return -1;
	}
	if (kind == SANDBOX_FRONTEND && g->decoys.bytes > 0) {
		child->decoys = sealed_map(&g->decoys);
		return child->decoys != NULL ? 0 : -1;
	}
	return 0;
}

/* Gives up all it can. Returns 0, or -1 (logged). */
static int child_confine(struct child *child, const struct process *p, pid_t master)
{
	struct sandbox_spec spec = child_sandbox(p);

	if (sandbox_enter(&spec) != 0)
		return -1;
	child->store = spec.store;
	spec.listeners = child->listeners;
	spec.listener_count = child->listener_count;
	/* cleared by a change of credentials, so only now; and the master may be gone
	 * already */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
		log_error("PR_SET_PDEATHSIG: %s", strerror(errno));
		return -1;
	}
	if (getppid() != master)
		_exit(CHILD_EXIT_MASTER_GONE);
	if (p->role->kind->prepare != NULL && p->role->kind->prepare(child) != 0)
		return -1;
	return sandbox_seal(&spec, child->slot);
}

/* The boards of the other generations are none of its business, nor may they outlive
 * them. */
static void child_forget_others(const struct process *p)
{
	struct generation *g;

	TAILQ_FOREACH(g, &p->role->generation->master->generations, entry)
	if (g != p->role->generation)
		board_close(&g->board);
}

/* All that is done in the child before its role begins. Returns 0, or -1 (logged). */
static int child_prepare(struct child *child, const struct process *p, pid_t master)
{
	sigset_t all;
	struct keep keep = {.count = 0};

	/* what a terminal or a shell sends to the master's group is for the master */
	(void)setpgid(0, 0);
	child_name(p);
	child_forget_others(p);
	birth_show(child->control);
	signals_waited_for(&all);
	child->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (child->signal_fd < 0 || board_attach(&child->board, p->slot) != 0 ||
	    child_map_secrets(child, p) != 0)
		goto failed;
	keep_add(&keep, child->signal_fd);
	keep_add(&keep, child->control);
	for (size_t i = 0; i < child->link_count; i++)
		keep_add(&keep, child->links[i]);
	for (size_t i = 0; i < child->listener_count; i++)
		keep_add(&keep, child->listeners[i]);
	keep_only(&keep);
	child->slot = board_slot(&child->board, p->slot);
	if (child_limits(p) != 0)
		goto failed;
	return child_confine(child, p, master);
failed:
	log_error("cannot set up: %s", strerror(errno));
	return -1;
}

void birth_run(const struct process *p, int control, int said, pid_t master)
{
	static int links[4 * LIMIT_FRONTENDS], listeners[LIMIT_LISTENERS];
	struct child child;
	int status;

	if (birth_standard(said) != 0)
		_exit(CHILD_EXIT_SETUP);
	log_confine(STDERR_FILENO);
	child_describe(&child, p, control);
	child_links(&child, p, links);
	if (p->role->kind->listens)
		child_listeners(&child, &p->role->generation->listeners, listeners);
	if (child_prepare(&child, p, master) != 0)
		_exit(CHILD_EXIT_SETUP);
	status = p->role->kind->run(&child);
	_exit(status);
}
