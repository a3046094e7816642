/*
 * Lists of words: a bit of the member for each.
 */
#include <string.h>

#include "common/config_table.h"
#include "common/legacy.h"

static const char *job_word(unsigned i)
{
	static const char *const words[] = {"hash", "verify", "lookup"};

	return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

_Static_assert(
    CONFIG_JOBS_HASH == 1 && CONFIG_JOBS_VERIFY == 2 && CONFIG_JOBS_LOOKUP == 4,
    "a word's bit is that of its place");

const char *config_accept_word(unsigned index)
{
	return index < LEGACY_KINDS ? legacy_kind_name((enum legacy_kind)index) : NULL;
}

static int words_parse(const struct config_directive *row, void *base, const char *text,
    bool first, struct config_why *why)
{
	unsigned *field = (unsigned *)(void *)((char *)base + row->offset);
	unsigned had = first ? 0 : *field;
	const char *word;

	for (unsigned i = 0; (word = row->type->word(i)) != NULL; i++) {
		if (strcmp(text, word) != 0)
			continue;
		if ((had & 1U << i) != 0)
			return config_refuse(why, "is there twice");
		*field = had | 1U << i;
		return 0;
	}
	return config_refuse(why, "is not known");
}

/* A list that may be empty, which is written as an empty text. */
static int words_parse_or_none(const struct config_directive *row, void *base,
    const char *text, bool first, struct config_why *why)
{
	unsigned *field = (unsigned *)(void *)((char *)base + row->offset);

	if (*text != '\0' || !first)
		return words_parse(row, base, text, first, why);
	*field = 0;
	return 0;
}

static void words_print(const struct config_directive *row, const void *base, FILE *out)
{
	unsigned set =
	    *(const unsigned *)(const void *)((const char *)base + row->offset);
	const char *join = "{", *word;

	if (set == 0)
		fputs("\"\"", out);
	for (unsigned i = 0; (word = row->type->word(i)) != NULL; i++) {
		if ((set & 1U << i) == 0)
			continue;
		fprintf(out, "%s%s", join, word);
		join = ", ";
	}
	if (set != 0)
		putc('}', out);
}

static void jobs_allow(const struct config_directive *row, char *text, size_t cap)
{
	snprintf(text, cap, "%s", row->type->allowed);
}

static void accept_allow(const struct config_directive *row, char *text, size_t cap)
{
	size_t len = (size_t)snprintf(text, cap, "\"\" for none, or some of ");
	const char *join = "", *word;

	for (unsigned i = 0; (word = row->type->word(i)) != NULL && len < cap; i++) {
		len += (size_t)snprintf(text + len, cap - len, "%s%s", join, word);
		join = ", ";
	}
}

const struct config_type config_type_jobs = {.parse = words_parse,
    .print = words_print,
    .allow = jobs_allow,
    .list = true,
    .word = job_word,
    .allowed = "{hash}, {verify}, {hash, verify} or {lookup}"};
const struct config_type config_type_accept = {.parse = words_parse_or_none,
    .print = words_print,
    .allow = accept_allow,
    .list = true,
    .word = config_accept_word};
