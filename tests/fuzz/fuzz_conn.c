/*
 * Connections under everything that can happen to them at once: several clients that
 * send, read or do not read, half-close, vanish; hashers that answer, refuse, fail,
 * die; time that passes; a frontend that drains. It must be so that
 *   - no answer reaches another client: a hash is one of a password of its own client;
 *   - no client gets more answers than it can have asked for;
 *   - when all have gone nothing is left: no connection, job, or byte.
 *
 * Input: a tape of steps. A step is a byte: what is done, and by which client.
 */
#include "frontend/conn.h"
#include "tests/fuzz/frontend_world.h"

enum { CLIENTS = 4, STEPS = 192, HELD = 16, TOKEN_ROOM = 1 << 18, NARROW = 2048 };

struct visitor {
	int fd; /* -1: not there */
	bool vanished;
	unsigned number; /* part of each of its passwords; nobody guesses one */
	size_t sent;     /* bytes */
	size_t len;
	char got[TOKEN_ROOM];
};

/* A job that a hasher has taken, and what it will answer. */
struct held {
	struct job job;
	unsigned pool;
	char text[64];
};

static struct play {
	struct visitor clients[CLIENTS];
	uint64_t numbers;
	struct held held[HELD];
	unsigned held_count;
	struct tape tape;
} play;

/* --- clients */

static void visitor_open(struct visitor *client)
{
	client->number = fuzz_random(&play.numbers);
	client->sent = client->len = 0;
	client->fd = world_connect(NARROW);
}

static void visitor_close(struct visitor *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

static void visitor_send(struct visitor *client, const void *bytes, size_t len)
{
	ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);

	if (n > 0)
		client->sent += (size_t)n;
}

/* Every hash that it is told is of a password of its own. */
static void visitor_check(const struct visitor *client)
{
	const char *at = client->got, *end = client->got + client->len;
	unsigned number, answers = 0;

	while ((at = memmem(at, (size_t)(end - at), "of client ", 10)) != NULL) {
		at += 10;
		CHECK(sscanf(at, "%u.", &number) == 1 && number == client->number);
	}
	for (at = client->got;
	     (at = memmem(at, (size_t)(end - at), "\r\nX-Request-Id: ", 16)) != NULL;
	     at += 16)
		answers++;
	/* the shortest request that is answered at all is a bad byte, and it is the
	 * last one; any other needs a line */
	CHECK(answers <= client->sent / sizeof("GET / HTTP/1.0\r\n\r") + 1);
}

static void visitor_receive(struct visitor *client)
{
	ssize_t n = recv(client->fd, client->got + client->len,
	    sizeof(client->got) - 1 - client->len, 0);

	if (n > 0)
		client->len += (size_t)n;
	client->got[client->len] = '\0';
	visitor_check(client);
}

/* --- what a client can do */

typedef void visitor_step(struct visitor *client);

/* A request that is as it should be, for a password that names its client. */
static void ask_hash(struct visitor *client)
{
	uint8_t how = tape_byte(&play.tape);
	char text[256];
	int n = snprintf(text, sizeof(text),
	    "%s /hash%s/client%%20%u.%u HTTP/1.%d\r\nHost: a\r\n%s%s\r\n",
	    how & 1 ? "HEAD" : "GET", how & 2 ? "_rayon" : "", client->number,
	    (unsigned)how >> 5, (how & 4) == 0, how & 8 ? "X-Request-Id: me\r\n" : "",
	    how & 16 ? "Connection: close\r\n" : "");

	visitor_send(client, text, (size_t)n);
}

static void ask_user(struct visitor *client)
{
	static const char text[] = "GET /user/7 HTTP/1.1\r\nHost: a\r\n"
	                           "Content-Length: 2\r\n\r\nxx";

	visitor_send(client, text, sizeof(text) - 1);
}

static void ask_hello(struct visitor *client)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	                           "GET /livez?verbose HTTP/1.1\r\nHost: a\r\n\r\n";

	visitor_send(client, text, sizeof(text) - 1);
}

static void ask_much(struct visitor *client)
{
	unsigned count = 1 + tape_byte(&play.tape) % 64U;

	for (unsigned i = 0; i < count; i++)
		ask_hello(client);
}

static void ask_body(struct visitor *client)
{
	static const char text[] = "POST /user/7 HTTP/1.1\r\nHost: a\r\nExpect: "
	                           "100-continue\r\nContent-Length: 9\r\n\r\n";
	static const char chunks[] = "GET /user/7 HTTP/1.1\r\nHost: a\r\n"
	                             "Transfer-Encoding: chunked\r\n\r\n3;a\r\nabc\r\n";

	if (tape_byte(&play.tape) % 2 == 0)
		visitor_send(client, text, sizeof(text) - 1);
	else
		visitor_send(client, chunks, sizeof(chunks) - 1);
}

static void send_any(struct visitor *client)
{
	size_t got;
	const uint8_t *bytes = tape_bytes(&play.tape, tape_byte(&play.tape), &got);

	if (got > 0)
		visitor_send(client, bytes, got);
}

static void send_end(struct visitor *client)
{
	static const char *const ends[] = {
	    "0\r\n\r\n", "\r\n\r\n", "GET /user/1 HTTP/1.1\r\nHo", "xxxxxxxxx"};
	const char *end = ends[tape_byte(&play.tape) % 4];

	visitor_send(client, end, strlen(end));
}

static void half_close(struct visitor *client)
{
	shutdown(client->fd, SHUT_WR);
}

/* --- what else can happen: the client is of no interest */

static void turn(struct visitor *client)
{
	(void)client;
	world_turn();
}

static void take(struct visitor *client)
{
	unsigned pool = (unsigned)(client - play.clients) % WORLD_POOLS;
	struct held held = {.pool = pool};
	const struct job *job = &held.job;
	int len = (int)sizeof(held.text) / 2;

	if (play.held_count == HELD || !world_take(pool, &held.job))
		return;
	if (job->password_len < (size_t)len)
		len = (int)job->password_len;
	if (job->kind == JOB_HASH)
		snprintf(held.text, sizeof(held.text), "of %.*s", len,
		    (const char *)job->password);
	else
		snprintf(
		    held.text, sizeof(held.text), "user %lld", (long long)job->user);
	for (char *c = held.text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	held.job.password = NULL;
	play.held[play.held_count++] = held;
}

static void answer(struct visitor *client)
{
	uint8_t how = tape_byte(&play.tape);
	unsigned which, status = how % 16 < JOB_STATUS_END ? how % 16 : JOB_OK;

	(void)client;
	if (play.held_count == 0)
		return;
	which = how / 16U % play.held_count;
	world_answer(play.held[which].pool, &play.held[which].job,
	    status > 0 ? (enum job_status)status : JOB_OK, play.held[which].text);
	play.held[which] = play.held[--play.held_count];
}

static void hasher_dies(struct visitor *client)
{
	uint8_t how = tape_byte(&play.tape);
	struct control_message message = {
	    .kind = CONTROL_GONE, .cause = how % 3, .taking = how / 4 % 2, .claims = 1};
	unsigned which;

	(void)client;
	if (play.held_count == 0)
		return;
	which = how / 8U % play.held_count;
	message.pool = play.held[which].pool;
	message.claim[0] = play.held[which].job.id;
	play.held[which] = play.held[--play.held_count];
	dispatch_hasher_gone(world->fe.dispatch, &message);
}

static void time_passes(struct visitor *client)
{
	static const uint16_t spans[] = {1, 20, 100, 500, 1000, 2000, 5000, 11000};

	(void)client;
	world_pass(spans[tape_byte(&play.tape) % 8]);
	world_turn();
}

static void circumstances(struct visitor *client)
{
	uint8_t how = tape_byte(&play.tape);

	(void)client;
	world->fe.draining = (how & 1) != 0;
	world->config.seed_routes = (how & 2) == 0;
	world->config.access_log = (how & 4) != 0;
	world->config.max_body = (how & 8) != 0 ? 4 : 1024;
	atomic_store(&board_head(&world->child.board)->alive[0], (how & 16) == 0);
	atomic_store(&board_head(&world->child.board)->throttled[0], (how & 32) != 0);
	world->fe.pause.ms = (how >> 6) * 300U; /* for the next 100 ms at least */
}

/* --- all of it */

static visitor_step *const steps[] = {turn, ask_hash, take, answer, ask_user, ask_hello,
    ask_much, ask_body, send_any, send_end, visitor_receive, half_close, visitor_close,
    hasher_dies, time_passes, circumstances};

static void end_all(void)
{
	struct board_head *head = board_head(&world->child.board);

	world->fe.draining = false;
	world->fe.pause = (struct pause){0};
	atomic_store(&head->alive[0], 1);
	atomic_store(&head->throttled[0], 0);
	for (unsigned i = 0; i < CLIENTS; i++) {
		if (play.clients[i].fd >= 0)
			visitor_receive(&play.clients[i]);
		visitor_close(&play.clients[i]);
	}
	while (play.held_count > 0) {
		play.held_count--;
		world_answer(play.held[play.held_count].pool,
		    &play.held[play.held_count].job, JOB_DROPPED, "");
	}
	world_pass(WORLD_DEADLINE_MS + 2 * LADDER_KILL_GRACE_MS);
	world_turn();
	world_pass(2 * LADDER_KILL_GRACE_MS);
	world_calm();
	world_check_deserted();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	play.numbers = UINT64_C(0x6a09e667f3bcc908);
	play.held_count = 0;
	play.tape = (struct tape){data, size};
	world->config.hello_delay_ms = 20;
	for (unsigned i = 0; i < CLIENTS; i++)
		play.clients[i].fd = -1;
	for (unsigned i = 0; i < STEPS && play.tape.left > 0; i++) {
		uint8_t step = tape_byte(&play.tape);
		struct visitor *client = &play.clients[step / 16 % CLIENTS];

		if (client->fd < 0)
			visitor_open(client);
		steps[step % 16](client);
		if (step >= 128)
			world_turn();
		CHECK(world->fe.conn_count < STEPS);
		world_check_wanted();
	}
	end_all();
	return 0;
}
