/*
 * A list of hosts, held as host_list.h has it: one text.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config_table.h"
#include "common/host_list.h"

enum { HOSTS_MAX = 64 };

static char **hosts_field(const struct config_directive *row, const void *base)
{
	return (char **)(uintptr_t)((const char *)base + row->offset);
}

static unsigned hosts_count(const char *list)
{
	unsigned count = list != NULL;

	for (; list != NULL && *list != '\0'; list++)
		count += *list == ' ';
	return count;
}

static int hosts_add(char **field, const char *host, struct config_why *why)
{
	const char *list = *field != NULL ? *field : "";
	char *longer;

	if (asprintf(&longer, "%s%s%s", list, *list != '\0' ? " " : "", host) < 0)
		return config_refuse_memory(why);
	free(*field);
	*field = longer;
	return 0;
}

static int hosts_parse(const struct config_directive *row, void *base, const char *text,
    bool first, struct config_why *why)
{
	char **field = hosts_field(row, base), host[HOST_TEXT_MAX];

	if (first) {
		free(*field);
		*field = NULL;
	}
	if (*text == '\0' && first)
		return 0;
	if (!host_canonical(host, text, strlen(text)))
		return config_refuse(why, "is not a host");
	if (*field != NULL && host_list_has(*field, host, strlen(host)))
		return config_refuse(why, "is there twice");
	if (hosts_count(*field) == HOSTS_MAX)
		return config_refuse(why, "is one more than %d", HOSTS_MAX);
	return hosts_add(field, host, why);
}

static void hosts_print(const struct config_directive *row, const void *base, FILE *out)
{
	const char *list = *hosts_field(row, base), *join = "{";

	if (list == NULL) {
		fputs("\"\"", out);
		return;
	}
	for (size_t n; *list != '\0'; list += n + (list[n] == ' ')) {
		n = strcspn(list, " ");
		fprintf(out, "%s\"%.*s\"", join, (int)n, list);
		join = ", ";
	}
	putc('}', out);
}

static void hosts_allow(const struct config_directive *row, char *text, size_t cap)
{
	snprintf(text, cap, "%s", row->type->allowed);
}

const struct config_type config_type_hosts = {.owned = true,
    .parse = hosts_parse,
    .print = hosts_print,
    .allow = hosts_allow,
    .list = true,
    .allowed = "\"\" for any, or names and addresses without a port, as in "
               "example.org, 127.0.0.1, [::1]"};
