#include <stdlib.h>
#include <string.h>

#include "common/config_table.h"

/* "allowed here: a, b, c": the directives of a section, or the sections themselves. */
static void names_list(enum config_section section, char *text, size_t cap)
{
	const char *join = "";
	size_t len = 0;

	for (size_t i = 0; i < config_directive_count && len < cap; i++) {
		if (config_directives[i].section != section)
			continue;
		len += (size_t)snprintf(
		    text + len, cap - len, "%s%s", join, config_directives[i].name);
		join = ", ";
	}
	for (size_t i = 1;
	     section == CONFIG_ROOT && i < CONFIG_SECTION_END && len < cap; i++)
		len += (size_t)snprintf(
		    text + len, cap - len, "%s%s", join, config_sections[i].name);
}

int config_unknown(enum config_section section, const char *name,
    const struct config_source *source, struct config_error *err)
{
	char allowed[768];

	names_list(section, allowed, sizeof(allowed));
	return config_error_set(err, source->text,
	    "%.64s: an unknown directive; allowed%s%s: %s", name,
	    section == CONFIG_ROOT ? "" : " in ", config_sections[section].name,
	    allowed);
}

/* ---- sections ---- */

const char config_built_in[] = "built-in defaults";

static enum config_section section_kind(const struct config_section_row *section)
{
	return (enum config_section)(section - config_sections);
}

int config_section_fill(struct config *config, const struct config_section_row *section,
    void *base, struct config_error *err)
{
	for (size_t i = 0; i < config_directive_count; i++) {
		const struct config_directive *row = &config_directives[i];

		if (row->section != section_kind(section) || *row->fallback == '\0')
			continue;
		if (config_value_set(config, row, base, row->fallback, true,
		        config_built_in, err) != 0)
			return -1;
	}
	return 0;
}

static void *section_add(struct config *config,
    const struct config_section_row *section, const char *title,
    const struct config_source *source, struct config_error *err)
{
	size_t *count = (size_t *)(void *)((char *)config + section->count);
	char *element;

	if (!config_name_valid(title)) {
		config_error_set(err, source->text,
		    "%s: %.64s is not a name; allowed: %s", section->name, title,
		    config_name_allowed);
		return NULL;
	}
	if (*count == section->limit) {
		config_error_set(err, source->text,
		    "%s: %s is one too many; allowed: %zu", section->name, title,
		    section->limit);
		return NULL;
	}
	(*count)++;
	element = config_section_at(config, section_kind(section), *count - 1);
	memcpy(element, title, strlen(title));
	return config_section_fill(config, section, element, err) == 0 ? element : NULL;
}

void *config_section_open(struct config *config,
    const struct config_section_row *section, const char *title,
    const struct config_source *source, struct config_error *err)
{
	enum config_section kind = section_kind(section);
	char *element;

	if (!section->titled)
		return config_section_at(config, kind, 0);
	for (size_t i = 0; (element = config_section_at(config, kind, i)) != NULL; i++)
		if (strcmp(element, title) == 0)
			return element;
	return section_add(config, section, title, source, err);
}

/* ---- values ---- */

/* A value on its way to its member, and who gave it. */
struct value {
	const struct config *config;
	const struct config_directive *row;
	void *base;
	const char *where;
};

static int value_refuse(const struct value *value, const char *text,
    const struct config_why *why, struct config_error *err)
{
	const size_t quoted =
	    value->row->type->quoted != 0 ? value->row->type->quoted : 64;
	char name[128], allowed[512];

	if (why->no_memory)
		return config_error_memory(err);
	config_name(value->config, (char *)value->base + value->row->offset, name,
	    sizeof(name));
	value->row->type->allow(value->row, allowed, sizeof(allowed));
	return config_error_set(err, value->where, "%s: %.*s%s %s; allowed: %s", name,
	    (int)quoted, *text == '\0' ? "\"\"" : text,
	    strlen(text) > quoted ? "..." : "", why->text, allowed);
}

static int value_parse(
    const struct value *value, const char *text, bool first, struct config_error *err)
{
	const struct config_directive *row = value->row;
	struct config_why why = {0};

	for (const char *at = text; *at != '\0'; at++) {
		if ((unsigned char)*at >= ' ' && *at != 0x7f)
			continue;
		config_refuse(&why, "has a control byte");
		return value_refuse(value, text, &why, err);
	}
	if (row->type->parse(row, value->base, text, first, &why) == 0)
		return 0;
	return value_refuse(value, text, &why, err);
}

/* Commas, or what the type has for them, separate the elements of a list; blanks around
 * them do not count. */
static int list_parse(
    const struct value *value, const char *text, bool first, struct config_error *err)
{
	const char separator = value->row->type->separator;
	const char separators[] = {separator != 0 ? separator : ',', '\0'};
	char *copy = strdup(text);
	char *at = copy, *item;
	int rc = 0;

	if (copy == NULL)
		return config_error_memory(err);
	while (rc == 0 && (item = strsep(&at, separators)) != NULL) {
		size_t len;

		item += strspn(item, " ");
		len = strlen(item);
		while (len > 0 && item[len - 1] == ' ')
			item[--len] = '\0';
		rc = value_parse(value, item, first, err);
		first = false;
	}
	free(copy);
	return rc;
}

int config_value_set(const struct config *config, const struct config_directive *row,
    void *base, const char *text, bool first, const char *where,
    struct config_error *err)
{
	const struct value value = {config, row, base, where};

	if (row->type->list)
		return list_parse(&value, text, first, err);
	return value_parse(&value, text, first, err);
}

int config_set(struct config *config, const struct config_directive *row, void *base,
    const char *text, bool first, const struct config_source *source,
    struct config_error *err)
{
	const void *field = (char *)base + row->offset;
	const struct config_origin *origin = config_origin_find(config, field);

	if (first && origin != NULL && source->override == NULL)
		return config_error_set(err, source->text,
		    "%s: a repeated directive; allowed: once (it is set in line %u)",
		    row->name, origin->line);
	if (first && config_origin_note(config, field, source, err) != 0)
		return -1;
	return config_value_set(config, row, base, text, first, source->text, err);
}
