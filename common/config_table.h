/*
 * The inside of the config: what config*.c share and nobody else includes. A
 * directive is a row; what it may hold is a type; where it came from is an origin.
 */
#ifndef COMMON_CONFIG_TABLE_H
#define COMMON_CONFIG_TABLE_H

#include <stdarg.h>

#include "common/config.h"

enum config_section {
	CONFIG_ROOT,
	CONFIG_FRONTEND,
	CONFIG_PROFILE,
	CONFIG_KEY,
	CONFIG_POOL,
	CONFIG_SECTION_END
};

/* How many of the kinds that a contract limit does not cover. */
enum { CONFIG_PROFILES = 64, CONFIG_KEYS = 64 };

/* A kind of section. Elements of those with a title begin with `char name[LIMIT_NAME]`
 * and live in an array that is allocated for `limit` of them, so that they never move.
 */
struct config_section_row {
	const char *name; /* "" for what is outside of sections */
	bool titled;
	size_t place; /* offset in struct config: of the struct, or of the array's
	                 pointer */
	size_t count; /* offset in struct config of the number of elements */
	size_t size;  /* of one element */
	size_t limit;
};

extern const struct config_section_row config_sections[CONFIG_SECTION_END];

struct config_type;

struct config_directive {
	enum config_section section;
	const char *name;
	const struct config_type *type;
	size_t offset, size;  /* of the member in its section's struct */
	int64_t min, max;     /* numbers: in the unit that the member holds */
	const char *fallback; /* the default, as one would write it */
};

extern const struct config_directive config_directives[];
extern const size_t config_directive_count;

/* What is there before a file is read: sections (name NULL) and what differs in them.
 */
struct config_preset {
	enum config_section section;
	const char *title, *name, *value;
};

extern const struct config_preset config_presets[];
extern const size_t config_preset_count;

/* The section or directive of that name, or NULL. */
const struct config_section_row *config_section_find(const char *name);
const struct config_directive *config_directive_find(
    enum config_section section, const char *name);
/* Element `index` of a section in this config, or NULL past the last. */
void *config_section_at(
    const struct config *config, enum config_section section, size_t index);

/* Why a value was refused. */
struct config_why {
	bool no_memory; /* not the value's fault */
	char text[160]; /* follows the value: "is out of range" */
};

struct config_unit {
	const char *name;
	int64_t factor;
};

struct config_type {
	/* Takes a value, or one element of a list (`first`: forget what was there),
	 * into the struct at `base`. Returns 0, or -1 with *why. */
	int (*parse)(const struct config_directive *row, void *base, const char *text,
	    bool first, struct config_why *why);
	/* Writes the value as config_load() reads it. */
	void (*print)(const struct config_directive *row, const void *base, FILE *out);
	/* Writes what may be given. */
	void (*allow)(const struct config_directive *row, char *text, size_t cap);
	bool list;
	char separator; /* of a list's elements in a text; 0: a comma */
	size_t quoted;  /* so much of a value that is refused is shown; 0: 64 bytes */
	bool owned;     /* the member is a char * to be freed */
	bool automatic; /* numbers: `auto` is held as 0 */
	const struct config_unit *units; /* numbers: NULL where they have none */
	const char *(*word)(
	    unsigned);       /* words: the number's name, or NULL past the last */
	const char *allowed; /* text: what may be given */
};

extern const struct config_type config_type_number, config_type_number_auto,
    config_type_size, config_type_size_auto, config_type_size_kib, config_type_budget,
    config_type_time, config_type_seconds, config_type_percent, config_type_switch,
    config_type_log_format, config_type_log_level, config_type_engine,
    config_type_preset, config_type_rehash, config_type_scheduling, config_type_accept,
    config_type_text, config_type_path, config_type_log, config_type_store,
    config_type_name, config_type_jobs, config_type_cpus, config_type_listen,
    config_type_decoy, config_type_hosts;

/* A name that may be given to a pool, a profile or a key. */
bool config_name_valid(const char *name);
extern const char config_name_allowed[];

/* Fills *why in the manner of printf; returns -1. */
int config_refuse(struct config_why *why, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int config_refuse_memory(struct config_why *why);

/* Parses decimal digits that are all of `text`; at most `max`. */
bool config_digits(const char *text, uint64_t max, uint64_t *out);
/* Writes text in double quotes, escaped for libconfuse. */
void config_quote(const char *text, FILE *out);

/* config_listen.c */
int config_listen_parse(const struct config_directive *row, void *base,
    const char *text, bool first, struct config_why *why);
void config_listen_print(
    const struct config_directive *row, const void *base, FILE *out);

/* The group's number by its name, or the number itself: 0, ENOENT, ENOMEM or another
 * errno. */
int config_group_find(const char *name, gid_t *gid);

/* Where a member got its value. */
struct config_origin {
	const void *field; /* the member, or a section's element */
	unsigned line;     /* of the file; 0 where it was an override */
	char *override;    /* "name=value" of -o, or NULL */
};

/* Makes *err "WHERE: MESSAGE": one printable line. Always returns -1. */
int config_error_set(struct config_error *err, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int config_error_memory(struct config_error *err);

/* Where something in hand comes from, while a config is being made. */
struct config_source {
	const char *text; /* "FILE:LINE" or "-o TEXT" */
	unsigned line;    /* 0 but for a file */
	char *override;   /* TEXT of -o, or NULL */
};

/* Gives every member of a section's struct its default; what has none stays zero. */
int config_section_fill(struct config *config, const struct config_section_row *section,
    void *base, struct config_error *err);
/* Finds the element, or adds it with its defaults. NULL with *err. */
void *config_section_open(struct config *config,
    const struct config_section_row *section, const char *title,
    const struct config_source *source, struct config_error *err);
/* Notes that `field` came from there. -1 with *err where memory ran out. */
int config_origin_note(struct config *config, const void *field,
    const struct config_source *source, struct config_error *err);
/* Or NULL, for what is as built in. */
struct config_origin *config_origin_find(
    const struct config *config, const void *field);
/* What stands where the place of a directive would, for one that nobody wrote. */
extern const char config_built_in[];
/* Parses a value, one or several elements of a list. 0, or -1 with *err. */
int config_value_set(const struct config *config, const struct config_directive *row,
    void *base, const char *text, bool first, const char *where,
    struct config_error *err);
/* The same, with a note of its origin; in a file's list, every element but the first
 * with `first` false. */
int config_set(struct config *config, const struct config_directive *row, void *base,
    const char *text, bool first, const struct config_source *source,
    struct config_error *err);
/* Refuses a directive that does not exist. Returns -1. */
int config_unknown(enum config_section section, const char *name,
    const struct config_source *source, struct config_error *err);

/* config_file.c: applies a file. 0, or -1 with *err. */
int config_file_apply(
    struct config *config, const char *path, struct config_error *err);

/* "FILE:LINE", "-o TEXT", FILE or "built-in defaults": where the member was set. */
void config_where(
    const struct config *config, const void *field, char *buf, size_t cap);

/* config_resolve.c: makes `auto` and names what they stand for. Returns 0, or -1 with
 * *err. */
int config_resolve(struct config *config, struct config_error *err);
/* config_check.c: checks what no single directive can know. Returns 0, or -1 with *err.
 */
int config_check(const struct config *config, struct config_error *err);
/* config_decoy.c: can each decoy of the profile be verified, and each user be given one
 * of them? Returns 0, or -1 with *err. */
int config_decoys_check(const struct config *config,
    const struct config_profile *profile, struct config_error *err);
/* KiB that the dearest example among them needs; profiles count by themselves. */
uint32_t config_decoys_memory(const struct config_profile *profile);
/* config_plan.c: does the plan fit memory_budget? Returns 0, or -1 with *err. */
int config_plan_check(const struct config *config, struct config_error *err);
/* config_counts.c: does the machine allow the processes and the master's files, and the
 * part of config_fit() that lowers them until it does. */
bool config_counts_fit(const struct config *config, const struct config *before);
void config_counts_lower(struct config *config, const struct config *before);
/* Is a rlimit_nofile that was set enough for max_connections? 0, or -1 with *err. */
int config_connections_check(const struct config *config, struct config_error *err);
/* config_connections.c: how many connections a memory_limit of frontends has room for,
 * where it was set; one step down of an automatic max_connections: false where there is
 * none. */
unsigned config_connections_most(const struct config *config);
bool config_connections_lower(struct config *config);
/* Is a memory_limit of frontends that was set enough for their connections? 0, or -1
 * with *err. */
int config_connections_check_memory(
    const struct config *config, struct config_error *err);
/* config_fit.c: where both bounds of a pool are automatic they are the same. */
void config_pool_resize(struct config_pool *pool, unsigned processes);
/* KiB that verify_max_memory must have at least: a profile's hashes can be verified. */
uint32_t config_profiles_memory(const struct config *config);

#endif
