/*
 * Users and groups by name and by number, with a user database of the test's own in the
 * place of the C library's.
 */
#include <grp.h>
#include <pwd.h>

#include "tests/common/config_world.h"

static const struct config_identity nobody = {UINT32_MAX, UINT32_MAX};

/* What the database has: the last user's name is a number, which is another user's. */
static struct passwd users[] = {{.pw_name = "root", .pw_uid = 0, .pw_gid = 0},
    {.pw_name = "www", .pw_uid = 33, .pw_gid = 34},
    {.pw_name = "1000", .pw_uid = 7, .pw_gid = 8}};
static struct group groups[] = {{.gr_name = "www", .gr_gid = 34},
    {.gr_name = "2000", .gr_gid = 9}, {.gr_name = "adm", .gr_gid = 4}};
static int failure; /* of every look-up, or 0 */

int getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t size,
    struct passwd **result)
{
	(void)buf;
	(void)size;
	*result = NULL;
	for (size_t i = 0; i < COUNT(users) && failure == 0; i++)
		if (strcmp(users[i].pw_name, name) == 0) {
			*entry = users[i];
			*result = entry;
		}
	return failure;
}

int getpwuid_r(
    uid_t uid, struct passwd *entry, char *buf, size_t size, struct passwd **result)
{
	(void)buf;
	(void)size;
	*result = NULL;
	for (size_t i = 0; i < COUNT(users) && failure == 0; i++)
		if (users[i].pw_uid == uid) {
			*entry = users[i];
			*result = entry;
		}
	return failure;
}

int getgrnam_r(const char *name, struct group *entry, char *buf, size_t size,
    struct group **result)
{
	(void)buf;
	(void)size;
	*result = NULL;
	for (size_t i = 0; i < COUNT(groups) && failure == 0; i++)
		if (strcmp(groups[i].gr_name, name) == 0) {
			*entry = groups[i];
			*result = entry;
		}
	return failure;
}

struct identity_example {
	const char *text, *group, *otherwise;
	uid_t uid;
	gid_t gid;
	const char *why; /* or NULL */
};

static const struct identity_example identities[] = {
    {"www", NULL, NULL, 33, 34, NULL},
    {"www", "adm", NULL, 33, 4, NULL},
    {"www", "12", NULL, 33, 12, NULL},
    {"www", NULL, "adm", 33, 34, NULL},
    {"www:adm", NULL, "www", 33, 4, NULL},
    {"www:5", NULL, NULL, 33, 5, NULL},
    /* a number with an entry has its group */
    {"33", NULL, NULL, 33, 34, NULL},
    {"33:0", NULL, NULL, 33, 0, NULL},
    {"0", NULL, NULL, 0, 0, NULL},
    {"00", NULL, NULL, 0, 0, NULL},
    {"root", NULL, NULL, 0, 0, NULL},
    /* one without must be told one */
    {"12345", NULL, NULL, 0, 0, config_no_group},
    {"12345", "adm", NULL, 12345, 4, NULL},
    {"12345", NULL, "adm", 12345, 4, NULL},
    {"12345:12346", NULL, "adm", 12345, 12346, NULL},
    {"4294967294:4294967294", NULL, NULL, UINT32_MAX - 1, UINT32_MAX - 1, NULL},
    /* a name comes first, also where it is a number */
    {"1000", NULL, NULL, 7, 8, NULL},
    {"1000:2000", NULL, NULL, 7, 9, NULL},
    {"01000:02000", NULL, NULL, 1000, 2000, NULL},
    /* no users */
    {"4294967295:1", NULL, NULL, 0, 0, "no such user"},
    {"4294967296:1", NULL, NULL, 0, 0, "no such user"},
    {"18446744073709551616:1", NULL, NULL, 0, 0, "no such user"},
    {"1:4294967295", NULL, NULL, 0, 0, "no such group"},
    {"-1:1", NULL, NULL, 0, 0, "no such user"},
    {"+1:1", NULL, NULL, 0, 0, "no such user"},
    {" 1:1", NULL, NULL, 0, 0, "no such user"},
    {"0x10:1", NULL, NULL, 0, 0, "no such user"},
    {"1e3:1", NULL, NULL, 0, 0, "no such user"},
    {"", NULL, NULL, 0, 0, "no such user"},
    {":1", NULL, NULL, 0, 0, "no such user"},
    {"www:", NULL, NULL, 0, 0, "no such group"},
    {"www:adm:adm", NULL, NULL, 0, 0, "no such group"},
    {"www", "none", NULL, 0, 0, "no such group"},
    {"www:adm", "adm", NULL, 0, 0, "has a group of its own, and `group` is set"},
};

static void users_have_names_or_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(identities); i++) {
		const struct identity_example *e = &identities[i];
		struct config_identity who = nobody;
		const char *why =
		    config_identity_find(e->text, e->group, e->otherwise, &who);

		if (why != e->why &&
		    (why == NULL || e->why == NULL || strcmp(why, e->why) != 0))
			fail_msg("%s: %s", e->text, why != NULL ? why : "taken");
		if (why == NULL && (who.uid != e->uid || who.gid != e->gid))
			fail_msg("%s: %u:%u", e->text, who.uid, who.gid);
	}
}

/* Whose files are its secrets: the number alone counts. */
static void the_user_alone_is_found(void **state)
{
	uid_t uid = 1;

	(void)state;
	assert_int_equal(config_user_find("12345", &uid), 0);
	assert_int_equal(uid, 12345);
	assert_int_equal(config_user_find("www:none", &uid), 0);
	assert_int_equal(uid, 33);
	assert_int_equal(config_user_find("nobody", &uid), ENOENT);
	assert_int_equal(config_user_find("4294967295", &uid), ENOENT);
	assert_int_equal(uid, 33);
}

/* A container may have no database at all, or one that cannot be asked. */
static void numbers_need_no_database(void **state)
{
	static const int failures[] = {ENOENT, ESRCH, EPERM, EIO};
	struct config_identity who;

	(void)state;
	for (size_t i = 0; i < COUNT(failures); i++) {
		failure = failures[i];
		assert_null(config_identity_find("5:6", NULL, NULL, &who));
		assert_int_equal(who.uid, 5);
		assert_int_equal(who.gid, 6);
		assert_non_null(config_identity_find("www", NULL, NULL, &who));
		assert_ptr_equal(
		    config_identity_find("5", NULL, NULL, &who), config_no_group);
		assert_null(config_identity_find("0", NULL, NULL, &who));
	}
	failure = ENOMEM;
	assert_string_equal(
	    config_identity_find("5:6", NULL, NULL, &who), strerrordesc_np(ENOMEM));
	failure = 0;
}

/* The group of a Unix socket's file, in the same way. */
static void listeners_have_groups_by_number(void **state)
{
	struct config *config = load_good(*state,
	    "listen = {\"unix:/a?group=12&mode=0660\", \"unix:/b?group=2000\", "
	    "\"unix:/c?group=adm\"}");
	const char *const refused[] = {"listen=unix:/a?group=4294967295",
	    "listen=unix:/a?group=none",
	    "listen=unix:/a?group=", "listen=unix:/a?mode=0888",
	    "listen=unix:/a?mode=-1", "listen=unix:/a?mode=01000"};
	struct config_error err;

	assert_int_equal(config->listen[0].group, 12);
	assert_int_equal(config->listen[0].mode, 0660);
	assert_int_equal(config->listen[1].group, 9);
	assert_int_equal(config->listen[2].group, 4);
	config_free(config);
	for (size_t i = 0; i < COUNT(refused); i++)
		if (load_overrides(*state, &refused[i], 1, &err) != NULL)
			fail_msg("%s was taken", refused[i]);
}

/* -t says where the number without a group stands; only root needs one. */
static void a_user_without_a_group_is_told(void **state)
{
	static const char *const texts[] = {"seccomp = off\nuser = 12345",
	    "seccomp = off\nfrontend { user = 12345 }",
	    "seccomp = off\npool elastic { user = 12345 }"};
	struct config_error err = {{0}};

	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct config *config = load_good(*state, texts[i]);
		char *override = strdup("group=12");

		assert_int_equal(config_check_host(config, &err), -1);
		assert_non_null(strstr(err.text, "argond.conf:2: "));
		assert_non_null(strstr(err.text, config_no_group));
		config_free(config);
		config = load_text(*state, texts[i], &override, 1, &err);
		assert_non_null(config);
		if (config_check_host(config, &err) != 0)
			fail_msg("%s", err.text);
		config_free(config);
		free(override);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(users_have_names_or_numbers),
	    cmocka_unit_test(the_user_alone_is_found),
	    cmocka_unit_test(numbers_need_no_database),
	    cmocka_unit_test(listeners_have_groups_by_number),
	    cmocka_unit_test(a_user_without_a_group_is_told),
	};

	return cmocka_run_group_tests_name(
	    "config_user", tests, place_make, place_remove);
}
