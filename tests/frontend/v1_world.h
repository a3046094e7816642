/*
 * A frontend (fixture.h) with profiles, keys and ceilings, and requests to /v1.
 */
#ifndef TESTS_FRONTEND_V1_WORLD_H
#define TESTS_FRONTEND_V1_WORLD_H

#include "tests/frontend/fixture.h"

#include "common/legacy.h"
#define HASH                                                                           \
	"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$"                       \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

#define BCRYPT(cost)                                                                   \
	"$2b$" cost "$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"

static struct config_key v1_keys[] = {
    {.name = "new"}, {.name = "old", .verify_only = true}};
static struct config_profile v1_profiles[] = {{.name = "default",
                                                  .memory_kib = 19456,
                                                  .time = 2,
                                                  .lanes = 1,
                                                  .salt = 16,
                                                  .tag = 32},
    {.name = "dear",
        .memory_kib = 65536,
        .time = 3,
        .lanes = 4,
        .salt = 16,
        .tag = 32,
        .key = "new",
        .accept = 1U << LEGACY_BCRYPT}};

static inline int v1_setup(void **state)
{
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	f->config.verify_max_memory = UINT64_C(256) << 20;
	f->config.verify_max_time = 16;
	f->config.verify_max_lanes = 16;
	f->config.keys = v1_keys;
	f->config.key_count = 2;
	f->config.profiles = v1_profiles;
	f->config.profile_count = 2;
	return 0;
}

/* Sends a body to a route. */
static inline void post(struct fixture *f, int fd, const char *path, const char *body)
{
	char text[4096];

	snprintf(text, sizeof(text),
	    "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    path, strlen(body), body);
	client_send(f, fd, text);
}

static inline void post_once(
    struct fixture *f, const char *path, const char *body, struct answer *answer)
{
	int fd = client_open(f);

	post(f, fd, path, body);
	client_receive(f, fd, answer);
	close(fd);
}

static inline const struct task *the_task(struct fixture *f)
{
	await_tasks(f, 1);
	return f->dispatch.tasks[0];
}

#define V1_TEST(name) cmocka_unit_test_setup_teardown(name, v1_setup, fixture_teardown)

#endif
