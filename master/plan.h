/*
 * What a config needs of the machine, beside what the machine gives: for -t, which says
 * so before anybody finds out.
 */
#ifndef MASTER_PLAN_H
#define MASTER_PLAN_H

#include <stdio.h>

#include "common/config.h"

/* Writes a line each for memory, what was lowered to fit it, processes and files.
 * Returns 0, or -1 where one of them is more than there is: *err says which, and what
 * to change. */
int plan_report(const struct config *config, FILE *out, struct config_error *err);

/* Says what has become smaller than it would be with more memory: a line for each in
 * the log, and as a comment of a config file. */
void plan_log(const struct config *config);
void plan_comment(const struct config *config, FILE *out);

#endif
