#include "common/given_frame.h"

#include <string.h>
#include <strings.h>

#include "common/legacy.h"

enum { SODIUM_BYTES = 128 }; /* crypto_pwhash_STRBYTES */

#define OLD(kind) (1U << LEGACY_##kind)
_Static_assert(LEGACY_KINDS < 32, "a bit for each kind");

enum {
	/* what crypt(3) verifies */
	CRYPT = OLD(BCRYPT) | OLD(YESCRYPT) | OLD(GOST_YESCRYPT) | OLD(SCRYPT) |
	        OLD(SHA512CRYPT) | OLD(SHA256CRYPT) | OLD(MD5CRYPT),
	NO_OLD = 0,
	ANY_OLD = (1U << LEGACY_KINDS) - 1,
	/* Argon2d, Argon2i and Argon2id, as in job.h */
	NO_ARGON2 = 0,
	I_OR_ID = 1U << 1 | 1U << 2,
	ANY_ARGON2 = 1U << 0 | I_OR_ID,
};

/*
 * Each takes what its software verifies under that name, and no more: to Dovecot
 * {SHA512-CRYPT} is any string of crypt(3), but no software takes {CRYPT}$apr1$. LDAP
 * and Dovecot compare the names without case, Spring with it.
 */
static const struct scheme {
	const char *name;
	bool any_case;
	unsigned argon2, old_kinds;
} schemes[] = {
    /* Spring Security */
    {"{bcrypt}", false, NO_ARGON2, OLD(BCRYPT)},
    {"{argon2@SpringSecurity_v5_8}", false, ANY_ARGON2, NO_OLD},
    /* Spring Security, OpenLDAP and Dovecot */
    {"{ARGON2}", true, ANY_ARGON2, NO_OLD},
    /* OpenLDAP and Dovecot */
    {"{CRYPT}", true, NO_ARGON2, CRYPT},
    /* Dovecot */
    {"{ARGON2ID}", true, I_OR_ID, NO_OLD},
    {"{ARGON2I}", true, I_OR_ID, NO_OLD},
    {"{BLF-CRYPT}", true, NO_ARGON2, OLD(BCRYPT)},
    {"{SHA512-CRYPT}", true, NO_ARGON2, CRYPT},
    {"{SHA256-CRYPT}", true, NO_ARGON2, CRYPT},
    {"{MD5-CRYPT}", true, NO_ARGON2, OLD(MD5CRYPT)},
    {"{MD5}", true, NO_ARGON2, OLD(MD5CRYPT)},
    /* Nextcloud */
    {"3|", false, I_OR_ID, OLD(BCRYPT)},
    {"2|", false, I_OR_ID, OLD(BCRYPT)},
    {"1|", false, I_OR_ID, OLD(BCRYPT)},
};

/* Does the text begin with the scheme's name, and with something behind it? */
static bool scheme_is(const struct scheme *scheme, const char *text, size_t len)
{
	const size_t n = strlen(scheme->name);

	return len > n && (scheme->any_case ? strncasecmp(text, scheme->name, n) == 0
	                                    : memcmp(text, scheme->name, n) == 0);
}

static void frame_open(struct given_frame *frame, const char *text)
{
	static const struct scheme none = {"", false, ANY_ARGON2, ANY_OLD};
	static const struct scheme django = {"argon2", false, ANY_ARGON2, NO_OLD};
	const struct scheme *scheme =
	    legacy_argon2_prefix(text, frame->len) > 0 ? &django : &none;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (scheme_is(&schemes[i], text, frame->len))
			scheme = &schemes[i];
	frame->skip = strlen(scheme->name);
	frame->len -= frame->skip;
	frame->argon2 = scheme->argon2;
	frame->old_kinds = scheme->old_kinds;
}

static bool is_sodium_buffer(const char *text, size_t len)
{
	static const char name[] = "$argon2i";

	return len == SODIUM_BYTES && text[len - 1] == '\0' &&
	       memcmp(text, name, sizeof(name) - 1) == 0;
}

static void frame_close(struct given_frame *frame, const char *text)
{
	size_t len = frame->len;

	if (is_sodium_buffer(text, len)) {
		while (len > 0 && text[len - 1] == '\0')
			len--;
	} else if (len > 0 && text[len - 1] == '\n') {
		len--;
		if (len > 0 && text[len - 1] == '\r')
			len--;
	}
	frame->len = len;
}

const char *given_frame_read(struct given_frame *frame, const char *text, size_t len)
{
	*frame = (struct given_frame){.len = len};
	frame_close(frame, text);
	if (frame->len > 0 && memchr(text, '\0', frame->len) != NULL)
		return "The hash has a NUL in it";
	frame_open(frame, text);
	frame->framed = frame->len != len;
	return NULL;
}
