/*
 * What the grammar allows and we do not. Ambiguity is where smuggling lives: of two
 * ways to read a request neither is taken.
 */
#include <string.h>

#include "frontend/http.h"

typedef enum problem check_fn(struct request *request, const char **detail);

static enum problem refuse(const char **detail, const char *why)
{
	*detail = why;
	return PROBLEM_BAD_REQUEST;
}

/* Between two elements of a list. */
static bool is_gap(char c)
{
	return c == ',' || c == ' ' || c == '\t';
}

/* Takes the next element off a list (RFC 9110 section 5.6.1), without the white space
 * around it; empty ones do not count. False at the end. */
static bool list_next(struct text *list, struct text *element)
{
	size_t start = 0, end;

	if (list->len == 0) /* there may be no list at all */
		return false;
	while (start < list->len && is_gap(list->at[start]))
		start++;
	for (end = start; end < list->len && list->at[end] != ',';)
		end++;
	*element = text_trim((struct text){list->at + start, end - start});
	*list = (struct text){list->at + end, list->len - end};
	return start < end;
}

/* The value of a header line with that name; at is NULL where it is another one. */
static struct text line_value(struct text line, const char *name)
{
	size_t len = strlen(name);

	if (line.len <= len || line.at[len] != ':' ||
	    !text_is_nocase((struct text){line.at, len}, name))
		return (struct text){NULL, 0};
	return (struct text){line.at + len + 1, line.len - len - 1};
}

/* Notes what a line says of whether the connection is kept (RFC 9112 section 9.3). All
 * other options, and with them each offer of an upgrade, are ignored (RFC 9110 section
 * 7.8). The field may stand there in several lines, hence no enum header for it.
 * False: there are more than anybody needs. */
static bool line_note_connection(
    struct text line, bool *closes, bool *keeps, unsigned *options)
{
	struct text list = line_value(line, "Connection"), option;

	while (list_next(&list, &option)) {
		if (++*options > HTTP_OPTIONS_MAX)
			return false;
		*closes |= text_is_nocase(option, "close");
		*keeps |= text_is_nocase(option, "keep-alive");
	}
	return true;
}

/* Every line ends in CR LF, CR and LF stand nowhere else, and the last one is empty.
 * Sets keep_alive. */
static enum problem check_lines(struct request *request, const char **detail)
{
	const char *end = request->base + request->head_len;
	const char *lf, *cr = NULL, *line;
	bool closes = false, keeps = false;
	unsigned options = 0;

	for (line = request->base + request->line_at; line < end; line = lf + 1) {
		cr = memchr(line, '\r', (size_t)(end - line));
		lf = memchr(line, '\n', (size_t)(end - line));
		if (lf == NULL || cr == NULL || cr + 1 != lf)
			return refuse(detail, "a line does not end in CR LF");
		if (!line_note_connection((struct text){line, (size_t)(cr - line)},
		        &closes, &keeps, &options))
			return refuse(detail, "too many options in Connection");
	}
	if (cr == NULL || cr + 2 != end || cr[-1] != '\n')
		return refuse(detail, "the header section has no end");
	request->keep_alive = !closes && (keeps || !request->old);
	return PROBLEM_NONE;
}

/* A field that we read can stand there once only: whose word would count otherwise? Of
 * several request ids none counts. */
static enum problem check_repeats(struct request *request, const char **detail)
{
	for (enum header i = 0; i < HEADER_END; i++)
		if (request->fields[i].count > 1 && i != HEADER_X_REQUEST_ID)
			return refuse(detail, "a header field stands there twice");
	if (request->fields[HEADER_X_REQUEST_ID].count > 1)
		request->fields[HEADER_X_REQUEST_ID] = (struct field){0};
	return PROBLEM_NONE;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

bool policy_is_token(char c)
{
	return is_alnum(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

/* Length of the host at the start of text: an IP-literal in brackets, or a reg-name. */
static size_t host_len(struct text text)
{
	bool literal = text.len > 0 && text.at[0] == '[';
	const char *others = literal ? ":." : "-._~%!$&'()*+,;=";
	size_t i = literal ? 1 : 0;

	while (i < text.len && (is_alnum(text.at[i]) || is_one_of(text.at[i], others)))
		i++;
	if (!literal)
		return i;
	return i > 1 && i < text.len && text.at[i] == ']' ? i + 1 : 0;
}

bool policy_host_valid(struct text host)
{
	size_t i = host.len <= HTTP_HOST_MAX ? host_len(host) : 0;

	if (i == 0)
		return false;
	if (i == host.len)
		return true;
	if (host.at[i] != ':' || host.len - i > 6) /* a port has five digits at most */
		return false;
	while (++i < host.len)
		if (host.at[i] < '0' || host.at[i] > '9')
			return false;
	return true;
}

static enum problem check_host(struct request *request, const char **detail)
{
	unsigned count = request->fields[HEADER_HOST].count;

	if (count == 0 && !request->old)
		return refuse(detail, "no Host");
	if (count > 0 && !policy_host_valid(request_header(request, HEADER_HOST)))
		return refuse(detail, "not a valid Host");
	return PROBLEM_NONE;
}

/* Digits and nothing else (RFC 9110 section 8.6). */
static bool read_length(struct text value, uint64_t *length)
{
	*length = 0;
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9' ||
		    __builtin_mul_overflow(*length, 10, length) ||
		    __builtin_add_overflow(*length, value.at[i] - '0', length))
			return false;
	}
	return value.len > 0;
}

/* RFC 9112 section 6: one way to say how long the body is, or none. */
static enum problem check_framing(struct request *request, const char **detail)
{
	bool coded = request->fields[HEADER_TRANSFER_ENCODING].count > 0;
	bool sized = request->fields[HEADER_CONTENT_LENGTH].count > 0;
	uint64_t length = 0;

	if (coded && request->old)
		return refuse(detail, "Transfer-Encoding in HTTP/1.0");
	if (coded && !text_is_nocase(
	                 request_header(request, HEADER_TRANSFER_ENCODING), "chunked"))
		return refuse(detail, "a Transfer-Encoding other than chunked");
	if (sized &&
	    !read_length(request_header(request, HEADER_CONTENT_LENGTH), &length))
		return refuse(detail, "not a valid Content-Length");
	if (length > request->body_max)
		return PROBLEM_TOO_LARGE;
	request->has_body = coded || length > 0;
	if (request->has_body)
		body_begin(request, coded, length);
	return PROBLEM_NONE;
}

/* A list, in which empty elements do not count. A client of HTTP/1.0 cannot mean it
 * (RFC 9110 section 10.1.1). */
static enum problem check_expect(struct request *request, const char **detail)
{
	struct text list = request_header(request, HEADER_EXPECT), element;

	(void)detail;
	if (request->fields[HEADER_EXPECT].count == 0 || request->old)
		return PROBLEM_NONE;
	while (list_next(&list, &element)) {
		if (!text_is_nocase(element, "100-continue"))
			return PROBLEM_EXPECTATION_FAILED;
		request->expects = request->has_body;
	}
	return PROBLEM_NONE;
}

enum problem policy_check_head(struct request *request, const char **detail)
{
	static check_fn *const checks[] = {check_lines, check_repeats, check_host,
	    line_split_target, check_framing, check_expect};
	enum problem problem = PROBLEM_NONE;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		problem = checks[i](request, detail);
		if (problem != PROBLEM_NONE)
			break;
	}
	return problem;
}
