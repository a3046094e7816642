/*
 * The master and children that have been broken into (master/spawn.c, supervise.c,
 * sizing.c, watch.c, generation.c): they write whatever they like into their slots of
 * the board, say whatever they like, close their control socket, die in any way. It
 * must be so that
 *   - the master signals nobody but children of its own that are alive;
 *   - what it tells frontends of the dead is well-formed;
 *   - there are never more processes than places, nor a target beyond its bounds;
 *   - what children attached to their messages is not kept.
 *
 * Nothing is forked here: spawn.c is given a fork(), a waitpid() and a kill() of ours.
 *
 * Input: a tape of steps.
 */
#include <fcntl.h>

#include "tests/fuzz/attach.h"
#include "tests/fuzz/master_world.h"

enum { STEPS = 192 };

/* --- what children do */

/* One that is alive, or NULL. */
static struct process *some_process(void)
{
	struct process *p = &play.g->processes[tape_byte(&play.tape) % SLOTS];
	struct child_of_ours *child = child_of_pid(p->pid);

	return p->state != PROCESS_NONE && child != NULL && !child->dead ? p : NULL;
}

static void child_say(const struct process *p, const void *bytes, size_t len, int fd)
{
	(void)attach_send(child_of_pid(p->pid)->end, bytes, len, fd);
}

static void say_kind(const struct process *p, enum control_kind kind)
{
	const struct control_message message = {.kind = kind,
	    .pool = tape_byte(&play.tape) % (POOLS + 1),
	    .pid = FIRST_PID + tape_byte(&play.tape)};

	child_say(p, &message, sizeof(message), -1);
}

static void say_ready(struct process *p)
{
	say_kind(p, CONTROL_READY);
}

static void say_want(struct process *p)
{
	say_kind(p, CONTROL_WANT);
}

static void say_suspect(struct process *p)
{
	say_kind(p, CONTROL_SUSPECT);
}

static void say_retire(struct process *p)
{
	say_kind(p, CONTROL_RETIRE);
}

static void say_anything(struct process *p)
{
	struct control_message message;
	uint8_t how = tape_byte(&play.tape);

	tape_fill(&play.tape, &message, sizeof(message));
	if (how & 1)
		message.kind %= CONTROL_KIND_END + 1;
	if (how & 2)
		message.pool %= LIMIT_POOLS + 1;
	if (how & 4)
		message.claims %= LIMIT_STREAMS + 2;
	if (how & 8)
		message.cause %= CONTROL_CAUSE_CRASHED + 2;
	child_say(p, &message, sizeof(message) - (how >> 7),
	    how & 16 ? play.children[0].end : -1);
}

static void say_rubbish(struct process *p)
{
	uint8_t bytes[2 * sizeof(struct control_message)];
	size_t len = tape_byte(&play.tape) * 2U % sizeof(bytes);

	tape_fill(&play.tape, bytes, len);
	child_say(p, bytes, len, -1);
}

static void write_slot(struct process *p)
{
	struct board_slot *slot = board_slot(&play.g->board, p->slot);
	size_t at = tape_byte(&play.tape) * 16U % sizeof(*slot);

	tape_fill(&play.tape, (char *)slot + at,
	    sizeof(*slot) - at < 64 ? sizeof(*slot) - at : 64);
}

static void write_slot_all(struct process *p)
{
	memset(board_slot(&play.g->board, p->slot), tape_byte(&play.tape),
	    sizeof(struct board_slot));
}

/* What could be true. */
static void write_slot_well(struct process *p)
{
	struct board_slot *slot = board_slot(&play.g->board, p->slot);
	uint8_t how = tape_byte(&play.tape);

	if (p->role->kind->listens) {
		atomic_store(&slot->frontend.waiting[how % POOLS], how / 4);
		return;
	}
	atomic_store(&slot->hasher.claim[how % LIMIT_STREAMS], how);
	atomic_store(&slot->hasher.claim_since[how % LIMIT_STREAMS], play.now_ns);
	atomic_store(&slot->hasher.taking, how % 4);
	atomic_store(&slot->hasher.busy, how / 128);
	atomic_store(&slot->hasher.idle_since, play.now_ns);
	atomic_store(&slot->denied, how);
}

/* A descriptor, of /proc or not: kept while the child starts, else the child ends. */
static void say_sight(struct process *p)
{
	static const char *const files[] = {"/proc/self/stat", "/dev/null"};
	const int fd = open(files[tape_byte(&play.tape) % 2], O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	(void)control_send_fd(child_of_pid(p->pid)->end, CONTROL_SIGHT, fd);
	close(fd);
}

static void close_control(struct process *p)
{
	struct child_of_ours *child = child_of_pid(p->pid);

	close(child->end);
	child->end = -1;
}

static void die(struct process *p)
{
	static const int signals[] = {SIGKILL, SIGSEGV, SIGSYS, SIGXCPU, SIGTERM, 64};
	uint8_t how = tape_byte(&play.tape);
	int status =
	    how < 128 ? how % 6 * 256 + 70 * 256 * (how / 64) : signals[how % 6];

	child_die(child_of_pid(p->pid), status);
}

/* --- what else happens */

static void turn(void)
{
	play.now_ns += 1000;
	ev_run(play.master.loop, EVRUN_NOWAIT);
}

static void pass(void)
{
	uint8_t how = tape_byte(&play.tape);

	play.now_ns += (how < 128 ? how : (how - 127U) * 600) * NS_PER_MS;
	turn();
}

static void reap(void)
{
	spawn_reap(&play.master);
}

static void resize(void)
{
	uint8_t how = tape_byte(&play.tape);

	if (play.g->state != GENERATION_DRAINING)
		sizing_resize(&play.g->roles[1 + how % POOLS], how & 2 ? 1 : -1);
}

static void drain(void)
{
	if (tape_byte(&play.tape) == 'd')
		generation_drain(play.g);
}

/* --- what must hold */

static void check_role(const struct role *role)
{
	unsigned alive = (unsigned)role->slot_count - role_count(role, PROCESS_NONE);

	CHECK(role->min >= 1 && role->min <= role->max);
	CHECK(role->target >= role->min && role->target <= role->max);
	CHECK(role->max <= role->slot_count && alive <= role->slot_count);
	if (!role->kind->listens)
		CHECK(atomic_load(&board_head(&play.g->board)->alive[role->pool]) <=
		      role->slot_count);
}

/* What children are told is as control_recv_fd() wants it. */
static void check_told(const struct process *p)
{
	const struct child_of_ours *child = child_of_pid(p->pid);
	struct control_message message;
	enum link_result result = LINK_OK;
	int log;

	if (p->state == PROCESS_NONE || child == NULL || child->end < 0)
		return;
	while (result == LINK_OK) {
		result = control_recv_fd(child->end, &message, &log);
		CHECK(
		    result == LINK_OK || result == LINK_AGAIN || result == LINK_CLOSED);
		CHECK(
		    result != LINK_OK || message.kind == CONTROL_LEAVE ||
		    ((message.kind == CONTROL_GONE || message.kind == CONTROL_SERVE) &&
		        p->role->kind->listens));
	}
}

static int lowest_free_fd(void)
{
	int fd = dup(STDERR_FILENO);

	CHECK(fd >= 0);
	close(fd);
	return fd;
}

typedef void child_step(struct process *p);
static child_step *const child_steps[] = {say_ready, say_sight, say_retire, say_want,
    say_suspect, say_anything, say_rubbish, write_slot, write_slot_all, write_slot_well,
    close_control, die};
typedef void world_step(void);
static world_step *const world_steps[] = {turn, turn, pass, reap, resize, drain};

static void step(void)
{
	const size_t ours = sizeof(child_steps) / sizeof(child_steps[0]);
	const size_t all = ours + sizeof(world_steps) / sizeof(world_steps[0]);
	size_t which = tape_byte(&play.tape) % all;
	struct process *p;

	if (which >= ours) {
		world_steps[which - ours]();
		return;
	}
	p = some_process();
	if (p != NULL && (child_of_pid(p->pid)->end >= 0 || child_steps[which] == die))
		child_steps[which](p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = lowest_free_fd();

	for (unsigned i = 0; i < POOLS; i++) {
		play.pools[i] = (struct config_pool){.jobs = CONFIG_JOBS_HASH,
		    .min_processes = 1,
		    .max_processes = PLACES / 2,
		    .idle_timeout_ms = 10000,
		    .deadline_ms = 1000,
		    .batch = 1};
		snprintf(play.pools[i].name, LIMIT_NAME, "pool%u", i);
	}
	play.born = 0;
	play.master.incarnations = 0;
	play.tape = (struct tape){data, size};
	world_open();
	for (unsigned i = 0; i < STEPS && play.tape.left > 0; i++) {
		step();
		for (size_t r = 0; r < play.g->role_count; r++)
			check_role(&play.g->roles[r]);
		for (size_t s = 0; i % 4 == 0 && s < SLOTS; s++)
			check_told(&play.g->processes[s]);
	}
	world_close();
	CHECK(lowest_free_fd() == fd);
	return 0;
}
