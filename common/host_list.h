/*
 * Host names of `allowed_hosts`, and whether a request's is one of them.
 */
#ifndef COMMON_HOST_LIST_H
#define COMMON_HOST_LIST_H

#include <stdbool.h>
#include <stddef.h>

enum { HOST_TEXT_MAX = 256 }; /* bytes of a host, NUL included */

/* Writes the host text[len], which has no port, as it is compared: a name in lower case
 * and without a dot at its end, an IPv6 address in brackets as inet_ntop(3) writes it.
 * False: it is neither a name, nor an IPv4 address, nor an IPv6 address in brackets. */
bool host_canonical(char to[HOST_TEXT_MAX], const char *text, size_t len);

/* Is authority[len] (RFC 3986 section 3.2, without user information) in the list? Its
 * port does not count. The list has canonical hosts with a space between two. */
bool host_list_has(const char *list, const char *authority, size_t len);

#endif
