#include "common/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_table.h"
#include "common/paths.h"

/* Sections with a title are allocated at their limit: elements never move, so that an
 * origin can be known by the address of its member. */
static struct config *config_alloc(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config == NULL)
		return NULL;
	config->listen = calloc(LIMIT_LISTENERS, sizeof(*config->listen));
	config->profiles = calloc(CONFIG_PROFILES, sizeof(*config->profiles));
	config->keys = calloc(CONFIG_KEYS, sizeof(*config->keys));
	config->pools = calloc(LIMIT_POOLS, sizeof(*config->pools));
	if (config->listen != NULL && config->profiles != NULL &&
	    config->keys != NULL && config->pools != NULL)
		return config;
	config_free(config);
	return NULL;
}

static int defaults_apply(struct config *config, struct config_error *err)
{
	static const struct config_source built_in = {.text = config_built_in};

	if (config_section_fill(config, &config_sections[CONFIG_ROOT], config, err) !=
	        0 ||
	    config_section_fill(
	        config, &config_sections[CONFIG_FRONTEND], &config->frontend, err) != 0)
		return -1;
	for (size_t i = 0; i < config_preset_count; i++) {
		const struct config_preset *preset = &config_presets[i];
		void *base = config_section_open(config,
		    &config_sections[preset->section], preset->title, &built_in, err);

		if (base == NULL)
			return -1;
		if (preset->name == NULL)
			continue;
		if (config_value_set(config,
		        config_directive_find(preset->section, preset->name), base,
		        preset->value, true, config_built_in, err) != 0)
			return -1;
	}
	return 0;
}

/* Splits "pool.web.batch" in place: NULLs for what is not there. */
static void name_split(char *name, char **section, char **title, char **directive)
{
	char *dot = strchr(name, '.');
	char *last = strrchr(name, '.');

	*section = *title = NULL;
	*directive = name;
	if (dot == NULL)
		return;
	*dot = *last = '\0';
	*section = name;
	*directive = last + 1;
	if (dot != last)
		*title = dot + 1;
}

static int override_set(struct config *config, char *name, const char *value,
    const struct config_source *source, struct config_error *err)
{
	const struct config_section_row *section;
	const struct config_directive *row;
	char *section_name, *title, *directive;
	void *base;

	name_split(name, &section_name, &title, &directive);
	section = config_section_find(section_name != NULL ? section_name : "");
	if (section == NULL || (section_name != NULL && *section_name == '\0') ||
	    section->titled != (title != NULL))
		return config_error_set(err, source->text,
		    "an unknown section; allowed: NAME=, frontend.NAME=, "
		    "profile.TITLE.NAME=, "
		    "key.TITLE.NAME=, pool.TITLE.NAME=");
	row = config_directive_find(
	    (enum config_section)(section - config_sections), directive);
	if (row == NULL)
		return config_unknown((enum config_section)(section - config_sections),
		    directive, source, err);
	base = config_section_open(config, section, title, source, err);
	if (base == NULL)
		return -1;
	if (section->titled && config_origin_find(config, base) == NULL &&
	    config_origin_note(config, base, source, err) != 0)
		return -1;
	return config_set(config, row, base, value, true, source, err);
}

static int override_apply(struct config *config, char *text, struct config_error *err)
{
	char where[160];
	struct config_source source = {.text = where, .override = text};
	char *copy, *equals;
	int rc;

	snprintf(where, sizeof(where), "-o %.128s", text);
	copy = strdup(text);
	if (copy == NULL)
		return config_error_memory(err);
	equals = strchr(copy, '=');
	if (equals != NULL) {
		*equals = '\0';
		rc = override_set(config, copy, equals + 1, &source, err);
	} else {
		rc = config_error_set(err, where, "no value; allowed: NAME=VALUE");
	}
	free(copy);
	return rc;
}

/* One that cannot be reached is not taken for one that is not there. */
static bool system_file_is_there(void)
{
	return access(PATH_CONFIG, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static int config_fill(struct config *config, const char *path, char *const *overrides,
    size_t count, struct config_error *err)
{
	if (defaults_apply(config, err) != 0)
		return -1;
	if (path == NULL && system_file_is_there())
		path = PATH_CONFIG;
	if (path != NULL && config_file_apply(config, path, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (override_apply(config, overrides[i], err) != 0)
			return -1;
	if (config_resolve(config, err) != 0)
		return -1;
	return config_check(config, err);
}

struct config *config_load(
    const char *path, char *const *overrides, size_t count, struct config_error *err)
{
	struct config *config = config_alloc();

	if (config == NULL) {
		config_error_memory(err);
		return NULL;
	}
	if (config_fill(config, path, overrides, count, err) == 0)
		return config;
	config_free(config);
	return NULL;
}

/* Texts are owned by the config, wherever they are. */
static void directive_free(struct config *config, const struct config_directive *row)
{
	char *base, *text;

	if (!row->type->owned)
		return;
	for (size_t i = 0; (base = config_section_at(config, row->section, i)) != NULL;
	     i++) {
		memcpy(&text, base + row->offset, sizeof(text));
		free(text);
	}
}

void config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config_directive_count; i++)
		directive_free(config, &config_directives[i]);
	for (size_t i = 0; i < config->origin_count; i++)
		free(config->origins[i].override);
	free(config->origins);
	free(config->source);
	free(config->listen);
	free(config->profiles);
	free(config->keys);
	free(config->pools);
	free(config);
}

int config_pool_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->pool_count; i++)
		if (strcmp(config->pools[i].name, name) == 0)
			return (int)i;
	return -1;
}

int config_profile_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->profile_count; i++)
		if (strcmp(config->profiles[i].name, name) == 0)
			return (int)i;
	return -1;
}

int config_key_find(const struct config *config, const void *id, size_t len)
{
	for (size_t i = 0; i < config->key_count; i++)
		if (strlen(config->keys[i].name) == len &&
		    memcmp(config->keys[i].name, id, len) == 0)
			return (int)i;
	return -1;
}

const char *config_log(const struct config *config, bool detached)
{
	return detached && !config_is_set(config, &config->log) ? "syslog"
	                                                        : config->log;
}

const char *config_pidfile(const struct config *config, bool detached)
{
	return detached && !config_is_set(config, &config->pidfile) ? RUNSTATEDIR
	           "/argond.pid"
	                                                            : config->pidfile;
}
