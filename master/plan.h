/*
 * What a config needs of the machine, beside what the machine gives: for -t, which says
 * so before anybody finds out.
 */
#ifndef MASTER_PLAN_H
#define MASTER_PLAN_H

#include <stdio.h>

#include "common/config.h"

/* Writes a line each for memory, what was lowered, pools that nobody asks, processes,
 * files and locked memory. */
void plan_report(const struct config *config, FILE *out);

/* Says what is lower than it would be on a larger machine, and which pools have no
 * processes: a line for each in the log, and as a comment of a config file. The log
 * also has locked memory that is short. */
void plan_log(const struct config *config);
void plan_comment(const struct config *config, FILE *out);

/* Raises RLIMIT_NOFILE of this process to all it may have, and at least to what the
 * master needs for `config` beside a generation of `before` (NULL: of the same). */
void plan_raise_files(const struct config *config, const struct config *before);

#endif
