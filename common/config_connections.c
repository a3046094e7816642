/*
 * The memory of a frontend's connections: what is promised for it, and how much of that
 * may be in buffers.
 */
#include <limits.h>

#include "common/config_table.h"

enum {
	/* A connection that has nothing in hand: some 3 KiB in the kernel for the
	 * socket, its file and its place in the epoll set, and our own struct. */
	SOCKET_BYTES = 4096,
	BUFFER_BYTES = 4096, /* of each, on average; most have none */
	/* What one connection may need alone: its socket's buffers, an answer, and what
	 * is kept of a body, which has little to do with the body's length. */
	BUFFER_LEAST = 1 << 20,
	CONNECTIONS_LEAST = 256, /* an automatic max_connections is not lowered below */
	RECEIVE_LEAST = 16 << 10, /* a head and a usual body */
	RECEIVE_MOST = 256 << 10, /* so much is under way at 2 MiB/s and 120 ms */
};

/* What memory_limit has to be at least. */
static uint64_t memory_least(const struct config *config)
{
	return BUFFER_LEAST + (uint64_t)config->frontend.max_connections * SOCKET_BYTES;
}

uint64_t config_frontend_bytes(const struct config *config)
{
	const struct config_frontend *frontend = &config->frontend;

	return frontend->memory_limit != 0
	           ? frontend->memory_limit
	           : memory_least(config) +
	                 (uint64_t)frontend->max_connections * BUFFER_BYTES;
}

uint64_t config_frontend_buffers(const struct config *config)
{
	const uint64_t all = config_frontend_bytes(config),
	               sockets =
	                   (uint64_t)config->frontend.max_connections * SOCKET_BYTES;

	return all > sockets ? all - sockets : 0;
}

uint32_t config_receive_buffer(const struct config *config)
{
	if (config->max_body <= RECEIVE_LEAST)
		return RECEIVE_LEAST;
	return config->max_body < RECEIVE_MOST ? (uint32_t)config->max_body
	                                       : RECEIVE_MOST;
}

unsigned config_connections_most(const struct config *config)
{
	const uint64_t limit = config->frontend.memory_limit;
	uint64_t most;

	if (limit == 0)
		return UINT_MAX;
	most = limit > BUFFER_LEAST ? (limit - BUFFER_LEAST) / SOCKET_BYTES : 0;
	return most > 1 ? (unsigned)most : 1;
}

bool config_connections_lower(struct config *config)
{
	struct config_frontend *frontend = &config->frontend;
	unsigned *connections = &frontend->max_connections;

	if (frontend->auto_connections == 0 || frontend->memory_limit != 0 ||
	    *connections <= CONNECTIONS_LEAST)
		return false;
	*connections =
	    *connections / 2 > CONNECTIONS_LEAST ? *connections / 2 : CONNECTIONS_LEAST;
	return true;
}

int config_connections_check_memory(
    const struct config *config, struct config_error *err)
{
	const struct config_frontend *frontend = &config->frontend;
	char limit[32], least[32];

	if (config_frontend_bytes(config) >= memory_least(config))
		return 0;
	return config_error_at(config, &frontend->memory_limit, err,
	    "%s is too little for max_connections %u; allowed: auto, or at least %s",
	    config_size_text(frontend->memory_limit, limit, sizeof(limit)),
	    frontend->max_connections,
	    config_size_text(memory_least(config), least, sizeof(least)));
}
