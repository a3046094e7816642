#include "master/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"

enum { LISTEN_BACKLOG = 4096 }; /* the kernel cuts it to net.core.somaxconn */

static const char *unix_path(const struct config_listen *spec)
{
	return ((const struct sockaddr_un *)(const void *)&spec->addr)->sun_path;
}

/*
 * A socket file left behind by a process that is gone is removed: nobody answers there. A
 * live one, or anything that is not a socket, is not ours to touch.
 */
static int unix_clear(const struct config_listen *spec)
{
	struct stat st;
	int fd, rc;

	if (lstat(unix_path(spec), &st) != 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	rc = connect(fd, (const struct sockaddr *)&spec->addr, spec->addr_len);
	if (rc != 0 && errno == ECONNREFUSED)
		rc = unlink(unix_path(spec));
	else {
		errno = EADDRINUSE;
		rc = -1;
	}
	close(fd);
	return rc;
}

static int unix_bind(int fd, struct listener_entry *entry)
{
	const struct config_listen *spec = &entry->spec;
	const char *path = unix_path(spec);
	struct stat st;
	mode_t mask;
	int rc;

	if (unix_clear(spec) != 0)
		return -1;
	mask = umask(0777); /* nobody connects before mode and group are right */
	rc = bind(fd, (const struct sockaddr *)&spec->addr, spec->addr_len);
	umask(mask);
	if (rc != 0 || lstat(path, &st) != 0)
		return -1;
	entry->dev = st.st_dev;
	entry->ino = st.st_ino;
	if (spec->has_group && lchown(path, (uid_t)-1, spec->group) != 0)
		return -1;
	return chmod(path, spec->has_mode ? spec->mode : 0666 & ~mask);
}

static int tcp_bind(int fd, const struct config_listen *spec)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return -1;
	/* accepted sockets inherit it: one call fewer for each connection */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
		return -1;
	if (spec->addr.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return -1;
	return bind(fd, (const struct sockaddr *)&spec->addr, spec->addr_len);
}

static int listen_one(struct listener_entry *entry)
{
	const struct config_listen *spec = &entry->spec;
	bool is_unix = spec->addr.ss_family == AF_UNIX;

	entry->fd = socket(spec->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (entry->fd < 0)
		return -1;
	if ((is_unix ? unix_bind(entry->fd, entry) : tcp_bind(entry->fd, spec)) != 0)
		return -1;
	return listen(entry->fd, LISTEN_BACKLOG);
}

int listen_open(struct listener_set *set, const struct config *config, char *why, size_t cap)
{
	*set = (struct listener_set){0};
	set->entries = calloc(config->listen_count, sizeof(*set->entries));
	if (set->entries == NULL) {
		snprintf(why, cap, "out of memory");
		return -1;
	}
	for (size_t i = 0; i < config->listen_count; i++) {
		struct listener_entry *entry = &set->entries[i];

		entry->spec = config->listen[i];
		set->count = i + 1;
		if (listen_one(entry) != 0) {
			snprintf(why, cap, "cannot listen on %s: %s", entry->spec.text,
			    strerror(errno));
			listen_close(set);
			return -1;
		}
	}
	return 0;
}

static void listen_announce_one(const struct listener_entry *entry)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (entry->spec.addr.ss_family == AF_UNIX) {
		log_info("listening on unix:%s", unix_path(&entry->spec));
		return;
	}
	if (getsockname(entry->fd, (struct sockaddr *)&addr, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		log_info("listening on %s", entry->spec.text);
		return;
	}
	log_info(addr.ss_family == AF_INET6 ? "listening on [%s]:%s" : "listening on %s:%s",
	    host, port);
}

void listen_announce(const struct listener_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		listen_announce_one(&set->entries[i]);
}

void listen_close(struct listener_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct listener_entry *entry = &set->entries[i];
		struct stat st;

		if (entry->fd >= 0)
			close(entry->fd);
		if (entry->ino != 0 && lstat(unix_path(&entry->spec), &st) == 0 &&
		    st.st_dev == entry->dev && st.st_ino == entry->ino)
			unlink(unix_path(&entry->spec));
	}
	free(set->entries);
	*set = (struct listener_set){0};
}
