#include "common/key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/log.h"

static size_t set_size(size_t count)
{
	return sizeof(struct key_set) + count * sizeof(struct key);
}

/* What is wrong with a file, or NULL. */
static const char *file_wrong(const struct stat *st, const char *user)
{
	uid_t other = 0;

	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (user != NULL && config_user_find(user, &other) != 0)
		return "the user that may own it cannot be found";
	if (st->st_uid != 0 && st->st_uid != geteuid() && st->st_uid != other)
		return "belongs to somebody else";
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return "others than its owner may read or write it";
	if (st->st_size < KEY_MIN)
		return "shorter than 8 bytes";
	return st->st_size > KEY_MAX ? "longer than 1024 bytes" : NULL;
}

int key_file_open(const char *path, const char *user, const char **why)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	*why = NULL;
	if (fd < 0 || fstat(fd, &st) != 0)
		*why = strerrordesc_np(errno);
	else
		*why = file_wrong(&st, user);
	if (*why == NULL)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Reads straight to where it stays: no copy is left behind. */
static int key_read(struct key *key, int fd)
{
	uint8_t more;

	while (key->len < KEY_MAX) {
		ssize_t n = read(fd, key->bytes + key->len, KEY_MAX - key->len);

		if (n < 0)
			return -1;
		if (n == 0)
			return key->len >= KEY_MIN ? 0 : -1;
		key->len += (size_t)n;
	}
	return read(fd, &more, 1) == 0 ? 0 : -1;
}

static int key_load(struct key *key, const struct config_key *config, const char *user)
{
	const char *why;
	int fd = key_file_open(config->file, user, &why), rc;

	if (fd < 0) {
		log_error("key %s: %s: %s", config->name, config->file, why);
		return -1;
	}
	rc = key_read(key, fd);
	if (rc != 0)
		log_error("key %s: %s: cannot be read", config->name, config->file);
	close(fd);
	return rc;
}

struct key_set *key_set_load(const struct config *config, const char *user)
{
	const size_t size = set_size(config->key_count);
	struct key_set *set = mmap(
	    NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (set == MAP_FAILED) {
		log_error("keys: %s", strerror(errno));
		return NULL;
	}
	set->count = config->key_count;
	(void)madvise(set, size, MADV_DONTDUMP);
	if (mlock(set, size) != 0)
		log_debug(
		    "keys may be swapped: %s; see RLIMIT_MEMLOCK", strerror(errno));
	for (size_t i = 0; i < set->count; i++) {
		if (key_load(&set->keys[i], &config->keys[i], user) == 0)
			continue;
		key_set_free(set);
		return NULL;
	}
	return set;
}

void key_set_free(struct key_set *set)
{
	size_t size;

	if (set == NULL)
		return;
	size = set_size(set->count);
	explicit_bzero(set, size);
	munmap(set, size);
}
