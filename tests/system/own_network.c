#include "tests/system/own_network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/system/harness.h"

/* struct in6_ifreq of linux/ipv6.h, which does not go with netinet/in.h */
struct address_request {
	struct in6_addr address;
	uint32_t prefix_len;
	int interface;
};

static int ask_kernel(unsigned long what, void *request)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = fd >= 0 ? ioctl(fd, what, request) : -1;

	if (fd >= 0)
		close(fd);
	return rc;
}

bool own_network_enter(void)
{
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (unshare(CLONE_NEWNET) == 0 && ask_kernel(SIOCSIFFLAGS, &loopback) == 0)
		return true;
	print_message("no network namespace with IPv6: %s\n", strerror(errno));
	return false;
}

/* The kernel lets nobody use it before it has looked for others that have it. */
static bool address_is_usable(void *address)
{
	struct sockaddr_in6 from = {
	    .sin6_family = AF_INET6, .sin6_addr = *(const struct in6_addr *)address};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool usable = fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0;

	if (fd >= 0)
		close(fd);
	return usable;
}

void own_network_add(const struct in6_addr *address)
{
	struct address_request request = {.address = *address,
	    .prefix_len = 128,
	    .interface = (int)if_nametoindex("lo")};

	if (ask_kernel(SIOCSIFADDR, &request) != 0 && errno != EEXIST)
		fail_msg("an address cannot be added: %s", strerror(errno));
	wait_until(address_is_usable, &request.address, "a new address");
}

struct in6_addr own_network_address(const char *text, unsigned number)
{
	struct in6_addr address;

	assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
	address.s6_addr[6] = (uint8_t)(number >> 8);
	address.s6_addr[7] = (uint8_t)number;
	return address;
}
