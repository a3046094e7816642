#include "common/host_list.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_';
}

/* `to` is "[address]". */
static bool address_canonical(char to[HOST_TEXT_MAX], size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len < 4 || to[len - 1] != ']' || len - 2 >= sizeof(text))
		return false;
	memcpy(text, to + 1, len - 2);
	text[len - 2] = '\0';
	if (inet_pton(AF_INET6, text, &address) != 1 ||
	    inet_ntop(AF_INET6, &address, to + 1, INET6_ADDRSTRLEN) == NULL)
		return false;
	strcat(to, "]");
	return true;
}

bool host_canonical(char to[HOST_TEXT_MAX], const char *text, size_t len)
{
	if (len == 0 || len >= HOST_TEXT_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		to[i] =
		    (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
	to[len] = '\0';
	if (*to == '[')
		return address_canonical(to, len);
	if (len > 1 && to[len - 1] == '.')
		to[--len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!is_of_name(to[i]))
			return false;
	return to[0] != '.' && to[len - 1] != '.';
}

/* Bytes of the host at the authority's start. */
static size_t host_len(const char *authority, size_t len)
{
	const char *end = len > 0 && *authority == '[' ? memchr(authority, ']', len)
	                                               : memchr(authority, ':', len);

	if (end == NULL)
		return len;
	return (size_t)(end - authority) + (*end == ']');
}

bool host_list_has(const char *list, const char *authority, size_t len)
{
	char host[HOST_TEXT_MAX];
	size_t n;

	if (len == 0 || !host_canonical(host, authority, host_len(authority, len)))
		return false;
	len = strlen(host);
	for (; *list != '\0'; list += n + (list[n] == ' ')) {
		n = strcspn(list, " ");
		if (n == len && memcmp(list, host, n) == 0)
			return true;
	}
	return false;
}
