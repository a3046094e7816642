#include "master/command_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "master/command.h"
#include "master/master.h"
#include "master/place.h"

enum {
	COMMAND_WAITING = 8, /* clients that wait for what takes time */
	COMMAND_CLIENTS = 12,
	COMMAND_BACKLOG = 16,
	COMMAND_ACCEPTS = 16, /* before the loop goes on with something else */
};

static const double COMMAND_ASK_SECONDS = 5.;   /* for a client's request */
static const double COMMAND_AGAIN_SECONDS = .5; /* after a failed accept4() */

/* A connection, in the order of its arrival. */
struct command_client {
	TAILQ_ENTRY(command_client) entry;
	struct command_server *server;
	int fd;
	pid_t pid; /* of the process that asks, 0 where it has none here */
	struct ev_io io;
	struct loop_rest rest;
	struct ev_timer limit;
	const struct signal_row *row; /* NULL: has not asked yet */
	bool begun;                   /* what it waits for has begun */
};

TAILQ_HEAD(command_clients, command_client);

struct command_server {
	struct master *master;
	int fd;
	int file; /* O_PATH: the socket's file */
	struct ev_io io;
	struct ev_timer again;
	struct command_clients clients;
	unsigned count;
	struct log_limit strangers;
};

/* ---- clients */

static void client_close(struct command_client *client)
{
	struct command_server *server = client->server;

	loop_stop(server->master->loop, &client->rest, &client->io);
	ev_timer_stop(server->master->loop, &client->limit);
	close(client->fd);
	TAILQ_REMOVE(&server->clients, client, entry);
	server->count--;
	free(client);
}

/* The one and only answer. */
static void client_answer(
    struct command_client *client, enum command_result result, const char *why)
{
	char bytes[COMMAND_ANSWER_MAX];
	const size_t len = command_answer(bytes, result, why);

	if (send(client->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
		log_warn("command socket: an answer is lost: %s", strerror(errno));
	client_close(client);
}

/* Is the outcome of the command known only later? */
static bool command_takes_time(const struct signal_row *row)
{
	return row->action == SIGNAL_RELOAD || row->action == SIGNAL_UPGRADE;
}

/* A client that has asked and is still there waits. */
static unsigned server_waiting(const struct command_server *server)
{
	const struct command_client *client;
	unsigned waiting = 0;

	TAILQ_FOREACH(client, &server->clients, entry)
	waiting += client->row != NULL;
	return waiting;
}

/* It may have failed, and have been answered, when the master has been told. */
static void client_wait(struct command_client *client)
{
	struct master *m = client->server->master;

	if (m->stopping || m->quitting)
		client_answer(client, COMMAND_FAILED, "argond is leaving");
	else if (server_waiting(client->server) > COMMAND_WAITING)
		client_answer(
		    client, COMMAND_FAILED, "too many commands are waited for");
	else
		master_signal(m, client->row->signo);
}

static void client_obey(struct command_client *client)
{
	struct master *m = client->server->master;
	const struct signal_row *row = client->row;

	log_info("%s: process %d asks for it", row->word, (int)client->pid);
	if (m->upgrade.handed_on && m->upgrade.successor != 0) {
		client_answer(client, COMMAND_AGAIN, "");
	} else if (command_takes_time(row)) {
		client_wait(client);
	} else if (row->action == SIGNAL_REOPEN && master_reopen(m) != 0) {
		client_answer(client, COMMAND_FAILED, strerror(errno));
	} else {
		client_answer(client, COMMAND_OK, "");
		if (row->action != SIGNAL_REOPEN)
			master_signal(m, row->signo);
	}
}

static void client_hear(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct command_client *client = w->data;
	char bytes[COMMAND_REQUEST_MAX];
	const char *why;
	const ssize_t n =
	    recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (events & EV_ERROR) == 0 &&
	    (errno == EINTR || link_must_wait(errno))) {
		if (link_is_short(errno))
			loop_rest(loop, &client->rest, w);
		return;
	}
	if (n <= 0 || client->row != NULL) { /* it has left, or does not wait */
		client_close(client);
		return;
	}
	ev_timer_stop(loop, &client->limit);
	client->row = command_request_read(
	    bytes, (size_t)n <= sizeof(bytes) ? (size_t)n : 0, &why);
	if (client->row != NULL)
		client_obey(client);
	else
		client_answer(client, COMMAND_FAILED, why);
}

static void client_late(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	client_close(w->data);
}

/* When the table is full, not all in it wait. */
_Static_assert(COMMAND_WAITING < COMMAND_CLIENTS, "one gives way to the next");

static void server_make_room(struct command_server *server)
{
	struct command_client *client;

	if (server->count < COMMAND_CLIENTS)
		return;
	TAILQ_FOREACH(client, &server->clients, entry)
	{
		if (client->row != NULL)
			continue;
		client_close(client);
		return;
	}
}

static void server_add(struct command_server *server, int fd, pid_t pid)
{
	struct command_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		log_warn("command socket: out of memory");
		close(fd);
		return;
	}
	server_make_room(server);
	client->server = server;
	client->fd = fd;
	client->pid = pid;
	TAILQ_INSERT_TAIL(&server->clients, client, entry);
	server->count++;
	ev_io_init(&client->io, client_hear, fd, EV_READ);
	ev_timer_init(&client->limit, client_late, COMMAND_ASK_SECONDS, 0.);
	client->io.data = client->limit.data = client;
	ev_io_start(server->master->loop, &client->io);
	ev_timer_start(server->master->loop, &client->limit);
}

static void server_meet(struct command_server *server, int fd)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    (peer.uid == 0 || peer.uid == geteuid())) {
		server_add(server, fd, peer.pid);
		return;
	}
	log_limited(&server->strangers, LOG_LEVEL_WARNING,
	    "command socket: process %d of user %u is refused", (int)peer.pid,
	    (unsigned)peer.uid);
	close(fd);
}

/* ---- the socket */

static void server_again(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct command_server *server = w->data;

	(void)events;
	ev_io_start(loop, &server->io);
}

/* Without a free descriptor a connection waits in the queue, and would be tried without
 * end. */
static void server_pause(struct command_server *server, int error)
{
	log_warn("command socket: %s", strerror(error));
	ev_io_stop(server->master->loop, &server->io);
	ev_timer_set(&server->again, COMMAND_AGAIN_SECONDS, 0.);
	ev_timer_start(server->master->loop, &server->again);
}

static void server_accept(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct command_server *server = w->data;

	(void)loop;
	if ((events & EV_ERROR) != 0) {
		server_pause(server, ENOSPC); /* of the epoll set */
		return;
	}
	for (int i = 0; i < COMMAND_ACCEPTS; i++) {
		const int fd =
		    accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			server_meet(server, fd);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			server_pause(server, errno);
		return;
	}
}

/* Its file, which was bound just now, for its user alone. */
static int socket_listen(int fd, const struct place *fresh)
{
	struct sockaddr_un addr;
	struct stat st;
	int file;

	if (place_address(fresh, -1, &addr) != 0 || fchmod(fd, 0600) != 0 ||
	    bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		return -1;
	file = place_pin(fresh);
	errno = EBUSY; /* somebody else writes to the folder */
	if (file >= 0 && fstat(file, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    st.st_uid == geteuid() && (st.st_mode & 0777) == 0600 &&
	    listen(fd, COMMAND_BACKLOG) == 0)
		return file;
	if (file >= 0)
		close(file);
	return -1;
}

/* Under another name first, so that a client meets the socket of before or one that
 * answers. The lock of the pidfile is ours. */
static int socket_publish(int fd, const char *pidfile)
{
	struct place place, fresh = {.folder = -1};
	int file = -1, saved;

	if (place_open(&place, pidfile, COMMAND_SUFFIX) == 0 &&
	    place_open(&fresh, pidfile, COMMAND_SUFFIX ".new") == 0 &&
	    (unlinkat(fresh.folder, fresh.name, 0) == 0 || errno == ENOENT))
		file = socket_listen(fd, &fresh);
	if (file >= 0 &&
	    renameat(fresh.folder, fresh.name, place.folder, place.name) != 0) {
		saved = errno;
		unlinkat(fresh.folder, fresh.name, 0);
		close(file);
		errno = saved;
		file = -1;
	}
	place_close(&fresh);
	place_close(&place);
	return file;
}

static bool server_is_named(const struct command_server *server)
{
	struct place place;
	bool named = false;

	if (place_open(&place, server->master->lockfile.path, COMMAND_SUFFIX) == 0)
		named = place_holds(&place, server->file);
	place_close(&place);
	return named;
}

static int server_start(struct command_server *server)
{
	struct ev_loop *loop = server->master->loop;
	const int fd =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int saved;

	if (fd < 0)
		return -1;
	server->file = socket_publish(fd, server->master->lockfile.path);
	if (server->file < 0) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	server->fd = fd;
	ev_io_init(&server->io, server_accept, fd, EV_READ);
	ev_timer_init(&server->again, server_again, COMMAND_AGAIN_SECONDS, 0.);
	server->io.data = server->again.data = server;
	ev_io_start(loop, &server->io);
	return 0;
}

static void server_stop(struct command_server *server)
{
	ev_io_stop(server->master->loop, &server->io);
	ev_timer_stop(server->master->loop, &server->again);
	if (server->fd >= 0)
		close(server->fd);
	if (server->file >= 0)
		close(server->file);
	server->fd = server->file = -1;
}

int command_open(struct master *m)
{
	if (m->lockfile.fd < 0)
		return 0;
	if (m->command == NULL) {
		m->command = calloc(1, sizeof(*m->command));
		if (m->command == NULL)
			return -1;
		m->command->master = m;
		m->command->fd = m->command->file = -1;
		TAILQ_INIT(&m->command->clients);
	}
	if (m->command->fd >= 0 && server_is_named(m->command))
		return 0;
	if (m->command->fd >= 0)
		server_stop(m->command);
	return server_start(m->command);
}

/* ---- how it went */

void command_begun(struct master *m, enum signal_action action)
{
	struct command_client *client;

	if (m->command == NULL)
		return;
	TAILQ_FOREACH(client, &m->command->clients, entry)
	if (client->row != NULL && client->row->action == action)
		client->begun = true;
}

void command_finished(
    struct master *m, enum signal_action action, bool ok, const char *why)
{
	struct command_client *client, *next;

	if (m->command == NULL)
		return;
	for (client = TAILQ_FIRST(&m->command->clients); client != NULL;
	     client = next) {
		next = TAILQ_NEXT(client, entry);
		if (client->begun && client->row->action == action)
			client_answer(client, ok ? COMMAND_OK : COMMAND_FAILED, why);
	}
}

void command_leave(struct master *m)
{
	const bool again = m->upgrade.handed_on && m->upgrade.successor != 0;
	struct command_client *client, *next;

	if (m->command == NULL)
		return;
	for (client = TAILQ_FIRST(&m->command->clients); client != NULL;
	     client = next) {
		next = TAILQ_NEXT(client, entry);
		if (client->row != NULL)
			client_answer(client, again ? COMMAND_AGAIN : COMMAND_FAILED,
			    again ? "" : "argond is leaving");
	}
}

void command_close(struct master *m, bool ours)
{
	struct command_server *server = m->command;
	struct command_client *client, *next;
	struct place place;

	if (server == NULL)
		return;
	if (ours && server->fd >= 0) {
		if (place_open(&place, m->lockfile.path, COMMAND_SUFFIX) == 0)
			(void)place_remove(&place, server->file);
		place_close(&place);
	}
	for (client = TAILQ_FIRST(&server->clients); client != NULL; client = next) {
		next = TAILQ_NEXT(client, entry);
		client_close(client);
	}
	if (m->loop != NULL)
		server_stop(server);
	free(server);
	m->command = NULL;
}
