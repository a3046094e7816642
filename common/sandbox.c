#include "common/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

struct identity {
	uid_t uid;
	gid_t gid;
};

static int identity_find(const struct config *config, struct identity *who)
{
	const struct passwd *user = getpwnam(config->user);
	const struct group *group;

	if (user == NULL) {
		log_error("user %s: no such user", config->user);
		return -1;
	}
	*who = (struct identity){.uid = user->pw_uid, .gid = user->pw_gid};
	if (config->group == NULL)
		return 0;
	group = getgrnam(config->group);
	if (group == NULL) {
		log_error("group %s: no such group", config->group);
		return -1;
	}
	who->gid = group->gr_gid;
	return 0;
}

static int identity_become(const struct identity *who)
{
	if (setgroups(1, &who->gid) != 0 ||
	    setresgid(who->gid, who->gid, who->gid) != 0 ||
	    setresuid(who->uid, who->uid, who->uid) != 0)
		return -1;
	if (who->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0)) {
		errno = EPERM; /* a way back to root is no giving up */
		return -1;
	}
	return 0;
}

int sandbox_enter(const struct config *config)
{
	bool root = geteuid() == 0;
	struct identity who;

	umask(077);
	if (root && config->user != NULL && identity_find(config, &who) != 0)
		return -1;
	if (root && config->chroot != NULL &&
	    (chdir(config->chroot) != 0 || chroot(".") != 0)) {
		log_error("chroot %s: %s", config->chroot, strerror(errno));
		return -1;
	}
	if (root && config->user != NULL && identity_become(&who) != 0) {
		log_error("user %s: %s", config->user, strerror(errno));
		return -1;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		log_error("no_new_privs: %s", strerror(errno));
		return -1;
	}
	return 0;
}
