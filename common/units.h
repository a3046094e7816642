/*
 * How much work a job is, so that jobs of all kinds and costs can be compared: whose
 * turn it is, how long it will take and what a hasher has done are counted in units.
 *
 * A unit is a block of 1 KiB that the pool's engine fills. What is not filling blocks
 * is counted in the blocks that could have been filled meanwhile: whatever a job costs
 * the daemon, in the frontend, in the kernel and in the hasher, is in its units. Else a
 * client who asks for jobs of 8 blocks would have fifty times its share of the CPU.
 */
#ifndef COMMON_UNITS_H
#define COMMON_UNITS_H

#include <stdint.h>

#include "common/cpu_engine.h"
#include "common/job.h"

/* Units of so much CPU time on the machine that the constants were measured on, rounded
 * up; `engine` as in the config. */
uint64_t units_of_ns(uint64_t ns, enum engine_kind engine);

/* Units of a job: of a hash or a verification of Argon2 with that cost, or of a
 * look-up, whose cost may be NULL. At least 1. */
uint64_t units_of_job(
    enum job_kind kind, const struct job_cost *cost, enum engine_kind engine);

/* Units of what every job costs, whatever is asked for, beside the work itself. */
uint64_t units_of_any_job(enum engine_kind engine);

/* Of units_of_job(), the blocks of 1 KiB that are to be filled: m * t (RFC 9106 section
 * 3.2). 0 for a look-up. */
uint64_t units_of_blocks(enum job_kind kind, const struct job_cost *cost);

#endif
