/*
 * What a config needs of the machine, beside what the machine gives: for -t, which says
 * so before anybody finds out.
 */
#ifndef MASTER_PLAN_H
#define MASTER_PLAN_H

#include <stdio.h>

#include "common/config.h"

/* Writes a line each for processes, files and memory. Returns 0, or -1 where one of
 * them is more than there is: *err says which, and what to change. */
int plan_report(const struct config *config, FILE *out, struct config_error *err);

#endif
