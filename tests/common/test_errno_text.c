/*
 * Errors that the system has no words for: a reason that is missing must not look like
 * success. Here strerrordesc_np(3) knows no error at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/config.h"
#include "common/errno_text.h"
#include "common/key.h"
#include "common/secret_file.h"
#include "common/token.h"

enum { STRANGE = 9999 };

static bool memfd_fails, seals_fail;

const char *strerrordesc_np(int error)
{
	(void)error;
	return NULL;
}

/* What sets up the memory for tokens and keys fails with an error nobody knows. */
int memfd_create(const char *name, unsigned flags)
{
	(void)name;
	(void)flags;
	errno = STRANGE;
	return memfd_fails ? -1 : open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

int mprotect(void *at, size_t len, int protection)
{
	(void)at;
	(void)len;
	(void)protection;
	errno = STRANGE;
	return seals_fail ? -1 : 0;
}

static void write_file(char path[32])
{
	int fd;

	strcpy(path, "/tmp/argond-errno-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a-long-token\n", 13), 13);
	close(fd);
}

static void there_are_always_words(void **state)
{
	(void)state;
	assert_non_null(errno_text(ENOENT));
	assert_non_null(errno_text(0));
	assert_non_null(errno_text(-1));
	assert_non_null(errno_text(STRANGE));
}

static void no_tokens_are_a_failure(void **state)
{
	struct sealed tokens;
	char path[32];
	const char *why;

	(void)state;
	write_file(path);
	for (unsigned i = 0; i < 3; i++) {
		why = NULL;
		memfd_fails = i == 0;
		seals_fail = i == 1;
		assert_int_equal(token_set_load(&tokens,
		                     i < 2 ? path : "/nowhere/at/all", NULL, &why),
		    -1);
		assert_non_null(why);
		assert_int_equal(tokens.bytes, 0);
	}
	memfd_fails = seals_fail = false;
	unlink(path);
}

/* A generation is not made without what its config asks for. */
static void a_config_without_its_secrets_is_refused(void **state)
{
	struct config_error err = {""};
	struct sealed secrets;
	char path[32];
	struct config_key key = {.name = "k", .file = path};
	struct config config = {.token_file = path, .keys = &key, .key_count = 1};

	(void)state;
	write_file(path);
	memfd_fails = true;
	assert_int_equal(config_read_tokens(&config, &secrets, &err), -1);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(key_set_load(&secrets, &config, &err), -1);
	assert_int_equal(secrets.bytes, 0);
	memfd_fails = false;
	unlink(path);
}

static void files_that_cannot_be_read_are_wrong(void **state)
{
	const char *why = NULL;
	char byte;

	(void)state;
	assert_int_equal(secret_file_open("/nowhere/at/all", &why), -1);
	assert_non_null(why);
	assert_non_null(secret_file_wrong(-1, NULL));
	why = NULL;
	assert_int_equal(secret_file_read(-1, &byte, 1, &why), -1);
	assert_non_null(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(there_are_always_words),
	    cmocka_unit_test(no_tokens_are_a_failure),
	    cmocka_unit_test(a_config_without_its_secrets_is_refused),
	    cmocka_unit_test(files_that_cannot_be_read_are_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
