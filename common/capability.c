#include "common/capability.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What argond uses where it may, as root. */
static const struct {
	unsigned number;
	const char *name;
} used[] = {
    {CAP_SETUID, "CAP_SETUID"},
    {CAP_SETGID, "CAP_SETGID"},
    {CAP_SYS_CHROOT, "CAP_SYS_CHROOT"},
    {CAP_KILL, "CAP_KILL"},
    {CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
    {CAP_CHOWN, "CAP_CHOWN"},
    {CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE"},
    {CAP_SETPCAP, "CAP_SETPCAP"},
    {CAP_SYS_NICE, "CAP_SYS_NICE"},
    {CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE"},
    {CAP_IPC_LOCK, "CAP_IPC_LOCK"},
};

enum { USED = sizeof(used) / sizeof(used[0]) };

bool capability_have(unsigned capability)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &head, sets) == 0 &&
	       (sets[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) !=
	           0;
}

const char *capability_hint(int error, unsigned capability)
{
	static char text[64];

	text[0] = '\0';
	if ((error != EPERM && error != EACCES) || geteuid() != 0 ||
	    capability_have(capability))
		return text;
	for (size_t i = 0; i < USED; i++)
		if (used[i].number == capability)
			snprintf(
			    text, sizeof(text), ": root has no %s here", used[i].name);
	return text;
}

const char *capability_missing(char *buf, size_t cap)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < USED; i++)
		if (!capability_have(used[i].number) && len < cap)
			len += (size_t)snprintf(buf + len, cap - len, "%s%s",
			    len > 0 ? " " : "", used[i].name);
	return buf;
}
