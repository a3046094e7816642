/*
 * The results of a run: a table for people, JSON, and lines of "stream.name value" for
 * shell scripts.
 */
#ifndef TESTS_BENCH_LOAD_REPORT_H
#define TESTS_BENCH_LOAD_REPORT_H

#include <stdio.h>

#include <jansson.h>

#include "tests/bench/load_run.h"

/*
 * {"seconds": of the schedules, "took_s", "cpu_s": of the generator,
 *  "streams": {NAME: {"rate", "conns", "requests", "judged", "lost", "lost_bound",
 *    "good_per_s": ok ones in time, by the seconds in which the stream was scheduled,
 *    "count": {OUTCOME: n}, "unasked", "idle_closed", "queue_most",
 *    "idle": {"open", "failed", "closed"},
 *    "ms": {TIMING: {"count", "min", "mean", "p50", "p90", "p99", "p999", "max"}},
 *    "series": {OUTCOME: [n in each second]}}},   only outcomes that there were
 *  "all": the same of all streams together}
 * NULL where there is no memory.
 */
json_t *report_make(const struct load *load);

void report_print_table(const json_t *report, FILE *to);
/* Without the series. */
void report_print_lines(const json_t *report, FILE *to);

#endif
