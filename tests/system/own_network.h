/*
 * A network of this process's own, and of the daemons that it starts: nothing but a
 * loopback interface, with as many addresses as a test asks from.
 */
#ifndef TESTS_SYSTEM_OWN_NETWORK_H
#define TESTS_SYSTEM_OWN_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>

/* Moves there, for good. False, with a reason printed, where that is not permitted: it
 * takes root, and IPv6. */
bool own_network_enter(void);

/* The interface has the address from now on. */
void own_network_add(const struct in6_addr *address);

/* The address of that text, with that number as bits 48 to 63: the /64 in a /48. */
struct in6_addr own_network_address(const char *text, unsigned number);

#endif
