/*
 * Which deaths are the kernel's doing, for want of memory. It does not say so of a
 * process, but counts in the process's control group; a kill that was counted is put
 * down to one death.
 */
#ifndef MASTER_SHORTAGE_H
#define MASTER_SHORTAGE_H

#include <stdbool.h>
#include <stdint.h>

struct groups;

struct shortage {
	unsigned long counted; /* what the kernel's counter was at the last look */
	unsigned long open; /* of these, kills that are not put down to a death yet */
	uint64_t open_ns;   /* when the last of them was seen */
};

/* What was counted before is none of our processes. */
void shortage_open(struct shortage *shortage, const struct groups *groups);

/* A process was killed by KILL, and not by us: was it the kernel? Counts as the answer
 * for one death. */
bool shortage_took(struct shortage *shortage, const struct groups *groups);

#endif
