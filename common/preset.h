/*
 * What others recommend an Argon2id hash to cost, by names that a profile can give.
 *
 *   owasp, owasp-46m, owasp-12m, owasp-9m, owasp-7m
 *       OWASP Password Storage Cheat Sheet, "Argon2id": "use one of the following
 *       configuration settings", equal in defence, from much memory to much time
 *   rfc9106-high, rfc9106-low
 *       RFC 9106 section 4: the first and the second recommended option
 *   sodium-interactive, sodium-moderate, sodium-sensitive
 *       libsodium, crypto_pwhash_argon2id.h: OPSLIMIT_ and MEMLIMIT_ of these names
 *   cheapest
 *       the least that Argon2 has (RFC 9106 section 3.1): for tests, it protects
 * nothing
 *
 * Salt and tag stay what the profile says: all of these have 16 and 32 bytes or leave
 * them open.
 */
#ifndef COMMON_PRESET_H
#define COMMON_PRESET_H

#include <stdint.h>

struct preset {
	const char *name;
	uint32_t memory_kib, time, lanes;
};

/* The first one is "none", whose costs are 0. NULL past the last. */
const struct preset *preset_at(unsigned index);

#endif
