/*
 * How a child has ended: told apart, in words with the setting to change, counted.
 */
#ifndef MASTER_EXITS_H
#define MASTER_EXITS_H

#include <stddef.h>

#include "common/child.h"
#include "common/exit_cause.h"

struct process;

/* An exit status of any program in words; buf is returned. */
const char *exits_words(int status, char *buf, size_t cap);

/* Why `p` has ended with that status, by the status, by what its slot says, by what we
 * have killed it for and by what the kernel has counted (shortage.h): to be asked once
 * for each death. Words with advice go into buf. */
enum exit_cause exits_explain(
    const struct process *p, int status, char *buf, size_t cap);

/* What it means for the jobs it had in hand. */
enum control_cause exits_control(enum exit_cause cause);

/* Logs and counts. */
void exits_record(const struct process *p, enum exit_cause cause, const char *words);

#endif
