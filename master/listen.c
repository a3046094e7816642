#include "master/listen.h"

#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/log.h"
#include "master/listen_unix.h"

static int tcp_bind(int fd, const struct config_listen *spec)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return -1;
	/* accepted sockets inherit it: a call fewer for each connection */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
		return -1;
	if (spec->addr.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return -1;
	return bind(fd, (const struct sockaddr *)&spec->addr, spec->addr_len);
}

static int socket_open(struct listener_socket *entry)
{
	const struct config_listen *spec = &entry->spec;
	bool is_unix = spec->addr.ss_family == AF_UNIX;

	entry->fd =
	    socket(spec->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (entry->fd < 0)
		return -1;
	if (is_unix)
		return listen_unix_bind(entry);
	return tcp_bind(entry->fd, spec) == 0 ? listen(entry->fd, LISTEN_BACKLOG) : -1;
}

static void socket_release(struct listener_socket *entry, bool keep_file)
{
	struct stat st;

	if (--entry->users > 0)
		return;
	if (entry->fd >= 0)
		close(entry->fd);
	if (!keep_file && entry->ino != 0 &&
	    lstat(listen_unix_path(&entry->spec), &st) == 0 &&
	    st.st_dev == entry->dev && st.st_ino == entry->ino &&
	    unlink(listen_unix_path(&entry->spec)) != 0)
		log_warn("socket %s stays: %s", listen_unix_path(&entry->spec),
		    strerror(errno));
	free(entry);
}

bool listen_same(const struct config_listen *a, const struct config_listen *b)
{
	return a->addr_len == b->addr_len &&
	       memcmp(&a->addr, &b->addr, a->addr_len) == 0;
}

/* Where the config leaves the port to the kernel, any port will do. */
static bool listen_port_open(
    const struct config_listen *spec, const struct config_listen *have)
{
	struct config_listen any = *have;

	if (any.addr.ss_family == AF_INET)
		((struct sockaddr_in *)(void *)&any.addr)->sin_port = 0;
	else if (any.addr.ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)&any.addr)->sin6_port = 0;
	return any.addr.ss_family != AF_UNIX && listen_same(spec, &any);
}

static struct listener_socket *listen_find(
    const struct listener_set *set, const struct config_listen *spec)
{
	for (size_t i = 0; set != NULL && i < set->count; i++)
		if (listen_same(&set->sockets[i]->spec, spec))
			return set->sockets[i];
	for (size_t i = 0; set != NULL && i < set->count; i++)
		if (listen_port_open(spec, &set->sockets[i]->spec))
			return set->sockets[i];
	return NULL;
}

/* What the kernel keeps for each connection, which inherits it. Left to itself it
 * allows some MiB in both directions, which is in no memory budget. A Unix socket's is
 * what the kernel gives to all. */
static int listen_set_buffers(
    const struct listener_socket *entry, const struct config *config)
{
	const int send = LIMIT_SEND_BUFFER,
	          receive = (int)config_receive_buffer(config);

	if (entry->spec.addr.ss_family == AF_UNIX)
		return 0;
	if (setsockopt(entry->fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send)) != 0)
		return -1;
	return setsockopt(entry->fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
}

static struct listener_socket *listen_one(
    const struct config_listen *spec, const struct listener_set *shared)
{
	struct listener_socket *entry = listen_find(shared, spec);
	int saved;

	if (entry != NULL) {
		entry->users++;
		return entry;
	}
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	*entry = (struct listener_socket){.spec = *spec, .fd = -1, .users = 1};
	if (socket_open(entry) == 0)
		return entry;
	saved = errno;
	socket_release(entry, false);
	errno = saved;
	return NULL;
}

/* The host and port of a bound TCP socket. */
struct place {
	sa_family_t family;
	bool any; /* the wildcard */
	in_port_t port;
};

static struct place listen_place(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in *in = (const void *)addr;
	const struct sockaddr_in6 *in6 = (const void *)addr;
	struct place place = {.family = addr->ss_family};

	if (place.family == AF_INET) {
		place.any = in->sin_addr.s_addr == htonl(INADDR_ANY);
		place.port = in->sin_port;
	} else if (place.family == AF_INET6) {
		place.any = IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
		place.port = in6->sin6_port;
	}
	return place;
}

/* The one of the set that the kernel will not bind `spec` beside: one of the two is the
 * other's wildcard. */
static const struct listener_socket *listen_overlap(
    const struct listener_set *set, const struct config_listen *spec)
{
	const struct place wanted = listen_place(&spec->addr);

	for (size_t i = 0; set != NULL && wanted.port != 0 && i < set->count; i++) {
		struct sockaddr_storage addr = {0};
		socklen_t len = sizeof(addr);
		struct place has;

		if (getsockname(set->sockets[i]->fd, (struct sockaddr *)&addr, &len) !=
		    0)
			continue;
		has = listen_place(&addr);
		if (has.family == wanted.family && has.port == wanted.port &&
		    (has.any || wanted.any))
			return set->sockets[i];
	}
	return NULL;
}

/* What to do about an address that cannot be bound, or "". */
static void listen_advise(const struct listener_set *set,
    const struct listener_set *shared, const struct config_listen *spec, char *text,
    size_t cap)
{
	const struct listener_socket *other;

	text[0] = '\0';
	if (errno != EADDRINUSE)
		return;
	if ((other = listen_overlap(set, spec)) != NULL)
		snprintf(text, cap, "; it overlaps %s, which is listed as well",
		    other->spec.text);
	else if ((other = listen_overlap(shared, spec)) != NULL)
		snprintf(text, cap,
		    "; it overlaps %s, which the old processes have until they have "
		    "left: restart, or reload twice, at first with neither of the two",
		    other->spec.text);
}

static const char *listen_hint(const struct config_listen *spec, int error)
{
	if (spec->addr.ss_family != AF_UNIX)
		return capability_hint(error, CAP_NET_BIND_SERVICE);
	return capability_hint(error, error == EPERM ? CAP_CHOWN : CAP_DAC_OVERRIDE);
}

int listen_open(struct listener_set *set, const struct config *config,
    const struct listener_set *shared, struct config_error *err)
{
	*set = (struct listener_set){0};
	set->sockets = calloc(config->listen_count, sizeof(struct listener_socket *));
	if (set->sockets == NULL)
		return config_error_at(config, &config->listen, err, "out of memory");
	for (size_t i = 0; i < config->listen_count; i++) {
		set->sockets[i] = listen_one(&config->listen[i], shared);
		if (set->sockets[i] == NULL) {
			const int error = errno;
			char advice[512];

			listen_advise(
			    set, shared, &config->listen[i], advice, sizeof(advice));
			config_error_at(config, &config->listen, err,
			    "cannot listen on %s: %s%s", config->listen[i].text,
			    strerror(error),
			    advice[0] != '\0' ? advice
			                      : listen_hint(&config->listen[i], error));
			listen_close(set);
			return -1;
		}
		set->count = i + 1;
		/* of one that others serve on, listen_settle() sets them */
		if (set->sockets[i]->users == 1)
			(void)listen_set_buffers(set->sockets[i], config);
	}
	return 0;
}

void listen_settle(const struct listener_set *set, const struct config *config)
{
	for (size_t i = 0; i < set->count; i++) {
		struct config_listen *spec = &set->sockets[i]->spec;

		*spec = config->listen[i];
		if (listen_set_buffers(set->sockets[i], config) != 0)
			log_warn("%s: buffers: %s", spec->text, strerror(errno));
		if (set->sockets[i]->ino != 0 && listen_unix_permit(spec) != 0)
			log_warn("%s: %s", spec->text, strerror(errno));
	}
}

static void listen_announce_one(const struct listener_socket *entry)
{
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (entry->spec.addr.ss_family == AF_UNIX) {
		log_info("listening on unix:%s", listen_unix_path(&entry->spec));
		return;
	}
	if (getsockname(entry->fd, (struct sockaddr *)&addr, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port,
	        sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		log_info("listening on %s", entry->spec.text);
		return;
	}
	log_info(
	    addr.ss_family == AF_INET6 ? "listening on [%s]:%s" : "listening on %s:%s",
	    host, port);
}

void listen_announce(const struct listener_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		listen_announce_one(set->sockets[i]);
}

void listen_close(struct listener_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		socket_release(set->sockets[i], set->keep_files);
	free(set->sockets);
	*set = (struct listener_set){0};
}

/*
 * A SYN is dropped, and its client sends it again a second later, when the socket has
 * been closed: it is refused then. Segments of handshakes that are under way pass.
 * Without this a client that has just been told that it is connected would be reset.
 */
static int tcp_refuse(int fd)
{
	enum { TCP_FLAGS = 13, TCP_SYN = 2 }; /* bytes into the segment; its flag */
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TCP_SYN, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	    BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = {
	    .len = sizeof(code) / sizeof(code[0]), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void listen_refuse(const struct listener_socket *entry)
{
	int rc = entry->spec.addr.ss_family == AF_UNIX ? shutdown(entry->fd, SHUT_RD)
	                                               : tcp_refuse(entry->fd);

	if (rc != 0)
		log_warn("%s: new connections cannot be refused yet: %s%s",
		    entry->spec.text, strerror(errno),
		    errno == EPERM ? "; this kernel asks for CAP_NET_ADMIN" : "");
}

/* A Unix socket that was shut down keeps its queue. */
bool listen_waits(const struct listener_socket *entry)
{
	struct pollfd pollfd = {.fd = entry->fd, .events = POLLIN};

	return entry->spec.addr.ss_family != AF_UNIX && poll(&pollfd, 1, 0) > 0;
}

void listen_end(struct listener_socket *entry)
{
	if (entry->fd < 0)
		return;
	if (shutdown(entry->fd, SHUT_RDWR) != 0)
		log_warn("%s: cannot be shut down, new connections wait until the last "
		         "process has gone: %s",
		    entry->spec.text, strerror(errno));
	close(entry->fd);
	entry->fd = -1;
}
