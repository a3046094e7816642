#include "common/config_scan.h"

#include <string.h>

#include "common/config_table.h"
#include "common/encoding.h"

struct scan {
	const char *path;
	unsigned line;
	char *at;
	unsigned depth; /* braces that are open */
	unsigned open;  /* line of the outermost of them */
	char before[2]; /* the last two tokens, the older first: a sign, or 'a' */
	struct config_error *err;
};

static int scan_refuse(const struct scan *scan, const char *what)
{
	char where[256];

	snprintf(where, sizeof(where), "%s:%u", scan->path, scan->line);
	return config_error_set(scan->err, where, "%s", what);
}

static void scan_token(struct scan *scan, char c)
{
	scan->before[0] = scan->before[1];
	scan->before[1] = c;
}

static void comment_line(struct scan *scan)
{
	while (*scan->at != '\0' && *scan->at != '\n')
		*scan->at++ = ' ';
}

static int comment_block(struct scan *scan)
{
	char *end = strstr(scan->at + 2, "*/");

	if (end == NULL)
		return scan_refuse(scan, "a comment that does not end");
	for (; scan->at < end + 2; scan->at++) {
		if (*scan->at == '\n')
			scan->line++;
		else
			*scan->at = ' ';
	}
	return 0;
}

/* A backslash and what it escapes: in single quotes nothing but itself and the quote.
 */
static int scan_escape(struct scan *scan, char quote)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	size_t digits;

	scan->at++;
	if (quote == '\'') {
		scan->at += *scan->at == '\\' || *scan->at == '\'';
		return 0;
	}
	if (*scan->at != '\0' && strchr("\\\"'$", *scan->at) != NULL) {
		scan->at++;
		return 0;
	}
	digits = *scan->at == 'x' ? strspn(scan->at + 1, hex) : 0;
	if (digits < 2 || memcmp(scan->at, "x00", 3) == 0)
		return scan_refuse(scan, "an unknown escape; allowed: \\\\, \\\", \\', "
		                         "\\$ and \\x with two hexadecimal "
		                         "digits");
	scan->at += 3;
	return 0;
}

/* An empty string will do for a value only: as a name it fails without a word. */
static bool value_is_next(const struct scan *scan)
{
	char last = scan->before[1];

	return last == '=' || last == ',' || (last == '{' && scan->before[0] == '=');
}

static int scan_string(struct scan *scan)
{
	char quote = *scan->at++;
	const char *start = scan->at;

	while (*scan->at != quote) {
		if (*scan->at == '\0' || *scan->at == '\n')
			return scan_refuse(
			    scan, "a string that does not end on its line");
		if (quote == '"' && strncmp(scan->at, "${", 2) == 0)
			return scan_refuse(scan, "${ in a string; the environment is "
			                         "not read, allowed: \\${");
		if (*scan->at == '\\') {
			if (scan_escape(scan, quote) != 0)
				return -1;
			continue;
		}
		scan->at++;
	}
	scan->at++;
	if (scan->at == start + 1 && !value_is_next(scan))
		return scan_refuse(scan,
		    "an empty name; allowed: the name of a directive "
		    "or a section");
	scan_token(scan, 'a');
	return 0;
}

static int scan_word(struct scan *scan)
{
	scan->at += strcspn(scan->at, " #\"'\t\n\r={}()+,*");
	if (scan->at[-1] == '$' && *scan->at == '{')
		return scan_refuse(scan, "${ outside of a string; the environment is "
		                         "not read, allowed: \"\\${\"");
	scan_token(scan, 'a');
	return 0;
}

/* Signs that libconfuse would skip, or whose meaning it would. */
static int sign_check(const struct scan *scan, char c)
{
	if (c == '+')
		return scan_refuse(scan,
		    "a + outside of a string; allowed: the whole list "
		    "after =");
	if (c == '*')
		return scan_refuse(scan,
		    "a * outside of a string; allowed: in quotes, as "
		    "in \"*:8080\"");
	if (c == '}' && memcmp(scan->before, "={", 2) == 0)
		return scan_refuse(scan, "an empty list; allowed: at least one value");
	return 0;
}

static int scan_sign(struct scan *scan)
{
	char c = *scan->at;

	if (sign_check(scan, c) != 0)
		return -1;
	if (c == '{' && scan->depth++ == 0)
		scan->open = scan->line;
	if (c == '}' && scan->depth > 0)
		scan->depth--;
	scan_token(scan, c);
	scan->at++;
	return 0;
}

static int scan_next(struct scan *scan)
{
	char c = *scan->at;

	if (c == '#' || strncmp(scan->at, "//", 2) == 0) {
		comment_line(scan);
		return 0;
	}
	if (strncmp(scan->at, "/*", 2) == 0)
		return comment_block(scan);
	if (c == '"' || c == '\'')
		return scan_string(scan);
	if (strchr("={}()+,*", c) != NULL)
		return scan_sign(scan);
	if (strchr(" \t\r\n", c) == NULL)
		return scan_word(scan);
	scan->line += c == '\n';
	scan->at++;
	return 0;
}

/* Control bytes have no place in a config, but for tab, newline and CR before newline
 * or at the end. */
static bool byte_is_bad(const char *text, size_t i, size_t len)
{
	unsigned char c = (unsigned char)text[i];

	if (c == '\r')
		return i + 1 < len && text[i + 1] != '\n';
	return (c < ' ' && c != '\t' && c != '\n') || c == 0x7f;
}

/* Makes blanks of a byte order mark and of each CR. */
static int bytes_check(struct scan *scan, char *text, size_t len)
{
	if (encoding_is_wide(text, len))
		return scan_refuse(scan, "text in UTF-16; allowed: UTF-8, as iconv -f "
		                         "UTF-16 -t UTF-8 writes it");
	memset(text, ' ', encoding_mark(text, len));
	for (size_t i = 0; i < len; i++) {
		scan->line += text[i] == '\n';
		if (byte_is_bad(text, i, len))
			return scan_refuse(
			    scan, "a control byte; allowed: printable text");
		if (text[i] == '\r')
			text[i] = ' ';
	}
	scan->line = 1;
	return 0;
}

int config_scan(const char *path, char *text, size_t len, struct config_error *err)
{
	struct scan scan = {.path = path, .line = 1, .at = text, .err = err};

	if (bytes_check(&scan, text, len) != 0)
		return -1;
	while (*scan.at != '\0')
		if (scan_next(&scan) != 0)
			return -1;
	if (scan.depth == 0)
		return 0;
	scan.line = scan.open;
	return scan_refuse(&scan, "a { that is not closed; allowed: a } for each");
}
