/*
 * The access log: a line for each answer, where the config asks for it. It names the
 * route and never the path, for a path may hold a password.
 */
#ifndef FRONTEND_ACCESS_H
#define FRONTEND_ACCESS_H

#include "frontend/conn.h"
#include "frontend/reply.h"

/* "GET /hash/ 200 131 bytes 35.2 ms id 5f0c... from 192.0.2.7". `id` is the one in the
 * answer. */
void access_log(const struct conn *conn, const struct reply *reply, struct text id);

#endif
