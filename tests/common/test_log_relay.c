/* The lines of a child: how it writes them, and what the master makes of any bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"

enum { TEXT = 1 << 16, CHILD = 4711 };

struct place {
	char path[64], text[TEXT];
};

static int open_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	int fd;

	assert_non_null(p);
	strcpy(p->path, "/tmp/argond-test-XXXXXX");
	fd = mkstemp(p->path);
	assert_return_code(fd, errno);
	close(fd);
	assert_int_equal(log_open(p->path, LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG), 0);
	*state = p;
	return 0;
}

static int close_place(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	free(p);
	return 0;
}

/* What was logged since the last time, without the time. */
static const char *logged(struct place *p)
{
	FILE *file = fopen(p->path, "r+e");
	char line[LOG_LINE_MAX + 1];
	size_t len = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		len += (size_t)snprintf(
		    p->text + len, TEXT - len, "%s", strchr(line, ' ') + 1);
	p->text[len] = '\0';
	assert_return_code(ftruncate(fileno(file), 0), errno);
	fclose(file);
	return p->text;
}

/* As it comes out of a pipe: in pieces of `piece` bytes. */
static void relay(const char *bytes, size_t len, size_t piece)
{
	char rest[2 * LOG_RECORD_MAX] = "";
	size_t kept = 0;

	for (size_t at = 0; at < len; at += piece) {
		const size_t n = len - at < piece ? len - at : piece;
		char *all = malloc(kept + n);
		size_t used;

		assert_non_null(all);
		memcpy(all, rest, kept);
		memcpy(all + kept, bytes + at, n);
		used = log_relay(CHILD, "child", all, kept + n, false);
		assert_true(used <= kept + n);
		kept = kept + n - used;
		assert_true(kept < LOG_RECORD_MAX);
		memcpy(rest, all + used, kept);
		free(all);
	}
	assert_int_equal(log_relay(CHILD, "child", rest, kept, true), kept);
}

static void records_and_text_are_told_apart_however_they_come(void **state)
{
	static const char bytes[] = "\x01"
	                            "1a warning\0"
	                            "text\n\n\x01"
	                            "2two\nlines\0"
	                            "no end\x01"
	                            "0error\0\0\x01"
	                            "9no level\0\x01\0last";
	static const char lines[] =
	    "[4711] warning child: a warning\n"
	    "[4711] error child: standard error: text\n"
	    "[4711] info child: two\\x0alines\n"
	    "[4711] error child: standard error: no end\n"
	    "[4711] error child: error\n"
	    "[4711] error child: standard error: \\x019no level\n"
	    "[4711] error child: standard error: \\x01\n"
	    "[4711] error child: standard error: last\n";

	for (size_t piece = 1; piece <= sizeof(bytes); piece++) {
		relay(bytes, sizeof(bytes) - 1, piece);
		assert_string_equal(logged(*state), lines);
	}
}

static void what_does_not_end_is_cut(void **state)
{
	static const size_t pieces[] = {1, 100, LOG_RECORD_MAX, 10 * LOG_RECORD_MAX};
	static char bytes[5 * LOG_RECORD_MAX];

	for (int record = 0; record < 2; record++)
		for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
			const char *line;
			unsigned n = 0;

			memset(bytes, 'x', sizeof(bytes));
			if (record) {
				bytes[0] = '\x01';
				bytes[1] = '2';
			}
			relay(bytes, sizeof(bytes), pieces[i]);
			for (line = logged(*state); *line != '\0'; n++) {
				assert_true(strcspn(line, "\n") < LOG_LINE_MAX);
				line += strcspn(line, "\n") + 1;
			}
			assert_int_equal(n, 5);
		}
}

static void any_bytes_are_printable_lines(void **state)
{
	static unsigned char bytes[4096];
	const char *text;

	srandom(1);
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (unsigned char)(random() % (round % 2 ? 256 : 4));
		relay((const char *)bytes, sizeof(bytes), 1 + (size_t)random() % 700);
		for (text = logged(*state); *text != '\0'; text++)
			assert_true(*text == '\n' || (*text >= 0x20 && *text <= 0x7e));
	}
}

/* ---- the child ---- */

static void a_confined_child(int fd)
{
	log_confine(fd);
	log_warn("one\ntwo %d", 3);
	errno = EPERM;
	log_debug("said");
	if (errno != EPERM)
		_exit(1);
	while (log_dropped() < 3)
		log_info("%0500d", 0);
	_exit(0);
}

static void a_child_writes_records_and_counts_what_is_lost(void **state)
{
	static char bytes[1 << 20];
	int ends[2], status = -1;
	size_t len = 0, used;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0)
		a_confined_child(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	while (len < sizeof(bytes) &&
	       (n = read(ends[0], bytes + len, sizeof(bytes) - len)) > 0)
		len += (size_t)n;
	/* each is there as a whole, or not at all */
	assert_int_equal(bytes[len - 1], '\0');
	used = log_relay(CHILD, "child", bytes, strlen(bytes) + 1, true);
	used += log_relay(CHILD, "child", bytes + used, strlen(bytes + used) + 1, true);
	assert_string_equal(logged(*state), "[4711] warning child: one\\x0atwo 3\n"
	                                    "[4711] debug child: said\n");
	assert_true(len > used);
	close(ends[0]);
	close(ends[1]);
}

static void what_was_lost_is_told_when_there_is_room(void **state)
{
	static const char end[] = " lines before this one could not be written\0\x01"
	                          "2next";
	static char bytes[1 << 20];
	const struct place *p = *state;
	int ends[2], status = -1;
	ssize_t n;
	pid_t pid;

	assert_non_null(p);
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		log_confine(ends[1]);
		while (log_dropped() < 3)
			log_info("%0500d", 0);
		if (read(ends[0], bytes, sizeof(bytes)) <= 0)
			_exit(1);
		log_info("next");
		n = read(ends[0], bytes, sizeof(bytes));
		_exit(n > (ssize_t)sizeof(end) && bytes[0] == LOG_RECORD_BEGIN &&
		              bytes[1] == '0' + LOG_LEVEL_WARNING &&
		              memcmp(bytes + n - sizeof(end), end, sizeof(end)) == 0
		          ? 0
		          : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_PLACE(records_and_text_are_told_apart_however_they_come),
	    WITH_PLACE(what_does_not_end_is_cut),
	    WITH_PLACE(any_bytes_are_printable_lines),
	    WITH_PLACE(a_child_writes_records_and_counts_what_is_lost),
	    WITH_PLACE(what_was_lost_is_told_when_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
