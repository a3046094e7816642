#include "tests/system/fds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/system/harness.h"

static int read_flags(pid_t pid, int fd)
{
	char path[64], *text, *line;
	long flags = 0;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	text = harness_read_file(path);
	line = text != NULL ? strstr(text, "flags:") : NULL;
	if (line != NULL)
		flags = strtol(line + 6, NULL, 8);
	free(text);
	return (int)flags;
}

static bool read_entry(pid_t pid, int fd, struct fd_entry *entry)
{
	char path[64];
	ssize_t n;

	*entry = (struct fd_entry){.fd = fd};
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	n = readlink(path, entry->target, sizeof(entry->target) - 1);
	if (n < 0)
		return false;
	entry->target[n] = '\0';
	if (strncmp(entry->target, "socket:[", 8) == 0)
		entry->inode = strtoul(entry->target + 8, NULL, 10);
	entry->flags = read_flags(pid, fd);
	return true;
}

bool fds_list(pid_t pid, struct fd_list *list)
{
	struct dirent *dirent;
	char path[64];
	DIR *dir;

	list->count = 0;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (list->count < FDS_MAX && (dirent = readdir(dir)) != NULL)
		if (dirent->d_name[0] != '.' &&
		    read_entry(pid, (int)strtol(dirent->d_name, NULL, 10),
		        &list->entries[list->count]))
			list->count++;
	closedir(dir);
	return list->count > 0;
}

bool fds_visible(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	return access(path, R_OK | X_OK) == 0;
}

/* The question for one Unix socket, as sock_diag(7) wants it. */
struct question {
	struct nlmsghdr header;
	struct unix_diag_req request;
};

/* The peer's inode in an answer, or 0. */
static unsigned long answer_peer(struct nlmsghdr *header, ssize_t len)
{
	struct unix_diag_msg *message = NLMSG_DATA(header);
	struct rtattr *attr = (struct rtattr *)(void *)(message + 1);
	size_t left;

	if (!NLMSG_OK(header, (unsigned)len) ||
	    header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return 0;
	left = header->nlmsg_len - NLMSG_LENGTH(sizeof(*message));
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		if (attr->rta_type == UNIX_DIAG_PEER)
			return *(const uint32_t *)RTA_DATA(attr);
	return 0;
}

static unsigned long ask_peer(int netlink, unsigned long inode)
{
	struct question q = {
	    .header = {.nlmsg_len = sizeof(q),
	        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
	        .nlmsg_flags = NLM_F_REQUEST},
	    .request = {.sdiag_family = AF_UNIX,
	        .udiag_states = UINT32_MAX,
	        .udiag_ino = (uint32_t)inode,
	        .udiag_show = UDIAG_SHOW_PEER,
	        .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
	};
	union {
		struct nlmsghdr header;
		char bytes[1024];
	} answer;
	ssize_t n;

	if (send(netlink, &q, sizeof(q), 0) != (ssize_t)sizeof(q))
		return 0;
	n = recv(netlink, &answer, sizeof(answer), 0);
	return n > 0 ? answer_peer(&answer.header, n) : 0;
}

bool fds_list_peers(pid_t pid, struct fd_list *list)
{
	size_t known = 0;
	int netlink;

	if (!fds_list(pid, list))
		return false;
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (netlink < 0)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		if (list->entries[i].inode == 0)
			continue;
		list->entries[i].peer = ask_peer(netlink, list->entries[i].inode);
		known += list->entries[i].peer != 0;
	}
	close(netlink);
	return known > 0;
}

const struct fd_entry *fds_find(const struct fd_list *list, unsigned long inode)
{
	for (size_t i = 0; i < list->count; i++)
		if (inode != 0 && list->entries[i].inode == inode)
			return &list->entries[i];
	return NULL;
}

size_t fds_count(const struct fd_list *list, const char *lead)
{
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++)
		n += strncmp(list->entries[i].target, lead, strlen(lead)) == 0;
	return n;
}

void fds_print(pid_t pid, const struct fd_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		fprintf(stderr, "%d: fd %d -> %s (peer %lu)\n", (int)pid,
		    list->entries[i].fd, list->entries[i].target,
		    list->entries[i].peer);
}

static int take(pid_t pid, int fd)
{
	int handle = (int)syscall(SYS_pidfd_open, pid, 0), taken = -1;

	if (handle >= 0) {
		taken = (int)syscall(SYS_pidfd_getfd, handle, fd, 0);
		close(handle);
	}
	return taken;
}

int fds_take_link(pid_t pid, pid_t other, size_t nth)
{
	struct fd_list *own = calloc(2, sizeof(*own));
	int taken = -1;

	assert_non_null(own);
	if (!fds_list_peers(pid, &own[0]) || !fds_list(other, &own[1]))
		goto out;
	for (size_t i = 0; i < own->count; i++) {
		if (fds_find(&own[1], own->entries[i].peer) == NULL || nth-- > 0)
			continue;
		taken = take(pid, own->entries[i].fd);
		break;
	}
out:
	free(own);
	return taken;
}
