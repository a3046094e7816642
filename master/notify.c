#include "master/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/clock.h"
#include "common/log.h"

static void notify_send(const char *text)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@'))
		return;
	len = strlen(path);
	if (len >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = '\0'; /* the abstract namespace */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&addr,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warn("the service manager cannot be told: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

void notify_ready(void)
{
	notify_send("READY=1\nSTATUS=serving");
}

void notify_reloading(void)
{
	char text[80];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	    clock_ns() / 1000);
	notify_send(text);
}

void notify_stopping(void)
{
	notify_send("STOPPING=1\nSTATUS=answering what is in flight");
}

void notify_main(pid_t pid)
{
	char text[64];

	/* WATCHDOG: what the new one has sent before was not heard, since it was not
	 * his place */
	snprintf(text, sizeof(text), "MAINPID=%d\nREADY=1\nWATCHDOG=1", (int)pid);
	notify_send(text);
}

void notify_watchdog(void)
{
	notify_send("WATCHDOG=1");
}

uint64_t notify_watchdog_usec(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	const char *error = NULL;
	long long value;

	if (usec == NULL || getenv("NOTIFY_SOCKET") == NULL)
		return 0;
	if (pid != NULL && strtonum(pid, 1, INT32_MAX, &error) != getpid())
		return 0;
	value = strtonum(usec, 1, INT64_MAX, &error);
	return error == NULL ? (uint64_t)value : 0;
}
