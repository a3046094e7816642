#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_table.h"

enum { TEXT_MAX = 255, PATH_LEN_MAX = 4095 };

static int text_store(const struct config_directive *row, void *base, const char *text,
    struct config_why *why)
{
	char **field = (char **)(void *)((char *)base + row->offset);
	char *copy = NULL;

	if (*text != '\0' && (copy = strdup(text)) == NULL)
		return config_refuse_memory(why);
	free(*field);
	*field = copy;
	return 0;
}

static int text_parse(const struct config_directive *row, void *base, const char *text,
    bool first, struct config_why *why)
{
	(void)first;
	if (strlen(text) > TEXT_MAX)
		return config_refuse(why, "is longer than %d bytes", TEXT_MAX);
	return text_store(row, base, text, why);
}

static int path_check(const char *text, struct config_why *why)
{
	if (*text != '/')
		return config_refuse(why, "is not an absolute path");
	if (strlen(text) > PATH_LEN_MAX)
		return config_refuse(why, "is longer than %d bytes", PATH_LEN_MAX);
	return 0;
}

static int path_parse(const struct config_directive *row, void *base, const char *text,
    bool first, struct config_why *why)
{
	(void)first;
	if (*text != '\0' && path_check(text, why) != 0)
		return -1;
	return text_store(row, base, text, why);
}

static int log_parse(const struct config_directive *row, void *base, const char *text,
    bool first, struct config_why *why)
{
	(void)first;
	if (strcmp(text, "stdout") != 0 && strcmp(text, "stderr") != 0 &&
	    strcmp(text, "syslog") != 0 && path_check(text, why) != 0)
		return -1;
	return text_store(row, base, text, why);
}

static void text_print(const struct config_directive *row, const void *base, FILE *out)
{
	const char *text =
	    *(char *const *)(const void *)((const char *)base + row->offset);

	config_quote(text != NULL ? text : "", out);
}

static void text_allow(const struct config_directive *row, char *text, size_t cap)
{
	snprintf(text, cap, "%s", row->type->allowed);
}

static void escape(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\' || *text == '$')
			putc('\\', out);
		putc(*text, out);
	}
}

void config_quote(const char *text, FILE *out)
{
	putc('"', out);
	escape(text, out);
	putc('"', out);
}

/* ---- the store: sqlite:PATH ---- */

static const char store_prefix[] = "sqlite:";

/* A relative path is made absolute here, for a daemon's current folder changes. */
static int store_parse(const struct config_directive *row, void *base, const char *text,
    bool first, struct config_why *why)
{
	const char *path = text + strlen(store_prefix);
	char *folder, *whole;
	int rc;

	(void)first;
	if (strncmp(text, store_prefix, strlen(store_prefix)) != 0 || *path == '\0')
		return config_refuse(why, "is not sqlite: and a path");
	if (strlen(path) > PATH_LEN_MAX)
		return config_refuse(why, "is longer than %d bytes", PATH_LEN_MAX);
	if (*path == '/')
		return text_store(row, base, path, why);
	/* NOLINTNEXTLINE(clang-analyzer-unix.StdCLibraryFunctions): glibc allocates */
	folder = getcwd(NULL, 0);
	if (folder == NULL && errno == ENOMEM)
		return config_refuse_memory(why);
	if (folder == NULL)
		return config_refuse(why, "is relative: %s", strerror(errno));
	rc = asprintf(&whole, "%s/%s", folder, path);
	free(folder);
	if (rc < 0)
		return config_refuse_memory(why);
	rc = text_store(row, base, whole, why);
	free(whole);
	return rc;
}

static void store_print(const struct config_directive *row, const void *base, FILE *out)
{
	fprintf(out, "\"%s", store_prefix);
	escape(*(char *const *)(const void *)((const char *)base + row->offset), out);
	putc('"', out);
}

/* ---- names ---- */

static int name_parse(const struct config_directive *row, void *base, const char *text,
    bool first, struct config_why *why)
{
	char *field = (char *)base + row->offset;

	(void)first;
	if (*text != '\0' && !config_name_valid(text))
		return config_refuse(why, "is not a name");
	memset(field, 0, row->size);
	snprintf(field, row->size, "%s", text);
	return 0;
}

static void name_print(const struct config_directive *row, const void *base, FILE *out)
{
	config_quote((const char *)base + row->offset, out);
}

/* ---- CPU lists: 0-3,5 ---- */

static bool cpu_range(char *text, uint64_t *low, uint64_t *high)
{
	char *dash = strchr(text, '-');

	if (dash != NULL)
		*dash = '\0';
	if (!config_digits(text, CPU_SETSIZE - 1, low) ||
	    !config_digits(dash != NULL ? dash + 1 : text, CPU_SETSIZE - 1, high))
		return false;
	return *low <= *high;
}

static int cpus_parse(const struct config_directive *row, void *base, const char *text,
    bool first, struct config_why *why)
{
	struct config_affinity *field = (void *)((char *)base + row->offset);
	char copy[16];
	uint64_t low, high;

	if (first)
		*field = (struct config_affinity){0};
	if (*text == '\0' && first)
		return 0;
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy) ||
	    !cpu_range(copy, &low, &high))
		return config_refuse(why, "is not a CPU or a range of them");
	for (; low <= high; low++)
		CPU_SET(low, &field->set);
	field->some = true;
	return 0;
}

static void cpus_print(const struct config_directive *row, const void *base, FILE *out)
{
	const struct config_affinity *field =
	    (const void *)((const char *)base + row->offset);
	const char *join = "\"";

	for (size_t low = 0; field->some && low < CPU_SETSIZE; low++) {
		size_t high = low;

		if (!CPU_ISSET(low, &field->set))
			continue;
		while (high + 1 < CPU_SETSIZE && CPU_ISSET(high + 1, &field->set))
			high++;
		fprintf(out, high > low ? "%s%zu-%zu" : "%s%zu", join, low, high);
		join = ",";
		low = high;
	}
	fputs(field->some ? "\"" : "\"\"", out);
}

/* ---- the types ---- */

const struct config_type config_type_text = {.owned = true,
    .parse = text_parse,
    .print = text_print,
    .allow = text_allow,
    .allowed = "a name, or \"\" for none"};
const struct config_type config_type_path = {.owned = true,
    .parse = path_parse,
    .print = text_print,
    .allow = text_allow,
    .allowed = "an absolute path, or \"\" for none"};
const struct config_type config_type_log = {.owned = true,
    .parse = log_parse,
    .print = text_print,
    .allow = text_allow,
    .allowed = "stdout, stderr, syslog or an absolute path"};
const struct config_type config_type_store = {.owned = true,
    .parse = store_parse,
    .print = store_print,
    .allow = text_allow,
    .allowed = "sqlite:PATH"};
const struct config_type config_type_name = {.parse = name_parse,
    .print = name_print,
    .allow = text_allow,
    .allowed = config_name_allowed};
const struct config_type config_type_cpus = {.parse = cpus_parse,
    .print = cpus_print,
    .allow = text_allow,
    .list = true,
    .allowed = "CPUs and ranges as in 0-3,5, or \"\" for no binding"};
const struct config_type config_type_listen = {.parse = config_listen_parse,
    .print = config_listen_print,
    .allow = text_allow,
    .list = true,
    .allowed = "127.0.0.1:8080, [::1]:8080, *:8080 (every IPv4 address), "
               "unix:/path?mode=0660&group=www-data"};
