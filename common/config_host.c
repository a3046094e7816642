#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/config_table.h"
#include "common/key.h"
#include "common/sandbox.h"
#include "common/token.h"

/* Only root changes its user, and needs a group for that. */
static int user_check(const struct config *config, char *const *field,
    const char *group, const char *otherwise, struct config_error *err)
{
	struct config_identity who;
	const char *why;

	if (*field == NULL)
		return 0;
	why = config_identity_find(*field, group, otherwise, &who);
	if (why == NULL || (why == config_no_group && geteuid() != 0))
		return 0;
	return config_error_at(config, field, err,
	    "%.64s: %s; allowed: a user of this system or a number, also with a group, "
	    "as in 1000:1000",
	    *field, why);
}

static int names_check(const struct config *config, struct config_error *err)
{
	gid_t gid;
	int rc;

	if (config->group != NULL && (rc = config_group_find(config->group, &gid)) != 0)
		return config_error_at(config, &config->group, err,
		    "%.64s: %s; allowed: a group of this system or a number",
		    config->group, rc == ENOENT ? "no such group" : strerror(rc));
	if (user_check(config, &config->user, config->group, NULL, err) != 0 ||
	    user_check(config, &config->frontend.user, NULL, config->group, err) != 0)
		return -1;
	for (size_t i = 0; i < config->pool_count; i++)
		if (user_check(
		        config, &config->pools[i].user, NULL, config->group, err) != 0)
			return -1;
	return 0;
}

int config_read_tokens(
    const struct config *config, struct sealed *tokens, struct config_error *err)
{
	const char *own = config->frontend.user, *why;

	*tokens = (struct sealed){0};
	if (config->token_file == NULL ||
	    token_set_load(tokens, config->token_file, own != NULL ? own : config->user,
	        &why) == 0)
		return 0;
	return config_error_at(config, &config->token_file, err,
	    "%.200s: %s; allowed: a file with a bearer token in each line, at most %d "
	    "of up to %d bytes, that only its owner can read, root or the user of the "
	    "frontends",
	    config->token_file, why, TOKEN_COUNT_MAX, TOKEN_MAX);
}

/* As a generation reads them, and that is the check. */
static int secrets_check(const struct config *config, struct config_error *err)
{
	struct sealed secrets;

	if (config_read_tokens(config, &secrets, err) != 0)
		return -1;
	sealed_close(&secrets);
	if (key_set_load(&secrets, config, err) != 0)
		return -1;
	sealed_close(&secrets);
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

/* A change of user or root folder that is configured and not permitted would end every
 * process at its birth. */
static int powers_check(const struct config *config, struct config_error *err)
{
	char *const *users[2 + LIMIT_POOLS] = {&config->user, &config->frontend.user};
	const char *none;

	if (geteuid() != 0)
		return 0;
	for (size_t i = 0; i < config->pool_count; i++)
		users[2 + i] = &config->pools[i].user;
	for (size_t i = 0; i < 2 + config->pool_count; i++) {
		if (*users[i] == NULL)
			continue;
		none = capability_hint(EPERM, CAP_SETUID);
		if (*none == '\0')
			none = capability_hint(EPERM, CAP_SETGID);
		if (*none != '\0')
			return config_error_at(config, users[i], err,
			    "%.64s: the user cannot be changed%s", *users[i], none);
	}
	none = capability_hint(EPERM, CAP_SYS_CHROOT);
	if (config->chroot == NULL || strcmp(config->chroot, "/") == 0 || *none == '\0')
		return 0;
	return config_error_at(config, &config->chroot, err,
	    "%.200s: the root folder cannot be changed%s", config->chroot, none);
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
	    powers_check(config, err) != 0 || seccomp_check(config, err) != 0 ||
	    secrets_check(config, err) != 0 ||
	    affinity_check(config, &config->frontend.cpu_affinity, err) != 0)
		return -1;
	for (size_t i = 0; i < config->pool_count; i++)
		if (affinity_check(config, &config->pools[i].cpu_affinity, err) != 0)
			return -1;
	return config_counts_check(config, NULL, err);
}
