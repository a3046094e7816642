/*
 * Users and groups, by name or by number. A name comes first, also where it is all
 * digits, as for chown(1); a number needs no entry in the user database, which many
 * containers do not have.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_table.h"
#include "common/errno_text.h"

enum { ENTRY_MAX = 16 * 1024 * 1024, NAME_MAX_BYTES = 256 };

/* (uid_t)-1 and (gid_t)-1 stand for no change in system calls. */
static bool number_parse(const char *text, uint32_t *number)
{
	uint64_t value;

	if (!config_digits(text, UINT32_MAX - 1, &value))
		return false;
	*number = (uint32_t)value;
	return true;
}

/* Looks the name up, or the number where it is NULL: 0, ENOENT, ENOMEM or another
 * errno. getpwnam() would hand out shared memory. */
static int passwd_find(const char *name, uid_t number, struct config_identity *who)
{
	size_t size = 1024;
	int rc;

	do {
		struct passwd entry, *found = NULL;
		char *buf = malloc(size);

		if (buf == NULL)
			return ENOMEM;
		rc = name != NULL ? getpwnam_r(name, &entry, buf, size, &found)
		                  : getpwuid_r(number, &entry, buf, size, &found);
		if (rc == 0 && found != NULL)
			*who = (struct config_identity){entry.pw_uid, entry.pw_gid};
		free(buf);
		if (rc == 0 && found == NULL)
			return ENOENT;
		size *= 2;
	} while (rc == ERANGE && size < ENTRY_MAX);
	return rc;
}

static int group_entry_find(const char *name, gid_t *gid)
{
	size_t size = 1024;
	int rc;

	do {
		struct group entry, *found = NULL;
		char *buf = malloc(size);

		if (buf == NULL)
			return ENOMEM;
		rc = getgrnam_r(name, &entry, buf, size, &found);
		if (rc == 0 && found != NULL)
			*gid = entry.gr_gid;
		free(buf);
		if (rc == 0 && found == NULL)
			return ENOENT;
		size *= 2;
	} while (rc == ERANGE && size < ENTRY_MAX);
	return rc;
}

int config_group_find(const char *name, gid_t *gid)
{
	int rc = group_entry_find(name, gid);

	return rc != 0 && rc != ENOMEM && number_parse(name, gid) ? 0 : rc;
}

/* Cuts "USER:GROUP". *group is NULL where there is none. */
static bool text_cut(const char *text, char user[NAME_MAX_BYTES], const char **group)
{
	const char *colon = strchrnul(text, ':');

	if (colon - text >= NAME_MAX_BYTES)
		return false;
	memcpy(user, text, (size_t)(colon - text));
	user[colon - text] = '\0';
	*group = *colon == ':' ? colon + 1 : NULL;
	return true;
}

/* *has_gid: the database has the user's group. */
static int user_find(const char *user, struct config_identity *who, bool *has_gid)
{
	int rc = passwd_find(user, 0, who);

	*has_gid = rc == 0;
	if (rc == 0 || rc == ENOMEM || !number_parse(user, &who->uid))
		return rc;
	rc = passwd_find(NULL, who->uid, who);
	*has_gid = rc == 0 || who->uid == 0;
	if (rc != 0)
		who->gid = 0;
	return rc == ENOMEM ? rc : 0;
}

int config_user_find(const char *name, uid_t *uid)
{
	struct config_identity who = {0, 0};
	char user[NAME_MAX_BYTES];
	const char *group;
	bool has_gid;
	int rc;

	if (!text_cut(name, user, &group))
		return ENOENT;
	rc = user_find(user, &who, &has_gid);
	if (rc == 0)
		*uid = who.uid;
	return rc;
}

const char config_no_group[] = "a number without an entry in the user database, which "
                               "would have its group; set `group`, or USER:GROUP";

static const char *error_text(int rc, const char *none)
{
	return rc == ENOENT ? none : errno_text(rc);
}

const char *config_identity_find(const char *text, const char *group,
    const char *otherwise, struct config_identity *who)
{
	char user[NAME_MAX_BYTES];
	const char *own;
	bool has_gid;
	int rc;

	*who = (struct config_identity){0, 0};
	if (!text_cut(text, user, &own))
		return "no such user";
	if (own != NULL && group != NULL)
		return "has a group of its own, and `group` is set";
	rc = user_find(user, who, &has_gid);
	if (rc != 0)
		return error_text(rc, "no such user");
	if (own == NULL)
		own = group != NULL || has_gid ? group : otherwise;
	if (own == NULL)
		return has_gid ? NULL : config_no_group;
	rc = config_group_find(own, &who->gid);
	return rc == 0 ? NULL : error_text(rc, "no such group");
}
