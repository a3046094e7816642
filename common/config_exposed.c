/*
 * Files that lie in the database's folder. Look-ups may write to all of that folder:
 * the database, its journal and its write-ahead log come and go there. One that was
 * broken into has whatever else its user may have there.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "common/config.h"

/* The folder of `path`, without links, with a slash behind it. Returns whether there is
 * such a one. */
static bool folder_of(const char *path, char folder[PATH_MAX + 1])
{
	char *slash;

	if (realpath(path, folder) == NULL) {
		char whole[PATH_MAX];

		/* the file comes later: its folder is there */
		snprintf(whole, sizeof(whole), "%s", path);
		slash = strrchr(whole, '/');
		if (slash == NULL)
			return false;
		slash[slash == whole] = '\0';
		if (realpath(whole, folder) == NULL)
			return false;
	} else if ((slash = strrchr(folder, '/')) != NULL) {
		slash[slash == folder] = '\0';
	}
	if (strcmp(folder, "/") != 0)
		strlcat(folder, "/", PATH_MAX + 1);
	return true;
}

static void exposed_tell(const char *what, const char *path, const char *store,
    void (*tell)(const char *line, void *context), void *context)
{
	char folder[PATH_MAX + 1], line[PATH_MAX + 256];

	if (path == NULL || *path != '/' || !folder_of(path, folder) ||
	    strncmp(folder, store, strlen(store)) != 0)
		return;
	snprintf(line, sizeof(line),
	    "%s %s lies in the folder of the store, which look-ups may write to: move "
	    "one of them",
	    what, path);
	tell(line, context);
}

static bool somebody_looks_up(const struct config *config)
{
	for (size_t i = 0; i < config->pool_count; i++)
		if ((config->pools[i].jobs & CONFIG_JOBS_LOOKUP) != 0 &&
		    config_pool_is_asked(config, &config->pools[i]))
			return true;
	return false;
}

void config_tell_exposed(const struct config *config,
    void (*tell)(const char *line, void *context), void *context)
{
	char store[PATH_MAX + 1], what[LIMIT_NAME + 8];

	if (!somebody_looks_up(config) || config->store_path == NULL ||
	    !folder_of(config->store_path, store))
		return;
	for (size_t i = 0; i < config->key_count; i++) {
		snprintf(what, sizeof(what), "key %s:", config->keys[i].name);
		exposed_tell(what, config->keys[i].file, store, tell, context);
	}
	exposed_tell("token_file", config->token_file, store, tell, context);
}
