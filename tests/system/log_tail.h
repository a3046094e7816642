/*
 * Follows a pipe in a thread and keeps all that came, so that the writer never waits
 * and the test can look for lines at its leisure. The pipe's end of file is an event
 * too: the last process that held it has gone.
 */
#ifndef TESTS_SYSTEM_LOG_TAIL_H
#define TESTS_SYSTEM_LOG_TAIL_H

#include <stdbool.h>
#include <stddef.h>

struct log_tail;

/* Takes the reading end over. NULL on failure. */
struct log_tail *log_tail_open(int fd);
/* Ends the thread, also where writers are left. */
void log_tail_close(struct log_tail *tail);

/* Does a line from offset `from` on match? */
bool log_tail_has(struct log_tail *tail, size_t from, const char *pattern);
enum log_tail_result { LOG_TAIL_FOUND, LOG_TAIL_ENDED, LOG_TAIL_LATE };
/* Waits for one; LOG_TAIL_ENDED: the end of file came first. */
enum log_tail_result log_tail_wait(
    struct log_tail *tail, size_t from, const char *pattern, int limit_ms);
/* Waits for the end of file. False: not within the limit. */
bool log_tail_wait_end(struct log_tail *tail, int limit_ms);
size_t log_tail_length(struct log_tail *tail);
/* The first match's group 1 from `from` on, into text[cap]. */
bool log_tail_group(
    struct log_tail *tail, size_t from, const char *pattern, char *text, size_t cap);
/* How often these words occur from `from` on. */
size_t log_tail_count(struct log_tail *tail, size_t from, const char *words);
void log_tail_dump(struct log_tail *tail);

#endif
