#include "tests/system/confined.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/client.h"

const struct passwd *confined_user(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (geteuid() != 0 || user == NULL) {
		print_message("needs root and a user %s\n", name);
		skip();
	}
	return user;
}

const struct passwd *confined_folder(const struct daemon *d, const char *name)
{
	const struct passwd *user = confined_user(name);

	assert_return_code(chown(d->dir, user->pw_uid, user->pw_gid), errno);
	assert_return_code(chmod(d->dir, 0755), errno);
	assert_return_code(chmod(d->conf, 0644), errno);
	return user;
}

/* The limit on locked memory is the smaller one that Debian gives to users. The daemon
 * inherits it from the test, which takes its own back. A process that nobody may look
 * into cannot look for leaks in itself: a sanitizer would end it for that. */
void confined_start_as_nobody(struct daemon *d)
{
	const struct rlimit small = {64 << 10, 64 << 10};
	struct rlimit own;

	setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
	assert_return_code(prlimit(0, RLIMIT_MEMLOCK, &small, &own), errno);
	setenv("ARGOND_WRAPPER",
	    "setpriv --reuid=nobody --regid=nogroup --clear-groups", 1);
	daemon_launch(d, CONFINED_SMALL, NULL);
	unsetenv("ARGOND_WRAPPER");
	(void)setrlimit(RLIMIT_MEMLOCK, &own); /* root may lack the capability */
	daemon_wait_ready(d);
}

void confined_expect_service(const struct daemon *d)
{
	static const char *const paths[] = {
	    "/livez", "/", "/hash/x", "/hash_rayon/x", "/user/1"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char text[256] = "";
		int status = client_fetch(&d->tcp, paths[i], text, sizeof(text));

		if (status != 200)
			fail_msg("%s: %d %s", paths[i], status, text);
	}
	assert_int_equal(client_fetch(&d->tcp, "/user/7", NULL, 0), 404);
}
