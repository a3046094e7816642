/*
 * The memory of all connections of a frontend, which frontend.memory_limit bounds: what
 * we hold for them, and what the kernel holds in their sockets.
 *
 * Ours is counted. The kernel's is estimated from above: what we have sent may still
 * lie there, and so may what a client sends while we do not read. Only where the sum of
 * the estimates is too much is the kernel asked, socket by socket (SO_MEMINFO), and
 * once a second where there are so many connections that it could be: segments that
 * come out of order fill a socket without a word to us.
 *
 * When it is too much after all, connections have to go until a quarter is free again:
 * first those whose clients do not take their answers, then others; those first that
 * have had most for longest. Who has no more than an equal share is never among them:
 * when all of those with more are gone, it is not too much.
 */
#include <sys/socket.h>

#include <linux/sock_diag.h>

#include "common/clock.h"
#include "common/log.h"
#include "frontend/conn_state.h"
#include "frontend/frontend.h"

enum {
	SEND_OVERHEAD = 1024, /* of the kernel, for each piece that we send */
	/* The kernel counts twice what it is told, and adds a last piece. */
	SEND_MOST = 2 * LIMIT_SEND_BUFFER + (32 << 10),
	UNIX_MOST =
	    2 * 212992, /* of a client's Unix socket, where nobody has raised it */
	/* So much may be on its way to a client that takes it: it is not looked after.
	 */
	UNSENT_FEW = 8192,
	FREED = 4, /* the part of the limit that is freed, when it is reached */
};

static const double LOOK_SECONDS = 1.;

/* What the kernel may hold for a client that we do not read from. */
static uint32_t receive_most(const struct conn *conn)
{
	return conn->peer.kind == CONN_PEER_UNIX
	           ? UNIX_MOST
	           : 2 * config_receive_buffer(conn->frontend->config);
}

static uint64_t memory_used(const struct frontend *fe)
{
	return fe->memory.ours + fe->memory.kernel;
}

static uint64_t conn_weight(const struct conn *conn)
{
	return conn->memory + conn->unsent + conn->unread;
}

/* --- counting --- */

static void conn_set_kernel(struct conn *conn, uint32_t unsent, uint32_t unread)
{
	struct frontend *fe = conn->frontend;

	fe->memory.kernel -= conn->unsent;
	fe->memory.kernel -= conn->unread;
	conn->unsent = unsent;
	conn->unread = unread;
	fe->memory.kernel += conn->unsent;
	fe->memory.kernel += conn->unread;
}

static size_t conn_ours(const struct conn *conn)
{
	const struct request *request = conn->request;
	size_t bytes = conn->rest.cap + conn->out_len;

	if (request != NULL)
		bytes += sizeof(*request) + request->head.cap;
	if (request != NULL && request->sink.context != NULL)
		bytes += request->sink.bytes(request->sink.context);
	if (conn->id_kept != NULL)
		bytes += conn->id.len;
	if (conn->task != NULL)
		bytes += dispatch_task_bytes(conn->task);
	return bytes;
}

static void memory_look(struct ev_loop *loop, struct ev_timer *w, int events);

void conn_memory_count(struct conn *conn)
{
	struct frontend *fe = conn->frontend;
	const size_t bytes = conn_ours(conn);

	fe->memory.ours -= conn->memory;
	fe->memory.ours += bytes;
	conn->memory = bytes;
	/* not from here: whoever called us may go through all connections */
	if (memory_used(fe) > config_frontend_buffers(fe->config))
		ev_feed_event(fe->loop, &fe->memory.look, EV_CUSTOM);
}

void conn_memory_sent(struct conn *conn, size_t len)
{
	const size_t unsent = conn->unsent + len + SEND_OVERHEAD;

	conn_set_kernel(
	    conn, unsent < SEND_MOST ? (uint32_t)unsent : SEND_MOST, conn->unread);
}

void conn_memory_reads(struct conn *conn, bool reads)
{
	conn_set_kernel(conn, conn->unsent, reads ? 0 : receive_most(conn));
}

void conn_memory_begin(struct frontend *fe)
{
	if (ev_is_active(&fe->memory.look))
		return;
	ev_timer_init(&fe->memory.look, memory_look, LOOK_SECONDS, LOOK_SECONDS);
	fe->memory.look.data = fe;
	ev_timer_start(fe->loop, &fe->memory.look);
}

void conn_memory_end(struct conn *conn)
{
	struct frontend *fe = conn->frontend;

	conn_set_kernel(conn, 0, 0);
	fe->memory.ours -= conn->memory;
	conn->memory = 0;
	if (fe->conn_count == 0)
		ev_timer_stop(fe->loop, &fe->memory.look);
}

/* --- asking the kernel --- */

/* A Unix socket does not know what has been sent to it: that is counted by the other
 * one. */
static uint32_t unix_unread(const struct conn *conn)
{
	char byte;

	return conn->unread > 0 &&
	               recv(conn->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0
	           ? UNIX_MOST
	           : 0;
}

/* Who sends ahead while we do not read may go on with it. One that is paused has not,
 * as a rule. */
static bool conn_may_send_ahead(const struct conn *conn)
{
	return (conn->io.events & EV_READ) == 0 && !conn->half_closed &&
	       conn->state != CONN_PAUSED;
}

/* Where the kernel does not tell (before Linux 4.12, and others that look like it), the
 * sizes of the sockets' buffers are all that bounds it. */
static void conn_ask_kernel(struct conn *conn)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);
	uint32_t unsent, unread;

	if (getsockopt(conn->io.fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0)
		len = 0;
	if (len < sizeof(info[0]) * (SK_MEMINFO_WMEM_QUEUED + 1)) {
		conn_set_kernel(conn, 0, 0);
		return;
	}
	unsent = info[SK_MEMINFO_WMEM_QUEUED];
	if (unsent < info[SK_MEMINFO_WMEM_ALLOC])
		unsent = info[SK_MEMINFO_WMEM_ALLOC];
	unread = conn->peer.kind == CONN_PEER_UNIX ? unix_unread(conn)
	                                           : info[SK_MEMINFO_RMEM_ALLOC];
	if (conn_may_send_ahead(conn) && unread < receive_most(conn))
		unread = receive_most(conn);
	conn_set_kernel(conn, unsent, unread);
}

/* All that have something, or all. */
static void memory_ask_kernel(struct frontend *fe, bool all)
{
	struct conn *conn;

	TAILQ_FOREACH(conn, &fe->conns, entry)
	if (all || conn->unsent > 0 || conn->unread > 0)
		conn_ask_kernel(conn);
}

bool conn_has_unsent(struct conn *conn)
{
	if (conn->unsent > UNSENT_FEW)
		conn_ask_kernel(conn);
	return conn->unsent > UNSENT_FEW;
}

/* --- who has to go --- */

static bool conn_takes_answers(const struct conn *conn)
{
	return conn->out == NULL && conn->unsent <= UNSENT_FEW;
}

void conn_cut(struct conn *conn)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(conn->io.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn_set_kernel(conn, 0, conn->unread);
	conn->gone = true;
}

/* Is there a client to be told, which sends a request and takes answers? */
static bool conn_can_be_told(const struct conn *conn)
{
	return conn_takes_answers(conn) && conn->request != NULL &&
	       request_started(conn->request);
}

static void conn_shed(struct conn *conn)
{
	const bool told = conn_can_be_told(conn);

	conn->busy = true;
	if (told) {
		conn_drop_request(conn, conn->request);
		conn->is_head = false;
		conn_reject(conn, PROBLEM_MEMORY_BUDGET, NULL, CONN_LINGER_BODY);
	}
	if (!told || conn->out != NULL)
		conn_cut(conn);
	conn_settle(conn);
}

/* Bytes for which time: what is large only now is taken soon, by a client that reads.
 */
static uint64_t conn_burden(const struct conn *conn, uint64_t now)
{
	return conn_weight(conn) * (1 + conn_waits_ns(conn, now) * 1000 / NS_PER_MS);
}

/* What is shed together. */
struct shed {
	uint64_t now;
	uint64_t share; /* bytes: those who have no more stay */
	uint64_t most;  /* bytes of all: it is enough then */
	bool readers;   /* also those whose clients take their answers */
	unsigned count; /* connections that had to go */
};

static bool shed_concerns(const struct shed *shed, const struct conn *conn)
{
	return conn_weight(conn) > shed->share &&
	       (shed->readers || !conn_takes_answers(conn));
}

static uint64_t shed_largest(const struct frontend *fe, const struct shed *shed)
{
	const struct conn *conn;
	uint64_t most = 0;

	TAILQ_FOREACH(conn, &fe->conns, entry)
	if (shed_concerns(shed, conn) && conn_burden(conn, shed->now) > most)
		most = conn_burden(conn, shed->now);
	return most;
}

/* Those of at least that burden. */
static void shed_from(struct frontend *fe, struct shed *shed, uint64_t burden)
{
	struct conn *conn, *next;

	for (conn = TAILQ_FIRST(&fe->conns);
	     conn != NULL && memory_used(fe) > shed->most; conn = next) {
		next = TAILQ_NEXT(conn, entry);
		if (!shed_concerns(shed, conn) || conn_burden(conn, shed->now) < burden)
			continue;
		conn_shed(conn);
		shed->count++;
	}
}

/* Returns how many had to go. */
static unsigned memory_shed(struct frontend *fe, uint64_t most, bool readers)
{
	struct shed shed = {.now = clock_ns(),
	    .share = most / (fe->conn_count > 0 ? fe->conn_count : 1),
	    .most = most,
	    .readers = readers};
	uint64_t burden;

	while (memory_used(fe) > most && (burden = shed_largest(fe, &shed)) > 0)
		shed_from(fe, &shed, burden / 2);
	return shed.count;
}

static void memory_tell(const struct frontend *fe, unsigned deaf, unsigned others)
{
	static struct log_limit limit;
	char size[32];

	log_limited(&limit, LOG_LEVEL_WARNING,
	    "frontend.memory_limit: connections had %s in buffers; closed %u whose "
	    "clients do not take their answers, and %u others",
	    config_size_text(config_frontend_buffers(fe->config), size, sizeof(size)),
	    deaf, others);
}

static void memory_free(struct frontend *fe)
{
	const uint64_t limit = config_frontend_buffers(fe->config),
	               most = limit - limit / FREED;
	unsigned deaf, others;

	if (memory_used(fe) <= limit)
		return;
	deaf = memory_shed(fe, most, false);
	others = memory_shed(fe, most, true);
	memory_tell(fe, deaf, others);
}

/* Could all of them together have too much? */
static bool memory_may_be_full(const struct frontend *fe)
{
	const uint64_t each = SEND_MOST + 2 * config_receive_buffer(fe->config);

	return fe->memory.ours + fe->conn_count * each >
	       config_frontend_buffers(fe->config);
}

static void memory_look(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct frontend *fe = w->data;
	const bool all = (events & EV_CUSTOM) == 0;

	(void)loop;
	if (all && !memory_may_be_full(fe))
		return;
	memory_ask_kernel(fe, all);
	memory_free(fe);
}
