#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_table.h"

/* Bytes that are not printable ASCII become '?': what is shown may be hostile. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static int error_vset(
    struct config_error *err, const char *where, const char *fmt, va_list ap)
{
	char message[sizeof(err->text)];

	vsnprintf(message, sizeof(message), fmt, ap);
	if (snprintf(err->text, sizeof(err->text), "%s: %s", where, message) < 0)
		err->text[0] = '\0';
	make_printable(err->text);
	return -1;
}

int config_error_set(struct config_error *err, const char *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_vset(err, where, fmt, ap);
	va_end(ap);
	return -1;
}

int config_error_memory(struct config_error *err)
{
	snprintf(err->text, sizeof(err->text), "out of memory");
	return -1;
}

struct config_origin *config_origin_find(const struct config *config, const void *field)
{
	for (size_t i = 0; i < config->origin_count; i++)
		if (config->origins[i].field == field)
			return &config->origins[i];
	return NULL;
}

int config_origin_note(struct config *config, const void *field,
    const struct config_source *source, struct config_error *err)
{
	struct config_origin *origin = config_origin_find(config, field);
	char *override = NULL;

	if (source->override != NULL && (override = strdup(source->override)) == NULL)
		return config_error_memory(err);
	if (origin == NULL) {
		struct config_origin *more = reallocarray(
		    config->origins, config->origin_count + 1, sizeof(*more));

		if (more == NULL) {
			free(override);
			return config_error_memory(err);
		}
		config->origins = more;
		origin = &more[config->origin_count++];
	} else {
		free(origin->override);
	}
	origin->field = field;
	origin->line = source->line;
	origin->override = override;
	return 0;
}

bool config_is_set(const struct config *config, const void *field)
{
	return config_origin_find(config, field) != NULL;
}

void config_where(const struct config *config, const void *field, char *buf, size_t cap)
{
	const struct config_origin *origin = config_origin_find(config, field);

	if (origin != NULL && origin->override != NULL)
		snprintf(buf, cap, "-o %s", origin->override);
	else if (origin != NULL)
		snprintf(buf, cap, "%s:%u", config->source, origin->line);
	else
		snprintf(buf, cap, "%s",
		    config->source != NULL ? config->source : config_built_in);
}

static bool section_name(const struct config_section_row *section, const void *base,
    const void *field, char *buf, size_t cap)
{
	const struct config_directive *row = config_directives;
	const char *dot = *section->name == '\0' ? "" : ".";
	const char *title = section->titled ? base : "";
	int len = snprintf(
	    buf, cap, "%s%s%s", section->name, section->titled ? dot : "", title);

	if (section->titled && field == base)
		return true;
	for (; row < config_directives + config_directive_count; row++) {
		if (&config_sections[row->section] != section ||
		    (const char *)base + row->offset != field)
			continue;
		snprintf(buf + len, cap - (size_t)len, "%s%s", dot, row->name);
		return true;
	}
	return false;
}

void config_name(const struct config *config, const void *field, char *buf, size_t cap)
{
	for (int section = CONFIG_SECTION_END - 1; section >= 0; section--) {
		const void *base;

		for (size_t i = 0; (base = config_section_at(config,
		                        (enum config_section)section, i)) != NULL;
		     i++)
			if (section_name(
			        &config_sections[section], base, field, buf, cap))
				return;
	}
	snprintf(buf, cap, "config");
}

int config_error_at(const struct config *config, const void *field,
    struct config_error *err, const char *fmt, ...)
{
	char where[512], name[128], both[sizeof(where) + sizeof(name) + 2];
	va_list ap;

	config_where(config, field, where, sizeof(where));
	config_name(config, field, name, sizeof(name));
	snprintf(both, sizeof(both), "%s: %s", where, name);
	va_start(ap, fmt);
	error_vset(err, both, fmt, ap);
	va_end(ap);
	return -1;
}
