#include "common/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/landlock.h"
#include "common/locked.h"
#include "common/log.h"

/* ---- who is confined how ---- */

/* Sockets, and the fds it was given. */
struct sandbox_spec sandbox_of_frontend(const struct config *config)
{
	const char *own = config->frontend.user;

	return (struct sandbox_spec){.kind = SANDBOX_FRONTEND,
	    .user = own != NULL ? own : config->user,
	    .group = own != NULL ? NULL : config->group,
	    .group_otherwise = config->group,
	    .root = config->chroot,
	    .locked = config_locked_frontend(config),
	    .filter = config->seccomp,
	    .core = config->frontend.rlimit_core > 0};
}

/* Links and memory; a look-up has the folder of its database beside them. */
struct sandbox_spec sandbox_of_pool(
    const struct config *config, const struct config_pool *pool)
{
	bool lookup = (pool->jobs & CONFIG_JOBS_LOOKUP) != 0;

	return (struct sandbox_spec){.kind = lookup ? SANDBOX_LOOKUP : SANDBOX_HASHER,
	    .user = pool->user != NULL ? pool->user : config->user,
	    .group = pool->user != NULL ? NULL : config->group,
	    .group_otherwise = config->group,
	    .root = config->chroot,
	    .store = lookup ? config->store_path : NULL,
	    .locked = lookup ? 0 : config_locked_hasher(config),
	    .filter = config->seccomp};
}

/* ---- the root folder ---- */

/* Makes the folder that we are in the root of the file system. */
static int root_here(void)
{
	return chroot(".") == 0 && chdir("/") == 0 ? 0 : -1;
}

/* Into a folder that is gone as soon as we are in it. */
static int root_empty(void)
{
	static const char *const places[] = {"/run", "/tmp"};
	char path[64];
	int rc = -1;

	for (size_t i = 0; rc != 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/argond-XXXXXX", places[i]);
		if (mkdtemp(path) == NULL)
			continue;
		rc = chdir(path);
		if (rmdir(path) != 0)
			rc = -1;
	}
	if (rc == 0 && root_here() == 0)
		return 0;
	log_warn("no chroot to an empty folder: %s; see `chroot`", strerror(errno));
	return chdir("/");
}

/* Root without CAP_DAC_OVERRIDE goes into a folder of `who` by that user's rights. */
static int root_go(const char *path, const struct config_identity *who)
{
	int rc = chdir(path), saved;

	if (rc == 0 || errno != EACCES)
		return rc;
	(void)setfsgid(who->gid);
	(void)setfsuid(who->uid);
	rc = chdir(path);
	saved = errno;
	(void)setfsuid(geteuid());
	(void)setfsgid(getegid());
	errno = saved;
	return rc;
}

/* Where the database lies: a link leads out of its folder. */
static void store_find(const char *store, char path[PATH_MAX])
{
	if (realpath(store, path) == NULL)
		snprintf(path, PATH_MAX, "%s", store);
}

/* Into the folder of a look-up's database; one that is not there has nothing to see. */
static int root_store(struct sandbox_spec *spec, const struct config_identity *who)
{
	static char path[PATH_MAX];
	char *name;

	store_find(spec->store, path);
	name = strrchr(path, '/');
	if (name == NULL) {
		errno = EINVAL;
		return -1;
	}
	*name = '\0';
	if (root_go(*path != '\0' ? path : "/", who) != 0)
		return errno == ENOENT || errno == ENOTDIR ? root_empty() : -1;
	*name = '/';
	spec->store = name;
	if (root_here() == 0)
		return 0;
	spec->store = path;
	log_warn("no chroot to the folder of %s: %s", path, strerror(errno));
	return 0;
}

static int root_change(struct sandbox_spec *spec, const struct config_identity *who)
{
	if (spec->root != NULL && strcmp(spec->root, "/") == 0)
		return chdir("/");
	/* without a new root folder, as when not root: the master has logged it */
	if (spec->root == NULL && !capability_have(CAP_SYS_CHROOT))
		return 0;
	if (spec->store != NULL)
		return root_store(spec, who);
	if (spec->root == NULL)
		return root_empty();
	return root_go(spec->root, who) == 0 ? root_here() : -1;
}

static int root_enter(struct sandbox_spec *spec, const struct config_identity *who)
{
	if (root_change(spec, who) == 0)
		return 0;
	log_error("chroot %s: %s",
	    spec->root != NULL ? spec->root : "to its own folder", strerror(errno));
	return -1;
}

/* ---- user, groups, capabilities ---- */

static int identity_find(const struct sandbox_spec *spec, struct config_identity *who)
{
	const char *why =
	    config_identity_find(spec->user, spec->group, spec->group_otherwise, who);

	if (why == NULL)
		return 0;
	log_error("user %s: %s", spec->user, why);
	return -1;
}

static int identity_become(const struct config_identity *who)
{
	if (setgroups(0, NULL) != 0 || setresgid(who->gid, who->gid, who->gid) != 0 ||
	    setresuid(who->uid, who->uid, who->uid) != 0)
		return -1;
	/* fs.suid_dumpable may have made it 1: from now on it has siblings of its user
	 */
	return prctl(PR_SET_DUMPABLE, 0);
}

/* What execve() could give back; only who may change it has to. */
static void capabilities_bound(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		continue;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int capabilities_set(uint32_t keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
	    {.effective = keep, .permitted = keep}};

	return (int)syscall(SYS_capset, &head, sets);
}

static bool capabilities_are(uint32_t keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &head, sets) == 0 && sets[0].effective == keep &&
	       sets[0].permitted == keep && sets[0].inheritable == 0 &&
	       sets[1].effective == 0 && sets[1].permitted == 0 &&
	       sets[1].inheritable == 0;
}

/* Tries every door that it has closed. Being able to is no giving up. */
static bool identity_is_final(const struct config_identity *who)
{
	const gid_t none = 0;
	uid_t ids[3];
	gid_t groups[3];

	if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0 ||
	    setreuid((uid_t)-1, 0) == 0 || setgroups(1, &none) == 0 || chroot("/") == 0)
		return false;
	if (who->gid != 0 && (setgid(0) == 0 || setegid(0) == 0))
		return false;
	return getresuid(&ids[0], &ids[1], &ids[2]) == 0 &&
	       getresgid(&groups[0], &groups[1], &groups[2]) == 0 &&
	       ids[0] == who->uid && ids[1] == who->uid && ids[2] == who->uid &&
	       groups[0] == who->gid && groups[1] == who->gid &&
	       groups[2] == who->gid && getgroups(0, NULL) == 0;
}

/* ---- all together ---- */

/* Root without a `user` reaches its database by DAC_OVERRIDE, if at all: it may lie in
 * anybody's folder. */
static uint32_t capabilities_kept(const struct sandbox_spec *spec, bool root)
{
	return root && spec->user == NULL && spec->kind == SANDBOX_LOOKUP &&
	               capability_have(CAP_DAC_OVERRIDE)
	           ? 1U << CAP_DAC_OVERRIDE
	           : 0;
}

static int identity_enter(struct sandbox_spec *spec, bool root)
{
	const uint32_t keep = capabilities_kept(spec, root);
	struct config_identity who = {.uid = 0};

	/* the names first: there are no files to find them in later */
	if (root && spec->user != NULL && identity_find(spec, &who) != 0)
		return -1;
	if (root && root_enter(spec, &who) != 0)
		return -1;
	capabilities_bound();
	if (root && spec->user != NULL && identity_become(&who) != 0) {
		log_error("user %s: %s", spec->user, strerror(errno));
		return -1;
	}
	if (capabilities_set(keep) != 0 || !capabilities_are(keep)) {
		log_error("capabilities: %s", strerror(errno));
		return -1;
	}
	if (who.uid != 0 && !identity_is_final(&who)) {
		log_error("user %s: there is a way back to root", spec->user);
		return -1;
	}
	return 0;
}

/* Its times are UTC: without this the C library would look for a time zone's file. */
static int timezone_settle(void)
{
	if (setenv("TZ", "UTC0", 1) != 0) {
		log_error("environment: %s", strerror(errno));
		return -1;
	}
	tzset();
	return 0;
}

/* Before it has a secret, and as root where it is: the limit can then be raised. */
static void memory_lock(const struct sandbox_spec *spec)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit limit;

	if (setrlimit(RLIMIT_MEMLOCK, &all) != 0 &&
	    getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_MEMLOCK, &limit);
	}
#ifdef __SANITIZE_ADDRESS__
	(void)spec; /* it watches over what comes from malloc() */
#else
	(void)locked_open(spec->locked);
#endif
}

int sandbox_enter(struct sandbox_spec *spec)
{
	const struct rlimit none = {0, 0};

	umask(077);
	memory_lock(spec);
	if (timezone_settle() != 0 || identity_enter(spec, geteuid() == 0) != 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		log_error("no_new_privs: %s", strerror(errno));
		return -1;
	}
	if (setrlimit(RLIMIT_NPROC, &none) != 0) {
		log_error("RLIMIT_NPROC: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/* Of its database, as a process sees it that has its root folder; NULL: it has none. */
static const char *store_folder(const char *store, char folder[PATH_MAX])
{
	char *name;

	if (store == NULL)
		return NULL;
	store_find(store, folder);
	name = strrchr(folder, '/');
	if (name == NULL)
		return ".";
	name[name == folder] = '\0';
	return folder;
}

int sandbox_seal(const struct sandbox_spec *spec, struct board_slot *slot)
{
	char folder[PATH_MAX];

	if (spec->core)
		log_warn(
		    "rlimit_core allows core files, so others of the same user may "
		    "look into this process");
	/* 0 it is from the master's first line on, but execve() and a change of
	 * credentials set it to what the machine has for them */
	if (prctl(PR_SET_DUMPABLE, spec->core) != 0) {
		log_error("PR_SET_DUMPABLE: %s", strerror(errno));
		return -1;
	}
	if (landlock_enter(store_folder(spec->store, folder)) != 0) {
		log_error("Landlock: %s", strerror(errno));
		return -1;
	}
	return spec->filter ? sandbox_filter_load(spec, slot) : 0;
}
