#include "tests/bench/load_spec.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/clock.h"

struct key;
/* Reads the value into where the row says. Returns 0, or -1. */
typedef int read_fn(struct spec *spec, void *to, const struct key *key, char *value);

struct key {
	const char *name;
	read_fn *read;
	size_t offset;
	double min, max; /* of a number */
	const char *help;
};

static int read_number(struct spec *spec, void *to, const struct key *key, char *value)
{
	const char *error = NULL;
	long long number =
	    strtonum(value, (long long)key->min, (long long)key->max, &error);

	(void)spec;
	*(unsigned *)to = (unsigned)number;
	return error == NULL ? 0 : -1;
}

static int read_real(struct spec *spec, void *to, const struct key *key, char *value)
{
	char *end;
	double number = strtod(value, &end);

	(void)spec;
	if (!isdigit((unsigned char)value[0]) || *end != '\0' ||
	    !(number >= key->min) || !(number <= key->max))
		return -1;
	*(double *)to = number;
	return 0;
}

static int read_switch(struct spec *spec, void *to, const struct key *key, char *value)
{
	(void)spec;
	(void)key;
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return -1;
	*(bool *)to = value[0] == '1';
	return 0;
}

static int read_time(struct spec *spec, void *to, const struct key *key, char *value)
{
	(void)spec;
	(void)key;
	return spec_time_parse(to, value, true);
}

/* A line of the request's head cannot hold a line's end. */
static bool is_line(const char *value)
{
	for (; *value != '\0'; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	return true;
}

static int read_text(struct spec *spec, void *to, const struct key *key, char *value)
{
	(void)spec;
	(void)key;
	*(const char **)to = value;
	return 0;
}

static int read_line(struct spec *spec, void *to, const struct key *key, char *value)
{
	return value[0] != '\0' && is_line(value) ? read_text(spec, to, key, value)
	                                          : -1;
}

static int read_word(struct spec *spec, void *to, const struct key *key, char *value)
{
	return strchr(value, ' ') == NULL ? read_line(spec, to, key, value) : -1;
}

static int read_path(struct spec *spec, void *to, const struct key *key, char *value)
{
	return value[0] == '/' ? read_word(spec, to, key, value) : -1;
}

static int read_header(struct spec *spec, void *to, const struct key *key, char *value)
{
	(void)to;
	if (spec->header_count == SPEC_HEADERS || strstr(value, ": ") == NULL)
		return -1;
	return read_line(spec, &spec->header[spec->header_count++], key, value);
}

static int read_name(struct spec *spec, void *to, const struct key *key, char *value)
{
	(void)to;
	(void)key;
	for (const char *c = value; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
			return -1;
	if (value[0] == '\0')
		return -1;
	return strlcpy(spec->name, value, sizeof(spec->name)) < sizeof(spec->name) ? 0
	                                                                           : -1;
}

static int read_src(struct spec *spec, void *to, const struct key *key, char *value)
{
	(void)spec;
	(void)key;
	return target_sources_parse(to, value);
}

#define AT(field) offsetof(struct spec, field)
static const struct key keys[] = {
    {"name", read_name, AT(name), 0, 0, "what it is called in the results"},
    {"rate", read_real, AT(rate), 0, 1e6,
        "requests a second, on schedule; 0: closed loop, each connection as fast as it "
        "can"},
    {"conns", read_number, AT(conns), 0, 100000, "connections (1)"},
    {"queue", read_number, AT(queue), 0, 1000000,
        "requests that wait for a connection (10000); more are not sent"},
    {"method", read_word, AT(method), 0, 0, "GET, or POST where there is a body"},
    {"path", read_path, AT(path), 0, 0,
        "%u in it is a number that never comes twice (/)"},
    {"body", read_text, AT(body), 0, 0, "%u as above"},
    {"type", read_line, AT(type), 0, 0, "of the body (application/json)"},
    {"header", read_header, 0, 0, 0, "'Name: value', up to 8 times; %u as above"},
    {"keepalive", read_switch, AT(keepalive), 0, 0, "0: a new connection each (1)"},
    {"id", read_switch, AT(id), 0, 0,
        "an X-Request-Id is sent and has to come back (1)"},
    {"status", read_number, AT(status), 200, 599, "what is ok (200 to 299)"},
    {"expect", read_text, AT(expect), 0, 0,
        "what the body of an ok answer begins with"},
    {"pieces", read_number, AT(pieces), 0, 1000000, "bytes sent at a time; 0: all (0)"},
    {"pause", read_time, AT(pause_ns), 0, 0, "between two pieces (0)"},
    {"drop", read_real, AT(drop), 0, 100,
        "percent of requests that the client leaves (0)"},
    {"drop_after", read_time, AT(drop_after_ns), 0, 0,
        "at a random moment within this time after sending (100ms)"},
    {"src", read_src, AT(src), 0, 0,
        "client addresses: 127.0.0.10, or 127.0.0.10-30 in turn"},
    {"idle", read_number, AT(idle), 0, 1000000, "idle connections beside (0)"},
    {"idle_path", read_path, AT(idle_path), 0, 0,
        "what each of them asks once (/livez)"},
    {"deadline", read_time, AT(deadline_ns), 0, 0, "a later answer is late (none)"},
    {"timeout", read_time, AT(timeout_ns), 0, 0, "nobody waits longer (30s)"},
    {"start", read_time, AT(start_ns), 0, 0, "since the start of the run (0)"},
    {"stop", read_time, AT(stop_ns), 0, 0, "the same (its end)"},
};
enum { KEYS = sizeof(keys) / sizeof(*keys) };

int spec_time_parse(uint64_t *ns, const char *text, bool bare)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"", 1e6}};
	char *end;
	double number = strtod(text, &end);

	if (!isdigit((unsigned char)text[0]) || !(number <= 1e9))
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units) - (bare ? 0 : 1); i++)
		if (strcmp(end, units[i].unit) == 0) {
			*ns = (uint64_t)(number * units[i].ns);
			return 0;
		}
	return -1;
}

__attribute__((format(printf, 2, 3))) static int wrong(
    char *error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, SPEC_ERROR, fmt, ap);
	va_end(ap);
	return -1;
}

/* Cuts the next "key=value" off: at a comma, unless a backslash stands before it. */
static char *cut_part(char **rest)
{
	char *part = *rest, *to = part, *from = part;

	for (; *from != '\0' && *from != ','; from++) {
		if (*from == '\\' && (from[1] == ',' || from[1] == '\\'))
			from++;
		*to++ = *from;
	}
	*rest = *from == ',' ? from + 1 : NULL;
	*to = '\0';
	return part;
}

static int read_part(struct spec *spec, char *part, uint64_t *seen, char *error)
{
	char *value = strchr(part, '=');
	size_t i = 0;

	if (value == NULL)
		return wrong(error, "\"%s\": key=value is needed", part);
	*value++ = '\0';
	while (i < KEYS && strcmp(keys[i].name, part) != 0)
		i++;
	if (i == KEYS)
		return wrong(error, "\"%s\": there is no such key", part);
	if ((*seen & UINT64_C(1) << i) != 0 && keys[i].read != read_header)
		return wrong(error, "%s: given twice", part);
	*seen |= UINT64_C(1) << i;
	if (keys[i].read(spec, (char *)spec + keys[i].offset, &keys[i], value) != 0)
		return wrong(error, "%s=%s: not possible", part, value);
	return 0;
}

static int spec_check(struct spec *spec, char *error)
{
	if (spec->method == NULL)
		spec->method = spec->body != NULL ? "POST" : "GET";
	if (spec->timeout_ns == 0)
		return wrong(error, "timeout=0: nobody would get an answer");
	if (spec->conns == 0 && spec->idle == 0)
		return wrong(error, "conns=0: there is not even an idle connection");
	if (spec->stop_ns != 0 && spec->stop_ns <= spec->start_ns)
		return wrong(error, "stop: it would be over before it starts");
	return 0;
}

int spec_parse(struct spec *spec, const char *text, unsigned number, char *error)
{
	uint64_t seen = 0;
	char *rest;

	*spec = (struct spec){.conns = 1,
	    .queue = 10000,
	    .path = "/",
	    .type = "application/json",
	    .idle_path = "/livez",
	    .keepalive = true,
	    .id = true,
	    .drop_after_ns = 100 * NS_PER_MS,
	    .timeout_ns = 30 * NS_PER_SEC};
	snprintf(spec->name, sizeof(spec->name), "s%u", number);
	spec->text = strdup(text);
	if (spec->text == NULL)
		return wrong(error, "no memory");
	for (rest = spec->text; rest != NULL;)
		if (read_part(spec, cut_part(&rest), &seen, error) != 0)
			return -1;
	return spec_check(spec, error);
}

void spec_free(struct spec *spec)
{
	free(spec->text);
	spec->text = NULL;
}

void spec_print_keys(void)
{
	for (size_t i = 0; i < KEYS; i++)
		printf("  %-10s %s\n", keys[i].name, keys[i].help);
}
