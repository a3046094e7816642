/*
 * How many processes were forked, and how they ended, on the board of the generation in
 * charge: there it can be read, and there the counts of all generations come together,
 * so that none goes backwards. A pool is the same pool where it has the same name.
 */
#ifndef MASTER_COUNTS_H
#define MASTER_COUNTS_H

#include "common/exit_cause.h"

struct generation;
struct process;

void counts_spawn(const struct process *p);
void counts_exit(const struct process *p, enum exit_cause cause);
/* `to` takes the place of `from`: what was counted so far goes with it. */
void counts_carry(const struct generation *to, const struct generation *from);

#endif
