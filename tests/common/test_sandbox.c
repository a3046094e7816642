/*
 * Who a confined process is, what it sees of the file system, and that there is no way
 * back. Each try is made in a child of its own.
 */
#include "tests/common/sandbox_fixture.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "common/log.h"

/* ---- identity ---- */

static const struct passwd *nobody(void)
{
	if (getuid() != 0 || getpwnam("nobody") == NULL) {
		print_message("needs root and a user nobody\n");
		skip();
	}
	return getpwnam("nobody");
}

/* Without a filter, so that it is the kernel's rules that stand in the way. */
static int try_ways_back(struct place *place, const void *arg)
{
	const struct passwd *who = arg;
	struct sandbox_spec spec = {.kind = SANDBOX_HASHER, .user = "nobody"};
	const gid_t root = 0, many[] = {0, 1, 2};
	struct rlimit more = {1, 1}, core;
	uid_t u[3];
	gid_t g[3];

	if (setgroups(3, many) != 0 || confine(place, &spec) != 0)
		return 1;
	if (getresuid(&u[0], &u[1], &u[2]) != 0 || getresgid(&g[0], &g[1], &g[2]) != 0)
		return 2;
	for (int i = 0; i < 3; i++)
		if (u[i] != who->pw_uid || g[i] != who->pw_gid)
			return 3;
	if (getgroups(0, NULL) != 0)
		return 4;
	if (setuid(0) == 0 || setresuid(0, 0, 0) == 0 || setgid(0) == 0 ||
	    setgroups(1, &root) == 0)
		return 5;
	if (mount("/", "/", NULL, MS_BIND, NULL) == 0 || chroot("..") == 0)
		return 6;
	if (ptrace(PTRACE_ATTACH, place->other, NULL, NULL) == 0 ||
	    kill(place->other, 0) == 0)
		return 7;
	if (fork() >= 0)
		return 8;
	if (setrlimit(RLIMIT_NPROC, &more) == 0)
		return 9;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE) != 0)
		return 10;
	return getrlimit(RLIMIT_CORE, &core) == 0 && umask(0) == 077 ? 0 : 11;
}

static void there_is_no_way_back(void **state)
{
	const struct passwd *who = nobody();

	assert_left(in_child(*state, try_ways_back, who), "ways back");
}

static int try_to_see_files(struct place *place, const void *arg)
{
	struct sandbox_spec spec = {.kind = SANDBOX_HASHER, .user = arg};
	struct stat st;

	if (confine(place, &spec) != 0)
		return 1;
	if (stat("/etc/passwd", &st) == 0 || stat("/proc/self/mem", &st) == 0 ||
	    stat("../../../../etc/passwd", &st) == 0)
		return 2;
	if (open("/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0)
		return 3;
	return mkdir("/new", 0700) != 0 ? 0 : 4;
}

static void the_root_folder_is_empty_and_stays_so(void **state)
{
	nobody();
	assert_left(in_child(*state, try_to_see_files, "nobody"), "as nobody");
	assert_left(in_child(*state, try_to_see_files, NULL), "as root");
}

static int hold_no_capability(struct place *place, const void *arg)
{
	struct sandbox_spec spec = {.kind = SANDBOX_HASHER, .root = "/"};
	char line[256];
	FILE *status = fopen("/proc/self/status", "re"); /* later it cannot be opened */
	int rc = confine(place, &spec) != 0 ? 1 : 0, seen = 0;

	(void)arg;
	if (status == NULL)
		return 4;
	while (rc == 0 && fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "Cap", 3) == 0) {
			rc = strspn(line + 7, "0\t") != 17 ? 2 : 0;
			seen++;
		}
	(void)fclose(status);
	return rc != 0 ? rc : seen == 5 ? 0 : 3;
}

static void root_is_without_its_powers(void **state)
{
	nobody();
	assert_left(in_child(*state, hold_no_capability, NULL), "root without a user");
}

static int refuse(struct place *place, const void *arg)
{
	struct sandbox_spec spec = *(const struct sandbox_spec *)arg;

	log_confine(-1); /* what it says is right, and no news */
	return confine(place, &spec) == 0 ? 1 : 0;
}

static void what_cannot_be_had_is_an_error(void **state)
{
	static const struct sandbox_spec specs[] = {
	    {.kind = SANDBOX_HASHER, .user = "no-such-user"},
	    {.kind = SANDBOX_HASHER, .user = "nobody", .group = "no-such-group"},
	    {.kind = SANDBOX_HASHER, .root = "/nowhere/at/all"},
	};

	nobody();
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		assert_left(in_child(*state, refuse, &specs[i]), "taken all the same");
}

/* ---- look-ups ---- */

static int use_store(struct place *place, const void *arg)
{
	struct sandbox_spec spec = spec_of(place, SANDBOX_LOOKUP);
	struct stat st;
	int fd;

	spec.user = arg;
	if (confine(place, &spec) != 0)
		return 1;
	if (arg != NULL && strcmp(spec.store, "/store.db") != 0)
		return 2;
	fd = open(spec.store, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || pwrite(fd, "x", 1, 0) != 1 || fsync(fd) != 0 ||
	    fstat(fd, &st) != 0)
		return 3;
	if (arg != NULL && stat("/etc/passwd", &st) == 0)
		return 4;
	return unlink(spec.store) == 0 ? 0 : 5;
}

static void a_look_up_has_the_folder_of_its_store(void **state)
{
	assert_left(in_child(*state, use_store, NULL), "as we are");
	nobody();
	assert_left(in_child(*state, use_store, "nobody"), "as nobody");
}

static int follow_store(struct place *place, const void *arg)
{
	struct sandbox_spec spec = spec_of(place, SANDBOX_LOOKUP);

	spec.store = arg;
	spec.user = "nobody";
	return confine(place, &spec) == 0 && strcmp(spec.store, "/store.db") == 0 &&
	               open(spec.store, O_RDONLY | O_CLOEXEC) >= 0
	           ? 0
	           : 1;
}

static void a_store_behind_a_link_is_found(void **state)
{
	struct place *place = *state;
	char link[96] = "/tmp/argond-link-XXXXXX";
	int fd;

	nobody();
	fd = mkstemp(link);
	assert_return_code(fd, errno);
	close(fd);
	unlink(link);
	fd = open(place->store, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_return_code(fd, errno);
	close(fd);
	assert_return_code(symlink(place->store, link), errno);
	assert_left(in_child(place, follow_store, link), "a store behind a link");
	unlink(link);
}

static int have_no_folder(struct place *place, const void *arg)
{
	struct sandbox_spec spec = spec_of(place, SANDBOX_LOOKUP);
	struct stat st;

	spec.store = arg;
	spec.user = "nobody";
	return confine(place, &spec) == 0 && stat("/etc/passwd", &st) != 0 &&
	               open(spec.store, O_RDONLY | O_CLOEXEC) < 0
	           ? 0
	           : 1;
}

static void a_store_without_a_folder_is_only_not_there(void **state)
{
	nobody();
	assert_left(
	    in_child(*state, have_no_folder, "/nowhere/at/all.db"), "no folder");
}

/* ---- who is confined how ---- */

static void roles_inherit_the_user_or_have_their_own(void **state)
{
	struct config config = {.user = (char *)(uintptr_t) "a",
	    .group = (char *)(uintptr_t) "g",
	    .store_path = (char *)(uintptr_t) "/s",
	    .seccomp = true};
	struct config_pool pool = {.jobs = CONFIG_JOBS_LOOKUP};
	struct sandbox_spec spec = sandbox_of_frontend(&config);

	(void)state;
	assert_string_equal(spec.user, "a");
	assert_string_equal(spec.group, "g");
	assert_true(spec.filter);
	assert_null(spec.store);
	config.frontend.user = (char *)(uintptr_t) "f";
	spec = sandbox_of_frontend(&config);
	assert_string_equal(spec.user, "f");
	assert_null(spec.group);
	spec = sandbox_of_pool(&config, &pool);
	assert_int_equal(spec.kind, SANDBOX_LOOKUP);
	assert_string_equal(spec.user, "a");
	assert_string_equal(spec.store, "/s");
	pool = (struct config_pool){
	    .jobs = CONFIG_JOBS_HASH, .user = (char *)(uintptr_t) "p"};
	spec = sandbox_of_pool(&config, &pool);
	assert_int_equal(spec.kind, SANDBOX_HASHER);
	assert_string_equal(spec.user, "p");
	assert_null(spec.group);
	assert_null(spec.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(there_is_no_way_back),
	    cmocka_unit_test(the_root_folder_is_empty_and_stays_so),
	    cmocka_unit_test(root_is_without_its_powers),
	    cmocka_unit_test(what_cannot_be_had_is_an_error),
	    cmocka_unit_test(a_look_up_has_the_folder_of_its_store),
	    cmocka_unit_test(a_store_behind_a_link_is_found),
	    cmocka_unit_test(a_store_without_a_folder_is_only_not_there),
	    cmocka_unit_test(roles_inherit_the_user_or_have_their_own),
	};

	return cmocka_run_group_tests_name("sandbox", tests, setup, teardown);
}
