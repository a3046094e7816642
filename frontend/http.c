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

/* Callbacks for the head are called for trailers too, which we skip. */
static bool in_head(const struct request *request)
{
	return request->state == REQUEST_HEAD;
}

static int on_begin(llhttp_t *parser)
{
	((struct request *)parser->data)->started = true;
	return HPE_OK;
}

static int on_target(llhttp_t *parser, const char *at, size_t len)
{
	struct request *request = parser->data;

	part_extend(request, &request->target, at, len);
	if (request->target.len > HTTP_TARGET_MAX)
		return parse_fail(request, PROBLEM_TARGET_TOO_LONG, NULL);
	return HPE_OK;
}

static int on_name(llhttp_t *parser, const char *at, size_t len)
{
	struct request *request = parser->data;

	if (in_head(request))
		part_extend(request, &request->name, at, len);
	return HPE_OK;
}

static enum header field_find(struct text name)
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

	if (!in_head(request))
		return HPE_OK;
	if (request->name.len == 0)
		return parse_fail(
		    request, PROBLEM_BAD_REQUEST, "a header field without a name");
	if (++request->field_count > HTTP_HEADERS_MAX)
		return parse_fail(
		    request, PROBLEM_HEADER_TOO_LARGE, "too many header lines");
	request->field_now = field_find(part_text(request, request->name));
	request->name = (struct part){0};
	if (request->field_now < HEADER_END) {
		request->fields[request->field_now].value = (struct part){0};
		request->fields[request->field_now].count++;
	}
	return HPE_OK;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
	struct request *request = parser->data;

	if (in_head(request) && request->field_now < HEADER_END)
		part_extend(
		    request, &request->fields[request->field_now].value, at, len);
	return HPE_OK;
}

static int on_head_complete(llhttp_t *parser)
{
	(void)parser;
	return HPE_PAUSED; /* the rules are applied outside of the parser */
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct request *request = parser->data;

	if (len > request->body_max - request->body.len)
		return parse_fail(request, PROBLEM_TOO_LARGE, NULL);
	if (secret_append(&request->body, at, len) != 0)
		return parse_fail(request, PROBLEM_MEMORY_BUDGET, NULL);
	return HPE_OK;
}

static int on_complete(llhttp_t *parser)
{
	((struct request *)parser->data)->state = REQUEST_DONE;
	return HPE_PAUSED; /* one message at a time */
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_field_complete = on_name_complete,
    .on_header_value = on_value,
    .on_headers_complete = on_head_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
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

/* llhttp says what it did not understand; which status that is may need a second look.
 */
static size_t head_fail(struct request *request, llhttp_errno_t err, size_t seen)
{
	const char *detail = llhttp_get_error_reason(&request->parser);
	enum problem problem = PROBLEM_BAD_REQUEST;
	bool unknown = err == HPE_INVALID_METHOD ||
	               (err == HPE_INVALID_CONSTANT &&
	                   policy_method(&request->parser) == METHOD_NONE);

	if (request->state == REQUEST_BAD) /* a callback has said what */
		return 0;
	if (unknown || err == HPE_INVALID_VERSION || err == HPE_PAUSED_H2_UPGRADE)
		problem = policy_judge_line(request->base, seen, unknown, &detail);
	return request_fail(request, problem, detail);
}

static void head_complete(struct request *request)
{
	const char *detail = NULL;
	enum problem problem = policy_check_head(request, &detail);

	if (problem != PROBLEM_NONE) {
		request_fail(request, problem, detail);
	} else if (request->has_body) {
		request->state = REQUEST_BODY;
		llhttp_resume(&request->parser);
	} else {
		request->state = REQUEST_DONE; /* nothing is left for llhttp to say */
	}
}

/* The head is not complete: may it still become so? */
static void head_bound(struct request *request)
{
	if (!request->started && request->head_len > HTTP_EMPTY_MAX)
		request_fail(request, PROBLEM_BAD_REQUEST, "too many empty lines");
	else if (request->head_len >= HTTP_HEAD_MAX)
		request_fail(request, PROBLEM_HEADER_TOO_LARGE, NULL);
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

static size_t head_feed(struct request *request, const char *data, size_t len)
{
	size_t room = HTTP_HEAD_MAX - request->head_len;
	size_t used;
	llhttp_errno_t err;

	if (len > room)
		len = room;
	if (request->head.data != NULL) {
		if (secret_append(&request->head, data, len) != 0)
			return request_fail(request, PROBLEM_MEMORY_BUDGET, NULL);
		request->base = (const char *)request->head.data;
		data = request->base + request->head_len;
	} else if (request->base == NULL) {
		request->base = data;
	}
	err = parse(request, data, len, &used);
	if (err != HPE_OK && err != HPE_PAUSED)
		return head_fail(request, err, request->head_len + len);
	request->head_len += used;
	head_trim(request);
	if (err == HPE_PAUSED)
		head_complete(request);
	else
		head_bound(request);
	return used;
}

/* llhttp lets the line that ends a chunked body be a bare LF. */
static bool body_ends_well(const struct request *request, const char *data, size_t used)
{
	if (request->fields[HEADER_TRANSFER_ENCODING].count == 0)
		return true;
	return (used >= 2 ? data[used - 2] : request->last) == '\r';
}

static size_t body_feed(struct request *request, const char *data, size_t len)
{
	size_t before = request->body.len, used;
	llhttp_errno_t err = parse(request, data, len, &used);

	if (request->state == REQUEST_BAD)
		return 0;
	if (err != HPE_OK && request->state != REQUEST_DONE)
		return request_fail(request, PROBLEM_BAD_REQUEST,
		    llhttp_get_error_reason(&request->parser));
	if (request->state == REQUEST_DONE && !body_ends_well(request, data, used))
		return request_fail(
		    request, PROBLEM_BAD_REQUEST, "a bare LF in a trailer");
	request->framing += used - (request->body.len - before);
	if (request->framing >
	    HTTP_FRAMING_MAX + HTTP_FRAMING_PER_BYTE * (uint64_t)request->body.len)
		return request_fail(request, PROBLEM_BAD_REQUEST,
		    "too much around the data of the chunks");
	request->last = data[len - 1];
	return used;
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

void request_free(struct request *request)
{
	secret_free(&request->head);
	secret_free(&request->body);
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

struct text request_header(const struct request *request, enum header header)
{
	struct text value = part_text(request, request->fields[header].value);

	/* llhttp takes the white space in front of a value away, but not that behind it
	 */
	while (value.len > 0 &&
	       (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
		value.len--;
	return value;
}
