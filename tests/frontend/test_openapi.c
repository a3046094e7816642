/*
 * /openapi.json says what is: its paths are the table's routes, its problems are those
 * of problem.c, and its requests have the members that are read.
 */
#include "tests/frontend/fixture.h"

#include <jansson.h>

#include "common/rehash.h"
#include "frontend/route.h"
#include "frontend/v1_body.h"

static json_t *the_description(struct fixture *f)
{
	static struct {
		char text[65536];
	} all;
	int fd = client_open(f);
	uint64_t since = clock_ns();
	size_t len = 0, want = 0;
	json_t *root;
	ssize_t n;

	client_send(f, fd, GET("/openapi.json"));
	while (want == 0 || len < want) {
		assert_in_range(len, 0, sizeof(all.text) - 2);
		n = recv(fd, all.text + len, sizeof(all.text) - 1 - len, 0);
		if (n <= 0) {
			turn(f, fd, since);
			continue;
		}
		len += (size_t)n;
		all.text[len] = '\0';
		if (strstr(all.text, "\r\n\r\n") != NULL)
			want = (size_t)(strstr(all.text, "\r\n\r\n") - all.text) + 4 +
			       strtoul(
			           strstr(all.text, "Content-Length: ") + 16, NULL, 10);
	}
	close(fd);
	assert_memory_equal(all.text, "HTTP/1.1 200 OK\r\n", 17);
	assert_non_null(strstr(all.text, "\r\nContent-Type: application/json\r\n"));
	root =
	    json_loads(strstr(all.text, "\r\n\r\n") + 4, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	return root;
}

/* What stands at a path of names, or NULL. */
static const json_t *at(const json_t *root, const char *const *names)
{
	for (; *names != NULL && root != NULL; names++)
		root = json_object_get(root, *names);
	return root;
}

#define AT(root, ...) at(root, (const char *const[]){__VA_ARGS__, NULL})

static void paths_are_the_routes(void **state)
{
	json_t *root = the_description(*state);
	json_t *paths = json_object_get(root, "paths");
	const struct route *route;
	char name[64];
	json_t *item;
	size_t i;

	for (i = 0; (route = route_at(i)) != NULL; i++) {
		const char *what =
		    strcmp(route->path, "/user/") == 0 ? "{id}" : "{password}";

		snprintf(name, sizeof(name), "%s%s", route->path,
		    route->match == ROUTE_PREFIX ? what : "");
		item = json_object_get(paths, name);
		if (item == NULL)
			fail_msg("%s is not described", name);
		assert_int_equal(json_object_get(item, "post") != NULL,
		    (route->methods & METHOD_POST) != 0);
		assert_int_equal(json_object_get(item, "get") != NULL,
		    (route->methods & METHOD_GET) != 0);
		assert_int_equal(AT(item, "post", "security") != NULL ||
		                     AT(item, "get", "security") != NULL,
		    route->guarded);
	}
	assert_int_equal(json_object_size(paths), i);
	for (void *at = json_object_iter(paths); at != NULL;
	     at = json_object_iter_next(paths, at))
		assert_int_equal(json_object_size(json_object_iter_value(at)), 1);
	json_decref(root);
}

static bool list_has(const json_t *list, const char *word)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), word) == 0)
			return true;
	return false;
}

static void problems_are_the_problems(void **state)
{
	json_t *root = the_description(*state);
	const json_t *types =
	    AT(root, "components", "schemas", "Problem", "properties", "type", "enum");
	char type[64], status[8];

	assert_int_equal(json_array_size(types), PROBLEM_END - PROBLEM_NONE - 1);
	for (int i = PROBLEM_NONE + 1; i < PROBLEM_END; i++) {
		const struct problem_row *row = problem_row((enum problem)i);
		const json_t *response;

		snprintf(type, sizeof(type), "urn:argond:problem:%s", row->name);
		if (!list_has(types, type))
			fail_msg("%s is not described", type);
		snprintf(status, sizeof(status), "%u", row->status);
		response = AT(root, "components", "responses", status, "description");
		if (response != NULL &&
		    strstr(json_string_value(response), row->name) == NULL)
			fail_msg("%s: %s is not described", status, row->name);
	}
	json_decref(root);
}

static void reasons_are_the_reasons(void **state)
{
	json_t *root = the_description(*state);
	const json_t *words = AT(root, "components", "schemas", "VerifyAnswer",
	    "properties", "rehash_reasons", "items", "enum");
	size_t n = 0;

	for (unsigned reason = 1; reason < REHASH_END; reason *= 2, n++)
		assert_true(
		    list_has(words, rehash_reason_name((enum rehash_reason)reason)));
	assert_int_equal(json_array_size(words), n);
	json_decref(root);
}

/* A value that is right for a member. */
static const char *value_of(const char *name)
{
	return strcmp(name, "timeout_ms") == 0     ? "1"
	       : strcmp(name, "rehash") == 0       ? "true"
	       : strcmp(name, "password_b64") == 0 ? "\"AAAA\""
	                                           : "\"x\"";
}

static void assert_members(
    const json_t *root, const char *schema, unsigned allowed, size_t count)
{
	const json_t *members = AT(root, "components", "schemas", schema, "properties");
	const struct v1_form form = {.allowed = allowed};
	const char *name, *detail;
	char text[128];
	json_t *value;

	assert_int_equal(json_object_size(members), count);
	json_object_foreach((json_t *)(uintptr_t)members, name, value)
	{
		struct v1_body *body = v1_body_open(&form, 64);
		int n =
		    snprintf(text, sizeof(text), "{\"%s\":%s}", name, value_of(name));

		assert_non_null(body);
		if (v1_body_feed(body, text, (size_t)n, &detail) != PROBLEM_NONE ||
		    v1_body_end(body, &detail) != PROBLEM_NONE)
			fail_msg("%s: %s: %s", schema, name, detail);
		v1_body_close(body);
	}
}

static void requests_have_the_members_that_are_read(void **state)
{
	json_t *root = the_description(*state);

	assert_members(
	    root, "HashRequest", V1_PASSWORD | V1_PROFILE | V1_POOL | V1_TIMEOUT, 5);
	assert_members(root, "VerifyRequest",
	    V1_PASSWORD | V1_HASH_OR_NULL | V1_PROFILE | V1_POOL | V1_TIMEOUT |
	        V1_REHASH | V1_USER,
	    8);
	assert_members(root, "InspectRequest", V1_HASH | V1_PROFILE, 2);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(paths_are_the_routes),
	    FIXTURE_TEST(problems_are_the_problems),
	    FIXTURE_TEST(reasons_are_the_reasons),
	    FIXTURE_TEST(requests_have_the_members_that_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
