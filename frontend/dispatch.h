/*
 * Dispatch: from a request that needs work to the answer of a hasher. Per pool a
 * bounded queue that belongs to this frontend, a link, and the jobs in flight on it.
 * Admission, deadlines, cancelling, retries after a hasher's death and poison all live
 * here; HTTP does not.
 */
#ifndef FRONTEND_DISPATCH_H
#define FRONTEND_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "common/child.h"
#include "common/job.h"
#include "common/secret.h"
#include "frontend/admission.h"

struct client;
struct dispatch;
struct task; /* one job as its asker sees it; gone once `done` was called */

/* How a task ended. Exactly one of these is told, unless it was cancelled. */
enum task_outcome {
	TASK_OK,        /* text is the result */
	TASK_VALID,     /* the password is right; text is a new hash or empty */
	TASK_INVALID,   /* the password is wrong */
	TASK_NOT_FOUND, /* a look-up found nothing */
	TASK_REFUSED,   /* the hasher does not accept the parameters */
	TASK_NO_MEMORY, /* the hasher could not get the memory */
	TASK_FAILED,    /* the work itself failed */
	TASK_CRASHED,   /* killed every hasher that tried it */
	TASK_EXPIRED,   /* its deadline passed */
	TASK_LATE,      /* nobody began, and it could no longer be done in time */
	TASK_SHED,      /* nobody began; in a full queue it made room for another */
	TASK_OUTCOME_END
};

struct task_result {
	enum task_outcome outcome;
	const char *text; /* borrowed until `done` returns; not NUL-terminated */
	size_t text_len;
	uint64_t queue_ns; /* from submission until the (last) hasher began */
	uint64_t work_ns;  /* as the hasher says */
};

typedef void task_done_fn(void *owner, const struct task_result *result);

struct task_spec {
	struct client *client; /* who asks; held by the task until its work has ended */
	enum job_kind kind;
	unsigned pool;        /* index into config->pools */
	struct job_cost cost; /* JOB_HASH, JOB_VERIFY: what it will cost */
	uint64_t units;       /* of work; 0: units_of_job() of the cost */
	bool old;        /* JOB_VERIFY: of an old format, which cannot be interrupted */
	uint8_t profile; /* JOB_HASH, JOB_VERIFY: index into config->profiles */
	bool rehash, nobody; /* JOB_VERIFY: as in job.h */
	int64_t user;        /* JOB_LOOKUP */
	/* JOB_HASH: the password; JOB_VERIFY: hash_len bytes of the hash, then the
	 * password. Taken over (emptied) when the task is admitted. */
	struct secret *password;
	size_t hash_len;
	uint64_t
	    timeout_ms; /* from now; 0 or more than the pool's deadline: the pool's */
	task_done_fn *done;
	void *owner;
};

/* Starts dispatching on the child's links. Returns NULL (logged) on failure. */
struct dispatch *dispatch_open(struct ev_loop *loop, struct child *child);
void dispatch_close(struct dispatch *d);

/* Asks for work. On ADMITTED *task is the handle for dispatch_cancel() and `done` will
 * be called later, never from within this call. Else *retry_after is how many whole
 * seconds, at least 1, the client should wait. */
enum admission dispatch_submit(struct dispatch *d, const struct task_spec *spec,
    struct task **task, unsigned *retry_after);

/* Nobody waits for it any more: `done` is not called. A queued task is gone at once, a
 * running one stops at its hasher's next look at the board. */
void dispatch_cancel(struct dispatch *d, struct task *task);

/* Bytes of memory that a task holds. */
size_t dispatch_task_bytes(const struct task *task);

/* Seconds, at least 1, after which a client whose job has failed for want of something
 * may try the pool again. */
unsigned dispatch_retry_after(struct dispatch *d, unsigned pool);

/* The master says that a hasher has died (CONTROL_GONE). */
void dispatch_hasher_gone(struct dispatch *d, const struct control_message *message);

/* Tasks neither answered nor cancelled. */
unsigned dispatch_pending(const struct dispatch *d);

#endif
