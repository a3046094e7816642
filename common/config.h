/*
 * The config: what a file (libconfuse syntax), `-o name=value` and the built-in
 * defaults say, checked and in one struct that nobody changes after it was loaded.
 * One table (config_table.c) has a row for each directive: its name, type, range,
 * default and place in the struct; parser, printer (-T), manual page test all
 * read that table.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "common/allowed.h"
#include "common/contract.h"
#include "common/cpu_engine.h"
#include "common/log.h"
#include "common/memory.h"

struct sealed;

/* One address to listen on. */
struct config_listen {
	char text[160]; /* as written; names the listener across reloads */
	struct sockaddr_storage addr; /* AF_INET, AF_INET6 or AF_UNIX */
	socklen_t addr_len;
	bool has_mode, has_group; /* AF_UNIX: what ?mode= and ?group= said */
	mode_t mode;
	gid_t group;
};

/* CPUs that a role may run on; `set` is meaningful only where `some`. */
struct config_affinity {
	bool some;
	cpu_set_t set;
};

/* When a hash that verifies is called one to be made anew. */
enum config_rehash { CONFIG_REHASH_ANY_DIFFERENCE, CONFIG_REHASH_ONLY_WEAKER };

enum { CONFIG_DECOYS = 8, CONFIG_WEIGHT_MAX = 1000000 };

/* What may be verified for a user that there is not. */
struct config_decoy {
	uint32_t weight;       /* 1..CONFIG_WEIGHT_MAX: its share among the others */
	char text[LIMIT_TEXT]; /* the name of a profile, or an example hash */
};

struct config_decoys {
	struct config_decoy *items; /* room for CONFIG_DECOYS, or NULL */
	unsigned count;             /* 0: the profile itself */
};

struct config_profile {
	char name[LIMIT_NAME];
	unsigned preset; /* index of preset.h; costs that nobody set are its */
	uint32_t memory_kib, time, lanes; /* Argon2 m, t, p */
	uint32_t salt, tag;               /* bytes */
	char key[LIMIT_NAME];             /* "" for none */
	unsigned rehash;                  /* enum config_rehash */
	bool bcrypt_truncate; /* compare 72 bytes of longer passwords with bcrypt */
	unsigned accept;      /* old formats that may be verified: a bit for each enum
	                         legacy_kind (legacy.h) */
	struct config_decoys decoys; /* decoy.h */
	char decoy_key[LIMIT_NAME];  /* "" for the key above */
};

struct config_key {
	char name[LIMIT_NAME];
	char *file;
	bool verify_only;
};

enum config_jobs {
	CONFIG_JOBS_HASH = 1,
	CONFIG_JOBS_VERIFY = 2,
	CONFIG_JOBS_LOOKUP = 4
};

/* sched(7) */
enum config_scheduling {
	CONFIG_SCHEDULING_OTHER,
	CONFIG_SCHEDULING_BATCH,
	CONFIG_SCHEDULING_IDLE
};

/* A limit of the machine that the processes of a plan are counted for. */
enum config_bound { CONFIG_BOUND_PROCESSES, CONFIG_BOUND_FILES };

struct config_pool {
	char name[LIMIT_NAME];
	unsigned jobs;            /* enum config_jobs, or-ed */
	unsigned min_processes;   /* "auto" is already resolved here */
	unsigned max_processes;   /* 1..LIMIT_POOL_PROCESSES, >= min */
	uint64_t idle_timeout_ms; /* an idle hasher over min leaves after this */
	unsigned batch;           /* jobs at a time in one process, 1..LIMIT_STREAMS */
	unsigned queue_limit;     /* jobs waiting in one frontend */
	uint64_t deadline_ms;     /* longest life of a job */
	unsigned
	    per_client_limit; /* jobs of one client, waiting and running; 0: no limit */
	unsigned old_formats_share; /* percent of the processes, and of their time, that
	                               old formats may have: 1..99 */
	unsigned retries;           /* tries after a crash */
	uint64_t max_jobs;          /* a hasher retires after so many; 0: never */
	char *user;                 /* NULL: the config's */
	int nice;
	enum config_scheduling scheduling;
	struct config_affinity cpu_affinity;
	uint64_t memory_limit; /* bytes for one process; 0: derived from the costs */
	unsigned
	    cpu_weight; /* of the pool's control group, 1..10000, where there is one */
	uint64_t rlimit_cpu; /* seconds; 0: none */
	/* What `auto` stands for where memory is no matter; 0: a number was given. */
	unsigned auto_processes, auto_batch;
	unsigned auto_min; /* the same of min_processes, which is at most that, and at
	                      most max_processes */
	/* What of auto_processes fits the machine's limits beside memory. */
	unsigned counted_processes;
	enum config_bound counted_by; /* where that is less */
};

struct config_frontend {
	unsigned processes;                  /* "auto" is already resolved here */
	unsigned max_connections;            /* of one frontend */
	unsigned max_connections_per_client; /* of these; 0: no limit */
	char *user;                          /* NULL: the config's */
	int nice;
	struct config_affinity cpu_affinity;
	uint64_t rlimit_nofile; /* 0: derived from max_connections */
	uint64_t rlimit_core;   /* bytes */
	uint64_t memory_limit; /* bytes for connections; 0: derived from their number */
	unsigned auto_processes, counted_processes; /* as in a pool */
	enum config_bound counted_by;
	unsigned auto_connections; /* the default of max_connections, where it was not
	                              set; else 0 */
	unsigned counted_connections; /* what of these fits the open files */
};

struct config {
	char *source; /* path of the file read, or NULL: built-in defaults */
	struct config_listen *listen;
	size_t listen_count;
	char *user, *group, *chroot, *pidfile; /* NULL: unset */
	bool seccomp;
	char *log;
	enum log_format log_format;
	enum log_level log_level;
	bool access_log;
	uint64_t hello_delay_ms;
	bool seed_routes;
	char default_pool_name[LIMIT_NAME];
	unsigned default_pool; /* index into pools */
	uint64_t max_body;     /* bytes */
	uint64_t max_password; /* bytes, 1..LIMIT_PASSWORD */
	uint64_t header_timeout_ms, body_timeout_ms, keepalive_timeout_ms,
	    write_timeout_ms;
	uint64_t ready_timeout_ms; /* a child that is not READY by then is killed */
	uint64_t shutdown_timeout_ms, drain_delay_ms;
	uint64_t memory_budget;     /* bytes; a percentage is already resolved here */
	unsigned memory_percent;    /* what it is of `memory`; 0: a size was given */
	struct memory_bound memory; /* what the machine gave at that time */
	/* What the machine allowed when the config was loaded. */
	struct allowed allowed_processes, allowed_files;
	enum engine_kind engine;
	uint64_t verify_max_memory; /* bytes */
	uint64_t auto_max_memory;   /* its default, where it was not set; else 0 */
	uint32_t verify_max_time, verify_max_lanes;
	char *token_file;    /* NULL: unset */
	char *allowed_hosts; /* see host_list.h; NULL: any */
	char *store_path;    /* SQLite file of the look-ups */
	struct config_frontend frontend;
	struct config_profile *profiles; /* [0] is `default` */
	size_t profile_count;
	struct config_key *keys;
	size_t key_count;
	struct config_pool *pools; /* elastic, fixed, lookup, then the file's own */
	size_t pool_count;
	struct config_origin
	    *origins; /* where each directive was set; config_table.h */
	size_t origin_count;
};

/* What went wrong, for people, in one printable line:
 * "FILE:LINE: directive: what was given, what is allowed". */
struct config_error {
	char text[1024];
};

/*
 * Loads a config: `path` (NULL: PATH_CONFIG (common/paths.h) where that exists,
 * else built-in defaults), then `overrides[count]` ("name=value", dotted for
 * sections). Returns it (config_free), or NULL with *err filled. Nothing is logged
 * and no file but `path` (and the group database) is opened. Forks to parse the file: a
 * caller that reaps all of its children must not do so meanwhile.
 */
struct config *config_load(
    const char *path, char *const *overrides, size_t count, struct config_error *err);
void config_free(struct config *config);

/* A user's number by "NAME", "NUMBER" or one of these with ":GROUP", which is not
 * looked at: 0, ENOENT, ENOMEM or another errno. */
int config_user_find(const char *name, uid_t *uid);

struct config_identity {
	uid_t uid;
	gid_t gid;
};

/* What a process becomes: the user of the text, with the group behind its colon, else
 * `group` (NULL: unset), else the user's own, else, for a number without an entry in
 * the user database, `otherwise`. Returns NULL, or why not; config_no_group for a user
 * without any group. */
const char *config_identity_find(const char *text, const char *group,
    const char *otherwise, struct config_identity *who);
extern const char config_no_group[];

/* What -t and a start look up beyond the config itself: users and group, the chroot
 * folder, seccomp, key and token files, the CPUs of the affinities, and whether the
 * machine allows the processes and files. Returns 0, or -1 with *err. */
int config_check_host(const struct config *config, struct config_error *err);

/* Reads token_file (token.h); where it is unset, `tokens` is none. Returns 0, or -1
 * with *err. */
int config_read_tokens(
    const struct config *config, struct sealed *tokens, struct config_error *err);

/* Was the member set by the file or an override, or is it as built in? */
bool config_is_set(const struct config *config, const void *field);

/* What a member is called: "pool.web.batch" for &pools[3].batch, "pool.web" for
 * &pools[3]. */
void config_name(const struct config *config, const void *field, char *buf, size_t cap);

/* Fills *err with "WHERE: NAME: MESSAGE" for a fault that shows itself later: a port in
 * use, a folder that is not there. WHERE is the line or -o that the member was set by.
 * Returns -1. */
int config_error_at(const struct config *config, const void *field,
    struct config_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Where to log, and the pidfile (NULL: none), of a daemon that is detached (-d) or not:
 * it then has syslog and PATH_PIDFILE for what the config leaves unset. */
const char *config_log(const struct config *config, bool detached);
const char *config_pidfile(const struct config *config, bool detached);

/* Writes the effective config in a form that config_load() reads back to an equal one.
 * Returns 0, or -1 where writing failed. */
int config_print(const struct config *config, FILE *out);

/* Index of the pool or profile of that name, or -1. */
int config_pool_find(const struct config *config, const char *name);
int config_profile_find(const struct config *config, const char *name);

/* Index of the key whose name is id[len], or -1. */
int config_key_find(const struct config *config, const void *id, size_t len);

/* The name of the key by which a profile's decoys are chosen; "" for none. */
const char *config_decoy_key(const struct config_profile *profile);

/* The old formats that a profile can accept; NULL past the last. */
const char *config_accept_word(unsigned index);

/*
 * Does a route ask the pool for its jobs? /v1 can be told any pool that hashes or
 * verifies; the one route that looks users up asks the pool CONFIG_LOOKUPS, and is
 * there where `seed_routes` is on. A pool that nobody asks has no process.
 */
#define CONFIG_LOOKUPS "lookup"
bool config_pool_is_asked(const struct config *config, const struct config_pool *pool);
/* Its processes, min_processes and max_processes: 0 where nobody asks it. */
unsigned config_pool_least(const struct config *config, const struct config_pool *pool);
unsigned config_pool_most(const struct config *config, const struct config_pool *pool);

/* Bytes of Argon2 memory that one process of the pool may need at once: `batch` jobs of
 * the costliest profile or, where it verifies, one job at the verify ceiling if that is
 * more. 0 for look-ups. */
uint64_t config_pool_arena(const struct config *config, const struct config_pool *pool);
/* Of these, what `batch` jobs of the costliest profile need. */
uint64_t config_pool_profiles(
    const struct config *config, const struct config_pool *pool);

/* Bytes that the connections of one frontend may take at most: sockets, their buffers
 * in the kernel, and what the frontend itself holds for them. */
uint64_t config_frontend_bytes(const struct config *config);
/* Of these, what is for buffers, in the kernel and in the frontend: all but the
 * sockets. */
uint64_t config_frontend_buffers(const struct config *config);
/* SO_RCVBUF of a connection: what a client may have sent that is not read yet. */
uint32_t config_receive_buffer(const struct config *config);

/* Bytes that are promised: the profiles' jobs of all pools at max_processes, the
 * connections of all frontends, each process's memory for secrets, and beside them one
 * job at the verify ceiling. That no second such job starts when there is no room for
 * it is the frontends' admission to see to. UINT64_MAX where there is no such number.
 */
uint64_t config_memory_plan(const struct config *config);

/* Bytes while a generation of `before` (NULL: of the same config) still drains beside
 * one of `config`: what must fit the memory budget. */
uint64_t config_memory_need(const struct config *config, const struct config *before);

/* Processes of two generations, one of `config` and one of `before` (NULL: of the same
 * config), each with a master, as at an upgrade. */
uint64_t config_processes(const struct config *config, const struct config *before);
/* Open files of the master that has these two generations, and of one frontend. */
uint64_t config_files_of_master(
    const struct config *config, const struct config *before);
uint64_t config_files_of_frontend(const struct config *config);

/* Bytes of memory for secrets (locked.h) that a process is given, and RLIMIT_MEMLOCK
 * that is enough for it. */
size_t config_locked_frontend(const struct config *config);
size_t config_locked_hasher(const struct config *config);
uint64_t config_memlock_frontend(const struct config *config);
uint64_t config_memlock_hasher(const struct config *config);

/* Does the machine allow the processes and files of the plan, also beside `before`
 * (NULL: none)? Returns 0, or -1 with *err. */
int config_counts_check(
    const struct config *config, const struct config *before, struct config_error *err);

/*
 * Lowers the numbers that nobody has set until the plan fits the machine, also beside
 * that of `before` (NULL: none), which drains meanwhile. First the processes and
 * max_connections to what the machine allows of processes and files. Then to
 * memory_budget: max_connections, then batch, then max_processes, then
 * verify_max_memory, which changes what callers may ask for and so comes last. The
 * least are 256 connections, one job, one process, and what the profiles need. What is
 * left then goes to processes and connections again. Returns whether it fits
 * memory_budget now; config_counts_check() says the rest.
 */
bool config_fit(struct config *config, const struct config *before);

/* Calls tell() with a line for each number that is lower than it would be on a larger
 * machine: from what to what, why, and what to set. */
void config_tell_lowered(const struct config *config,
    void (*tell)(const char *line, void *context), void *context);

/* The same with a line for each pool that has no process, and why. */
void config_tell_unasked(const struct config *config,
    void (*tell)(const char *line, void *context), void *context);

/* The same with a line for each file of secrets that lies in the store's folder. */
void config_tell_exposed(const struct config *config,
    void (*tell)(const char *line, void *context), void *context);

/* memory_budget and where it comes from: "384M (75% of 512M, memory.max of ...)". */
const char *config_budget_text(const struct config *config, char *buf, size_t cap);

/* A size for people, into buf, which is returned: rounded up to K, or to M where it has
 * more than a hundred. */
const char *config_size_text(uint64_t bytes, char *buf, size_t cap);

#endif
