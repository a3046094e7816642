/* common/log.c and log_sink.c: one printable line an event, now or not at all. */
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "common/clock.h"
#include "common/log.h"

struct place {
	char dir[64], path[80], text[65536];
};

/* The test's own time: it passes when the test says so. */
static struct timespec test_now = {.tv_sec = 1000};

int clock_gettime(clockid_t which, struct timespec *now)
{
	if (which != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, which, now);
	*now = test_now;
	return 0;
}

static int open_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->dir, "/tmp/argond-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/log", p->dir);
	assert_int_equal(log_open(p->path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	log_ident("tester");
	*state = p;
	return 0;
}

static int close_place(void **state)
{
	struct place *p = *state;
	char command[128];

	assert_int_equal(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	snprintf(command, sizeof(command), "rm -rf %s", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static char *read_file(struct place *p, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, p->text, sizeof(p->text) - 1);
	assert_true(n >= 0);
	p->text[n] = '\0';
	close(fd);
	return p->text;
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void a_line_says_when_who_and_what(void **state)
{
	struct place *p = *state;
	char tail[80];

	log_warn("%d of %s", 3, "four");
	snprintf(
	    tail, sizeof(tail), " [%d] warning tester: 3 of four\n", (int)getpid());
	read_file(p, p->path);
	assert_int_equal(p->text[10], 'T');
	assert_int_equal(p->text[23], 'Z');
	assert_string_equal(p->text + 24, tail);
}

static void a_level_above_the_set_one_is_not_written(void **state)
{
	struct place *p = *state;

	log_debug("not this");
	log_info("this");
	assert_null(strstr(read_file(p, p->path), "not this"));
	assert_int_equal(lines_of(p->text), 1);
	assert_int_equal(log_open(p->path, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR), 0);
	log_warn("nor this");
	assert_int_equal(lines_of(read_file(p, p->path)), 1);
}

static void what_a_remote_says_stays_one_printable_line(void **state)
{
	struct place *p = *state;

	log_info("a\r\nb\x1b[31m\x7f\xc3\xa4\"\\");
	assert_non_null(strstr(read_file(p, p->path),
	    "tester: a\\x0d\\x0ab\\x1b[31m\\x7f\\xc3\\xa4\"\\\n"));
	assert_int_equal(lines_of(p->text), 1);
}

static void a_line_is_of_bounded_length(void **state)
{
	struct place *p = *state;
	char *much = malloc(100001);

	assert_non_null(much);
	for (int c = 0; c < 2; c++) {
		memset(much, c == 0 ? 'x' : '\n', 100000);
		much[100000] = '\0';
		for (int format = 0; format < 2; format++) {
			unlink(p->path);
			assert_int_equal(
			    log_open(p->path, (enum log_format)format, LOG_LEVEL_INFO),
			    0);
			log_info("%s", much);
			read_file(p, p->path);
			assert_int_equal(lines_of(p->text), 1);
			assert_in_range(strlen(p->text), 500, LOG_LINE_MAX);
		}
	}
	free(much);
}

static void a_json_line_reads_back(void **state)
{
	struct place *p = *state;
	json_t *line;

	assert_int_equal(log_open(p->path, LOG_FORMAT_JSON, LOG_LEVEL_INFO), 0);
	log_error("a \"quoted\" back\\slash\n\x01\xff");
	line = json_loads(read_file(p, p->path), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "level")), "error");
	assert_string_equal(json_string_value(json_object_get(line, "who")), "tester");
	assert_int_equal(json_integer_value(json_object_get(line, "pid")), getpid());
	assert_string_equal(json_string_value(json_object_get(line, "message")),
	    "a \"quoted\" back\\slash\n\x01\xc3\xbf");
	json_decref(line);
}

static void a_renamed_file_is_left_at_reopening(void **state)
{
	struct place *p = *state;
	char old[96];

	snprintf(old, sizeof(old), "%s.1", p->path);
	log_info("first");
	assert_int_equal(rename(p->path, old), 0);
	log_info("second");
	assert_int_equal(log_reopen(), 0);
	log_info("third");
	assert_int_equal(lines_of(read_file(p, old)), 2);
	assert_non_null(strstr(read_file(p, p->path), "third"));
	assert_int_equal(lines_of(p->text), 1);
}

/* What cannot be a log is refused, and the old one goes on. */
static void assert_no_log(struct place *p, const char *path, int error)
{
	assert_int_equal(log_open(path, LOG_FORMAT_JSON, LOG_LEVEL_ERROR), -1);
	assert_int_equal(errno, error);
	unlink(p->path);
	assert_int_equal(log_reopen(), 0);
	log_info("still here");
	assert_non_null(strstr(read_file(p, p->path), "tester: still here\n"));
}

static void what_is_no_log_is_refused_and_the_old_stays(void **state)
{
	struct place *p = *state;
	char path[96], *longest = malloc(5000);

	snprintf(path, sizeof(path), "%s/link", p->dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_no_log(p, path, ELOOP);
	snprintf(path, sizeof(path), "%s/fifo", p->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_no_log(p, path, ENXIO); /* nobody reads */
	snprintf(path, sizeof(path), "%s/none/log", p->dir);
	assert_no_log(p, path, ENOENT);
	assert_no_log(p, p->dir, EISDIR);
	assert_non_null(longest);
	memset(longest, 'x', 4999);
	longest[4999] = '\0';
	assert_no_log(p, longest, ENAMETOOLONG);
	free(longest);
}

static void a_full_disk_costs_lines_that_are_counted(void **state)
{
	uint64_t before = log_dropped();

	(void)state;
	assert_int_equal(log_open("/dev/full", LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	errno = E2BIG;
	log_info("lost");
	assert_int_equal(errno, E2BIG); /* logging is no reason to forget an error */
	log_debug("not even tried");
	assert_int_equal(log_dropped(), before + 1);
}

/* The reader of a pipe that does not read is not waited for. */
static void a_pipe_that_is_full_is_not_waited_for(void **state)
{
	struct place *p = *state;
	char path[96];
	uint64_t before = log_dropped();
	int reader;

	snprintf(path, sizeof(path), "%s/pipe", p->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(log_open(path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	for (int i = 0; i < 10000 && log_dropped() == before; i++)
		log_info("a line, and a next one, until the pipe is full");
	assert_int_equal(log_dropped(), before + 1);
	close(reader);
}

/* The log is standard output, which is `fd` for that moment. */
static void open_as_stdout(int fd)
{
	const int own = dup(STDOUT_FILENO);

	fflush(stdout);
	assert_return_code(dup2(fd, STDOUT_FILENO), errno);
	assert_int_equal(log_open("stdout", LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	assert_return_code(dup2(own, STDOUT_FILENO), errno);
	close(own);
}

static void a_blocking_pipe_is_not_waited_for_either(void **state)
{
	uint64_t before = log_dropped();
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	open_as_stdout(ends[1]);
	for (int i = 0; i < 10000 && log_dropped() == before; i++)
		log_info("a line, and a next one, until the pipe is full");
	assert_int_equal(log_dropped(), before + 1);
	close(ends[0]);
	close(ends[1]);
}

static void a_socket_is_written_whole_lines(void **state)
{
	char line[LOG_LINE_MAX];
	int ends[2];
	ssize_t n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	open_as_stdout(ends[1]);
	log_info("over a socket");
	n = recv(ends[0], line, sizeof(line) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	assert_int_equal(line[n - 1], '\n');
	close(ends[0]);
	log_info("nobody there, and no SIGPIPE");
	close(ends[1]);
}

static void bugs_are_at_most_ten_a_second(void **state)
{
	struct place *p = *state;

	test_now.tv_sec += 10;
	for (int i = 0; i < 100; i++)
		log_bug("number %d", i);
	assert_int_equal(lines_of(read_file(p, p->path)), 10);
	assert_non_null(strstr(p->text, " error tester: BUG: number 0\n"));
	test_now.tv_sec++;
	log_bug("again");
	assert_int_equal(lines_of(read_file(p, p->path)), 11);
}

static void what_a_remote_can_cause_is_one_line_a_second(void **state)
{
	struct place *p = *state;
	struct log_limit one = {0}, other = {0};

	for (int i = 0; i < 5; i++)
		log_limited(&one, LOG_LEVEL_WARNING, "number %d", i);
	log_limited(&other, LOG_LEVEL_WARNING, "another kind");
	assert_int_equal(lines_of(read_file(p, p->path)), 2);
	assert_non_null(strstr(p->text, "tester: number 0\n"));
	test_now.tv_sec++;
	log_limited(&one, LOG_LEVEL_WARNING, "next");
	assert_non_null(strstr(
	    read_file(p, p->path), "tester: (4 lines like this left out) next\n"));
	test_now.tv_sec++;
	log_limited(&one, LOG_LEVEL_WARNING, "last");
	assert_non_null(strstr(read_file(p, p->path), "tester: last\n"));
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_PLACE(a_line_says_when_who_and_what),
	    WITH_PLACE(a_level_above_the_set_one_is_not_written),
	    WITH_PLACE(what_a_remote_says_stays_one_printable_line),
	    WITH_PLACE(a_line_is_of_bounded_length),
	    WITH_PLACE(a_json_line_reads_back),
	    WITH_PLACE(a_renamed_file_is_left_at_reopening),
	    WITH_PLACE(what_is_no_log_is_refused_and_the_old_stays),
	    WITH_PLACE(a_full_disk_costs_lines_that_are_counted),
	    WITH_PLACE(a_pipe_that_is_full_is_not_waited_for),
	    WITH_PLACE(a_blocking_pipe_is_not_waited_for_either),
	    WITH_PLACE(a_socket_is_written_whole_lines),
	    WITH_PLACE(bugs_are_at_most_ten_a_second),
	    WITH_PLACE(what_a_remote_can_cause_is_one_line_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
