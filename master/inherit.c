#include "master/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/contract.h"
#include "master/listen_unix.h"

enum { INHERIT_FIRST = 3 };

static int inherit_refuse(struct config_error *err, const char *what, int fd)
{
	snprintf(
	    err->text, sizeof(err->text), "LISTEN_FDS: descriptor %d %s", fd, what);
	return -1;
}

/* The kernel gives a path's length, the config the struct's: made equal, so that they
 * are the same address. An abstract name begins with a NUL and has no other end than
 * its length. */
static void inherit_name_unix(
    struct config_listen *spec, const struct sockaddr_un *addr)
{
	const size_t before = offsetof(struct sockaddr_un, sun_path);
	const bool abstract = spec->addr_len > before && addr->sun_path[0] == '\0';

	snprintf(spec->text, sizeof(spec->text), "unix:%s%.*s", abstract ? "@" : "",
	    (int)(sizeof(addr->sun_path) - abstract), addr->sun_path + abstract);
	if (!abstract)
		spec->addr_len = sizeof(*addr);
}

static void inherit_name(struct config_listen *spec)
{
	const struct sockaddr *addr = (const struct sockaddr *)&spec->addr;
	char host[64] = "?", port[16] = "?";

	if (addr->sa_family == AF_UNIX) {
		inherit_name_unix(spec, (const void *)addr);
		return;
	}
	(void)getnameinfo(addr, spec->addr_len, host, sizeof(host), port, sizeof(port),
	    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(spec->text, sizeof(spec->text),
	    addr->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int inherit_one(struct listener_socket *entry, int fd, struct config_error *err)
{
	int type = 0, listening = 0;
	socklen_t len = sizeof(int);

	*entry = (struct listener_socket){.fd = fd, .users = 1, .file = -1};
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
		return inherit_refuse(err, "is not a socket", fd);
	len = sizeof(int);
	if (type != SOCK_STREAM ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 ||
	    listening == 0)
		return inherit_refuse(err, "is not a listening stream socket", fd);
	if (listen_note(entry) != 0)
		return inherit_refuse(err, strerror(errno), fd);
	entry->spec.addr = entry->bound;
	entry->spec.addr_len = entry->bound_len;
	switch (entry->spec.addr.ss_family) {
	case AF_INET:
	case AF_INET6:
	case AF_UNIX:
		break;
	default:
		return inherit_refuse(err, "is of a family we do not speak", fd);
	}
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
		return inherit_refuse(err, strerror(errno), fd);
	inherit_name(&entry->spec);
	return 0;
}

/* How many descriptors are for us: 0 where LISTEN_* are for nobody or somebody else; -1
 * where they make no sense. */
static int inherit_count(struct config_error *err)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"),
	           *error = NULL;
	long long value;

	if (pid == NULL || fds == NULL)
		return 0;
	value = strtonum(pid, 1, INT32_MAX, &error);
	if (error != NULL || value != getpid()) {
		snprintf(err->text, sizeof(err->text),
		    "LISTEN_PID: these sockets are for another process");
		return -1;
	}
	value = strtonum(fds, 0, LIMIT_LISTENERS, &error);
	if (error == NULL)
		return (int)value;
	snprintf(
	    err->text, sizeof(err->text), "LISTEN_FDS: must be 0..%d", LIMIT_LISTENERS);
	return -1;
}

int inherit_listeners(struct listener_set *set, bool files, struct config_error *err)
{
	int count = inherit_count(err);

	*set = (struct listener_set){0};
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (count <= 0)
		return count;
	snprintf(err->text, sizeof(err->text), "LISTEN_FDS: out of memory");
	set->sockets = calloc((size_t)count, sizeof(struct listener_socket *));
	for (int i = 0; set->sockets != NULL && i < count; i++) {
		struct listener_socket *entry = malloc(sizeof(*entry));

		if (entry == NULL || inherit_one(entry, INHERIT_FIRST + i, err) != 0) {
			free(entry);
			listen_close(set);
			return -1;
		}
		set->sockets[set->count++] = entry;
		if (files && entry->spec.addr.ss_family == AF_UNIX)
			listen_unix_adopt(entry);
	}
	return set->sockets != NULL ? 0 : -1;
}

int inherit_override(const struct listener_set *set, struct config *config)
{
	struct config_listen *listen;

	if (set->count == 0)
		return 0;
	listen = calloc(set->count, sizeof(*listen));
	if (listen == NULL)
		return -1;
	for (size_t i = 0; i < set->count; i++)
		listen[i] = set->sockets[i]->spec;
	free(config->listen);
	config->listen = listen;
	config->listen_count = set->count;
	return 0;
}
