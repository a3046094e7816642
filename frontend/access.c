#include "frontend/access.h"

#include <arpa/inet.h>

#include "common/clock.h"
#include "common/log.h"
#include "frontend/route.h"

static const char *access_peer(const struct conn_peer *peer, char *buf, socklen_t cap)
{
	if (peer->kind == CONN_PEER_UNIX)
		return "unix";
	return inet_ntop(
	    peer->kind == CONN_PEER_INET ? AF_INET : AF_INET6, peer->address, buf, cap);
}

void access_log(const struct conn *conn, const struct reply *reply, struct text id)
{
	char peer[INET6_ADDRSTRLEN];

	log_info("%s %s %u %zu bytes %.1f ms id %.*s from %s",
	    method_name(conn->method), conn->route != NULL ? conn->route->path : "-",
	    reply->status, conn->is_head ? 0 : reply->len,
	    (double)(clock_ns() - conn->began_ns) / 1e6, (int)id.len, id.at,
	    access_peer(&conn->peer, peer, sizeof(peer)));
}
