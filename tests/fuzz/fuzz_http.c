/*
 * HTTP through a connection: bytes of one client, in pieces, answered by hashers that
 * answer at once. It must be so that
 *   - every answer is one that llhttp understands, and none follows the last one;
 *   - there is one answer for each request that another reader finds in the stream, in
 *     order, and at most one more, which refuses and closes;
 *   - a hash is that of the password in the path of its own request;
 *   - the same bytes in other pieces get the same answers;
 *   - when the client has gone nothing is left: no connection, job, or byte.
 *
 * Input: flags, the seed of the pieces (with FLAG_LATE, of the last bytes), and what
 * the client sends.
 */
#include "frontend/conn.h"
#include "frontend/percent.h"
#include "tests/fuzz/frontend_world.h"
#include "tests/fuzz/http_oracle.h"

enum {
	FLAG_NO_SEED = 1,
	FLAG_DRAINING = 2,
	FLAG_ACCESS_LOG = 4,
	FLAG_HEAVY = 8,
	FLAG_LATE = 16
};
enum { PIECES_MAX = 48, ANSWERS_ROOM = 1 << 18, QUIET_TURNS = 3 };

/* One connection, and what came back. */
struct session {
	int fd;
	bool closed;
	size_t len;
	char bytes[ANSWERS_ROOM];
	struct answer answers[ORACLE_MESSAGES];
	unsigned count;
};

static struct session one, other;
static struct oracle oracle;

/* --- a client */

static void session_open(struct session *s)
{
	s->len = s->count = 0;
	s->closed = false;
	s->fd = world_connect(0);
}

static bool session_receive(struct session *s)
{
	ssize_t n = recv(s->fd, s->bytes + s->len, sizeof(s->bytes) - s->len, 0);

	CHECK(s->len < sizeof(s->bytes));
	if (n > 0)
		s->len += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		s->closed = true;
	return n > 0;
}

/* Until nothing happens any more. */
static void session_settle(struct session *s)
{
	for (unsigned quiet = 0; quiet < QUIET_TURNS; quiet++) {
		world_turn();
		if (world->fe.waiting > 0 && world_answer_all() > 0)
			quiet = 0;
		if (!s->closed && session_receive(s))
			quiet = 0;
	}
}

static void session_send(struct session *s, const char *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = send(s->fd, data + at, len - at, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return; /* it has had enough of us */
		at += n > 0 ? (size_t)n : 0;
		session_settle(s);
	}
}

static void session_close(struct session *s)
{
	close(s->fd);
	for (unsigned i = 0; i < 4; i++)
		world_turn();
	world_check_deserted();
}

/* --- what it got */

static enum asked asked_for(unsigned number)
{
	if (number >= oracle.count)
		return ASKED_UNKNOWN;
	return oracle.requests[number].is_head ? ASKED_HEAD : ASKED_OTHER;
}

static void session_read_answers(struct session *s)
{
	size_t at = 0, used = 1;

	while (at < s->len && used > 0) {
		struct answer *answer = &s->answers[s->count];

		CHECK(s->count == 0 || !answer[-1].close);
		used = answer_read(
		    answer, s->bytes + at, s->len - at, asked_for(s->count));
		at += used;
		if (used > 0 && answer->status >= 200)
			s->count++;
	}
	CHECK(at == s->len);
}

/* Is it the hash of what stands in the path? */
static void answer_check_hash(
    const struct answer *answer, const char *rest, size_t len, const char *prefix)
{
	struct secret password = {0};
	char text[24], whole[64];

	CHECK(percent_decode(&password, rest, len) == 0);
	CHECK(password.len <= world->config.max_password);
	world_text(password.data, password.len, text);
	snprintf(whole, sizeof(whole), "%s%s", prefix, text);
	CHECK(answer->len == strlen(whole) &&
	      memcmp(answer->body, whole, answer->len) == 0);
	secret_free(&password);
}

static void answer_check_content(
    const struct answer *answer, const struct oracle_request *request)
{
	static const char *const ways[][2] = {{"/hash/", "Hashed password: "},
	    {"/hash_rayon/", "Hashed password (Rayon): "}};
	const char *query = memchr(request->url, '?', request->url_len);
	size_t len = query != NULL ? (size_t)(query - request->url) : request->url_len;

	if (answer->status != 200 || !request->is_get ||
	    memchr(request->url, '#', request->url_len) != NULL)
		return;
	for (size_t i = 0; i < 2; i++) {
		size_t skip = strlen(ways[i][0]);

		if (len >= skip && memcmp(request->url, ways[i][0], skip) == 0)
			answer_check_hash(
			    answer, request->url + skip, len - skip, ways[i][1]);
	}
}

static void session_check(struct session *s)
{
	const struct answer *last;

	session_read_answers(s);
	CHECK(s->count <= oracle.count + 1);
	for (unsigned i = 0; i < s->count && i < oracle.count; i++)
		answer_check_content(&s->answers[i], &oracle.requests[i]);
	if (!s->closed) {
		CHECK(s->count == oracle.count && !oracle.ended);
		return;
	}
	CHECK(s->count > 0);
	last = &s->answers[s->count - 1];
	CHECK(last->close);
	if (s->count > oracle.count)
		CHECK(last->status >= 400);
}

/* Has it got all answers of the other one, and then a refusal? */
static bool refused_earlier(const struct session *s, const struct session *than)
{
	return s->closed && !than->closed && s->count == than->count + 1 &&
	       is_refusal(s->answers[than->count].status);
}

/* Its last answer refuses, and closes the connection in front of a body that had not
 * come; the other one's body was there. */
static bool body_unawaited(const struct session *s, const struct session *than)
{
	const struct answer *last = s->answers + s->count;

	return s->closed && s->count > 0 && s->count <= than->count &&
	       last[-1].status >= 400 && last[-1].close;
}

/* Two that stop at different bytes may see different faults first, and the same fault
 * (too many empty lines) with the first byte of a request or at its end. */
static void sessions_compare(void)
{
	unsigned count = one.count < other.count ? one.count : other.count;

	CHECK((one.closed == other.closed && one.count == other.count) ||
	      refused_earlier(&one, &other) || refused_earlier(&other, &one) ||
	      body_unawaited(&one, &other) || body_unawaited(&other, &one));
	for (unsigned i = 0; i < count; i++) {
		const struct answer *a = &one.answers[i], *b = &other.answers[i];

		if (is_refusal(a->status) && is_refusal(b->status) && a->close)
			continue;
		if (a->status >= 400 && b->status >= 400 && (a->close || b->close))
			continue;
		CHECK(a->status == b->status && a->close == b->close);
		CHECK(a->len == b->len && memcmp(a->body, b->body, a->len) == 0);
	}
}

static void session_send_pieces(
    struct session *s, const char *data, size_t len, uint64_t pieces)
{
	unsigned shift = (unsigned)pieces % 8;

	for (unsigned i = 0; len > 0; i++) {
		size_t piece = 1 + fuzz_random(&pieces) % (1U << shift);

		if (shift == 7 || i >= PIECES_MAX || piece > len)
			piece = len;
		session_send(s, data, piece);
		data += piece;
		len -= piece;
	}
}

static void session_run(
    struct session *s, const char *data, size_t len, uint64_t pieces, size_t first)
{
	uint64_t requests = atomic_load(&world->child.slot->frontend.requests);

	session_open(s);
	session_send(s, data, first);
	session_send_pieces(s, data + first, len - first, pieces);
	session_settle(s);
	session_check(s);
	requests = atomic_load(&world->child.slot->frontend.requests) - requests;
	CHECK(requests == s->count);
	session_close(s);
}

/* Whether the body is asked for depends on whether it has come already. */
static bool expects(const char *data, size_t len)
{
	for (size_t i = 0; i + 6 <= len; i++)
		if (strncasecmp(data + i, "expect", 6) == 0)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape tape = {data, size};
	uint8_t flags = tape_byte(&tape);
	uint64_t pieces = UINT64_C(1) << 32 | tape_byte(&tape);
	size_t len = tape.left < 4096 ? tape.left : 4096;
	char text[4096 + 1];
	size_t first =
	    (flags & FLAG_LATE) != 0 && len > PIECES_MAX ? len - PIECES_MAX : 0;

	memcpy(text, tape.at, len);
	text[len] = '\0';
	world->config.seed_routes = (flags & FLAG_NO_SEED) == 0;
	world->config.access_log = (flags & FLAG_ACCESS_LOG) != 0;
	world->config.max_body = (flags & FLAG_HEAVY) != 0 ? 1024 : 64;
	world->fe.draining = (flags & FLAG_DRAINING) != 0;
	oracle_read(&oracle, text, len);
	session_run(&one, text, len, pieces, first);
	if (!expects(text, len)) {
		session_run(&other, text, len, 1, len);
		sessions_compare();
	}
	world_calm();
	return 0;
}
