#include "tests/system/leavers.h"

#include <string.h>

enum way { WAY_RESET, WAY_END, WAY_PART, WAY_HALF, WAYS };

static enum way way_of(const struct leaver *leaver)
{
	return (enum way)(leaver->number % WAYS);
}

static void forget(struct leaver *leaver)
{
	client_close(&leaver->client);
	*leaver = (struct leaver){.client = {.fd = -1}};
}

static void come(struct leavers *leavers, struct leaver *leaver)
{
	char text[128];

	if (client_try(&leaver->client, leavers->to) != 0)
		return;
	leaver->number = ++leavers->asked;
	leaver->since = harness_now_ms();
	snprintf(text, sizeof(text),
	    "GET /hash/leaver-%u HTTP/1.1\r\nHost: t\r\nX-Request-Id: leaver-%u%s",
	    leaver->number, leaver->number,
	    way_of(leaver) == WAY_PART ? "" : "\r\n\r\n");
	if (!client_say(&leaver->client, text))
		forget(leaver);
}

static void leave(struct leaver *leaver)
{
	if (way_of(leaver) == WAY_HALF) {
		leaver->waiting = shutdown(leaver->client.fd, SHUT_WR) == 0;
		if (leaver->waiting)
			return;
	}
	if (way_of(leaver) == WAY_RESET || leaver->number % (2 * WAYS) == WAY_PART)
		client_reset(&leaver->client);
	forget(leaver);
}

/* What has come, without the interim 102 by which the daemon finds out whether one that
 * has closed half is still there. */
static const char *answer_of(struct client *c)
{
	const char *end;

	if (c->len == 0)
		return "";
	c->bytes[c->len] = '\0';
	end = strncmp(c->bytes, "HTTP/1.1 102 ", 13) == 0 ? strstr(c->bytes, "\r\n\r\n")
	                                                  : NULL;
	return end != NULL ? end + 4 : c->bytes;
}

static void look(struct leavers *leavers, struct leaver *leaver)
{
	struct client *c = &leaver->client;
	const char *answer;
	char id[64];

	while (client_receive(c, 0))
		continue;
	if (harness_now_ms() - leaver->since > (uint64_t)harness_limit_ms())
		fail_msg("who closed half waits for ever");
	if (!c->ended && c->error == 0)
		return;
	answer = answer_of(c);
	snprintf(id, sizeof(id), "\r\nX-Request-Id: leaver-%u\r\n", leaver->number);
	if (strcasestr(answer, id) != NULL)
		leavers->answered++;
	else if (strstr(answer, "\r\n\r\n") != NULL)
		fail_msg("no answer to leaver %u: %s", leaver->number, answer);
	else
		leavers->cut++;
	forget(leaver);
}

void leavers_turn(struct leavers *leavers)
{
	for (struct leaver *leaver = leavers->leaver;
	     leaver < leavers->leaver + LEAVERS; leaver++) {
		if (leaver->waiting)
			look(leavers, leaver);
		else if (leaver->number != 0)
			leave(leaver);
		if (leaver->number == 0)
			come(leavers, leaver);
	}
}

static bool nobody_waits(void *arg)
{
	struct leavers *leavers = arg;
	bool waiting = false;

	for (size_t i = 0; i < LEAVERS; i++) {
		if (leavers->leaver[i].waiting)
			look(leavers, &leavers->leaver[i]);
		waiting = waiting || leavers->leaver[i].waiting;
	}
	return !waiting;
}

void leavers_end(struct leavers *leavers)
{
	for (size_t i = 0; i < LEAVERS; i++)
		if (!leavers->leaver[i].waiting && leavers->leaver[i].number != 0)
			leave(&leavers->leaver[i]);
	wait_until(nobody_waits, leavers, "the answers of those who closed half");
}
