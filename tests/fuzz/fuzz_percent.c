/*
 * Percent-decoding (frontend/percent.h): whatever the input, it is decoded as a second,
 * naive decoder would, or refused with the output unchanged; what was encoded comes
 * back; and no byte of it is left in memory that was given up.
 */
#include <errno.h>

#include "frontend/percent.h"
#include "tests/fuzz/wiped.h"

static const char digits[] = "0123456789abcdefABCDEF";

static unsigned digit_value(char c)
{
	size_t at = (size_t)(strchr(digits, c) - digits);

	return (unsigned)(at < 16 ? at : at - 6);
}

/* One step of the naive decoder: how many bytes were taken, 0 where they are wrong. */
static size_t decode_one(const char *in, size_t len, uint8_t *out)
{
	*out = (uint8_t)*in;
	if (*in != '%')
		return 1;
	if (len < 3 || in[1] == '\0' || in[2] == '\0' || !strchr(digits, in[1]) ||
	    !strchr(digits, in[2]))
		return 0;
	*out = (uint8_t)(digit_value(in[1]) * 16 + digit_value(in[2]));
	return 3;
}

static void check_decode(const char *in, size_t len)
{
	struct secret out = {0};
	int rc;
	size_t at = 0, n = 1, i = 0;
	uint8_t byte;

	CHECK(secret_append(&out, "before", 6) == 0);
	errno = 0;
	rc = percent_decode(&out, in, len);
	CHECK(memcmp(out.data, "before", 6) == 0);
	CHECK(out.len <= out.cap && out.len <= 6 + len);
	for (i = 6; at < len; at += n, i++) {
		n = decode_one(in + at, len - at, &byte);
		if (n == 0)
			break;
		CHECK(rc != 0 || (i < out.len && out.data[i] == byte));
	}
	CHECK((rc == 0) == (at >= len));
	CHECK(rc == 0 ? out.len == i : out.len == 6 && errno == EINVAL);
	secret_free(&out);
	CHECK(out.data == NULL && out.len == 0);
}

/* Every byte may be escaped, those of "%" must be; `style` says which are and how. */
static size_t encode(char *to, const uint8_t *bytes, size_t len, uint64_t style)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		uint32_t way = fuzz_random(&style);

		if (bytes[i] != '%' && (way & 1) != 0) {
			to[n++] = (char)bytes[i];
			continue;
		}
		to[n++] = '%';
		to[n++] = ((way & 2) != 0 ? "0123456789abcdef"
		                          : "0123456789ABCDEF")[bytes[i] >> 4];
		to[n++] = ((way & 4) != 0 ? "0123456789abcdef"
		                          : "0123456789ABCDEF")[bytes[i] & 15];
	}
	return n;
}

static void check_round_trip(const uint8_t *data, size_t size)
{
	char *text = malloc(3 * size + 1);
	struct secret out = {0};
	size_t len;

	CHECK(text != NULL);
	len = encode(text, data, size, size + 1);
	CHECK(percent_decode(&out, text, len) == 0);
	CHECK(out.len == size && (size == 0 || memcmp(out.data, data, size) == 0));
	secret_free(&out);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_decode((const char *)data, size);
	check_round_trip(data, size);
	return 0;
}
