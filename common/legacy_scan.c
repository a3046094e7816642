#include "common/legacy_scan.h"

#include <string.h>

const struct legacy_alphabet legacy_base64 = {
    .digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    .padded = true};
const struct legacy_alphabet legacy_base64_bare = {
    .digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"};
const struct legacy_alphabet legacy_base64_ab = {
    .digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./"};
const struct legacy_alphabet legacy_base64_crypt = {
    .digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    .low_first = true};
const struct legacy_alphabet legacy_base64_bcrypt = {
    .digits = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"};

static void span_skip(struct legacy_span *from, size_t n)
{
	from->at += n;
	from->len -= n;
}

bool legacy_scan_end(const struct legacy_span *from)
{
	return from->len == 0;
}

bool legacy_scan_literal(struct legacy_span *from, const char *literal)
{
	const size_t n = strlen(literal);

	if (from->len < n || memcmp(from->at, literal, n) != 0)
		return false;
	span_skip(from, n);
	return true;
}

bool legacy_scan_number(
    struct legacy_span *from, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t sum = 0;
	size_t n = 0;

	for (; n < from->len && from->at[n] >= '0' && from->at[n] <= '9'; n++)
		if ((n == 1 && sum == 0) || __builtin_mul_overflow(sum, 10U, &sum) ||
		    __builtin_add_overflow(sum, (unsigned)(from->at[n] - '0'), &sum))
			return false;
	if (n == 0 || sum < min || sum > max)
		return false;
	*value = sum;
	span_skip(from, n);
	return true;
}

bool legacy_scan_number32(
    struct legacy_span *from, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t wide;

	if (!legacy_scan_number(from, min, max, &wide))
		return false;
	*value = (uint32_t)wide;
	return true;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool legacy_scan_hex32(struct legacy_span *from, uint32_t *value)
{
	uint32_t sum = 0;
	size_t n = 0;

	for (; n < from->len && hex_value(from->at[n]) >= 0; n++) {
		if (n == 8 || (n == 1 && sum == 0))
			return false;
		sum = sum << 4 | (uint32_t)hex_value(from->at[n]);
	}
	if (n == 0)
		return false;
	*value = sum;
	span_skip(from, n);
	return true;
}

int legacy_digit(const struct legacy_alphabet *alphabet, char digit)
{
	const char *at = memchr(alphabet->digits, digit, 64);

	return at != NULL ? (int)(at - alphabet->digits) : -1;
}

bool legacy_scan_digits(struct legacy_span *from,
    const struct legacy_alphabet *alphabet, size_t min, size_t max,
    struct legacy_span *part)
{
	size_t n = 0;

	while (n < from->len && n < max && legacy_digit(alphabet, from->at[n]) >= 0)
		n++;
	if (n < min)
		return false;
	*part = (struct legacy_span){from->at, n};
	span_skip(from, n);
	return true;
}

bool legacy_scan_until(struct legacy_span *from, char stop, size_t min, size_t max,
    struct legacy_span *part)
{
	size_t n = 0;

	while (n < from->len && n <= max && from->at[n] != stop && from->at[n] >= ' ' &&
	       from->at[n] <= '~')
		n++;
	if (n < min || n > max || n == from->len || from->at[n] != stop)
		return false;
	*part = (struct legacy_span){from->at, n};
	span_skip(from, n + 1);
	return true;
}

bool legacy_digits_canonical(
    const struct legacy_alphabet *alphabet, const struct legacy_span *digits)
{
	const unsigned unused = (unsigned)(digits->len * 6 % 8);
	int last;

	if (digits->len % 4 == 1)
		return false; /* six bits are no byte */
	if (unused == 0)
		return true;
	last = legacy_digit(alphabet, digits->at[digits->len - 1]);
	if (last < 0)
		return false;
	return alphabet->low_first ? last >> (6 - unused) == 0
	                           : (last & ((1 << unused) - 1)) == 0;
}

/* Takes the '=' off that must be there. */
static bool span_unpad(struct legacy_span *part)
{
	size_t pads = 0;

	if (part->len % 4 != 0)
		return false;
	for (; pads < 2 && pads < part->len && part->at[part->len - 1] == '='; pads++)
		part->len--;
	return true;
}

bool legacy_decode(const struct legacy_alphabet *alphabet, struct legacy_span part,
    uint8_t *out, size_t cap, size_t *len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	if ((alphabet->padded && !span_unpad(&part)) || part.len == 0 ||
	    part.len / 4 * 3 + part.len % 4 * 6 / 8 > cap ||
	    !legacy_digits_canonical(alphabet, &part))
		return false;
	for (size_t i = 0; i < part.len; i++) {
		const int value = legacy_digit(alphabet, part.at[i]);

		if (value < 0)
			return false;
		bits = alphabet->low_first ? bits | (uint32_t)value << have
		                           : (bits << 6 | (uint32_t)value) & 0xffff;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		out[n++] = (uint8_t)(alphabet->low_first ? bits : bits >> have);
		if (alphabet->low_first)
			bits >>= 8;
	}
	*len = n;
	return true;
}

bool legacy_decode_hex(struct legacy_span part, uint8_t *out, size_t len)
{
	if (part.len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		const int high = hex_value(part.at[2 * i]);
		const int low = hex_value(part.at[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
