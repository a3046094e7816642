/*
 * common/log.c and log_sink.c: syslog that is not there, or goes and comes again. The
 * daemon behind /dev/log is this test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

static struct place {
	char dir[64];
	struct sockaddr_un log; /* what /dev/log is here */
	int server, client;     /* client: accepted, where it is a stream */
	int type;
	unsigned connects;
	unsigned lost; /* calls of lost() */
} place;

/* The test's own time: it passes when the test says so. */
static struct timespec test_now = {.tv_sec = 1000};

int clock_gettime(clockid_t which, struct timespec *now)
{
	if (which != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, which, now);
	*now = test_now;
	return 0;
}

int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t len)
{
	const void *addr = to.__sockaddr__;
	const struct sockaddr_un *un = addr;

	if (un->sun_family == AF_UNIX && strcmp(un->sun_path, "/dev/log") == 0) {
		place.connects++;
		addr = &place.log;
		len = sizeof(place.log);
	}
	return (int)syscall(SYS_connect, fd, addr, len);
}

static void server_start(int type)
{
	place.type = type;
	place.server = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(place.server >= 0);
	assert_int_equal(
	    bind(place.server, (const void *)&place.log, sizeof(place.log)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(place.server, 8), 0);
}

static void server_stop(void)
{
	if (place.server >= 0)
		close(place.server);
	if (place.client >= 0)
		close(place.client);
	place.server = place.client = -1;
	unlink(place.log.sun_path);
}

/* The next line's message, "" where there is none. Of a stream, its NUL is read, too.
 */
static const char *server_line(void)
{
	static char line[LOG_LINE_MAX + 1];
	char *message;
	ssize_t n;
	size_t len = 0;

	if (place.type == SOCK_STREAM) {
		if (place.client < 0)
			place.client = accept4(place.server, NULL, NULL, SOCK_NONBLOCK);
		while (len + 1 < sizeof(line) &&
		       recv(place.client, line + len, 1, 0) == 1 && line[len] != '\0')
			len++;
	} else if ((n = recv(place.server, line, sizeof(line) - 1, 0)) > 0) {
		len = (size_t)n;
		assert_null(memchr(line, '\0', len));
	}
	line[len] = '\0';
	if (len == 0)
		return line;
	assert_int_equal(line[0], '<'); /* 30, or 28: a warning */
	message = strstr(line, ": tester: ");
	assert_non_null(message);
	return message + 10;
}

static void expect_lines(const char *const *lines)
{
	for (; *lines != NULL; lines++)
		assert_string_equal(server_line(), *lines);
	assert_string_equal(server_line(), "");
}
#define expect(...) expect_lines((const char *const[]){__VA_ARGS__, NULL})

static int open_place(void **state)
{
	(void)state;
	place =
	    (struct place){.log = {.sun_family = AF_UNIX}, .server = -1, .client = -1};
	strcpy(place.dir, "/tmp/argond-test-XXXXXX");
	if (mkdtemp(place.dir) == NULL)
		return -1;
	snprintf(
	    place.log.sun_path, sizeof(place.log.sun_path), "%.60s/log", place.dir);
	log_ident("tester");
	return 0;
}

static int close_place(void **state)
{
	(void)state;
	log_on_loss(NULL, NULL);
	if (log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO) != 0)
		return -1;
	server_stop();
	return rmdir(place.dir);
}

static void open_syslog(void)
{
	assert_int_equal(log_open("syslog", LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	assert_true(log_is_syslog());
}

static const int types[] = {SOCK_DGRAM, SOCK_STREAM};

static void it_may_come_later_than_we(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		open_syslog();
		assert_int_equal(log_fd(), -1);
		log_info("one");
		log_info("two");
		server_start(types[i]);
		log_info("three");
		expect("one", "two", "three");
		log_info("four");
		expect("four");
		server_stop();
	}
}

/* Nobody is told to: the next line finds out, and is not lost. */
static void a_restart_loses_no_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		server_start(types[i]);
		open_syslog();
		for (int j = 0; j < 3; j++) {
			log_info("before");
			expect("before");
			server_stop();
			server_start(types[i]);
			log_info("after");
			expect("after");
			server_stop();
			log_info("meanwhile");
			log_info("meanwhile 2");
			server_start(types[i]);
			log_info("again");
			expect("meanwhile", "meanwhile 2", "again");
		}
		server_stop();
	}
}

static void it_may_come_back_as_another_kind(void **state)
{
	(void)state;
	server_start(SOCK_DGRAM);
	open_syslog();
	for (size_t i = 0; i < 4; i++) {
		log_info("here");
		expect("here");
		server_stop();
		server_start(types[i % 2]);
	}
	log_info("here");
	expect("here");
}

/* Also where nothing more is logged. */
static void what_was_kept_is_written_when_the_log_is_opened_anew(void **state)
{
	(void)state;
	open_syslog();
	log_info("kept");
	server_start(SOCK_DGRAM);
	assert_int_equal(log_reopen(), 0);
	assert_true(log_fd() >= 0);
	expect("kept");
}

/* There is room for some; how many were lost is told. */
static void what_is_kept_is_bounded_and_the_rest_counted(void **state)
{
	const uint64_t before = log_dropped();
	char text[128];
	int i = 0;

	(void)state;
	open_syslog();
	for (int j = 0; j < 1000; j++)
		log_info("number %d", j);
	assert_in_range(log_dropped() - before, 500, 995);
	server_start(SOCK_DGRAM);
	for (int rounds = 0; rounds < 1000; rounds++) { /* a queue may be short */
		const char *line;

		log_reopen();
		while (*(line = server_line()) != '\0') {
			snprintf(text, sizeof(text), "number %d", i);
			if (strcmp(line, text) != 0)
				goto told;
			i++;
		}
	}
	fail_msg("what was lost is not told");
told:
	assert_int_equal(i, 1000 - (int)(log_dropped() - before));
}

static void a_full_queue_is_not_waited_for(void **state)
{
	const uint64_t before = log_dropped();
	unsigned sent = 0, got = 0;

	(void)state;
	server_start(SOCK_DGRAM);
	open_syslog();
	for (; log_dropped() == before && sent < 100000; sent++)
		log_info("line");
	assert_int_equal(log_dropped(), before + 1);
	log_info("line");
	assert_int_equal(log_dropped(), before + 2);
	while (strcmp(server_line(), "line") == 0)
		got++;
	assert_int_equal(got, sent - 1);
	log_info("then");
	expect("then");
	assert_int_equal(place.connects, 1); /* it was there all the time */
}

static void lines_for_syslog_are_not_written_elsewhere(void **state)
{
	const uint64_t before = log_dropped();
	char path[96], text[512] = "";
	int fd;

	(void)state;
	open_syslog();
	log_info("for syslog");
	snprintf(path, sizeof(path), "%s/file", place.dir);
	assert_int_equal(log_open(path, LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	assert_int_equal(log_dropped(), before + 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	unlink(path);
	assert_null(strstr(text, "for syslog"));
	assert_non_null(strstr(text, "tester: 1 lines before this one could not be"));
}

/* What a fork has kept is its parent's to write. */
static void a_child_does_not_write_its_parents_lines(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	open_syslog();
	log_info("parent");
	server_start(SOCK_DGRAM);
	pid = fork();
	if (pid == 0) {
		log_info("child");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	expect("child");
	log_info("more");
	expect("parent", "more");
}

/* ---- who cannot connect ---- */

static void lost(void *arg)
{
	assert_ptr_equal(arg, &place);
	place.lost++;
}

static void a_master_is_told_when_it_cannot_connect(void **state)
{
	(void)state;
	server_start(SOCK_DGRAM);
	open_syslog();
	log_on_loss(lost, &place);
	server_stop();
	for (int i = 0; i < 3; i++) { /* once a second */
		test_now.tv_sec++;
		log_info("a");
		log_info("b");
		assert_int_equal(place.lost, i + 1);
	}
	server_start(SOCK_DGRAM);
	log_info("c");
	expect("a", "b", "a", "b", "a", "b", "c");
	server_stop();
	server_start(SOCK_DGRAM);
	log_info("d"); /* it can: nothing is told */
	expect("d");
	assert_int_equal(place.lost, 3);
	server_stop();
	log_info("e");
	assert_int_equal(place.lost, 4);
}

/* More was kept than its queue takes: somebody has to come back to it. */
static void a_queue_that_is_too_short_is_told_as_well(void **state)
{
	unsigned got = 0;

	(void)state;
	open_syslog();
	for (int i = 0; i < 90; i++)
		log_info("number %d", i);
	log_on_loss(lost, &place);
	server_start(SOCK_DGRAM);
	for (unsigned rounds = 0; got < 90 && rounds < 90; rounds++) {
		const unsigned before = place.lost;
		char text[32];

		assert_int_equal(log_reopen(), 0);
		snprintf(text, sizeof(text), "number %u", got);
		while (strcmp(server_line(), text) == 0)
			snprintf(text, sizeof(text), "number %u", ++got);
		assert_int_equal(place.lost > before, got < 90);
	}
	assert_int_equal(got, 90);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_PLACE(it_may_come_later_than_we),
	    WITH_PLACE(a_restart_loses_no_line),
	    WITH_PLACE(it_may_come_back_as_another_kind),
	    WITH_PLACE(what_was_kept_is_written_when_the_log_is_opened_anew),
	    WITH_PLACE(what_is_kept_is_bounded_and_the_rest_counted),
	    WITH_PLACE(a_full_queue_is_not_waited_for),
	    WITH_PLACE(lines_for_syslog_are_not_written_elsewhere),
	    WITH_PLACE(a_child_does_not_write_its_parents_lines),
	    WITH_PLACE(a_master_is_told_when_it_cannot_connect),
	    WITH_PLACE(a_queue_that_is_too_short_is_told_as_well),
	};

	return cmocka_run_group_tests_name("log, syslog", tests, NULL, NULL);
}
