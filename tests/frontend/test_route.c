#include "tests/frontend/fixture.h"

#include "frontend/route.h"

static struct text text_of(const char *string)
{
	return (struct text){string, strlen(string)};
}

static void test_table(void **state)
{
	static const struct {
		const char *path;
		route_fn *handle, *without_seed;
		const char *rest;
	} rows[] = {
	    {"/livez", health_livez, health_livez, ""},
	    {"/readyz", health_readyz, health_readyz, ""},
	    {"/", seed_hello, NULL, ""},
	    {"/hash/", seed_hash, NULL, ""},
	    {"/hash/x%2Fy", seed_hash, NULL, "x%2Fy"},
	    {"/hash/x/y", seed_hash, NULL, "x/y"},
	    {"/hash_rayon/x", seed_hash_rayon, NULL, "x"},
	    {"/user/1", seed_user, NULL, "1"},
	    {"/hash", NULL, NULL, ""},
	    {"/livez/", NULL, NULL, ""},
	    {"/livezx", NULL, NULL, ""},
	    {"/live", NULL, NULL, ""},
	    {"//livez", NULL, NULL, ""},
	    {"/LIVEZ", NULL, NULL, ""},
	    {"*", NULL, NULL, ""},
	    {"", NULL, NULL, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text rest = {NULL, 0};
		const struct route *route =
		    route_find(text_of(rows[i].path), true, &rest);

		assert_ptr_equal(route != NULL ? route->handle : NULL, rows[i].handle);
		if (route != NULL) {
			assert_true(text_is(rest, rows[i].rest));
			assert_int_equal(route->seed, rows[i].without_seed == NULL);
		}
		route = route_find(text_of(rows[i].path), false, &rest);
		assert_ptr_equal(
		    route != NULL ? route->handle : NULL, rows[i].without_seed);
	}
}

static void test_not_found(void **state)
{
	struct fixture *f = *state;
	struct answer answer;

	ask_once(f, GET("/nowhere"), &answer);
	assert_int_equal(answer.status, 404);
	assert_true(
	    answer_has(&answer, "\r\nContent-Type: application/problem+json\r\n"));
	assert_true(answer_has(&answer, "\"urn:argond:problem:not-found\""));
	assert_false(answer_has(&answer, "nowhere")); /* never repeated */
	f->config.seed_routes = false;
	ask_once(f, GET("/hash/x"), &answer);
	assert_int_equal(answer.status, 404);
	assert_true(answer_has(&answer, "application/problem+json"));
	assert_int_equal(f->dispatch.submitted, 0);
}

static void test_not_allowed(void **state)
{
	static const char *const methods[] = {
	    "POST", "PUT", "DELETE", "PATCH", "TRACE"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		char text[128];
		struct answer answer;

		snprintf(text, sizeof(text), "%s /livez HTTP/1.1\r\nHost: a\r\n\r\n",
		    methods[i]);
		ask_once(f, text, &answer);
		assert_int_equal(answer.status, 405);
		assert_true(answer_has(&answer, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
		assert_true(
		    answer_has(&answer, "\"urn:argond:problem:method-not-allowed\""));
		snprintf(text, sizeof(text), "%s /hash/x HTTP/1.1\r\nHost: a\r\n\r\n",
		    methods[i]);
		ask_once(f, text, &answer);
		assert_answer(&answer, 405, "The method is not allowed here");
		assert_true(answer_has(&answer, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
	}
}

/* Behind a prefix one segment stands, which is not empty. */
static void a_prefix_without_its_segment_is_no_path(void **state)
{
	static const char *const methods[] = {"GET", "OPTIONS", "POST"};
	static const char *const paths[] = {"/hash/", "/hash/a/b", "/hash//",
	    "/hash/?a", "/hash_rayon/", "/hash_rayon/a/", "/user/", "/user/1/2"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		for (size_t j = 0; j < sizeof(methods) / sizeof(methods[0]); j++) {
			char text[128];
			struct answer answer;

			snprintf(text, sizeof(text),
			    "%s %s HTTP/1.1\r\nHost: a\r\n\r\n", methods[j], paths[i]);
			ask_once(f, text, &answer);
			assert_int_equal(answer.status, 404);
			assert_true(
			    answer_has(&answer, "\r\nContent-Type: text/plain"));
		}
	assert_int_equal(f->dispatch.submitted, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    FIXTURE_TEST(test_not_found),
	    FIXTURE_TEST(test_not_allowed),
	    FIXTURE_TEST(a_prefix_without_its_segment_is_no_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
