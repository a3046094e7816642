#include "common/phc.h"

#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

static const char *const type_names[] = {"argon2d", "argon2i", "argon2id"};

enum {
	TYPES = sizeof(type_names) / sizeof(type_names[0]),
	VERSION_10 = 0x10,
	VERSION_13 = 0x13,
	LANES_MAX = 0xffffff, /* RFC 9106 section 3.1 */
	BLOCKS_PER_LANE = 8,
};

const char *phc_type_name(uint32_t type)
{
	return type < TYPES ? type_names[type] : NULL;
}

/* ---- reading ---- */

/* What is left of the text. */
struct scan {
	const char *at, *end;
	const char *why;
};

static bool scan_literal(struct scan *s, const char *literal)
{
	size_t len = strlen(literal);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, literal, len) != 0)
		return false;
	s->at += len;
	return true;
}

/* The bytes up to `stop`, which stays, or up to the end. */
static size_t scan_until(const struct scan *s, char stop)
{
	size_t left = (size_t)(s->end - s->at);
	const char *found = left > 0 ? memchr(s->at, stop, left) : NULL;

	return found != NULL ? (size_t)(found - s->at) : left;
}

/* A decimal number as one would write it oneself. */
static bool scan_number(struct scan *s, uint32_t *out)
{
	const char *first = s->at;

	*out = 0;
	for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
		if (__builtin_mul_overflow(*out, 10u, out) ||
		    __builtin_add_overflow(*out, (uint32_t)(*s->at - '0'), out))
			return false;
	return s->at > first && (*first != '0' || s->at == first + 1);
}

static enum phc_result refuse(struct scan *s, enum phc_result result, const char *why)
{
	s->why = why;
	return result;
}

static enum phc_result scan_type(struct scan *s, struct phc *phc)
{
	size_t len;

	if (!scan_literal(s, "$"))
		return refuse(s, PHC_OTHER, "The hash is not a PHC string");
	len = scan_until(s, '$');
	for (uint32_t i = 0; i < TYPES; i++) {
		if (len != strlen(type_names[i]) ||
		    memcmp(s->at, type_names[i], len) != 0)
			continue;
		phc->cost.type = i;
		s->at += len;
		return PHC_OK;
	}
	return refuse(s, PHC_OTHER, "The hash is not one of Argon2");
}

static enum phc_result scan_version(struct scan *s, struct phc *phc)
{
	if (!scan_literal(s, "$v=")) {
		phc->cost.version = VERSION_10;
		phc->version_missing = true;
		return PHC_OK;
	}
	if (!scan_number(s, &phc->cost.version))
		return refuse(s, PHC_MALFORMED, "The hash's version is not a number");
	if (phc->cost.version != VERSION_10 && phc->cost.version != VERSION_13)
		return refuse(s, PHC_UNSUPPORTED,
		    "The hash has a version of Argon2 that is neither 16 nor 19");
	return PHC_OK;
}

/* ",NAME=number" */
static bool scan_parameter(struct scan *s, const char *name, uint32_t *out)
{
	return scan_literal(s, name) && scan_number(s, out);
}

static bool scan_time_and_lanes(struct scan *s, struct phc *phc)
{
	phc->lanes_first = s->end - s->at >= 2 && s->at[1] == 'p';
	if (phc->lanes_first)
		return scan_parameter(s, ",p=", &phc->cost.lanes) &&
		       scan_parameter(s, ",t=", &phc->cost.time);
	return scan_parameter(s, ",t=", &phc->cost.time) &&
	       scan_parameter(s, ",p=", &phc->cost.lanes);
}

static enum phc_result scan_cost(struct scan *s, struct phc *phc)
{
	const struct job_cost *cost = &phc->cost;

	if (!scan_parameter(s, "$m=", &phc->cost.memory_kib) ||
	    !scan_time_and_lanes(s, phc))
		return refuse(
		    s, PHC_MALFORMED, "The hash lacks m=,t=,p= with a number each");
	if (cost->time == 0 || cost->lanes == 0 || cost->lanes > LANES_MAX ||
	    cost->memory_kib / BLOCKS_PER_LANE < cost->lanes)
		return refuse(s, PHC_MALFORMED,
		    "The hash's costs are out of the ranges of Argon2");
	return PHC_OK;
}

/* What is read here has a length from `min` to the room there is. */
static enum phc_result scan_bytes(struct scan *s, size_t text_len, uint8_t *buf,
    uint32_t min, uint32_t max, uint32_t *out)
{
	/* compared before anything is written: bytes to be are 3 for 4 letters */
	size_t bytes = text_len / 4 * 3 + text_len % 4 * 3 / 4;
	ssize_t n;

	if (bytes < min)
		return refuse(s, PHC_MALFORMED, "A part of the hash is too short");
	if (bytes > max)
		return refuse(s, PHC_UNSUPPORTED, "A part of the hash is too long");
	n = phc_unbase64(buf, max, s->at, text_len);
	if (n < 0)
		return refuse(s, PHC_MALFORMED,
		    "A part of the hash is not base64 without padding");
	s->at += text_len;
	*out = (uint32_t)n;
	return PHC_OK;
}

/* ",NAME=bytes" where it is there. */
static enum phc_result scan_option(
    struct scan *s, const char *name, uint8_t *buf, uint32_t max, uint32_t *out)
{
	size_t to_comma, to_dollar;

	if (!scan_literal(s, name))
		return PHC_OK;
	to_comma = scan_until(s, ',');
	to_dollar = scan_until(s, '$');
	return scan_bytes(
	    s, to_comma < to_dollar ? to_comma : to_dollar, buf, 1, max, out);
}

static enum phc_result scan_options(struct scan *s, struct phc *phc)
{
	enum phc_result result =
	    scan_option(s, ",keyid=", phc->key, PHC_KEY_MAX, &phc->key_len);

	if (result == PHC_OK)
		result =
		    scan_option(s, ",data=", phc->data, PHC_DATA_MAX, &phc->data_len);
	return result;
}

static enum phc_result scan_salt_and_tag(struct scan *s, struct phc *phc)
{
	enum phc_result result;

	if (!scan_literal(s, "$"))
		return refuse(s, PHC_MALFORMED,
		    "The hash has something else than a salt after its parameters");
	result = scan_bytes(s, scan_until(s, '$'), phc->salt, PHC_SALT_MIN, LIMIT_SALT,
	    &phc->cost.salt_len);
	if (result != PHC_OK)
		return result;
	if (!scan_literal(s, "$"))
		return refuse(s, PHC_MALFORMED, "The hash ends after its salt");
	return scan_bytes(s, (size_t)(s->end - s->at), phc->tag, PHC_TAG_MIN, LIMIT_TAG,
	    &phc->cost.tag_len);
}

static enum phc_result scan_all(struct scan *s, struct phc *phc)
{
	enum phc_result result = scan_type(s, phc);

	if (result == PHC_OK && s->end - s->at > PHC_TEXT_MAX)
		result = refuse(s, PHC_MALFORMED, "The hash is too long");
	if (result == PHC_OK)
		result = scan_version(s, phc);
	if (result == PHC_OK)
		result = scan_cost(s, phc);
	if (result == PHC_OK)
		result = scan_options(s, phc);
	if (result == PHC_OK)
		result = scan_salt_and_tag(s, phc);
	return result;
}

enum phc_result phc_parse(
    struct phc *phc, const char *text, size_t len, const char **why)
{
	struct scan s = {.at = text, .end = text + len};
	enum phc_result result;

	*phc = (struct phc){0};
	result = scan_all(&s, phc);
	if (result != PHC_OK)
		explicit_bzero(phc, sizeof(*phc));
	*why = s.why;
	return result;
}

/* ---- writing ---- */

/* Where the next byte goes; NULL once something did not fit. */
struct pen {
	char *at;
	size_t left;
};

static void pen_text(struct pen *pen, const char *text)
{
	size_t len = strlen(text);

	if (pen->at == NULL || len >= pen->left) {
		pen->at = NULL;
		return;
	}
	memcpy(pen->at, text, len + 1);
	pen->at += len;
	pen->left -= len;
}

static void pen_bytes(
    struct pen *pen, const char *before, const uint8_t *bytes, size_t len)
{
	ssize_t n;

	pen_text(pen, before);
	if (pen->at == NULL)
		return;
	n = phc_base64(pen->at, pen->left, bytes, len);
	if (n < 0) {
		pen->at = NULL;
		return;
	}
	pen->at += n;
	pen->left -= (size_t)n;
}

static bool lengths_fit(const struct phc *phc)
{
	return phc->cost.salt_len <= LIMIT_SALT && phc->cost.tag_len <= LIMIT_TAG &&
	       phc->key_len <= PHC_KEY_MAX && phc->data_len <= PHC_DATA_MAX;
}

ssize_t phc_format(char *buf, size_t cap, const struct phc *phc)
{
	const struct job_cost *cost = &phc->cost;
	struct pen pen = {buf, cap};
	char text[64];

	if (cost->type >= TYPES || !lengths_fit(phc))
		return -1;
	pen_text(&pen, "$");
	pen_text(&pen, type_names[cost->type]);
	snprintf(text, sizeof(text), "$v=%u", cost->version);
	if (!phc->version_missing)
		pen_text(&pen, text);
	snprintf(text, sizeof(text),
	    phc->lanes_first ? "$m=%u,p=%u,t=%u" : "$m=%u,t=%u,p=%u", cost->memory_kib,
	    phc->lanes_first ? cost->lanes : cost->time,
	    phc->lanes_first ? cost->time : cost->lanes);
	pen_text(&pen, text);
	if (phc->key_len > 0)
		pen_bytes(&pen, ",keyid=", phc->key, phc->key_len);
	if (phc->data_len > 0)
		pen_bytes(&pen, ",data=", phc->data, phc->data_len);
	pen_bytes(&pen, "$", phc->salt, cost->salt_len);
	pen_bytes(&pen, "$", phc->tag, cost->tag_len);
	return pen.at != NULL ? pen.at - buf : -1;
}
