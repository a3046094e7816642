#include "frontend/percent.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

enum { HEX_BAD = 16 };

static unsigned hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return HEX_BAD;
}

static bool escapes_valid(const char *in, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (in[i] != '%')
			continue;
		if (len - i < 3 || hex_value(in[i + 1]) == HEX_BAD ||
		    hex_value(in[i + 2]) == HEX_BAD)
			return false;
		i += 2;
	}
	return true;
}

int percent_decode(struct secret *out, const char *in, size_t len)
{
	uint8_t *to;

	if (!escapes_valid(in, len)) {
		errno = EINVAL;
		return -1;
	}
	/* never longer than it was: room for all of it, and nothing can fail half way
	 */
	if (secret_reserve(out, out->len + len) != 0) {
		errno = ENOMEM;
		return -1;
	}
	if (len == 0)
		return 0;
	to = out->data + out->len;
	for (size_t i = 0; i < len; i++) {
		if (in[i] == '%') {
			*to++ =
			    (uint8_t)(hex_value(in[i + 1]) << 4 | hex_value(in[i + 2]));
			i += 2;
		} else {
			*to++ = (uint8_t)in[i];
		}
	}
	out->len = (size_t)(to - out->data);
	return 0;
}
