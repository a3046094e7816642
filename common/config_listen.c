#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/config_table.h"

static const char unix_prefix[] = "unix:";

static int port_parse(const char *text, in_port_t *port, struct config_why *why)
{
	uint64_t number;

	if (!config_digits(text, UINT16_MAX, &number))
		return config_refuse(why, "has no port of 0 to 65535");
	*port = htons((uint16_t)number);
	return 0;
}

static int ipv6_parse(struct config_listen *listen, char *text, struct config_why *why)
{
	struct sockaddr_in6 *addr = (struct sockaddr_in6 *)&listen->addr;
	char *end = strchr(text, ']');

	if (end == NULL || end[1] != ':')
		return config_refuse(why, "has no ]: before its port");
	*end = '\0';
	if (inet_pton(AF_INET6, text + 1, &addr->sin6_addr) != 1)
		return config_refuse(why, "is not an IPv6 address");
	addr->sin6_family = AF_INET6;
	listen->addr_len = sizeof(*addr);
	return port_parse(end + 2, &addr->sin6_port, why);
}

static int ipv4_parse(struct config_listen *listen, char *text, struct config_why *why)
{
	struct sockaddr_in *addr = (struct sockaddr_in *)&listen->addr;
	char *colon = strrchr(text, ':');

	if (colon == NULL)
		return config_refuse(why, "has no port");
	*colon = '\0';
	if (strcmp(text, "*") == 0)
		addr->sin_addr.s_addr = htonl(INADDR_ANY);
	else if (inet_pton(AF_INET, text, &addr->sin_addr) != 1)
		return config_refuse(
		    why, "is not an address (names are not looked up)");
	addr->sin_family = AF_INET;
	listen->addr_len = sizeof(*addr);
	return port_parse(colon + 1, &addr->sin_port, why);
}

/* ---- unix:/path?mode=0660&group=www-data ---- */

static int mode_parse(
    struct config_listen *listen, const char *text, struct config_why *why)
{
	size_t len = strlen(text);

	if (listen->has_mode)
		return config_refuse(why, "has two modes");
	if (len == 0 || len > 4 || strspn(text, "01234567") != len ||
	    strtoul(text, NULL, 8) > 0777)
		return config_refuse(why, "has no mode of 0 to 0777 (octal)");
	listen->mode = (mode_t)strtoul(text, NULL, 8);
	listen->has_mode = true;
	return 0;
}

static int group_parse(
    struct config_listen *listen, const char *text, struct config_why *why)
{
	int rc;

	if (listen->has_group)
		return config_refuse(why, "has two groups");
	listen->has_group = true;
	rc = config_group_find(text, &listen->group);
	if (rc == ENOMEM)
		return config_refuse_memory(why);
	return rc == 0 ? 0 : config_refuse(why, "names a group that is not there");
}

static int query_parse(
    struct config_listen *listen, char *query, struct config_why *why)
{
	char *item;

	while ((item = strsep(&query, "&")) != NULL) {
		int rc;

		if (strncmp(item, "mode=", 5) == 0)
			rc = mode_parse(listen, item + 5, why);
		else if (strncmp(item, "group=", 6) == 0)
			rc = group_parse(listen, item + 6, why);
		else
			rc = config_refuse(why, "asks for more than mode= and group=");
		if (rc != 0)
			return -1;
	}
	return 0;
}

static int unix_parse(struct config_listen *listen, char *text, struct config_why *why)
{
	struct sockaddr_un *addr = (struct sockaddr_un *)&listen->addr;
	char *path = text + strlen(unix_prefix);
	char *query = strchr(path, '?');

	if (query != NULL)
		*query++ = '\0';
	if (*path != '/')
		return config_refuse(why, "is not an absolute path");
	if (strlen(path) >= sizeof(addr->sun_path))
		return config_refuse(why, "has a path of more than %zu bytes",
		    sizeof(addr->sun_path) - 1);
	memcpy(addr->sun_path, path, strlen(path));
	addr->sun_family = AF_UNIX;
	listen->addr_len = sizeof(*addr);
	return query != NULL ? query_parse(listen, query, why) : 0;
}

/* ---- the list ---- */

/* Port 0 is the kernel's choice: two of them do not meet. */
static bool port_is_open(const struct config_listen *listen)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&listen->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&listen->addr;

	return (listen->addr.ss_family == AF_INET && v4->sin_port == 0) ||
	       (listen->addr.ss_family == AF_INET6 && v6->sin6_port == 0);
}

static bool listen_is_double(
    const struct config *config, const struct config_listen *listen)
{
	for (size_t i = 0; i < config->listen_count && !port_is_open(listen); i++)
		if (config->listen[i].addr_len == listen->addr_len &&
		    memcmp(&config->listen[i].addr, &listen->addr, listen->addr_len) ==
		        0)
			return true;
	return false;
}

int config_listen_parse(const struct config_directive *row, void *base,
    const char *text, bool first, struct config_why *why)
{
	struct config *config = base;
	struct config_listen listen = {0};
	char copy[sizeof(listen.text)] = "";
	int rc;

	(void)row;
	if (first)
		config->listen_count = 0;
	if (strlen(text) >= sizeof(copy))
		return config_refuse(why, "is longer than %zu bytes", sizeof(copy) - 1);
	memcpy(copy, text, strlen(text));
	memcpy(listen.text, text, strlen(text));
	if (strncmp(copy, unix_prefix, strlen(unix_prefix)) == 0)
		rc = unix_parse(&listen, copy, why);
	else if (*copy == '[')
		rc = ipv6_parse(&listen, copy, why);
	else
		rc = ipv4_parse(&listen, copy, why);
	if (rc != 0)
		return -1;
	if (listen_is_double(config, &listen))
		return config_refuse(why, "is there twice");
	if (config->listen_count == LIMIT_LISTENERS)
		return config_refuse(why, "is one more than %d", LIMIT_LISTENERS);
	config->listen[config->listen_count++] = listen;
	return 0;
}

void config_listen_print(
    const struct config_directive *row, const void *base, FILE *out)
{
	const struct config *config = base;
	const char *join = "{";

	(void)row;
	for (size_t i = 0; i < config->listen_count; i++) {
		fputs(join, out);
		config_quote(config->listen[i].text, out);
		join = ", ";
	}
	putc('}', out);
}
