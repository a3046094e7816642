#include "tests/bench/load_report.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "common/clock.h"

/* ---- the tree ---- */

static const struct {
	const char *name;
	double quantile;
} quantiles[] = {{"p50", .5}, {"p90", .9}, {"p99", .99}, {"p999", .999}, {"max", 1.}};
enum { QUANTILES = sizeof(quantiles) / sizeof(*quantiles) };

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *times_json(const struct histogram *histogram)
{
	json_t *times = json_object();

	json_object_set_new(times, "count", number(histogram->count));
	json_object_set_new(times, "min", json_real((double)histogram->min / 1e6));
	json_object_set_new(times, "mean", json_real(histogram_mean(histogram) / 1e6));
	for (size_t i = 0; i < QUANTILES; i++)
		json_object_set_new(times, quantiles[i].name,
		    json_real(
		        (double)histogram_quantile(histogram, quantiles[i].quantile) /
		        1e6));
	return times;
}

static json_t *series_json(const struct tally *tally)
{
	json_t *series = json_object();
	size_t seconds = tally->seconds;

	while (seconds > 0 && memcmp(tally->series[seconds - 1],
	                          (uint32_t[OUTCOMES]){0}, sizeof(*tally->series)) == 0)
		seconds--;
	for (enum outcome o = 0; o < OUTCOMES; o++) {
		json_t *list;

		if (tally->count[o] == 0)
			continue;
		list = json_array();
		for (size_t s = 0; s < seconds; s++)
			json_array_append_new(list, number(tally->series[s][o]));
		json_object_set_new(series, outcome_name(o), list);
	}
	return series;
}

/* With nothing lost of M, less than 3/M is, at 95 %. */
static void lost_json(json_t *json, const struct tally *tally)
{
	uint64_t judged = tally_judged(tally), lost = tally_lost(tally);

	json_object_set_new(json, "requests", number(tally_total(tally)));
	json_object_set_new(json, "judged", number(judged));
	json_object_set_new(json, "lost", number(lost));
	if (lost == 0 && judged > 0)
		json_object_set_new(json, "lost_bound", json_real(3. / (double)judged));
}

static void tally_json(json_t *json, const struct tally *tally, double seconds)
{
	json_t *count = json_object(), *times = json_object();

	lost_json(json, tally);
	json_object_set_new(
	    json, "good_per_s", json_real((double)tally->count[OUTCOME_OK] / seconds));
	for (enum outcome o = 0; o < OUTCOMES; o++)
		json_object_set_new(count, outcome_name(o), number(tally->count[o]));
	json_object_set_new(json, "count", count);
	json_object_set_new(json, "unasked", number(tally->unasked));
	json_object_set_new(json, "idle_closed", number(tally->idle_closed));
	json_object_set_new(json, "queue_most", number(tally->queue_most));
	for (enum timing t = 0; t < TIMINGS; t++)
		json_object_set_new(
		    times, timing_name(t), times_json(&tally->timing[t]));
	json_object_set_new(json, "ms", times);
	json_object_set_new(json, "series", series_json(tally));
}

static json_t *stream_json(const struct stream *stream)
{
	const struct idle_set *set = &stream->idles;
	json_t *json = json_object(), *idle = json_object();

	json_object_set_new(json, "rate", json_real(stream->spec.rate));
	json_object_set_new(json, "conns", number(stream->spec.conns));
	tally_json(json, &stream->tally,
	    (double)(stream->end_ns - stream->begin_ns) / (double)NS_PER_SEC);
	json_object_set_new(idle, "open", number(set->open));
	json_object_set_new(idle, "failed", number(set->failed));
	json_object_set_new(idle, "closed", number(set->closed));
	json_object_set_new(json, "idle", idle);
	return json;
}

static double cpu_seconds(void)
{
	struct rusage usage = {.ru_utime.tv_sec = 0};

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

json_t *report_make(const struct load *load)
{
	double seconds = (double)load->duration_ns / (double)NS_PER_SEC;
	json_t *report = json_object(), *streams = json_object(), *all = json_object();
	struct tally sum;

	if (tally_init(&sum, load->stream[0].tally.seconds) != 0) {
		tally_free(&sum);
		return NULL;
	}
	json_object_set_new(report, "seconds", json_real(seconds));
	json_object_set_new(
	    report, "took_s", json_real((double)load->took_ns / (double)NS_PER_SEC));
	json_object_set_new(report, "cpu_s", json_real(cpu_seconds()));
	for (unsigned i = 0; i < load->stream_count; i++) {
		json_object_set_new(
		    streams, load->stream[i].spec.name, stream_json(&load->stream[i]));
		tally_merge(&sum, &load->stream[i].tally);
	}
	json_object_set_new(report, "streams", streams);
	tally_json(all, &sum, seconds);
	json_object_set_new(report, "all", all);
	tally_free(&sum);
	return report;
}

/* ---- the lines ---- */

static void lines_print(const char *prefix, const json_t *json, FILE *to)
{
	const char *key;
	json_t *value;
	char name[128];

	json_object_foreach((json_t *)json, key, value)
	{
		snprintf(name, sizeof(name), "%s%s%s", prefix,
		    *prefix == '\0' ? "" : ".", key);
		if (json_is_object(value) && strcmp(key, "series") != 0)
			lines_print(name, value, to);
		else if (json_is_integer(value))
			fprintf(to, "%s %lld\n", name,
			    (long long)json_integer_value(value));
		else if (json_is_real(value))
			fprintf(to, "%s %.6f\n", name, json_real_value(value));
	}
}

void report_print_lines(const json_t *report, FILE *to)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)report, key, value)
	{
		if (strcmp(key, "streams") == 0)
			lines_print("", value, to);
		else if (json_is_object(value))
			lines_print(key, value, to);
		else
			fprintf(to, "%s %.6f\n", key, json_real_value(value));
	}
}

/* ---- the table ---- */

static long long integer(const json_t *json, const char *name)
{
	return (long long)json_integer_value(json_object_get(json, name));
}

static double real(const json_t *json, const char *name)
{
	return json_real_value(json_object_get(json, name));
}

static void counts_print(const char *name, const json_t *stream, FILE *to)
{
	const json_t *count = json_object_get(stream, "count");

	fprintf(to, "%s: %lld requests:", name, integer(stream, "requests"));
	for (enum outcome o = 0; o < OUTCOMES; o++)
		if (integer(count, outcome_name(o)) > 0)
			fprintf(to, " %s %lld", outcome_name(o),
			    integer(count, outcome_name(o)));
	fprintf(to, "; %.1f good/s\n", real(stream, "good_per_s"));
	fprintf(to, "  lost %lld of %lld", integer(stream, "lost"),
	    integer(stream, "judged"));
	if (json_object_get(stream, "lost_bound") != NULL)
		fprintf(to, " (less than %.2g)", real(stream, "lost_bound"));
	if (integer(stream, "idle_closed") > 0)
		fprintf(to, "; the server closed %lld between requests",
		    integer(stream, "idle_closed"));
	if (integer(stream, "unasked") > 0)
		fprintf(to, "; BYTES THAT NOBODY ASKED FOR on %lld connections",
		    integer(stream, "unasked"));
	fputc('\n', to);
}

static void times_print(const json_t *stream, FILE *to)
{
	const json_t *all = json_object_get(stream, "ms");

	fprintf(to, "  %-8s %9s %9s", "ms", "count", "mean");
	for (size_t i = 0; i < QUANTILES; i++)
		fprintf(to, " %9s", quantiles[i].name);
	fputc('\n', to);
	for (enum timing t = 0; t < TIMINGS; t++) {
		const json_t *times = json_object_get(all, timing_name(t));

		if (integer(times, "count") == 0)
			continue;
		fprintf(to, "  %-8s %9lld %9.3f", timing_name(t),
		    integer(times, "count"), real(times, "mean"));
		for (size_t i = 0; i < QUANTILES; i++)
			fprintf(to, " %9.3f", real(times, quantiles[i].name));
		fputc('\n', to);
	}
}

static void stream_print(const char *name, const json_t *stream, FILE *to)
{
	const json_t *idle = json_object_get(stream, "idle");

	if (integer(stream, "requests") > 0) {
		counts_print(name, stream, to);
		times_print(stream, to);
	}
	if (integer(idle, "open") + integer(idle, "failed") + integer(idle, "closed") >
	    0)
		fprintf(to,
		    "%s: idle connections: %lld open, %lld failed, %lld closed\n", name,
		    integer(idle, "open"), integer(idle, "failed"),
		    integer(idle, "closed"));
}

void report_print_table(const json_t *report, FILE *to)
{
	json_t *streams = json_object_get(report, "streams"), *stream;
	const char *name;

	json_object_foreach(streams, name, stream)
	{
		stream_print(name, stream, to);
	}
	if (json_object_size(streams) > 1)
		stream_print("all", json_object_get(report, "all"), to);
	fprintf(to,
	    "%.1f s of schedules, %.1f s until the last answer; %.1f s of CPU here\n",
	    real(report, "seconds"), real(report, "took_s"), real(report, "cpu_s"));
}
