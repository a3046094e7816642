#include "tests/system/client.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

int client_try(struct client *client, const struct address *to)
{
	const int one = 1;
	int err = 0;

	*client = (struct client){.fd = -1};
	client->fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(client->fd, errno);
	if (connect(client->fd, &to->any, to->len) < 0) {
		err = errno;
		client_close(client);
		return err;
	}
	if (to->any.sa_family != AF_UNIX)
		setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	assert_return_code(fcntl(client->fd, F_SETFL, O_NONBLOCK), errno);
	return 0;
}

void client_open(struct client *client, const struct address *to)
{
	int err = client_try(client, to);

	if (err != 0)
		fail_msg("connect: %s", strerror(err));
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	free(client->bytes);
	*client = (struct client){.fd = -1};
}

void client_reset(struct client *client)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	client_close(client);
}

void client_half_close(struct client *client)
{
	assert_return_code(shutdown(client->fd, SHUT_WR), errno);
}

static void make_room(struct client *client)
{
	if (client->cap - client->len >= 4096)
		return;
	client->cap = client->cap * 2 + 8192;
	client->bytes = realloc(client->bytes, client->cap);
	assert_non_null(client->bytes);
}

bool client_receive(struct client *client, int limit_ms)
{
	struct pollfd fd = {.fd = client->fd, .events = POLLIN};
	ssize_t n;

	if (client->ended || client->error != 0 || poll(&fd, 1, limit_ms) < 1)
		return false;
	make_room(client);
	n = recv(
	    client->fd, client->bytes + client->len, client->cap - client->len - 1, 0);
	if (n > 0)
		client->len += (size_t)n;
	else if (n == 0)
		client->ended = true;
	else if (errno != EAGAIN)
		client->error = errno;
	return true;
}

bool client_send(struct client *client, const void *bytes, size_t len)
{
	struct pollfd fd = {.fd = client->fd, .events = POLLIN | POLLOUT};
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = send(client->fd, at, len, MSG_NOSIGNAL);

		if (n > 0) {
			at += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN)
			return false;
		fd.events = client->ended ? POLLOUT : POLLIN | POLLOUT;
		if (poll(&fd, 1, harness_limit_ms()) < 1)
			fail_msg("sending hangs with %zu bytes left", len);
		client_receive(client, 0);
	}
	return true;
}

bool client_say(struct client *client, const char *text)
{
	return client_send(client, text, strlen(text));
}

bool client_drip(struct client *client, const char *text)
{
	for (; *text != '\0'; text++)
		if (!client_send(client, text, 1))
			return false;
	return true;
}

bool response_header(
    const struct response *response, const char *name, char *value, size_t cap)
{
	const size_t n = strlen(name);
	const char *line = strstr(response->head, "\r\n");

	for (; line != NULL; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
			line += n + 1;
			line += strspn(line, " ");
			snprintf(value, cap, "%.*s", (int)strcspn(line, "\r"), line);
			return true;
		}
	}
	return false;
}

bool response_has(const struct response *response, const char *name, const char *value)
{
	char found[512];

	return response_header(response, name, found, sizeof(found)) &&
	       strcasecmp(found, value) == 0;
}

void response_free(struct response *response)
{
	free(response->body);
	*response = (struct response){0};
}

/* Drops the first n bytes received. */
static void consume(struct client *client, size_t n)
{
	memmove(client->bytes, client->bytes + n, client->len - n);
	client->len -= n;
}

/* Receives until there are n bytes; false where the connection ends before. */
static bool fill(struct client *client, size_t n)
{
	while (client->len < n) {
		if (client->ended || client->error != 0)
			return false;
		if (!client_receive(client, harness_limit_ms()))
			fail_msg("no answer");
	}
	return true;
}

/* Length of the head, its empty line included; 0: the connection ended before any byte.
 */
static size_t await_head(struct client *client)
{
	const char *end = NULL;

	while (client->len == 0 ||
	       (end = memmem(client->bytes, client->len, "\r\n\r\n", 4)) == NULL) {
		if (fill(client, client->len + 1))
			continue;
		if (client->len > 0)
			fail_msg("a response was cut off: %.*s", (int)client->len,
			    client->bytes);
		return 0;
	}
	return (size_t)(end - client->bytes) + 4;
}

/* The head of an answer; that it is being worked at (102) is none. */
static size_t await_answer(struct client *client)
{
	static const char working[] = "HTTP/1.1 102 ";
	size_t head = await_head(client);

	while (head >= sizeof(working) - 1 &&
	       memcmp(client->bytes, working, sizeof(working) - 1) == 0) {
		consume(client, head);
		head = await_head(client);
	}
	return head;
}

static size_t content_length(const struct response *response, bool no_body)
{
	char value[32];

	if (no_body || response->status < 200 || response->status == 204 ||
	    response->status == 304)
		return 0;
	if (!response_header(response, "Content-Length", value, sizeof(value)))
		fail_msg("a response without Content-Length: %s", response->head);
	return strtoul(value, NULL, 10);
}

void client_read(struct client *client, struct response *response, bool no_body)
{
	size_t head;

	response_free(response);
	head = await_answer(client);
	if (head == 0)
		return;
	assert_in_range(head, 16, sizeof(response->head) - 1);
	memcpy(response->head, client->bytes, head);
	response->head[head] = '\0';
	consume(client, head);
	if (sscanf(response->head, "HTTP/1.%*[01] %3d ", &response->status) != 1)
		fail_msg("not a response: %s", response->head);
	response->body_len = content_length(response, no_body);
	if (!fill(client, response->body_len))
		fail_msg("a body was cut off: %s", response->head);
	response->body = malloc(response->body_len + 1);
	assert_non_null(response->body);
	if (response->body_len > 0)
		memcpy(response->body, client->bytes, response->body_len);
	response->body[response->body_len] = '\0';
	consume(client, response->body_len);
}

void client_ask(struct client *client, struct response *response, const char *text)
{
	client_say(client, text);
	client_read(client, response, strncmp(text, "HEAD ", 5) == 0);
}

void client_get(struct client *client, struct response *response, const char *path)
{
	char text[8192];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);
	client_ask(client, response, text);
}

int client_fetch(const struct address *to, const char *path, char *text, size_t cap)
{
	struct response response = {0};
	struct client client;
	int status;

	client_open(&client, to);
	client_get(&client, &response, path);
	status = response.status;
	if (text != NULL)
		snprintf(text, cap, "%s", response.body != NULL ? response.body : "");
	response_free(&response);
	client_close(&client);
	return status;
}

void client_expect_end(struct client *client)
{
	if (fill(client, client->len + 1))
		fail_msg("more came: %.*s", (int)client->len, client->bytes);
	assert_int_equal(client->len, 0);
}
