#include "common/token.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <blake2.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/encoding.h"
#include "common/errno_text.h"
#include "common/secret.h"
#include "common/secret_file.h"

enum { DIGEST = 32, KEY = 32 };

struct token {
	uint8_t digest[DIGEST];
	uint16_t number; /* from 1, in the order of the file */
};

_Static_assert(TOKEN_COUNT_MAX <= UINT16_MAX, "a number fits into its type");

/*
 * The digests are keyed with what nobody else knows. Who sees the set cannot try tokens
 * on it that were digested before. And the set can be sorted: which digests a look-up
 * comes past is no news to somebody who cannot know the digest of any token.
 */
struct token_set {
	size_t count;
	uint8_t key[KEY];
	struct token
	    tokens[]; /* by digest, of equal ones the first of the file first */
};

static int token_digest(
    const struct token_set *set, const char *token, size_t len, uint8_t digest[DIGEST])
{
	return blake2b(digest, token, set->key, DIGEST, len, KEY);
}

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

/* RFC 6750 section 2.1, b64token. */
static bool token_is_valid(const char *token, size_t len)
{
	size_t i = 0;

	while (i < len && (is_alphanumeric(token[i]) ||
	                      (token[i] != '\0' && strchr("-._~+/", token[i]) != NULL)))
		i++;
	if (i == 0)
		return false;
	while (i < len && token[i] == '=')
		i++;
	return i == len && len <= TOKEN_MAX;
}

static int token_add(struct token_set *set, const char *text, size_t len)
{
	struct token *token = &set->tokens[set->count++];

	token->number = (uint16_t)set->count;
	return token_digest(set, text, len, token->digest);
}

static int token_compare(const void *a, const void *b)
{
	const struct token *left = a, *right = b;
	const int order = memcmp(left->digest, right->digest, DIGEST);

	return order != 0 ? order : left->number - right->number;
}

/* The set has room for as many as there are lines. */
static const char *tokens_parse(struct token_set *set, const char *text, size_t len)
{
	const char *at = text + encoding_mark(text, len), *end = text + len;

	if (encoding_is_wide(text, len))
		return "is text in UTF-16, not in UTF-8";
	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		size_t line = (size_t)((eol != NULL ? eol : end) - at);

		if (line > 0 && at[line - 1] == '\r')
			line--;
		if (line > 0 && *at != '#') {
			if (!token_is_valid(at, line))
				return "a line is no token";
			if (set->count == TOKEN_COUNT_MAX)
				return "too many tokens";
			if (token_add(set, at, line) != 0)
				return "cannot be digested";
		}
		at = eol != NULL ? eol + 1 : end;
	}
	return set->count > 0 ? NULL : "no token in it";
}

static size_t lines_count(const struct secret *text)
{
	size_t lines = 1;

	for (size_t i = 0; i < text->len; i++)
		lines += text->data[i] == '\n';
	return lines < TOKEN_COUNT_MAX ? lines : TOKEN_COUNT_MAX;
}

/* Returns 0, or -1 with *why. What is not made is closed: that there is no set must not
 * depend on whether there are words for the reason. */
static int set_make(struct sealed *sealed, const struct secret *text, const char **why)
{
	struct token_set *set;

	if (sealed_open(sealed, "argond-tokens",
	        sizeof(*set) + lines_count(text) * sizeof(set->tokens[0])) != 0) {
		*why = errno_text(errno);
		return -1;
	}
	set = sealed->base;
	arc4random_buf(set->key, sizeof(set->key));
	*why = tokens_parse(set, (const char *)text->data, text->len);
	secret_wipe_stack();
	if (*why != NULL) {
		sealed_close(sealed);
		return -1;
	}
	qsort(set->tokens, set->count, sizeof(set->tokens[0]), token_compare);
	if (sealed_shut(sealed) == 0)
		return 0;
	*why = errno_text(errno);
	return -1;
}

/* Returns 0, or -1 with *why. */
static int file_read(int fd, const char *user, struct secret *text, const char **why)
{
	ssize_t len;

	*why = secret_file_wrong(fd, user);
	if (*why != NULL)
		return -1;
	if (secret_reserve(text, TOKEN_FILE_MAX) != 0) {
		*why = errno_text(ENOMEM);
		return -1;
	}
	len = secret_file_read(fd, text->data, TOKEN_FILE_MAX, why);
	text->len = len > 0 ? (size_t)len : 0;
	return len < 0 ? -1 : 0;
}

int token_set_load(
    struct sealed *sealed, const char *path, const char *user, const char **why)
{
	struct secret text = {0};
	int fd = secret_file_open(path, why), rc;

	*sealed = (struct sealed){0};
	if (fd < 0)
		return -1;
	rc = file_read(fd, user, &text, why);
	close(fd);
	if (rc == 0)
		rc = set_make(sealed, &text, why);
	secret_free(&text);
	return rc;
}

const struct token_set *token_set_map(const struct sealed *sealed)
{
	return sealed_map(sealed);
}

/* The last one whose digest is not greater; the first where there is none. */
static const struct token *token_at(
    const struct token_set *set, const uint8_t digest[DIGEST])
{
	size_t low = 0, count = set->count;

	while (count > 1) {
		const size_t half = count / 2;

		if (memcmp(set->tokens[low + half].digest, digest, DIGEST) <= 0)
			low += half;
		count -= half;
	}
	return &set->tokens[low];
}

unsigned token_set_find(const struct token_set *set, const char *token, size_t len)
{
	uint8_t digest[DIGEST] = {0};
	const struct token *at;
	unsigned found = 0;

	if (len <= TOKEN_MAX && token_digest(set, token, len, digest) == 0) {
		at = token_at(set, digest);
		found = secret_equal(digest, at->digest, DIGEST) ? at->number : 0;
	}
	explicit_bzero(digest, sizeof(digest));
	return found;
}
