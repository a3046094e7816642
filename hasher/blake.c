#include "hasher/blake.h"

#include <blake2.h>
#include <bsd/string.h>
#include <string.h>

/* H' takes half of each 64-byte digest but the last. */
#define DIGEST_BYTES 64u
#define DIGEST_HALF 32u

static void store_le32(uint8_t out[4], uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static int absorb_u32(blake2b_state *state, uint32_t value)
{
	uint8_t bytes[4];

	store_le32(bytes, value);
	return blake2b_update(state, bytes, sizeof(bytes));
}

/* LE32(length) || bytes: the length has been checked against 2^32-1. */
static int absorb_string(blake2b_state *state, const uint8_t *bytes, size_t length)
{
	if (absorb_u32(state, (uint32_t)length) != 0)
		return -1;
	return length > 0 ? blake2b_update(state, bytes, length) : 0;
}

int blake_h0(uint8_t h0[BLAKE_H0_BYTES], const struct engine_params *params,
    const struct engine_input *input)
{
	blake2b_state state;
	int bad = blake2b_init(&state, BLAKE_H0_BYTES);

	bad |= absorb_u32(&state, params->lanes);
	bad |= absorb_u32(&state, params->tag_len);
	bad |= absorb_u32(&state, params->memory_kib);
	bad |= absorb_u32(&state, params->time);
	bad |= absorb_u32(&state, params->version);
	bad |= absorb_u32(&state, params->type);
	bad |= absorb_string(&state, input->password, input->password_len);
	bad |= absorb_string(&state, input->salt, input->salt_len);
	bad |= absorb_string(&state, input->secret, input->secret_len);
	bad |= absorb_string(&state, input->ad, input->ad_len);
	bad |= blake2b_final(&state, h0, BLAKE_H0_BYTES);
	explicit_bzero(&state, sizeof(state));
	return bad == 0 ? 0 : -1;
}

static int digest(uint8_t *out, uint32_t out_len, const uint8_t *in, size_t in_len)
{
	blake2b_state state;
	int bad = blake2b_init(&state, out_len);

	bad |= blake2b_update(&state, in, in_len);
	bad |= blake2b_final(&state, out, out_len);
	explicit_bzero(&state, sizeof(state));
	return bad;
}

/* The first digest, over LE32(total) || in. */
static int digest_prefixed(
    uint8_t *out, uint32_t out_len, uint32_t total, const uint8_t *in, size_t in_len)
{
	blake2b_state state;
	int bad = blake2b_init(&state, out_len);

	bad |= absorb_u32(&state, total);
	bad |= blake2b_update(&state, in, in_len);
	bad |= blake2b_final(&state, out, out_len);
	explicit_bzero(&state, sizeof(state));
	return bad;
}

int blake_long(uint8_t *out, uint32_t out_len, const uint8_t *in, size_t in_len)
{
	uint8_t link[DIGEST_BYTES], next[DIGEST_BYTES];
	uint32_t left = out_len;
	int bad;

	if (out_len <= DIGEST_BYTES)
		return digest_prefixed(out, out_len, out_len, in, in_len) == 0 ? 0 : -1;
	bad = digest_prefixed(link, DIGEST_BYTES, out_len, in, in_len);
	for (;;) {
		memcpy(out, link, DIGEST_HALF);
		out += DIGEST_HALF;
		left -= DIGEST_HALF;
		if (left <= DIGEST_BYTES)
			break;
		bad |= digest(next, DIGEST_BYTES, link, sizeof(link));
		memcpy(link, next, sizeof(link));
	}
	bad |= digest(out, left, link, sizeof(link));
	explicit_bzero(link, sizeof(link));
	explicit_bzero(next, sizeof(next));
	return bad == 0 ? 0 : -1;
}
