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

/* Where the request line begins: behind a few empty lines (RFC 9112 section 2.2). */
static size_t line_start(const char *head, size_t len)
{
	size_t at = 0;

	while (at + 2 <= len && at < HTTP_EMPTY_MAX && head[at] == '\r' &&
	       head[at + 1] == '\n')
		at += 2;
	return at;
}

/* METHOD SP target SP version: single spaces, and no others. */
static bool request_line_tidy(const char *line, const char *end)
{
	const char *first = memchr(line, ' ', (size_t)(end - line));
	const char *second;

	if (first == NULL || first == line)
		return false;
	second = memchr(first + 1, ' ', (size_t)(end - first - 1));
	if (second == NULL || second == first + 1)
		return false;
	return memchr(second + 1, ' ', (size_t)(end - second - 1)) == NULL;
}

/* Every line ends in CR LF, CR and LF stand nowhere else, and no line is folded. */
static enum problem check_lines(struct request *request, const char **detail)
{
	const char *end = request->base + request->head_len;
	const char *first =
	    request->base + line_start(request->base, request->head_len);
	const char *lf;

	for (const char *line = first; line < end; line = lf + 1) {
		const char *cr = memchr(line, '\r', (size_t)(end - line));

		lf = memchr(line, '\n', (size_t)(end - line));
		if (lf == NULL || cr == NULL || cr + 1 != lf)
			return refuse(detail, "a line does not end in CR LF");
		if (*line == ' ' || *line == '\t')
			return refuse(detail, "a folded header line");
		if (line == first && !request_line_tidy(line, cr))
			return refuse(detail, "spaces in the request line");
	}
	return PROBLEM_NONE;
}

static enum problem check_version(struct request *request, const char **detail)
{
	const llhttp_t *parser = &request->parser;

	(void)detail;
	if (parser->http_major != 1 || parser->http_minor > 1)
		return PROBLEM_VERSION_NOT_SUPPORTED;
	request->old = parser->http_minor == 0;
	/* a client that wants another protocol gets this one, and starts afresh */
	request->keep_alive = llhttp_should_keep_alive(parser) && !parser->upgrade &&
	                      (parser->flags & F_CONNECTION_CLOSE) == 0;
	return PROBLEM_NONE;
}

enum method policy_method(const llhttp_t *parser)
{
	static const struct {
		uint8_t theirs;
		enum method ours;
	} methods[] = {
	    {HTTP_GET, METHOD_GET},
	    {HTTP_HEAD, METHOD_HEAD},
	    {HTTP_POST, METHOD_POST},
	    {HTTP_PUT, METHOD_PUT},
	    {HTTP_DELETE, METHOD_DELETE},
	    {HTTP_PATCH, METHOD_PATCH},
	    {HTTP_OPTIONS, METHOD_OPTIONS},
	    {HTTP_TRACE, METHOD_TRACE},
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].theirs == parser->method)
			return methods[i].ours;
	return METHOD_NONE;
}

const char *method_name(enum method method)
{
	static const struct {
		enum method method;
		const char *name;
	} names[] = {
	    {METHOD_GET, "GET"},
	    {METHOD_HEAD, "HEAD"},
	    {METHOD_POST, "POST"},
	    {METHOD_PUT, "PUT"},
	    {METHOD_DELETE, "DELETE"},
	    {METHOD_PATCH, "PATCH"},
	    {METHOD_OPTIONS, "OPTIONS"},
	    {METHOD_TRACE, "TRACE"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].method == method)
			return names[i].name;
	return "-";
}

static enum problem check_method(struct request *request, const char **detail)
{
	(void)detail;
	request->method = policy_method(&request->parser);
	return request->method == METHOD_NONE ? PROBLEM_NOT_IMPLEMENTED : PROBLEM_NONE;
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
	size_t i = host_len(host);

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

/* RFC 9112 section 6: one way to say how long the body is, or none. */
static enum problem check_framing(struct request *request, const char **detail)
{
	bool coded = request->fields[HEADER_TRANSFER_ENCODING].count > 0;
	bool sized = request->fields[HEADER_CONTENT_LENGTH].count > 0;

	if (coded && request->old)
		return refuse(detail, "Transfer-Encoding in HTTP/1.0");
	if (coded && sized) /* llhttp says so too; too dear to leave to one */
		return refuse(detail, "Transfer-Encoding with Content-Length");
	if (coded && !text_is_nocase(
	                 request_header(request, HEADER_TRANSFER_ENCODING), "chunked"))
		return refuse(detail, "a Transfer-Encoding other than chunked");
	if (sized && request->parser.content_length > request->body_max)
		return PROBLEM_TOO_LARGE;
	request->has_body = coded || (sized && request->parser.content_length > 0);
	return PROBLEM_NONE;
}

static enum problem check_expect(struct request *request, const char **detail)
{
	(void)detail;
	if (request->fields[HEADER_EXPECT].count == 0 || request->old)
		return PROBLEM_NONE; /* a client of 1.0 cannot mean it: RFC 9110, 10.1.1
		                      */
	if (!text_is_nocase(request_header(request, HEADER_EXPECT), "100-continue"))
		return PROBLEM_EXPECTATION_FAILED;
	request->expects = request->has_body;
	return PROBLEM_NONE;
}

static bool target_printable(struct text target)
{
	for (size_t i = 0; i < target.len; i++)
		if (target.at[i] <= ' ' || target.at[i] >= 0x7f || target.at[i] == '#')
			return false;
	return target.len > 0;
}

/* Bytes of the text before the first of `stops`. */
static size_t text_until(struct text text, const char *stops)
{
	size_t i = 0;

	while (i < text.len && !is_one_of(text.at[i], stops))
		i++;
	return i;
}

/* The absolute form, http://authority/path: skips the authority, which is valid.
 * Returns how long scheme and authority are, 0 where they are not. */
static size_t authority_end(struct text target)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t len = strlen(schemes[i]);
		struct text rest = {target.at + len, 0};

		if (target.len < len ||
		    !text_is_nocase((struct text){target.at, len}, schemes[i]))
			continue;
		rest.len = text_until((struct text){rest.at, target.len - len}, "/?");
		return policy_host_valid(rest) ? len + rest.len : 0;
	}
	return 0;
}

/* Splits the target (RFC 9112 section 3.2) into path and query. */
static enum problem check_target(struct request *request, const char **detail)
{
	struct text target = {request->base + request->target.at, request->target.len};
	uint16_t start = request->target.at, len = request->target.len;
	size_t skip = 0, path_len;

	if (!target_printable(target))
		return refuse(detail, "a target with bytes that must be escaped");
	if (text_is(target, "*")) {
		if (request->method != METHOD_OPTIONS)
			return refuse(detail, "a target that only OPTIONS can have");
	} else if (target.at[0] != '/') {
		skip = authority_end(target);
		if (skip == 0)
			return refuse(detail, "not a target that is served here");
	}
	path_len = text_until((struct text){target.at + skip, len - skip}, "?");
	request->path = (struct part){(uint16_t)(start + skip), (uint16_t)path_len};
	if (skip + path_len < len) {
		request->query.at = (uint16_t)(start + skip + path_len + 1);
		request->query.len = (uint16_t)(len - skip - path_len - 1);
	}
	if (path_len == 0) /* http://host is http://host/: the scheme lends its slash */
		request->path =
		    (struct part){(uint16_t)(start + text_until(target, "/")), 1};
	return PROBLEM_NONE;
}

enum problem policy_check_head(struct request *request, const char **detail)
{
	static check_fn *const checks[] = {check_lines, check_version, check_method,
	    check_repeats, check_host, check_target, check_framing, check_expect};
	enum problem problem = PROBLEM_NONE;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		problem = checks[i](request, detail);
		if (problem != PROBLEM_NONE)
			break;
	}
	return problem;
}

static bool is_token(char c)
{
	return is_alnum(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

/* A well-formed HTTP-version at the end of a line. */
static bool version_formed(const char *line, size_t len)
{
	static const char pattern[] = " HTTP/d.d";
	const char *at = line + len - (sizeof(pattern) - 1);

	if (len < sizeof(pattern) - 1)
		return false;
	for (size_t i = 0; i < sizeof(pattern) - 1; i++)
		if (pattern[i] == 'd' ? at[i] < '0' || at[i] > '9'
		                      : at[i] != pattern[i])
			return false;
	return true;
}

enum problem policy_judge_line(
    const char *head, size_t len, bool method_unknown, const char **detail)
{
	const char *line = head + line_start(head, len);
	const char *cr = memchr(line, '\r', (size_t)(head + len - line));
	size_t end = (size_t)((cr != NULL ? cr : head + len) - line), method = 0;

	while (method < end && is_token(line[method]))
		method++;
	*detail = NULL;
	if (method == 0 || (method < end ? line[method] != ' ' : cr != NULL))
		return refuse(detail, "not a request line");
	if (version_formed(line, end))
		return line[end - 3] == '1' && line[end - 1] <= '1'
		           ? PROBLEM_NOT_IMPLEMENTED
		           : PROBLEM_VERSION_NOT_SUPPORTED;
	/* of an unknown method one need not see the whole line */
	return method_unknown ? PROBLEM_NOT_IMPLEMENTED
	                      : refuse(detail, "not a request line");
}
