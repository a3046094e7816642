#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config_table.h"
#include "common/key.h"
#include "common/sandbox.h"
#include "common/token.h"

enum { ENTRY_MAX = 16 * 1024 * 1024 };

int config_user_find(const char *name, uid_t *uid)
{
	size_t size = 1024;
	int rc = 0;

	do {
		struct passwd entry, *found = NULL;
		char *buf = malloc(size);

		if (buf == NULL)
			return ENOMEM;
		rc = getpwnam_r(name, &entry, buf, size, &found);
		if (found != NULL)
			*uid = entry.pw_uid;
		free(buf);
		if (rc == 0 && found == NULL)
			return ENOENT;
		size *= 2;
	} while (rc == ERANGE && size < ENTRY_MAX);
	return rc;
}

static int user_check(
    const struct config *config, char *const *field, struct config_error *err)
{
	uid_t uid;
	int rc = *field != NULL ? config_user_find(*field, &uid) : 0;

	if (rc == 0)
		return 0;
	return config_error_at(config, field, err,
	    "%.64s: %s; allowed: a user of this system", *field,
	    rc == ENOENT ? "no such user" : strerror(rc));
}

static int names_check(const struct config *config, struct config_error *err)
{
	gid_t gid;
	int rc;

	if (user_check(config, &config->user, err) != 0 ||
	    user_check(config, &config->frontend.user, err) != 0)
		return -1;
	for (size_t i = 0; i < config->pool_count; i++)
		if (user_check(config, &config->pools[i].user, err) != 0)
			return -1;
	if (config->group != NULL && (rc = config_group_find(config->group, &gid)) != 0)
		return config_error_at(config, &config->group, err,
		    "%.64s: %s; allowed: a group of this system", config->group,
		    rc == ENOENT ? "no such group" : strerror(rc));
	return 0;
}

/* A file that holds secrets: there, regular and readable. Never waits. */
static int file_check(const struct config *config, const void *field, const char *path,
    struct config_error *err)
{
	int fd, rc = 0;
	struct stat st;

	if (path == NULL)
		return 0;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		rc = config_error_at(config, field, err,
		    "%.200s: %s; allowed: a readable file", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		rc = config_error_at(config, field, err,
		    "%.200s: not a regular file; allowed: a readable file", path);
	if (fd != -1)
		close(fd);
	return rc;
}

/* Every pool that hashes must be able to read all keys: each key is checked for the
 * user of each. */
static int key_check(
    const struct config *config, const struct config_key *key, struct config_error *err)
{
	for (size_t i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];
		const char *why;
		int fd;

		if ((pool->jobs & CONFIG_JOBS_LOOKUP) != 0)
			continue;
		fd = key_file_open(
		    key->file, pool->user != NULL ? pool->user : config->user, &why);
		if (fd < 0)
			return config_error_at(config, &key->file, err,
			    "%.200s: %s; allowed: a file of %d to %d bytes that only "
			    "its "
			    "owner can read, root or the user of the hashers",
			    key->file, why, KEY_MIN, KEY_MAX);
		close(fd);
	}
	return 0;
}

static int tokens_check(const struct config *config, struct config_error *err)
{
	struct token_set *tokens;
	const char *why;

	if (config->token_file == NULL)
		return 0;
	if (file_check(config, &config->token_file, config->token_file, err) != 0)
		return -1;
	tokens = token_set_load(config->token_file, &why);
	if (tokens == NULL)
		return config_error_at(config, &config->token_file, err,
		    "%.200s: %s; allowed: a file with a bearer token in each line",
		    config->token_file, why);
	token_set_free(tokens);
	return 0;
}

static int chroot_check(const struct config *config, struct config_error *err)
{
	struct stat st;

	if (config->chroot == NULL)
		return 0;
	if (stat(config->chroot, &st) == -1)
		return config_error_at(config, &config->chroot, err,
		    "%.200s: %s; allowed: a folder", config->chroot, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return config_error_at(config, &config->chroot, err,
		    "%.200s: not a folder; allowed: a folder", config->chroot);
	return 0;
}

/* What is asked for and cannot be had is no reason to do without it in silence. */
static int seccomp_check(const struct config *config, struct config_error *err)
{
	if (!config->seccomp || sandbox_filter_available())
		return 0;
	return config_error_at(config, &config->seccomp, err,
	    "on: this kernel or architecture has no seccomp filters; allowed: off");
}

/* One CPU that is not ours makes sched_setaffinity() do less than was asked for. */
static int affinity_check(const struct config *config,
    const struct config_affinity *affinity, struct config_error *err)
{
	cpu_set_t ours;

	if (!affinity->some || sched_getaffinity(0, sizeof(ours), &ours) == -1)
		return 0;
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &affinity->set) && !CPU_ISSET(cpu, &ours))
			return config_error_at(config, affinity, err,
			    "CPU %zu; allowed: CPUs that this process may run on", cpu);
	return 0;
}

int config_check_host(const struct config *config, struct config_error *err)
{
	if (names_check(config, err) != 0 || chroot_check(config, err) != 0 ||
	    seccomp_check(config, err) != 0 || tokens_check(config, err) != 0 ||
	    affinity_check(config, &config->frontend.cpu_affinity, err) != 0)
		return -1;
	for (size_t i = 0; i < config->key_count; i++)
		if (key_check(config, &config->keys[i], err) != 0)
			return -1;
	for (size_t i = 0; i < config->pool_count; i++)
		if (affinity_check(config, &config->pools[i].cpu_affinity, err) != 0)
			return -1;
	return 0;
}
