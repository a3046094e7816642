#include "common/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <blake2.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/log.h"
#include "common/secret.h"

enum { DIGEST = 32, KEY = 32 };

/* The digests are keyed with what nobody else knows: who sees the set cannot try tokens
 * on it that he has digested before. */
struct token_set {
	uint8_t key[KEY];
	size_t count;
	uint8_t (*digests)[DIGEST];
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

static int token_add(struct token_set *set, const char *token, size_t len)
{
	uint8_t(*more)[DIGEST];

	if (set->count == TOKEN_COUNT_MAX)
		return -1;
	more = reallocarray(set->digests, set->count + 1, sizeof(*more));
	if (more == NULL)
		return -1;
	set->digests = more;
	return token_digest(set, token, len, set->digests[set->count++]);
}

static const char *tokens_parse(struct token_set *set, const char *text, size_t len)
{
	const char *at = text, *end = text + len;

	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		size_t line = (size_t)((eol != NULL ? eol : end) - at);

		if (line > 0 && at[line - 1] == '\r')
			line--;
		if (line > 0 && *at != '#') {
			if (!token_is_valid(at, line))
				return "a line is no token";
			if (token_add(set, at, line) != 0)
				return "too many tokens, or out of memory";
		}
		at = eol != NULL ? eol + 1 : end;
	}
	return set->count > 0 ? NULL : "no token in it";
}

/* Reads all of it. Returns NULL, or what is wrong. */
static const char *file_read(int fd, const char *path, struct secret *text)
{
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0)
		return strerrordesc_np(errno);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	if (st.st_size > TOKEN_FILE_MAX)
		return "too long";
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "others than its owner may write to it";
	if ((st.st_mode & S_IROTH) != 0)
		log_warn("token_file %s: everybody may read it", path);
	if (secret_reserve(text, TOKEN_FILE_MAX + 1) != 0)
		return strerrordesc_np(errno);
	while (text->len <= TOKEN_FILE_MAX &&
	       (n = read(fd, text->data + text->len, text->cap - text->len)) != 0) {
		if (n < 0)
			return strerrordesc_np(errno);
		text->len += (size_t)n;
	}
	return text->len > TOKEN_FILE_MAX ? "too long" : NULL;
}

struct token_set *token_set_load(const char *path, const char **why)
{
	struct token_set *set = calloc(1, sizeof(*set));
	struct secret text = {0};
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	*why = "out of memory";
	if (set != NULL) {
		arc4random_buf(set->key, sizeof(set->key));
		*why = file_read(fd, path, &text);
	}
	if (*why == NULL)
		*why = tokens_parse(set, (const char *)text.data, text.len);
	secret_free(&text);
	if (fd >= 0)
		close(fd);
	if (*why == NULL)
		return set;
	token_set_free(set);
	return NULL;
}

bool token_set_has(const struct token_set *set, const char *token, size_t len)
{
	uint8_t digest[DIGEST];
	unsigned found = 0;

	if (token_digest(set, token, len, digest) != 0)
		return false;
	for (size_t i = 0; i < set->count; i++)
		found |= secret_equal(digest, set->digests[i], DIGEST);
	explicit_bzero(digest, sizeof(digest));
	return found != 0;
}

void token_set_free(struct token_set *set)
{
	if (set == NULL)
		return;
	free(set->digests);
	explicit_bzero(set, sizeof(*set));
	free(set);
}
