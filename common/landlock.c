#include "common/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The kernel's interface, by our own names: <linux/landlock.h> is as old as the
 * distribution, and the kernel often is not. See include/uapi/linux/landlock.h.
 */
struct ruleset {
	uint64_t files, network, scopes; /* what is denied unless a rule allows it */
};

struct beneath {
	uint64_t allowed;
	int32_t folder;
} __attribute__((packed));

enum {
	GET_VERSION = 1 << 0, /* a flag of landlock_create_ruleset() */
	RULE_BENEATH = 1,
	VERSIONS = 6, /* that have brought something to deny */
};

enum {
	EXECUTE = 1 << 0,
	WRITE_FILE = 1 << 1,
	READ_FILE = 1 << 2,
	READ_FOLDER = 1 << 3,
	REMOVE_FILE = 1 << 5,
	MAKE_FILE = 1 << 8,
	TRUNCATE = 1 << 14, /* from version 3 on */
};

/* What each version can deny: every bit that it knows. */
static const struct ruleset known[VERSIONS] = {
    {.files = (1 << 13) - 1},
    {.files = (1 << 14) - 1}, /* links and renames into other folders */
    {.files = (1 << 15) - 1}, /* truncation */
    {.files = (1 << 15) - 1, .network = 3},
    {.files = (1 << 16) - 1, .network = 3}, /* ioctl() of devices */
    {.files = (1 << 16) - 1, .network = 3, .scopes = 3},
};

int landlock_version(void)
{
	const long version =
	    syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, GET_VERSION);

	return version > 0 ? (int)version : 0;
}

/* What a database asks of its folder. 0, or -1 with errno. */
static int landlock_allow(int ruleset, uint64_t files, const char *folder)
{
	struct beneath rule = {
	    .allowed = files & (WRITE_FILE | READ_FILE | READ_FOLDER | REMOVE_FILE |
	                           MAKE_FILE | TRUNCATE)};
	long rc;

	rule.folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.folder < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
	rc = syscall(SYS_landlock_add_rule, ruleset, RULE_BENEATH, &rule, 0);
	close(rule.folder);
	return (int)rc;
}

int landlock_enter(const char *folder)
{
	const int version = landlock_version();
	const struct ruleset *denied;
	int ruleset, rc = 0, saved;

	if (version == 0)
		return 0;
	denied = &known[(version < VERSIONS ? version : VERSIONS) - 1];
	ruleset = (int)syscall(SYS_landlock_create_ruleset, denied, sizeof(*denied), 0);
	if (ruleset < 0)
		return -1;
	if (folder != NULL)
		rc = landlock_allow(ruleset, denied->files, folder);
	if (rc == 0)
		rc = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	saved = errno;
	close(ruleset);
	errno = saved;
	return rc;
}
