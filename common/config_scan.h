/*
 * What stands between a config file and libconfuse. libconfuse replaces ${NAME} by the
 * environment, skips characters that it does not know, counts comments as two lines and
 * takes an empty list for none at all; nobody expects that of a daemon's config, so it
 * is either refused here or taken away.
 */
#ifndef COMMON_CONFIG_SCAN_H
#define COMMON_CONFIG_SCAN_H

#include "common/config.h"

/* Checks the text of a file in place and makes blanks of its comments, of a byte order
 * mark and of each CR. Strings and
 * comments are known to end after that. Returns 0, or -1 with *err "PATH:LINE: ...". */
int config_scan(const char *path, char *text, size_t len, struct config_error *err);

#endif
