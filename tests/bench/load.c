/*
 * A load generator for HTTP/1.1 servers under more than they can do: an open loop, in
 * which requests come at their time whatever became of those before, and in which a
 * request's latency is measured from its scheduled time.
 *
 *   load -d TIME [-c TIME] [-o FILE] [-l] [-q] TARGET STREAM...
 *
 * TARGET is 127.0.0.1:PORT, [::1]:PORT or unix:/path. A STREAM is a list of key=value,
 * separated by commas (a comma in a value is written \,); `load -h` lists the keys.
 * Streams run beside each other, and each has its own results:
 *
 *   load -d 10s 127.0.0.1:8080 'name=hash,rate=500,conns=64,path=/hash/p%u,deadline=1s'
 * \ 'name=livez,rate=50,conns=2,path=/livez,expect=ok'
 *
 * A request's outcome is one of load_tally.h. Lost are all but ok, late, shed, dropped
 * (by the client, which was told to) and unsent (no connection was free in time: give
 * the stream more of them). What matters of the times is in `ok` and `shed`; a large
 * `lag` says that the generator itself was late, and nothing else can be believed then.
 *
 * Exit status: 0, 1 it could not run, 2 usage, 3 a wrong answer or one that nobody
 * asked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/load_report.h"
#include "tests/bench/load_run.h"

enum { EXIT_USAGE = 2, EXIT_WRONG = 3 };

struct options {
	const char *out; /* JSON */
	bool lines;
};

static int usage(FILE *to)
{
	fprintf(to,
	    "usage: load -d TIME [-c TIME] [-o FILE] [-l] [-q] TARGET STREAM...\n"
	    "  -d TIME    how long requests are made: 500ms, 10s, 2m\n"
	    "  -c TIME    wakes up no more often than that (0)\n"
	    "  -o FILE    the results as JSON; - is stdout, without the table\n"
	    "  -l         the results as lines of \"stream.name value\"\n"
	    "  -q         nothing on stderr while it runs\n"
	    "TARGET is 127.0.0.1:PORT, [::1]:PORT or unix:/path.\n"
	    "STREAM is key=value,key=value... (\\, is a comma in a value):\n");
	return EXIT_USAGE;
}

static int complain(const char *what, const char *text)
{
	fprintf(stderr, "load: %s%s%s\n", what, text == NULL ? "" : ": ",
	    text == NULL ? "" : text);
	return EXIT_USAGE;
}

/* Returns 0, or the exit status; -1: that of success. */
static int options_read(
    int argc, char **argv, struct options *options, struct load *load)
{
	int option;

	while ((option = getopt(argc, argv, "c:d:o:lqh")) != -1) {
		if (option == 'd') {
			if (spec_time_parse(&load->duration_ns, optarg, false) != 0)
				return complain("not a time, as in 10s", optarg);
		} else if (option == 'c') {
			if (spec_time_parse(&load->collect_ns, optarg, true) != 0)
				return complain("not a time, as in 0.5ms", optarg);
		} else if (option == 'o') {
			options->out = optarg;
		} else if (option == 'l') {
			options->lines = true;
		} else if (option == 'q') {
			load->quiet = true;
		} else if (option == 'h') {
			usage(stdout);
			spec_print_keys();
			return -1;
		} else {
			return usage(stderr);
		}
	}
	if (load->duration_ns == 0 || argc - optind < 2)
		return usage(stderr);
	return 0;
}

static int streams_read(int argc, char **argv, struct load *load)
{
	char error[SPEC_ERROR];

	if (target_parse(&load->target, argv[optind]) != 0)
		return complain(
		    "not a target, as 127.0.0.1:80 or unix:/path", argv[optind]);
	for (int i = optind + 1; i < argc; i++)
		if (load_add(load, argv[i], error) != 0)
			return complain(argv[i], error);
	return 0;
}

static int report_write(const json_t *report, const struct options *options)
{
	bool to_stdout = options->out != NULL && strcmp(options->out, "-") == 0;

	if (to_stdout) {
		json_dumpf(report, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
		putchar('\n');
		return 0;
	}
	if (options->lines)
		report_print_lines(report, stdout);
	else
		report_print_table(report, stdout);
	if (options->out != NULL && json_dump_file(report, options->out,
	                                JSON_INDENT(1) | JSON_REAL_PRECISION(9)) != 0)
		return -1;
	return 0;
}

static int was_wrong(const struct load *load)
{
	for (unsigned i = 0; i < load->stream_count; i++) {
		const struct tally *tally = &load->stream[i].tally;

		if (tally->count[OUTCOME_WRONG] > 0 || tally->unasked > 0)
			return EXIT_WRONG;
	}
	return 0;
}

static int run_and_report(struct load *load, const struct options *options)
{
	char error[SPEC_ERROR];
	json_t *report;
	int status = EXIT_FAILURE;

	if (load_run(load, error) != 0) {
		complain(error, NULL);
		return EXIT_FAILURE;
	}
	report = report_make(load);
	if (report == NULL)
		complain("no memory for the results", NULL);
	else if (report_write(report, options) != 0)
		complain("cannot write", options->out);
	else
		status = was_wrong(load);
	json_decref(report);
	return status;
}

int main(int argc, char **argv)
{
	static struct load load;
	struct options options = {.out = NULL};
	int status = options_read(argc, argv, &options, &load);

	if (status == 0)
		status = streams_read(argc, argv, &load);
	if (status == 0)
		status = run_and_report(&load, &options);
	load_free(&load);
	return status < 0 ? 0 : status;
}
