#include "tests/bench/load_target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

static int unix_parse(struct target *target, const char *path)
{
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(target->un.sun_path))
		return -1;
	target->un.sun_family = AF_UNIX;
	memcpy(target->un.sun_path, path, len + 1);
	target->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return 0;
}

static int port_parse(const char *text, in_port_t *port)
{
	const char *error = NULL;

	*port = htons((uint16_t)strtonum(text, 1, UINT16_MAX, &error));
	return error == NULL ? 0 : -1;
}

static int host_parse(struct target *target, const char *host)
{
	size_t len = strlen(host);
	char inner[INET6_ADDRSTRLEN];

	target->in.sin_family = AF_INET;
	target->len = sizeof(target->in);
	if (inet_pton(AF_INET, host, &target->in.sin_addr) == 1)
		return port_parse(host + len + 1, &target->in.sin_port);
	if (len < 3 || len - 2 >= sizeof(inner) || host[0] != '[' ||
	    host[len - 1] != ']')
		return -1;
	memcpy(inner, host + 1, len - 2);
	inner[len - 2] = '\0';
	target->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
	target->len = sizeof(target->in6);
	if (inet_pton(AF_INET6, inner, &target->in6.sin6_addr) != 1)
		return -1;
	return port_parse(host + len + 1, &target->in6.sin6_port);
}

int target_parse(struct target *target, const char *text)
{
	char copy[sizeof(target->un.sun_path)];
	char *colon;

	*target = (struct target){.len = 0};
	if (strncmp(text, "unix:", 5) == 0)
		return unix_parse(target, text + 5);
	if (strlen(text) >= sizeof(copy))
		return -1;
	memcpy(copy, text, strlen(text) + 1);
	colon = strrchr(copy, ':');
	if (colon == NULL)
		return -1;
	*colon = '\0'; /* the port follows the host's end */
	return host_parse(target, copy);
}

int target_sources_parse(struct target_sources *sources, const char *text)
{
	char copy[INET_ADDRSTRLEN + 4];
	const char *error = NULL;
	struct in_addr addr;
	uint32_t last;
	char *dash;

	if (strlen(text) >= sizeof(copy))
		return -1;
	memcpy(copy, text, strlen(text) + 1);
	dash = strchr(copy, '-');
	if (dash != NULL)
		*dash = '\0';
	if (inet_pton(AF_INET, copy, &addr) != 1)
		return -1;
	sources->first = ntohl(addr.s_addr);
	last = sources->first & 0xff;
	if (dash != NULL)
		last = (uint32_t)strtonum(dash + 1, last, 255, &error);
	sources->count = last - (sources->first & 0xff) + 1;
	return error == NULL ? 0 : -1;
}

/* The port is left to connect(): a bind() that chose it could use each only once. */
static int source_bind(int fd, const struct target_sources *sources, uint32_t number)
{
	struct sockaddr_in from = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(sources->first + number % sources->count)};
	int on = 1;

	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) != 0)
		return -1;
	return bind(fd, (const struct sockaddr *)&from, sizeof(from));
}

int target_connect(const struct target *target, const struct target_sources *sources,
    uint32_t number, bool *connected)
{
	int fd, on = 1, error;

	fd = socket(
	    target->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (target->any.sa_family != AF_UNIX) /* a piece is sent when it is written */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (target->any.sa_family == AF_INET && sources->count > 0 &&
	    source_bind(fd, sources, number) != 0)
		goto fail;
	*connected = connect(fd, &target->any, target->len) == 0;
	if (*connected || errno == EINPROGRESS)
		return fd;
fail:
	error = errno;
	close(fd);
	errno = error;
	return -1;
}
