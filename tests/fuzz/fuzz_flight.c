/*
 * Jobs under way (frontend/dispatch.h, flight.c): askers ask and leave, hashers answer
 * truthfully, lie, send rubbish with fds attached, write rubbish to the board and die;
 * the master tells of it. It must be so that
 *   - an asker who has not left is told exactly once, and of his own job;
 *   - a text that he is told is one that somebody sent for his job;
 *   - when all calm down, nothing is pending, in flight or left open.
 *
 * Input: a tape of steps.
 */
#include "frontend/dispatch.h"
#include "tests/fuzz/attach.h"
#include "tests/fuzz/frontend_world.h"

enum { ASKERS = 32, CLIENTS = 5, STEPS = 256, HELD = 8 };

struct asker {
	struct task *task; /* while he waits */
	unsigned number;   /* unique: his password */
	bool told;
};

/* A job that a hasher has taken. */
struct held {
	struct job job;
	unsigned pool;
	unsigned asker; /* its number, by the password */
};

static struct play {
	struct asker askers[ASKERS];
	struct held held[HELD];
	unsigned held_count;
	unsigned asked;
	struct tape tape;
} play;

/* --- askers */

static void told(void *owner, const struct task_result *result)
{
	struct asker *asker = owner;
	unsigned number;
	char text[LIMIT_TEXT + 1];

	CHECK(asker->task != NULL && !asker->told);
	CHECK(result->outcome < TASK_OUTCOME_END);
	CHECK((result->outcome == TASK_OK) == (result->text_len > 0));
	asker->task = NULL;
	asker->told = true;
	if (result->outcome != TASK_OK)
		return;
	CHECK(result->text_len <= LIMIT_TEXT);
	memcpy(text, result->text, result->text_len);
	text[result->text_len] = '\0';
	CHECK(sscanf(text, "for %u", &number) == 1 && number == asker->number);
}

static void step_ask(void)
{
	struct asker *asker = &play.askers[tape_byte(&play.tape) % ASKERS];
	uint8_t how = tape_byte(&play.tape);
	struct secret password = {0};
	const struct conn_peer peer = {
	    .address = {10, 0, 0, how % CLIENTS}, .kind = CONN_PEER_INET};
	unsigned retry_after = 0;
	struct task_spec spec = {.kind = how % 3 == 2 ? JOB_LOOKUP : JOB_HASH,
	    .pool = how % 3,
	    .cost = {2, 0x13, 19456, 2, 1, 16, 32},
	    .timeout_ms = how & 0x80 ? how : 0,
	    .done = told,
	    .owner = asker};

	if (asker->task != NULL)
		return;
	*asker = (struct asker){.number = ++play.asked};
	spec.user = asker->number;
	if (spec.kind == JOB_HASH) {
		CHECK(secret_append(&password, &asker->number, sizeof(asker->number)) ==
		      0);
		spec.password = &password;
	}
	spec.client = client_get(&world->fe.clients, &peer);
	CHECK(spec.client != NULL);
	if (dispatch_submit(world->fe.dispatch, &spec, &asker->task, &retry_after) !=
	    ADMITTED) {
		CHECK(retry_after >= 1 && retry_after <= ADMISSION_RETRY_MAX);
		asker->task = NULL;
	}
	client_put(spec.client); /* its jobs hold it */
	secret_free(&password);
}

static void step_leave(void)
{
	struct asker *asker = &play.askers[tape_byte(&play.tape) % ASKERS];

	if (asker->task == NULL)
		return;
	dispatch_cancel(world->fe.dispatch, asker->task);
	asker->task = NULL;
}

/* --- hashers */

static void step_take(void)
{
	struct held *held = &play.held[play.held_count];
	unsigned pool = tape_byte(&play.tape) % WORLD_POOLS;

	if (play.held_count == HELD || !world_take(pool, &held->job))
		return;
	held->pool = pool;
	held->asker = (unsigned)held->job.user;
	if (held->job.kind == JOB_HASH) {
		CHECK(held->job.password_len == sizeof(held->asker));
		memcpy(&held->asker, held->job.password, sizeof(held->asker));
	}
	held->job.password = NULL;
	play.held_count++;
}

static struct held *some_held(void)
{
	uint8_t which = tape_byte(&play.tape);

	return play.held_count > 0 ? &play.held[which % play.held_count] : NULL;
}

static void held_drop(struct held *held)
{
	*held = play.held[--play.held_count];
}

static void step_answer(void)
{
	struct held *held = some_held();
	uint8_t how = tape_byte(&play.tape);
	char text[32];

	if (held == NULL)
		return;
	snprintf(text, sizeof(text), "for %u", held->asker);
	world_answer(held->pool, &held->job,
	    (enum job_status)(1 + how % (JOB_STATUS_END - 1)), text);
	if (how < 128) /* else it will answer once more */
		held_drop(held);
}

static void fake_send(unsigned pool, const void *bytes, size_t len, int fd)
{
	(void)attach_send(world->hashers[pool], bytes, len, fd);
}

/* What stands about a job in a reply to it, with one of the two bent. */
static void reply_bend(struct job_reply *reply, const struct job *job, uint8_t how)
{
	reply->id = job->id;
	reply->flight = job->flight;
	if ((how & 0x40) != 0)
		reply->flight = (job->flight + 1) % LIMIT_FLIGHTS;
	else if ((how & 0x20) != 0)
		reply->id += UINT64_C(1) << JOB_ID_COUNTER_BITS;
}

/* A lie: to a real job on another link, to one that is not quite real, or to nobody's.
 * Its text is for nobody, so that whoever is told it complains. */
static void step_lie(void)
{
	const struct held *held = some_held();
	uint8_t how = tape_byte(&play.tape);
	struct job_reply reply = {.status = JOB_OK, .text = "a lie", .text_len = 5};
	unsigned pool = how % WORLD_POOLS;
	uint8_t message[JOB_REPLY_MAX];
	ssize_t len;

	tape_fill(&play.tape, &reply.id, 1 + how % sizeof(reply.id));
	reply.id &= (UINT64_C(1) << JOB_ID_COUNTER_BITS) - 1;
	reply.flight = tape_byte(&play.tape) * 2U;
	if (held != NULL && ((how & 0x60) != 0 || pool != held->pool))
		reply_bend(&reply, &held->job, how);
	len = job_reply_encode(&reply, message, sizeof(message));
	if (len > 0)
		fake_send(pool, message, (size_t)len, -1);
}

static void step_rubbish(void)
{
	uint8_t how = tape_byte(&play.tape);
	uint8_t bytes[JOB_REPLY_MAX + 64];
	size_t len = how & 0x40 ? how * 16U % sizeof(bytes) : how % 64;

	tape_fill(&play.tape, bytes, len);
	fake_send(how % WORLD_POOLS, bytes, len, (how & 0x80) ? world->master : -1);
}

/* Into the slot of a hasher, wherever and whatever. */
static void step_scribble(void)
{
	unsigned number = 1 + tape_byte(&play.tape) % (WORLD_SLOTS - 1);
	struct board_slot *slot = board_slot(&world->child.board, number);
	uint8_t how = tape_byte(&play.tape);
	const struct held *held = some_held();

	switch (how % 4) {
	case 0:
		tape_fill(&play.tape, &slot->hasher, sizeof(slot->hasher));
		break;
	case 1:
		atomic_store(&slot->hasher.taking, how / 4);
		break;
	case 2:
		if (held != NULL)
			atomic_store(
			    &slot->hasher.claim[how / 4 % LIMIT_STREAMS], held->job.id);
		break;
	default:
		memset(&slot->hasher, how, sizeof(slot->hasher));
	}
}

/* --- the master */

/* A hasher has died; what it had in hand is gone, too. */
static void step_gone(void)
{
	struct held *held = some_held();
	uint8_t how = tape_byte(&play.tape);
	struct control_message message = {.kind = CONTROL_GONE,
	    .pool = how % LIMIT_POOLS,
	    .cause = how / 16 % (CONTROL_CAUSE_CRASHED + 1U),
	    .taking = tape_byte(&play.tape) % 3};

	if (held != NULL) {
		message.pool = held->pool;
		message.claim[message.claims++] = held->job.id;
		held_drop(held);
	}
	dispatch_hasher_gone(world->fe.dispatch, &message);
}

/* As the slot of a liar says it: whatever control_recv_fd() lets through. */
static void step_gone_lie(void)
{
	struct control_message message, heard;
	int log = -1;

	tape_fill(&play.tape, &message, sizeof(message));
	message.kind = CONTROL_GONE;
	message.pool %= LIMIT_POOLS + 1;
	message.claims %= LIMIT_STREAMS + 2;
	message.cause %= CONTROL_CAUSE_CRASHED + 2;
	message.taking %= 4;
	if (play.held_count > 0)
		message.claim[0] = play.held[0].job.id;
	CHECK(link_send(world->master, &message, sizeof(message)) == LINK_OK);
	if (control_recv_fd(world->child.control, &heard, &log) == LINK_OK)
		dispatch_hasher_gone(world->fe.dispatch, &heard);
	CHECK(log == -1);
}

static void step_head(void)
{
	struct board_head *head = board_head(&world->child.board);
	uint8_t how = tape_byte(&play.tape);

	atomic_store(&head->alive[how % WORLD_POOLS], how / 8 % (WORLD_PLACES + 1));
	atomic_store(&head->throttled[how % WORLD_POOLS], how >> 7);
}

static void step_pass(void)
{
	uint8_t how = tape_byte(&play.tape);

	world_pass(how < 128 ? how : (how - 127U) * 20);
}

/* --- all of it */

typedef void step_fn(void);
static step_fn *const steps[] = {world_turn, step_ask, step_ask, step_leave, step_take,
    step_take, step_answer, step_answer, step_lie, step_rubbish, step_scribble,
    step_gone, step_gone_lie, step_head, step_pass};

static void calm(void)
{
	struct board_head *head = board_head(&world->child.board);

	for (unsigned slot = 1; slot < WORLD_SLOTS; slot++)
		board_slot_reset(board_slot(&world->child.board, slot), 0);
	for (unsigned pool = 0; pool < WORLD_POOLS; pool++) {
		atomic_store(&head->alive[pool], 1);
		atomic_store(&head->throttled[pool], 0);
	}
	/* whoever still waits leaves: his job's text would not be what he expects */
	for (unsigned i = 0; i < ASKERS; i++)
		if (play.askers[i].task != NULL)
			dispatch_cancel(world->fe.dispatch, play.askers[i].task);
	/* lost jobs are found long after their deadline */
	world_pass(WORLD_DEADLINE_MS + 2 * LADDER_KILL_GRACE_MS);
	world_turn();
	world_pass(2 * LADDER_KILL_GRACE_MS);
	world_calm();
}

static unsigned lowest_free_fd(void)
{
	int fd = dup(world->master);

	CHECK(fd >= 0);
	close(fd);
	return (unsigned)fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned fd = lowest_free_fd();

	play = (struct play){.tape = {data, size}};
	for (unsigned i = 0; i < STEPS && play.tape.left > 0; i++) {
		steps[tape_byte(&play.tape) % (sizeof(steps) / sizeof(steps[0]))]();
		world_check_wanted();
		if (i % 8 == 0)
			world_heard(CONTROL_SUSPECT);
	}
	calm();
	CHECK(lowest_free_fd() == fd);
	return 0;
}
