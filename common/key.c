#include "common/key.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/log.h"
#include "common/secret.h"
#include "common/secret_file.h"

static size_t set_size(size_t count)
{
	return sizeof(struct key_set) + count * sizeof(struct key);
}

/* Every pool that hashes has all keys. */
static const char *key_wrong(int fd, const struct config *config)
{
	const char *why = NULL;

	for (size_t i = 0; i < config->pool_count && why == NULL; i++) {
		const struct config_pool *pool = &config->pools[i];

		if ((pool->jobs & CONFIG_JOBS_LOOKUP) == 0)
			why = secret_file_wrong(
			    fd, pool->user != NULL ? pool->user : config->user);
	}
	return why;
}

static const char *key_read(struct key *key, int fd)
{
	const char *why;
	ssize_t len = secret_file_read(fd, key->bytes, sizeof(key->bytes), &why);

	if (len < 0)
		return why;
	key->len = (size_t)len;
	return key->len < KEY_MIN ? "shorter than 8 bytes" : NULL;
}

static int key_load(struct key *key, const struct config *config,
    const struct config_key *from, struct config_error *err)
{
	const char *why;
	int fd = secret_file_open(from->file, &why);

	if (fd >= 0) {
		why = key_wrong(fd, config);
		if (why == NULL)
			why = key_read(key, fd);
		close(fd);
	}
	if (why == NULL)
		return 0;
	return config_error_at(config, &from->file, err,
	    "%.200s: %s; allowed: a file of %d to %d bytes that only its owner can "
	    "read, root or the user of the hashers",
	    from->file, why, KEY_MIN, KEY_MAX);
}

static int memory_error(const struct config *config, struct config_error *err)
{
	return config_error_at(config, &config->keys[0].file, err,
	    "no memory for keys: %s", strerror(errno));
}

int key_set_load(
    struct sealed *sealed, const struct config *config, struct config_error *err)
{
	struct key_set *set;

	*sealed = (struct sealed){0};
	if (config->key_count == 0)
		return 0;
	if (sealed_open(sealed, "argond-keys", set_size(config->key_count)) != 0)
		return memory_error(config, err);
	set = sealed->base;
	set->count = config->key_count;
	for (size_t i = 0; i < set->count; i++) {
		if (key_load(&set->keys[i], config, &config->keys[i], err) == 0)
			continue;
		sealed_close(sealed);
		return -1;
	}
	return sealed_shut(sealed) == 0 ? 0 : memory_error(config, err);
}

const struct key_set *key_set_map(const struct sealed *sealed)
{
	return sealed_map(sealed);
}

void key_set_unmap(const struct key_set *set)
{
	if (set != NULL)
		munmap((void *)(uintptr_t)set, set_size(set->count));
}

static bool key_equal(const struct key *a, const struct key *b)
{
	return a->len == b->len && secret_equal(a->bytes, b->bytes, a->len);
}

unsigned key_set_warn(const struct sealed *sealed, const struct config *config,
    const struct sealed *before, const struct config *before_config)
{
	const struct key_set *now, *old;
	unsigned warned = 0;

	if (sealed->bytes == 0 || before->bytes == 0)
		return 0;
	now = key_set_map(sealed);
	old = key_set_map(before);
	for (size_t i = 0; now != NULL && old != NULL && i < now->count; i++) {
		const char *name = config->keys[i].name;
		int was = config_key_find(before_config, name, strlen(name));

		if (was < 0 || key_equal(&now->keys[i], &old->keys[was]))
			continue;
		log_warn("key %s: %s has other bytes than before: hashes made with "
		         "those will be found wrong",
		    name, config->keys[i].file);
		warned++;
	}
	key_set_unmap(now);
	key_set_unmap(old);
	return warned;
}
