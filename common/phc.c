#include "common/phc.h"

#include <stdio.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const char *const type_names[] = {"argon2d", "argon2i", "argon2id"};

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

ssize_t phc_format(char *buf, size_t cap, const struct job_cost *cost,
    const uint8_t *salt, const uint8_t *tag)
{
	size_t n;
	ssize_t part;
	int head;

	if (cost->type >= sizeof(type_names) / sizeof(*type_names))
		return -1;
	head = snprintf(buf, cap, "$%s$v=%u$m=%u,t=%u,p=%u$", type_names[cost->type],
	    cost->version, cost->memory_kib, cost->time, cost->lanes);
	if (head < 0 || (size_t)head >= cap)
		return -1;
	n = (size_t)head;
	part = phc_base64(buf + n, cap - n, salt, cost->salt_len);
	if (part < 0)
		return -1;
	n += (size_t)part;
	if (n + 1 >= cap)
		return -1;
	buf[n++] = '$';
	part = phc_base64(buf + n, cap - n, tag, cost->tag_len);
	return part < 0 ? -1 : (ssize_t)n + part;
}
