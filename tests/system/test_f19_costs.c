/*
 * F19: hashes that cost more than there is, and a crowd of the costliest that are
 * allowed: the former are refused before any memory is touched, the latter never need
 * more at one time than the plan has for one of them.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/system/api.h"
#include "tests/system/process.h"

enum {
	CEILING_MIB = 64,
	PROCESSES = 2,
	/* a hasher with nothing in its arena, and what its profile's jobs need */
	OWN_MIB = 12,
};

#define COSTLY(params)                                                                 \
	"{\"password\":\"x\",\"hash\":\"$argon2id$v=19$" params                        \
	"$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"

static void start(struct daemon *d)
{
	daemon_start(d, "profile.default.memory=1M", "profile.default.time=1",
	    "verify_max_memory=64M", "verify_max_time=16",
	    "pool.elastic.min_processes=2", "pool.elastic.max_processes=2",
	    "pool.elastic.deadline=10m", "pool.fixed.min_processes=1",
	    "pool.fixed.max_processes=1", NULL);
}

static void what_nobody_can_pay_is_refused(void **state)
{
	static const char *const bodies[] = {COSTLY("m=4294967295,t=1,p=1"),
	    COSTLY("m=8,t=4294967295,p=1"), COSTLY("m=4194304,t=1,p=1"),
	    COSTLY("m=134217728,t=1,p=16777215"), COSTLY("m=65537,t=1,p=1"),
	    COSTLY("m=65536,t=17,p=1"), COSTLY("m=65536,t=1,p=17")};
	struct daemon *d = *state;
	struct api api;

	start(d);
	api_open(&api, d);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		api_refused(&api, 422, "cost-too-high", "verify", bodies[i]);
	api_close(&api);
	daemon_stop(d);
}

/* Resident memory of all hashers, in MiB. */
static unsigned hashers_mib(const struct daemon *d)
{
	pid_t pids[PROCESS_MAX];
	size_t n = process_all(d, "hasher elastic/", pids, PROCESS_MAX);
	unsigned long kib = 0;

	for (size_t i = 0; i < n; i++) {
		char path[64], *text;
		const char *line;

		snprintf(path, sizeof(path), "/proc/%d/status", (int)pids[i]);
		text = harness_read_file(path);
		line = text != NULL ? strstr(text, "\nVmRSS:") : NULL;
		kib += line != NULL ? strtoul(line + 7, NULL, 10) : 0;
		free(text);
	}
	return (unsigned)(kib / 1024);
}

/* Each asks once; all at the same time. Returns how many were done; the others were
 * told that there is no memory, or no time. */
static unsigned crowd_ask(struct daemon *d, unsigned crowd, unsigned *most_mib)
{
	static const char body[] = COSTLY("m=65536,t=1,p=1");
	struct client *clients = calloc(crowd, sizeof(*clients));
	struct response r = {0};
	char text[1024];
	unsigned done = 0;

	assert_non_null(clients);
	snprintf(text, sizeof(text),
	    "POST /v1/verify HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    sizeof(body) - 1, body);
	for (unsigned i = 0; i < crowd; i++) {
		client_open(&clients[i], &d->tcp);
		client_say(&clients[i], text);
	}
	for (unsigned i = 0; i < crowd; i++) {
		unsigned mib = hashers_mib(d);

		*most_mib = mib > *most_mib ? mib : *most_mib;
		client_read(&clients[i], &r, false);
		if (r.status == 200)
			done++;
		else
			assert_int_equal(r.status, 503);
		client_close(&clients[i]);
	}
	response_free(&r);
	free(clients);
	return done;
}

static void a_crowd_at_the_ceiling_needs_one_of_it(void **state)
{
	struct daemon *d = *state;
	unsigned done = 0, most_mib = 0;

	start(d);
	for (unsigned round = 0; round < 3; round++)
		done += crowd_ask(d, harness_rounds(100, 700), &most_mib);
	assert_true(done >= 3);
#ifndef __SANITIZE_ADDRESS__
	if (process_titles_visible(d))
		assert_in_range(most_mib, 1, CEILING_MIB + PROCESSES * OWN_MIB);
#endif
	assert_int_equal(client_fetch(&d->tcp, "/hash/x", NULL, 0), 200);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(what_nobody_can_pay_is_refused),
	    daemon_test(a_crowd_at_the_ceiling_needs_one_of_it),
	};

	return cmocka_run_group_tests_name("F19 costs", tests, NULL, NULL);
}
