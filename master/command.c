#include "master/command.h"

#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

/* The version, and what parts it from the word. */
static const char prefix[] = "1 ";
enum { PREFIX = sizeof(prefix) - 1, WORD_MAX = 16 };

static const char *const results[] = {
    [COMMAND_OK] = "ok", [COMMAND_FAILED] = "failed", [COMMAND_AGAIN] = "again"};

size_t command_request(char bytes[COMMAND_REQUEST_MAX], const struct signal_row *row)
{
	return (size_t)snprintf(
	    bytes, COMMAND_REQUEST_MAX, "%s%.*s", prefix, WORD_MAX, row->word);
}

const struct signal_row *command_request_read(
    const char *bytes, size_t len, const char **why)
{
	char word[COMMAND_REQUEST_MAX] = "";
	const struct signal_row *row;

	*why = "this argond speaks version 1 of the command protocol";
	if (len < PREFIX || memcmp(bytes, prefix, PREFIX) != 0)
		return NULL;
	*why = "this argond does not know the command";
	if (len - PREFIX >= sizeof(word) || memchr(bytes, '\0', len) != NULL)
		return NULL;
	memcpy(word, bytes + PREFIX, len - PREFIX);
	row = signal_find_word(word);
	if (row != NULL)
		*why = NULL;
	return row;
}

size_t command_answer(
    char bytes[COMMAND_ANSWER_MAX], enum command_result result, const char *why)
{
	const int n = snprintf(bytes, COMMAND_ANSWER_MAX, "%s%s%s%s", prefix,
	    results[result], why[0] != '\0' ? " " : "", why);

	return n < COMMAND_ANSWER_MAX ? (size_t)n : COMMAND_ANSWER_MAX - 1;
}

static void make_printable(char *to, size_t cap, const char *from, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + sizeof("\\xff") <= cap; i++) {
		const unsigned char c = (unsigned char)from[i];

		if (c < 0x20 || c > 0x7e)
			n += (size_t)snprintf(to + n, cap - n, "\\x%02x", c);
		else
			to[n++] = (char)c;
	}
	to[n] = '\0';
}

int command_answer_read(
    const char *bytes, size_t len, enum command_result *result, char *why, size_t cap)
{
	if (len < PREFIX || memcmp(bytes, prefix, PREFIX) != 0)
		return -1;
	bytes += PREFIX;
	len -= PREFIX;
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		const size_t word = strlen(results[i]);

		if (len < word || memcmp(bytes, results[i], word) != 0 ||
		    (len > word && bytes[word] != ' '))
			continue;
		*result = (enum command_result)i;
		make_printable(
		    why, cap, bytes + word + (len > word), len - word - (len > word));
		return 0;
	}
	return -1;
}
