/*
 * Password hashes as others write them, read so that their users can be taken over: the
 * formats of crypt(3) (libxcrypt's crypt(5)), and those of Django, passlib, Werkzeug,
 * Spring Security, WordPress, phpass and Apache. They are verified
 * (hasher/legacy_verify.h) and never made.
 *
 * Reading allocates nothing, takes time in proportion to LEGACY_TEXT_MAX at most, and
 * believes nothing: each number within its format's own bounds and without a leading
 * zero, each base64 with its unused bits clear, each part of its right length, nothing
 * before, after or in between. So one hash has one spelling: the one that its project
 * writes.
 */
#ifndef COMMON_LEGACY_H
#define COMMON_LEGACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/contract.h"

enum {
	LEGACY_TEXT_MAX = 383, /* bytes of a string; what crypt(3) writes is shorter */
	LEGACY_TAG_MAX = 64,   /* bytes: PBKDF2 with SHA-512, Django's scrypt */
	LEGACY_BCRYPT_PASSWORD_MAX = 72,
	LEGACY_CRYPT_PASSWORD_MAX =
	    511, /* CRYPT_MAX_PASSPHRASE_SIZE, without its NUL */
};

/* By which program wrote it and which function it is. */
enum legacy_kind {
	LEGACY_BCRYPT,               /* $2a$ $2b$ $2y$ */
	LEGACY_YESCRYPT,             /* $y$ */
	LEGACY_GOST_YESCRYPT,        /* $gy$ */
	LEGACY_SCRYPT,               /* $7$ */
	LEGACY_SHA512CRYPT,          /* $6$ */
	LEGACY_SHA256CRYPT,          /* $5$ */
	LEGACY_MD5CRYPT,             /* $1$ */
	LEGACY_DJANGO_PBKDF2,        /* pbkdf2_sha256$ pbkdf2_sha1$ */
	LEGACY_DJANGO_SCRYPT,        /* scrypt$ */
	LEGACY_DJANGO_BCRYPT,        /* bcrypt$$2b$ */
	LEGACY_DJANGO_BCRYPT_SHA256, /* bcrypt_sha256$$2b$ */
	LEGACY_PASSLIB_PBKDF2,       /* $pbkdf2$ $pbkdf2-sha256$ $pbkdf2-sha512$ */
	LEGACY_PASSLIB_SCRYPT,       /* $scrypt$ */
	LEGACY_WERKZEUG_PBKDF2,      /* pbkdf2:sha256: pbkdf2:sha1: pbkdf2:sha512: */
	LEGACY_WERKZEUG_SCRYPT,      /* scrypt: */
	LEGACY_SPRING_PBKDF2,        /* {pbkdf2} {pbkdf2@SpringSecurity_v5_8} */
	LEGACY_SPRING_SCRYPT,        /* {scrypt} {scrypt@SpringSecurity_v5_8} */
	LEGACY_WORDPRESS_BCRYPT,     /* $wp$2y$ */
	LEGACY_PHPASS,               /* $P$ $H$ */
	LEGACY_APR1,                 /* $apr1$ */
	LEGACY_KINDS
};

/* What PBKDF2 counts with. */
enum legacy_digest { LEGACY_SHA1, LEGACY_SHA256, LEGACY_SHA512, LEGACY_DIGESTS };

/*
 * A string that was understood. Of the crypt(3) formats, which libxcrypt reads again
 * for itself, the salt and the tag are only checked: both lengths are 0.
 */
struct legacy {
	enum legacy_kind kind;
	enum legacy_digest digest; /* of the PBKDF2 kinds */
	uint64_t
	    rounds;    /* iterations; of the bcrypt kinds 2 to the power of the cost */
	uint64_t n;    /* of the scrypt and yescrypt kinds, as are r, p and t: N, */
	uint32_t r, p; /* RFC 7914 section 2 */
	uint32_t t;    /* yescrypt's further time, 0 in all that crypt(3) makes */
	size_t skip;   /* bytes of the text before the crypt(3) string in it */
	size_t salt_len, tag_len;
	uint8_t salt[LIMIT_SALT], tag[LEGACY_TAG_MAX];
};

/* What verifying costs: bytes of memory, and microseconds of CPU time on the machine
 * that the constants of legacy_cost.c were measured on, within a factor of 1.5 and
 * rather more than less. On another machine it is longer or shorter, as a block of
 * Argon2 is (units.h). */
struct legacy_cost {
	uint64_t memory;
	uint64_t work_us;
};

/* A string dearer than this in either number is refused. */
struct legacy_ceiling {
	uint64_t memory, work_us;
};

/* By the text's beginning. Returns the kind, or -1 where it is none of these. */
int legacy_identify(const char *text, size_t len);

/* Reads text[len], in which any byte may be. Returns 0, or -1 and in *why a constant
 * string that says what is wrong and quotes nothing; *out is then all zero. */
int legacy_parse(struct legacy *out, const char *text, size_t len, const char **why);

/*
 * For a password of that many bytes, of which no more count than the format takes. Some
 * formats hash the whole password in each round, so the work grows with it; the memory
 * never does. LEGACY_LONGEST: the longest that there can be. Never overflows: what is
 * beyond 64 bits is UINT64_MAX.
 */
enum { LEGACY_LONGEST = LIMIT_PASSWORD };
struct legacy_cost legacy_cost(const struct legacy *parsed, size_t password_len);

/* The ceiling of a kind; legacy_cost.c says how it was chosen. */
const struct legacy_ceiling *legacy_ceiling(enum legacy_kind kind);
/* With NULL for a ceiling, that of its kind. */
bool legacy_within(const struct legacy *parsed, size_t password_len,
    const struct legacy_ceiling *ceiling);
/* The bytes of the longest password, up to password_len, with which it is within that
 * ceiling; 0 where it is not even with the empty one. */
size_t legacy_password_within(const struct legacy *parsed, size_t password_len,
    const struct legacy_ceiling *ceiling);

/* Is the work done by crypt(3)? OpenSSL does the others. */
bool legacy_is_crypt(enum legacy_kind kind);

/*
 * Can a password of such bytes be verified at all? Returns NULL, or why not: bcrypt
 * sees 72 bytes and crypt(3) 511, none of them NUL, and a password is refused rather
 * than cut short. Apache's MD5 takes no NUL. Where bcrypt is given a digest of the
 * password (Django's bcrypt_sha256, WordPress), any password is taken.
 */
const char *legacy_password_refused(
    enum legacy_kind kind, const uint8_t *password, size_t len);

/* The bytes of the longest password that a kind takes; LIMIT_PASSWORD where it takes
 * any. */
size_t legacy_password_max(enum legacy_kind kind);

/* Writes a password that can be verified in place of one that cannot: as long as the
 * format takes, at most LIMIT_PASSWORD bytes, without a NUL. Returns its length. Its
 * verification takes as long as that of any other password, and says nothing. */
size_t legacy_password_instead(enum legacy_kind kind, const uint8_t *password,
    size_t len, uint8_t instead[LIMIT_PASSWORD]);

/* How many bytes of a password of len bytes are compared: all of them, or with `cut`
 * the first 72 where bcrypt sees no more, as the program did that wrote the hash. */
size_t legacy_password_len(enum legacy_kind kind, size_t len, bool cut);

/* The name of a kind in a config: "bcrypt", "django-pbkdf2". */
const char *legacy_kind_name(enum legacy_kind kind);
/* Returns the kind of that name, or -1. */
int legacy_kind_find(const char *name);

/* Django writes Argon2 as `argon2$argon2id$v=19$...`: how many bytes come before the
 * PHC string's `$`; 0 where the text is no such one. */
size_t legacy_argon2_prefix(const char *text, size_t len);

#endif
