#include <string.h>

#include <bsd/string.h>

#include "common/phc.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

ssize_t phc_base64(char *buf, size_t cap, const uint8_t *bytes, size_t len)
{
	const size_t out = len / 3 * 4 + (len % 3 * 8 + 5) / 6;
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	if (len > LIMIT_TEXT || out + 1 > cap)
		return -1;
	for (size_t i = 0; i < len; i++) {
		bits = (bits << 8 | bytes[i]) & 0xffff;
		for (have += 8; have >= 6; have -= 6)
			buf[n++] = alphabet[bits >> (have - 6) & 63];
	}
	if (have > 0)
		buf[n++] = alphabet[bits << (6 - have) & 63];
	buf[n] = '\0';
	return (ssize_t)n;
}

/* What a letter stands for, or -1. */
static int letter_value(char letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return letter - 'A';
	if (letter >= 'a' && letter <= 'z')
		return letter - 'a' + 26;
	if (letter >= '0' && letter <= '9')
		return letter - '0' + 52;
	return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

ssize_t phc_unbase64(uint8_t *buf, size_t cap, const char *text, size_t len)
{
	const size_t out = len / 4 * 3 + len % 4 * 3 / 4;
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	if (len % 4 == 1 || out > cap)
		return -1;
	for (size_t i = 0; i < len; i++) {
		int value = letter_value(text[i]);

		if (value < 0)
			goto bad;
		bits = (bits << 6 | (uint32_t)value) & 0xffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf[n++] = (uint8_t)(bits >> have);
		}
	}
	if ((bits & ((1u << have) - 1)) == 0)
		return (ssize_t)n;
bad:
	if (n > 0)
		explicit_bzero(buf, n);
	return -1;
}
