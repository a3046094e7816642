/*
 * How long an answer takes must not say whether a user is there. "hash":null spends
 * what a decoy of the profile costs, and a password that a format cannot take spends
 * what its hash costs. Measured side by side, by turns, so that the machine's speed and
 * its load are the same for each; only ratios of medians are looked at, and a round
 * that something else has disturbed is measured again. ARGOND_TEST_LONG=1 measures
 * longer.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/api.h"

enum { ROUNDS = 31, ROUNDS_LONG = 501, SERIES = 12, TRIES = 12, USERS = 400 };

static const double RATIO_SAME = 1.15;
static const double RATIO_OTHER = 4; /* between costs that differ 16 times */

#define BCRYPT "$2b$07$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define SHA512                                                                         \
	"$6$rounds=9000$salt1234salt1234$AaS9nuW7gNLgi4ZmPFm8IGtmt5YgVMa6kLN27idrE7S4" \
	"Xmu8NWm7X.x8jcZ8XXaJDh6K8uLOfz1NEXOKaZ6W40"
#define ARGON2I                                                                        \
	"$argon2i$v=16$m=2048,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$"                         \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789012"

static int compare(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* What the last answer says of the hasher's work, in ms. */
static double work_of(const struct api *api)
{
	char value[128];
	const char *work;

	assert_true(response_header(&api->r, "Server-Timing", value, sizeof(value)));
	work = strstr(value, "work;dur=");
	assert_non_null(work);
	return work != NULL ? strtod(work + strlen("work;dur="), NULL) : 0;
}

/* A verification that is wrong, of some cost. */
struct question {
	const char *name, *password, *hash; /* hash NULL: null */
	char more[128];                     /* further members */
};

/* The median of each question's work, asked by turns. */
static void measure(struct api *api, const struct question *questions, size_t count,
    double medians[SERIES])
{
	const unsigned rounds = harness_rounds(ROUNDS, ROUNDS_LONG);
	static double work[SERIES][ROUNDS_LONG];

	assert_in_range(count, 1, SERIES);
	for (unsigned i = 0; i < rounds; i++)
		for (size_t k = 0; k < count; k++) {
			assert_int_equal(api_verify(api, questions[k].password,
			                     questions[k].hash, questions[k].more),
			    API_INVALID);
			work[k][i] = work_of(api);
		}
	for (size_t k = 0; k < count; k++) {
		qsort(work[k], rounds, sizeof(double), compare);
		medians[k] = work[k][rounds / 2];
	}
}

static bool are_near(double a, double b)
{
	return a > 0 && b > 0 && a < b * RATIO_SAME && b < a * RATIO_SAME;
}

/* Questions 2n and 2n + 1 take the same time, for each n. */
static void expect_pairs(
    struct api *api, const struct question *questions, size_t count)
{
	double medians[SERIES];
	bool same = false;

	for (unsigned i = 0; i < TRIES && !same; i++) {
		measure(api, questions, count, medians);
		same = true;
		for (size_t k = 0; k < count; k += 2)
			same = same && are_near(medians[k], medians[k + 1]);
	}
	for (size_t k = 0; k < count; k++)
		print_message("%s: median %.3f ms\n", questions[k].name, medians[k]);
	assert_true(same);
}

/* decoy NULL: none is named. */
static void start_one_hasher(struct daemon *d, const char *decoy)
{
	char option[640];

	snprintf(option, sizeof(option), "profile.default.decoy=%s",
	    decoy != NULL ? decoy : "");
	daemon_start(d, "profile.default.memory=1M", "profile.default.time=2",
	    "profile.default.accept=bcrypt,sha512crypt", "profile.old.memory=4M",
	    "profile.old.time=2", "pool.elastic.max_processes=1",
	    decoy != NULL ? option : NULL, NULL);
}

/* Each kind of decoy costs what a wrong password of a user with such a hash does. */
static void a_decoy_costs_what_its_hash_does(void **state)
{
	static const struct {
		const char *name, *decoy, *hash;
	} kinds[] = {{"an older profile", "old", NULL}, {"bcrypt", BCRYPT, BCRYPT},
	    {"sha512crypt", SHA512, SHA512}, {"another Argon2", ARGON2I, ARGON2I},
	    {"in a frame", "{bcrypt}" BCRYPT, "{bcrypt}" BCRYPT}};
	struct daemon *d = *state;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct question q[] = {{.name = kinds[i].name, .password = "hunter3"},
		    {.name = "  null", .password = "hunter3"}};
		char hash[API_HASH_MAX];
		struct api api;

		start_one_hasher(d, kinds[i].decoy);
		api_open(&api, d);
		q[0].hash = kinds[i].hash;
		if (q[0].hash == NULL) {
			api_hash(&api, "hunter2", "old", hash);
			q[0].hash = hash;
		}
		expect_pairs(&api, q, 2);
		/* rehash changes neither the work nor the answer */
		snprintf(q[0].more, sizeof(q[0].more), ",\"rehash\":true");
		snprintf(q[1].more, sizeof(q[1].more), ",\"rehash\":true");
		expect_pairs(&api, q, 2);
		api_close(&api);
		daemon_stop(d);
	}
}

/* The password of an example is public: it must not open anything. */
static void an_example_is_never_right(void **state)
{
	/* python3 -c 'import bcrypt; print(bcrypt.hashpw(b"x" * 72,
	 * bcrypt.gensalt(4)))' */
	static const char hash[] =
	    "$2b$04$M5PC3bUnlC7KJD2rIYPvUOdl0jSN4PFVIMdytXJ9neSwN0kTNxeJC";
	struct daemon *d = *state;
	char password[73] = {0};
	struct api api;

	memset(password, 'x', 72);
	start_one_hasher(d, hash);
	api_open(&api, d);
	assert_int_equal(api_verify(&api, password, hash, ""), API_REHASH);
	assert_int_equal(api_verify(&api, password, NULL, ""), API_INVALID);
	assert_int_equal(
	    api_verify(&api, password, NULL, ",\"rehash\":true"), API_INVALID);
	api_close(&api);
	daemon_stop(d);
}

/* 73 bytes and a NUL are nothing for bcrypt: the answer comes when a wrong one's does.
 */
static void what_cannot_match_costs_its_hash(void **state)
{
	static const struct question questions[] = {
	    {"a wrong password for bcrypt", "hunter3", BCRYPT, ""},
	    {"  of 73 bytes", LONG, BCRYPT, ""},
	    {"a wrong password for bcrypt", "hunter3", BCRYPT, ""},
	    {"  with a NUL", "a\\u0000b", BCRYPT, ""},
	    {"a wrong password for sha512crypt", "a.b", SHA512, ""},
	    {"  with a NUL", "a\\u0000b", SHA512, ""}};
	struct daemon *d = *state;
	struct api api;

	start_one_hasher(d, NULL);
	api_open(&api, d);
	expect_pairs(&api, questions, sizeof(questions) / sizeof(questions[0]));
	api_close(&api);
	daemon_stop(d);
}

/* ---- several decoys ---- */

static double work_for(struct api *api, const char *user)
{
	char more[64];

	snprintf(more, sizeof(more), ",\"user\":\"%s\"", user);
	assert_int_equal(api_verify(api, "x", NULL, more), API_INVALID);
	return work_of(api);
}

/* The least of several tries is disturbed by nothing. */
static bool is_dear(struct api *api, const char *user, double cheap)
{
	double least = 1e9;

	for (unsigned i = 0; i < TRIES && least >= cheap * RATIO_OTHER; i++) {
		const double work = work_for(api, user);

		least = work < least ? work : least;
	}
	return least >= cheap * RATIO_OTHER;
}

/* What the cheap decoy, the profile itself, costs. */
static double cheap_work(struct api *api)
{
	char hash[API_HASH_MAX];
	struct question q = {.name = "cheap", .password = "x"};
	double medians[SERIES];

	api_hash(api, "hunter2", "default", hash);
	q.hash = hash;
	measure(api, &q, 1, medians);
	return medians[0];
}

static void user_name(char name[32], unsigned i)
{
	snprintf(name, 32, "user%u@example.org", i);
}

static void write_key(struct daemon *d, char option[160])
{
	char path[96];

	d->files_expected = true;
	harness_path(path, d->dir, "decoy.key");
	harness_write_file(path, "0123456789abcdef0123456789abcdef");
	assert_return_code(chmod(path, 0600), errno);
	snprintf(option, 160, "key.decoy.file=%s", path);
}

static void start_with_weights(struct daemon *d, const char *decoy, const char *key)
{
	char option[160];

	snprintf(option, sizeof(option), "profile.default.decoy=%s", decoy);
	daemon_start(d, "profile.default.memory=256K", "profile.default.time=1",
	    "profile.old.memory=2M", "profile.old.time=2",
	    "pool.elastic.max_processes=1", "profile.default.decoy_key=decoy", key,
	    option, NULL);
}

/* A user has one decoy, over requests, reloads and restarts; weights are shares; and
 * who lowers the weight of what stands first moves users in one direction. */
static void a_user_always_has_the_same_decoy(void **state)
{
	static const char *const decoys[] = {"30*old;70*default", "10*old;90*default"};
	static bool dear[2][USERS];
	unsigned count[2] = {0, 0};
	struct daemon *d = *state;
	char key[160], name[32];

	write_key(d, key);
	for (unsigned run = 0; run < 2; run++) {
		struct api api;
		double cheap;

		start_with_weights(d, decoys[run], key);
		api_open(&api, d);
		cheap = cheap_work(&api);
		for (unsigned i = 0; i < USERS; i++) {
			user_name(name, i);
			dear[run][i] = is_dear(&api, name, cheap);
			count[run] += dear[run][i];
			if (run == 1 && dear[1][i])
				assert_true(dear[0][i]);
		}
		api_close(&api);
		daemon_log_mark(d);
		assert_return_code(kill(d->pid, SIGHUP), errno);
		daemon_wait_log(d, "ready, generation 2$");
		api_open(&api, d);
		for (unsigned i = 0; i < USERS; i += 8) {
			user_name(name, i);
			assert_int_equal(is_dear(&api, name, cheap), dear[run][i]);
		}
		api_close(&api);
		daemon_stop(d);
	}
	print_message(
	    "of %u users %u, then %u have the dear decoy\n", USERS, count[0], count[1]);
	/* five standard deviations */
	assert_in_range(count[0], USERS * 30 / 100 - 46, USERS * 30 / 100 + 46);
	assert_in_range(count[1], USERS * 10 / 100 - 30, USERS * 10 / 100 + 30);
}

/* A request that names nobody has always the same decoy, the heaviest: were it another
 * each time, asking twice would tell that there is no such user. */
static void who_names_no_user_has_the_heaviest(void **state)
{
	struct daemon *d = *state;
	char key[160];
	struct api api;
	double cheap;

	write_key(d, key);
	start_with_weights(d, "default;3*old;2*default", key);
	api_open(&api, d);
	cheap = cheap_work(&api);
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(api_verify(&api, "x", NULL, ""), API_INVALID);
		assert_true(work_of(&api) >= cheap * RATIO_OTHER);
	}
	api_close(&api);
	daemon_stop(d);
}

/* The log has no user's name. */
static void a_user_is_not_logged(void **state)
{
	struct daemon *d = *state;
	char key[160];
	struct api api;

	write_key(d, key);
	start_with_weights(d, "old;default", key);
	api_open(&api, d);
	work_for(&api, "MARKER-user");
	assert_int_equal(
	    api_post(&api, "verify", "{\"password\":\"x\",\"hash\":null,\"user\":7}"),
	    400);
	assert_int_equal(
	    api_post(&api, "verify",
	        "{\"password\":\"x\",\"hash\":null,\"user\":\"%0513d\"}", 7),
	    400);
	assert_int_equal(
	    api_post(&api, "hash", "{\"password\":\"x\",\"user\":\"MARKER-user\"}"),
	    400);
	api_close(&api);
	assert_false(daemon_log_has(d, "MARKER"));
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_decoy_costs_what_its_hash_does),
	    daemon_test(an_example_is_never_right),
	    daemon_test(what_cannot_match_costs_its_hash),
	    daemon_test(a_user_always_has_the_same_decoy),
	    daemon_test(who_names_no_user_has_the_heaviest),
	    daemon_test(a_user_is_not_logged),
	};

	return cmocka_run_group_tests_name("wall_decoy", tests, NULL, NULL);
}
