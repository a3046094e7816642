/*
 * The master's side of the command socket (command.h). Nothing is asked of whoever has
 * not the right to signal the master: the socket's file is for its user alone, and
 * SO_PEERCRED is looked at as well.
 *
 * It is a bounded table of clients, each with one request. A client that does not send
 * it in time, or sends another thing, is dropped; when the table is full, the oldest
 * that has asked for nothing yet gives way; and only some may wait for a reload or an
 * upgrade, so that other commands always get through. An answer fits into the socket's
 * buffer: nobody is waited for.
 *
 * In an upgrade whoever takes charge makes a socket of its own and renames it to the
 * name: there is no moment without one. The clients of the old master stay with it,
 * and hear of it that the new one is in charge.
 */
#ifndef MASTER_COMMAND_SERVER_H
#define MASTER_COMMAND_SERVER_H

#include <stdbool.h>

#include "master/signals.h"

struct master;
struct command_server;

/* This master is in charge (again): the socket is at its name from now on. Without a
 * pidfile there is none. Returns 0, or -1 with errno. */
int command_open(struct master *m);

/* A reload or an upgrade (`action`) begins: it is the one that those wait for who have
 * asked for it by now. It has ended: they are told how. */
void command_begun(struct master *m, enum signal_action action);
void command_finished(
    struct master *m, enum signal_action action, bool ok, const char *why);

/* The master leaves: who waits is told so, or that a successor is to be asked. */
void command_leave(struct master *m);

/* Closes all; `ours`: the socket's file is removed. */
void command_close(struct master *m, bool ours);

#endif
