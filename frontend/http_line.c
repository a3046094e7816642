/*
 * The request line (RFC 9112 section 3), which is judged before llhttp gets it: what
 * its versions make of methods, targets and versions differs. Each byte is judged by
 * itself and those before it, so that the verdict does not depend on the pieces in
 * which the line comes.
 */
#include <string.h>

#include "frontend/http.h"

enum { METHOD_LEN_MAX = 16 }; /* a longer one is none of ours */

static const struct {
	enum method method;
	const char *name;
} methods[] = {
    {METHOD_GET, "GET"},
    {METHOD_HEAD, "HEAD"},
    {METHOD_POST, "POST"},
    {METHOD_PUT, "PUT"},
    {METHOD_DELETE, "DELETE"},
    {METHOD_PATCH, "PATCH"},
    {METHOD_OPTIONS, "OPTIONS"},
    {METHOD_TRACE, "TRACE"},
};

const char *method_name(enum method method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].method == method)
			return methods[i].name;
	return "-";
}

static enum method method_find(struct text name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (text_is(name, methods[i].name))
			return methods[i].method;
	return METHOD_NONE;
}

/* What is left of a line that is being read, and what is wrong with it. */
struct scan {
	struct text left;
	enum problem problem;
	const char *detail;
};

static bool scan_fail(struct scan *scan, enum problem problem, const char *detail)
{
	scan->problem = problem;
	scan->detail = detail;
	return false;
}

/* Takes a part of the line, of bytes for which `belongs`, and the space behind it.
 * False where it is wrong, or goes on in bytes that have not come yet. */
static bool scan_part(struct scan *scan, bool (*belongs)(char), size_t max,
    enum problem too_long, struct text *part)
{
	struct text *left = &scan->left;

	*part = (struct text){left->at, 0};
	while (part->len < left->len && belongs(left->at[part->len]))
		if (++part->len > max)
			return scan_fail(scan, too_long, NULL);
	if (part->len == left->len)
		return false;
	if (part->len == 0 || left->at[part->len] != ' ')
		return scan_fail(scan, PROBLEM_BAD_REQUEST, "not a request line");
	left->at += part->len + 1;
	left->len -= part->len + 1;
	return true;
}

/* Takes the version and the end of the line. */
static bool scan_version(struct scan *scan, unsigned *major, unsigned *minor)
{
	static const char pattern[] = "HTTP/d.d\r\n";
	const size_t len = sizeof(pattern) - 1;
	const char *at = scan->left.at;

	for (size_t i = 0; i < len; i++) {
		if (i == scan->left.len)
			return false;
		if (pattern[i] == 'd' ? at[i] < '0' || at[i] > '9'
		                      : at[i] != pattern[i])
			return scan_fail(
			    scan, PROBLEM_BAD_REQUEST, "not a request line");
	}
	*major = (unsigned)(at[5] - '0');
	*minor = (unsigned)(at[7] - '0');
	scan->left = (struct text){at + len, scan->left.len - len};
	return true;
}

static bool is_printable(char c)
{
	return c > ' ' && c < 0x7f && c != '#';
}

/* Skips the empty lines before a request line (RFC 9112 section 2.2). False where no
 * byte of a line has come. */
static bool scan_start(struct scan *scan)
{
	struct text *left = &scan->left;

	for (size_t i = 0;
	     i < HTTP_EMPTY_MAX && left->len >= 2 && memcmp(left->at, "\r\n", 2) == 0;
	     i += 2) {
		left->at += 2;
		left->len -= 2;
	}
	return left->len > 1 || (left->len == 1 && *left->at != '\r');
}

enum problem line_read(struct request *request, size_t len, const char **detail)
{
	struct scan scan = {.left = {request->base, len}};
	struct text method, target;
	unsigned major, minor;

	request->started = scan_start(&scan);
	request->line_at = (uint16_t)(scan.left.at - request->base);
	if (request->started &&
	    scan_part(&scan, policy_is_token, METHOD_LEN_MAX, PROBLEM_NOT_IMPLEMENTED,
	        &method) &&
	    scan_part(&scan, is_printable, HTTP_TARGET_MAX, PROBLEM_TARGET_TOO_LONG,
	        &target) &&
	    scan_version(&scan, &major, &minor)) {
		request->line_complete = true;
		request->method = method_find(method);
		request->target.at = (uint16_t)(target.at - request->base);
		request->target.len = (uint16_t)target.len;
		request->old = minor == 0;
		if (major != 1 || minor > 1)
			return PROBLEM_VERSION_NOT_SUPPORTED;
		if (request->method == METHOD_NONE)
			return PROBLEM_NOT_IMPLEMENTED;
	}
	*detail = scan.detail;
	return scan.problem;
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

static enum problem target_refuse(const char **detail, const char *why)
{
	*detail = why;
	return PROBLEM_BAD_REQUEST;
}

enum problem line_split_target(struct request *request, const char **detail)
{
	struct text target = {request->base + request->target.at, request->target.len};
	uint16_t start = request->target.at, len = request->target.len;
	size_t skip = 0, scheme, path_len;

	if (text_is(target, "*")) {
		if (request->method != METHOD_OPTIONS)
			return target_refuse(
			    detail, "a target that only OPTIONS can have");
	} else if (target.at[0] != '/') {
		skip = authority_end(target);
		if (skip == 0)
			return target_refuse(
			    detail, "not a target that is served here");
		scheme = text_until(target, ":") + strlen("://");
		request->authority = (struct part){
		    (uint16_t)(start + scheme), (uint16_t)(skip - scheme)};
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
