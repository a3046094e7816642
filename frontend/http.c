#include "frontend/http.h"

#include <string.h>
#include <strings.h>

#include <bsd/string.h>

_Static_assert(HTTP_HEAD_MAX <= UINT16_MAX, "a part's offset fits into its type");

static const struct {
	const char *name;
	size_t len;
} field_names[HEADER_END] = {
    [HEADER_HOST] = {"Host", 4},
    [HEADER_CONTENT_LENGTH] = {"Content-Length", 14},
    [HEADER_TRANSFER_ENCODING] = {"Transfer-Encoding", 17},
    [HEADER_EXPECT] = {"Expect", 6},
    [HEADER_CONTENT_TYPE] = {"Content-Type", 12},
    [HEADER_AUTHORIZATION] = {"Authorization", 13},
    [HEADER_X_REQUEST_ID] = {"X-Request-Id", 12},
};

bool text_is(struct text text, const char *string)
{
	size_t len = strlen(string);

	return text.len == len && memcmp(text.at, string, len) == 0;
}

bool text_is_nocase(struct text text, const char *string)
{
	size_t len = strlen(string);

	return text.len == len && strncasecmp(text.at, string, len) == 0;
}

size_t text_until(struct text text, const char *stops)
{
	for (; *stops != '\0' && text.len > 0; stops++) {
		const char *stop = memchr(text.at, *stops, text.len);

		if (stop != NULL)
			text.len = (size_t)(stop - text.at);
	}
	return text.len;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct text text_trim(struct text text)
{
	while (text.len > 0 && is_blank(*text.at)) {
		text.at++;
		text.len--;
	}
	while (text.len > 0 && is_blank(text.at[text.len - 1]))
		text.len--;
	return text;
}

static struct text part_text(const struct request *request, struct part part)
{
	return (struct text){request->base + part.at, part.len};
}

/* A span may come in pieces, but they lie side by side. */
static void part_extend(
    const struct request *request, struct part *part, const char *at, size_t len)
{
	if (part->len == 0)
		part->at = (uint16_t)(at - request->base);
	part->len = (uint16_t)(part->len + len);
}

static size_t request_fail(
    struct request *request, enum problem problem, const char *detail)
{
	request->state = REQUEST_BAD;
	request->problem = problem;
	request->detail = detail;
	return 0;
}

/* For a callback: what makes llhttp stop. */
static int parse_fail(struct request *request, enum problem problem, const char *detail)
{
	request_fail(request, problem, detail);
	return HPE_USER;
}

static int on_name(llhttp_t *parser, const char *at, size_t len)
{
	struct request *request = parser->data;

	part_extend(request, &request->name, at, len);
	return HPE_OK;
}

enum header header_find(struct text name)
{
	for (enum header i = 0; i < HEADER_END; i++)
		if (field_names[i].len == name.len &&
		    strncasecmp(field_names[i].name, name.at, name.len) == 0)
			return i;
	return HEADER_END;
}

static int on_name_complete(llhttp_t *parser)
{
	struct request *request = parser->data;

	if (request->name.len == 0)
		return parse_fail(
		    request, PROBLEM_BAD_REQUEST, "a header field without a name");
	if (++request->field_count > HTTP_HEADERS_MAX)
		return parse_fail(
		    request, PROBLEM_HEADER_TOO_LARGE, "too many header lines");
	request->field_now = header_find(part_text(request, request->name));
	request->name = (struct part){0};
	if (request->field_now < HEADER_END) {
		request->fields[request->field_now].value = (struct part){0};
		request->fields[request->field_now].count++;
	}
	/* versions of llhttp refuse this at different bytes */
	if (request->fields[HEADER_CONTENT_LENGTH].count > 0 &&
	    request->fields[HEADER_TRANSFER_ENCODING].count > 0)
		return parse_fail(request, PROBLEM_BAD_REQUEST,
		    "Transfer-Encoding with Content-Length");
	return HPE_OK;
}

/* What llhttp gets to see instead of a tab; see head_parse(). */
static const char blank[] = " ";

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
	struct request *request = parser->data;
	struct part *value;

	if (request->field_now == HEADER_END)
		return HPE_OK;
	value = &request->fields[request->field_now].value;
	if (at != blank)
		part_extend(request, value, at, len);
	else if (value->len > 0)
		value->len = (uint16_t)(value->len + len);
	return HPE_OK;
}

static int on_head_complete(llhttp_t *parser)
{
	(void)parser;
	return HPE_PAUSED; /* the rules are applied outside of the parser */
}

static const llhttp_settings_t settings = {
    .on_header_field = on_name,
    .on_header_field_complete = on_name_complete,
    .on_header_value = on_value,
    .on_headers_complete = on_head_complete,
};

void request_begin(struct request *request, uint64_t body_max)
{
	*request = (struct request){.body_max = body_max};
	llhttp_init(&request->parser, HTTP_REQUEST, &settings);
}

/* Runs llhttp over data[len]; *used is how far it came. A request may have been moved
 * since the last time, so that llhttp is told again where it is. */
static llhttp_errno_t parse(
    struct request *request, const char *data, size_t len, size_t *used)
{
	llhttp_errno_t err;

	request->parser.data = request;
	err = llhttp_execute(&request->parser, data, len);
	*used = err == HPE_OK ? len
	                      : (size_t)(llhttp_get_error_pos(&request->parser) - data);
	return err;
}

/* Does llhttp refuse a tab in this field's value, where the grammar allows one? */
static bool is_tab_shy(const struct request *request)
{
	return request->field_now == HEADER_CONTENT_LENGTH ||
	       request->field_now == HEADER_TRANSFER_ENCODING;
}

/* How many of data[len] llhttp can be given at once: up to the next tab; behind one in
 * another field, up to the line's end. */
static size_t head_piece(const char *data, size_t len)
{
	const bool in_value = *data == '\t';
	const char *end = memchr(data, in_value ? '\n' : '\t', len);

	return end == NULL ? len : (size_t)(end - data) + (in_value ? 1 : 0);
}

/* As parse(), with spaces for the tabs in such fields (RFC 9110 section 5.6.3). */
static llhttp_errno_t head_parse(
    struct request *request, const char *data, size_t len, size_t *used)
{
	llhttp_errno_t err = HPE_OK;
	size_t n;

	for (*used = 0; err == HPE_OK && *used < len; *used += n) {
		const char *at = data + *used;

		if (*at != '\t' || !is_tab_shy(request)) {
			err = parse(request, at, head_piece(at, len - *used), &n);
		} else if (request->tabs == HTTP_TABS_MAX) {
			n = 0;
			parse_fail(request, PROBLEM_BAD_REQUEST, "too many tabs");
			err = HPE_USER;
		} else {
			request->tabs++;
			err = parse(request, blank, 1, &n);
		}
	}
	return err;
}

static void head_complete(struct request *request)
{
	const char *detail = NULL;
	enum problem problem = policy_check_head(request, &detail);

	if (problem != PROBLEM_NONE) {
		request_fail(request, problem, detail);
	} else if (request->has_body) {
		request->state = REQUEST_BODY;
	} else {
		request->state = REQUEST_DONE; /* nothing is left for llhttp to say */
	}
}

/* What lies behind the head is not the copy's to keep. */
static void head_trim(struct request *request)
{
	struct secret *head = &request->head;

	if (head->len <= request->head_len)
		return;
	explicit_bzero(head->data + request->head_len, head->len - request->head_len);
	head->len = request->head_len;
}

/* Appends data[len] to the head that was seen so far. Returns 0, or -1 where there is
 * no memory. */
static int head_extend(struct request *request, const char *data, size_t len)
{
	if (request->head.data != NULL) {
		if (secret_append(&request->head, data, len) != 0)
			return -1;
		request->base = (const char *)request->head.data;
	} else if (request->base == NULL) {
		request->base = data;
	}
	return 0;
}

/* What llhttp did not take, in words of ours: its own differ from version to version.
 */
static const char *head_detail(llhttp_errno_t err)
{
	switch (err) {
	case HPE_INVALID_CONTENT_LENGTH:
		return "not a valid Content-Length";
	case HPE_UNEXPECTED_CONTENT_LENGTH:
		return "a second Content-Length";
	case HPE_INVALID_TRANSFER_ENCODING:
		return "a Transfer-Encoding other than chunked";
	default:
		return "not a valid header line";
	}
}

/* Where in `at` to `end` a line begins with white space; `end` where none does. */
static const char *fold_find(const char *at, const char *end)
{
	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL && ++at < end)
		if (is_blank(*at))
			return at;
	return end;
}

/* Feeds llhttp the head's bytes from `from` to `len`. A folded line is refused here:
 * versions of llhttp differ in when they do it. */
static void head_read(struct request *request, size_t from, size_t len)
{
	llhttp_errno_t err = HPE_OK;
	size_t at, used;

	for (at = from; err == HPE_OK && at < len; at += used) {
		const char *next = request->base + at;

		if (at > request->line_at && is_blank(*next) && next[-1] == '\n') {
			request_fail(
			    request, PROBLEM_BAD_REQUEST, "a folded header line");
			return;
		}
		err = head_parse(request, next,
		    (size_t)(fold_find(next, request->base + len) - next), &used);
	}
	request->head_len = at;
	head_trim(request);
	if (err == HPE_PAUSED)
		head_complete(request);
	else if (err != HPE_OK && request->state != REQUEST_BAD)
		request_fail(request, PROBLEM_BAD_REQUEST, head_detail(err));
}

static size_t head_feed(struct request *request, const char *data, size_t len)
{
	const size_t before = request->head_len;
	const char *detail = NULL;
	enum problem problem = PROBLEM_NONE;
	size_t from = before, seen;

	if (len > HTTP_HEAD_MAX - before)
		len = HTTP_HEAD_MAX - before;
	if (head_extend(request, data, len) != 0)
		return request_fail(request, PROBLEM_MEMORY_BUDGET, NULL);
	seen = before + len;
	if (!request->line_complete) {
		problem = line_read(request, seen, &detail);
		from = request->line_at;
	}
	if (problem != PROBLEM_NONE)
		return request_fail(request, problem, detail);
	if (request->line_complete)
		head_read(request, from, seen);
	else
		request->head_len = seen;
	if (request->state == REQUEST_HEAD && request->head_len >= HTTP_HEAD_MAX)
		request_fail(request, PROBLEM_HEADER_TOO_LARGE, NULL);
	return request->state == REQUEST_BAD ? 0 : request->head_len - before;
}

size_t request_feed(struct request *request, const char *data, size_t len)
{
	if (len == 0)
		return 0;
	if (request->state == REQUEST_HEAD)
		return head_feed(request, data, len);
	if (request->state == REQUEST_BODY)
		return body_feed(request, data, len);
	return 0;
}

int request_keep(struct request *request)
{
	if (request->head.data != NULL || request->head_len == 0) {
		if (request->head_len == 0)
			request->base = NULL;
		return 0;
	}
	if (secret_append(&request->head, request->base, request->head_len) != 0)
		return -1;
	request->base = (const char *)request->head.data;
	return 0;
}

static void request_drop_sink(struct request *request)
{
	if (request->sink.drop != NULL)
		request->sink.drop(request->sink.context);
	request->sink = (struct body_sink){0};
}

void request_refuse(struct request *request, enum problem problem, const char *detail)
{
	request_drop_sink(request);
	request->refused = problem;
	request->refused_detail = detail;
}

void request_free(struct request *request)
{
	secret_free(&request->head);
	request_drop_sink(request);
	request->base = NULL;
}

bool request_started(const struct request *request)
{
	return request->started;
}

struct text request_path(const struct request *request)
{
	return part_text(request, request->path);
}

struct text request_query(const struct request *request)
{
	return part_text(request, request->query);
}

struct text request_authority(const struct request *request)
{
	if (request->authority.len > 0)
		return part_text(request, request->authority);
	return request_header(request, HEADER_HOST);
}

struct text request_header(const struct request *request, enum header header)
{
	/* llhttp takes the white space in front of a value away, but not that behind it
	 */
	return text_trim(part_text(request, request->fields[header].value));
}
