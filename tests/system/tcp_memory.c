#include "tests/system/tcp_memory.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

/* The question for all TCP sockets over IPv4 that do not listen, as sock_diag(7) wants
 * it. */
struct question {
	struct nlmsghdr header;
	struct inet_diag_req_v2 request;
};

static bool ask(int netlink)
{
	const struct question q = {.header = {.nlmsg_len = sizeof(q),
	                               .nlmsg_type = SOCK_DIAG_BY_FAMILY,
	                               .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	    .request = {.sdiag_family = AF_INET,
	        .sdiag_protocol = IPPROTO_TCP,
	        .idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1),
	        .idiag_states = ~(1U << TCP_LISTEN | 1U << TCP_TIME_WAIT)}};

	return send(netlink, &q, sizeof(q), 0) == (ssize_t)sizeof(q);
}

static void add(struct tcp_memory *memory, struct nlmsghdr *header, in_port_t port)
{
	struct inet_diag_msg *message = NLMSG_DATA(header);
	struct rtattr *attr = (struct rtattr *)(void *)(message + 1);
	size_t left = header->nlmsg_len - NLMSG_LENGTH(sizeof(*message));

	if (message->id.idiag_sport != port)
		return;
	memory->sockets++;
	memory->orphans += message->idiag_inode == 0;
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		const uint32_t *info = RTA_DATA(attr);

		if (attr->rta_type != INET_DIAG_SKMEMINFO)
			continue;
		memory->unread += info[SK_MEMINFO_RMEM_ALLOC];
		memory->unsent += info[SK_MEMINFO_WMEM_QUEUED];
	}
}

/* Returns 1 where more comes, 0 at the end, -1 where it fails. */
static int take(int netlink, struct tcp_memory *memory, in_port_t port)
{
	static union {
		struct nlmsghdr header;
		char bytes[1 << 16];
	} answer;
	struct nlmsghdr *header = &answer.header;
	ssize_t n = recv(netlink, &answer, sizeof(answer), 0);

	if (n <= 0)
		return -1;
	for (size_t left = (size_t)n; NLMSG_OK(header, left);
	     header = NLMSG_NEXT(header, left)) {
		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
			return -1;
		add(memory, header, port);
	}
	return 1;
}

bool tcp_memory(const struct address *at, struct tcp_memory *memory)
{
	const int netlink =
	    socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int rc = -1;

	*memory = (struct tcp_memory){0};
	if (netlink < 0)
		return false;
	if (ask(netlink))
		while ((rc = take(netlink, memory, at->in.sin_port)) > 0)
			continue;
	close(netlink);
	return rc == 0;
}
