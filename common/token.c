#include "common/token.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <blake2.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/encoding.h"
#include "common/secret.h"
#include "common/secret_file.h"

enum { DIGEST = 32, KEY = 32 };

/* The digests are keyed with what nobody else knows: who sees the set cannot try tokens
 * on it that he has digested before. */
struct token_set {
	size_t count;
	uint8_t key[KEY];
	uint8_t digests[][DIGEST];
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
			if (token_digest(set, at, line, set->digests[set->count++]) !=
			    0)
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

static const char *set_make(struct sealed *sealed, const struct secret *text)
{
	struct token_set *set;
	const char *why;

	if (sealed_open(sealed, "argond-tokens",
	        sizeof(*set) + lines_count(text) * DIGEST) != 0)
		return strerrordesc_np(errno);
	set = sealed->base;
	arc4random_buf(set->key, sizeof(set->key));
	why = tokens_parse(set, (const char *)text->data, text->len);
	secret_wipe_stack();
	if (why != NULL)
		sealed_close(sealed);
	else if (sealed_shut(sealed) != 0)
		why = strerrordesc_np(errno);
	return why;
}

static const char *file_read(int fd, const char *user, struct secret *text)
{
	const char *why = secret_file_wrong(fd, user);
	ssize_t len;

	if (why != NULL)
		return why;
	if (secret_reserve(text, TOKEN_FILE_MAX) != 0)
		return strerrordesc_np(ENOMEM);
	len = secret_file_read(fd, text->data, TOKEN_FILE_MAX, &why);
	text->len = len > 0 ? (size_t)len : 0;
	return why;
}

int token_set_load(
    struct sealed *sealed, const char *path, const char *user, const char **why)
{
	struct secret text = {0};
	int fd = secret_file_open(path, why);

	*sealed = (struct sealed){0};
	if (fd < 0)
		return -1;
	*why = file_read(fd, user, &text);
	close(fd);
	if (*why == NULL)
		*why = set_make(sealed, &text);
	secret_free(&text);
	return *why == NULL ? 0 : -1;
}

const struct token_set *token_set_map(const struct sealed *sealed)
{
	return sealed_map(sealed);
}

unsigned token_set_find(const struct token_set *set, const char *token, size_t len)
{
	uint8_t digest[DIGEST] = {0};
	unsigned found = 0;

	if (token_digest(set, token, len, digest) == 0)
		for (size_t i = 0; i < set->count; i++) {
			unsigned here =
			    0U - secret_equal(digest, set->digests[i], DIGEST);

			found = (found & ~here) | ((unsigned)(i + 1) & here);
		}
	explicit_bzero(digest, sizeof(digest));
	return found;
}
