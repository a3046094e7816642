/*
 * How much memory for secrets (locked.h) a process of each role is given.
 */
#include "common/config_table.h"
#include "common/decoy.h"
#include "common/key.h"
#include "common/locked.h"
#include "common/token.h"

enum {
	KIB = 1024,
	FRONTEND_REST =
	    512 * KIB, /* heads and bodies that arrive, and its root struct */
	FRONTEND_MOST =
	    32768 * KIB,         /* beyond that a flood's passwords may be swapped */
	HASHER_REST = 384 * KIB, /* messages, what crypt(3) and OpenSSL work in */
	TOKENS =
	    TOKEN_COUNT_MAX * 32 + 4096, /* their digests, and what is before them */
	HASH_USUAL = 128, /* bytes of a hash that stands before its password */
};

/* Bytes of the block that a job's password is in. */
static size_t job_bytes(const struct config *config)
{
	size_t bytes = LOCKED_UNIT;

	while (bytes < config->max_password + HASH_USUAL)
		bytes *= 2;
	return bytes;
}

/* As many jobs as can wait and be under way; a connection has one at a time. */
size_t config_locked_frontend(const struct config *config)
{
	uint64_t jobs = LIMIT_FLIGHTS, bytes;

	for (size_t i = 0; i < config->pool_count; i++)
		if ((config->pools[i].jobs & CONFIG_JOBS_LOOKUP) == 0)
			jobs += config->pools[i].queue_limit;
	if (jobs > config->frontend.max_connections)
		jobs = config->frontend.max_connections;
	bytes = FRONTEND_REST + jobs * job_bytes(config);
	return bytes < FRONTEND_MOST ? (size_t)bytes : FRONTEND_MOST;
}

size_t config_locked_hasher(const struct config *config)
{
	return HASHER_REST + LIMIT_STREAMS * job_bytes(config);
}

uint64_t config_memlock_frontend(const struct config *config)
{
	return locked_need(config_locked_frontend(config)) +
	       (config->token_file != NULL ? TOKENS : 0) +
	       CONFIG_PROFILES * sizeof(struct decoy_key);
}

uint64_t config_memlock_hasher(const struct config *config)
{
	return locked_need(config_locked_hasher(config)) + sizeof(struct key_set) +
	       config->key_count * sizeof(struct key);
}
