#include "common/legacy.h"

#include <string.h>

#include "common/legacy_reader.h"

/* ---- what a string is ---- */

/* No prefix is the beginning of another. */
static const struct row {
	const char *prefix;
	enum legacy_kind kind;
	enum legacy_digest digest;
	legacy_reader *read;
	size_t skip; /* bytes before the crypt(3) string in it */
} rows[] = {
    {"$2b$", LEGACY_BCRYPT, 0, legacy_read_bcrypt, 0},
    {"$2y$", LEGACY_BCRYPT, 0, legacy_read_bcrypt, 0},
    {"$2a$", LEGACY_BCRYPT, 0, legacy_read_bcrypt, 0},
    {"$y$", LEGACY_YESCRYPT, 0, legacy_read_yescrypt, 0},
    {"$gy$", LEGACY_GOST_YESCRYPT, 0, legacy_read_yescrypt, 0},
    {"$7$", LEGACY_SCRYPT, 0, legacy_read_scrypt, 0},
    {"$6$", LEGACY_SHA512CRYPT, 0, legacy_read_sha512crypt, 0},
    {"$5$", LEGACY_SHA256CRYPT, 0, legacy_read_sha256crypt, 0},
    {"$1$", LEGACY_MD5CRYPT, 0, legacy_read_md5crypt, 0},
    {"pbkdf2_sha256$", LEGACY_DJANGO_PBKDF2, LEGACY_SHA256, legacy_read_django_pbkdf2,
        0},
    {"pbkdf2_sha1$", LEGACY_DJANGO_PBKDF2, LEGACY_SHA1, legacy_read_django_pbkdf2, 0},
    {"scrypt$", LEGACY_DJANGO_SCRYPT, 0, legacy_read_django_scrypt, 0},
    {"bcrypt$", LEGACY_DJANGO_BCRYPT, 0, legacy_read_django_bcrypt, 7},
    {"bcrypt_sha256$", LEGACY_DJANGO_BCRYPT_SHA256, 0, legacy_read_django_bcrypt, 14},
    {"$pbkdf2$", LEGACY_PASSLIB_PBKDF2, LEGACY_SHA1, legacy_read_passlib_pbkdf2, 0},
    {"$pbkdf2-sha256$", LEGACY_PASSLIB_PBKDF2, LEGACY_SHA256,
        legacy_read_passlib_pbkdf2, 0},
    {"$pbkdf2-sha512$", LEGACY_PASSLIB_PBKDF2, LEGACY_SHA512,
        legacy_read_passlib_pbkdf2, 0},
    {"$scrypt$", LEGACY_PASSLIB_SCRYPT, 0, legacy_read_passlib_scrypt, 0},
    {"pbkdf2:sha256:", LEGACY_WERKZEUG_PBKDF2, LEGACY_SHA256,
        legacy_read_werkzeug_pbkdf2, 0},
    {"pbkdf2:sha1:", LEGACY_WERKZEUG_PBKDF2, LEGACY_SHA1, legacy_read_werkzeug_pbkdf2,
        0},
    {"pbkdf2:sha512:", LEGACY_WERKZEUG_PBKDF2, LEGACY_SHA512,
        legacy_read_werkzeug_pbkdf2, 0},
    {"scrypt:", LEGACY_WERKZEUG_SCRYPT, 0, legacy_read_werkzeug_scrypt, 0},
    {"{pbkdf2}", LEGACY_SPRING_PBKDF2, LEGACY_SHA1, legacy_read_spring_pbkdf2, 0},
    {"{pbkdf2@SpringSecurity_v5_8}", LEGACY_SPRING_PBKDF2, LEGACY_SHA256,
        legacy_read_spring_pbkdf2, 0},
    {"{scrypt}", LEGACY_SPRING_SCRYPT, 0, legacy_read_spring_scrypt, 0},
    {"{scrypt@SpringSecurity_v5_8}", LEGACY_SPRING_SCRYPT, 0, legacy_read_spring_scrypt,
        0},
    {"$wp$", LEGACY_WORDPRESS_BCRYPT, 0, legacy_read_wordpress, 3},
    {"$P$", LEGACY_PHPASS, 0, legacy_read_phpass, 0},
    {"$H$", LEGACY_PHPASS, 0, legacy_read_phpass, 0},
    {"$apr1$", LEGACY_APR1, 0, legacy_read_apr1, 0},
};

/* The row of a string; what follows its prefix is then in *rest. */
static const struct row *row_find(
    const char *text, size_t len, struct legacy_span *rest)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		*rest = (struct legacy_span){text, len};
		if (legacy_scan_literal(rest, rows[i].prefix))
			return &rows[i];
	}
	return NULL;
}

int legacy_identify(const char *text, size_t len)
{
	struct legacy_span rest;
	const struct row *row = row_find(text, len, &rest);

	return row != NULL ? (int)row->kind : -1;
}

int legacy_parse(struct legacy *out, const char *text, size_t len, const char **why)
{
	struct legacy_span rest;
	const struct row *row = row_find(text, len, &rest);

	memset(out, 0, sizeof(*out));
	if (row == NULL) {
		*why = "no known format begins like this";
	} else if (len > LEGACY_TEXT_MAX) {
		*why = "too long";
	} else {
		out->kind = row->kind;
		out->digest = row->digest;
		out->skip = row->skip;
		*why = row->read(out, &rest);
		if (*why == NULL)
			return 0;
		memset(out, 0, sizeof(*out));
	}
	return -1;
}

size_t legacy_argon2_prefix(const char *text, size_t len)
{
	static const char prefix[] = "argon2$";
	struct legacy_span rest = {text, len};

	if (!legacy_scan_literal(&rest, prefix) ||
	    (!legacy_scan_literal(&rest, "argon2id$") &&
	        !legacy_scan_literal(&rest, "argon2i$") &&
	        !legacy_scan_literal(&rest, "argon2d$")))
		return 0;
	return sizeof(prefix) - 2; /* the PHC string begins with the `$` */
}

/* ---- what it costs ---- */

#define MIB (UINT64_C(1) << 20)
#define SECOND_US UINT64_C(1000000)

/*
 * A job of crypt(3) or OpenSSL runs to its end. When its client has left, or its
 * deadline has passed, only the death of its process stops it: the master (watch.c)
 * sees to that after some time, and within a budget. So no string may cost more than
 * some seconds, and none more memory than a pool is likely to be given for it. Each
 * ceiling lets the defaults of its projects pass, and about twice that or more:
 *
 *   bcrypt        3 s    cost 15          PHP, Django, bcrypt.py: 10, 12
 *   sha512crypt   0.5 s  1,250,000        crypt(3) 5000, passlib 656,000
 *   sha256crypt   0.5 s  1,428,571        crypt(3) 5000, passlib 535,000
 *                                         (less time than the others get: with the
 *                                         longest password a round of the one takes 8,
 *                                         of the other 15 times as long)
 *   PBKDF2        3 s    5,000,000 (SHA-512), 7,500,000 (SHA-256), 10,000,000 (SHA-1)
 *                                         Django and Werkzeug 1,000,000
 *   scrypt        3 s    N r p up to 6 million, and 256 MiB are N r = 2 million
 *                                         Django 16384*8*5, the others 65536*8*1
 *   yescrypt      3 s    256 MiB          crypt(3): 16 MiB
 *   phpass        0.1 s  2^18             WordPress 2^13, phpBB 2^11
 *                                         (a round hashes the whole password: with
 *                                         4096 bytes 2^18 took 1.6 s)
 *   apr1                 always 1000
 */
static const struct legacy_ceiling bcrypt_ceiling = {MIB, 3 * SECOND_US};
static const struct legacy_ceiling sha_ceiling = {MIB, SECOND_US / 2};
static const struct legacy_ceiling phpass_ceiling = {MIB, SECOND_US / 10};
static const struct legacy_ceiling pbkdf2_ceiling = {MIB, 3 * SECOND_US};
/* beside the 256 MiB of N blocks there are some for p, and a page's rest */
static const struct legacy_ceiling scrypt_ceiling = {264 * MIB, 3 * SECOND_US};

enum { ANY_PASSWORD = 0 };

static const struct kind {
	const char *name;
	const struct legacy_ceiling *ceiling;
	uint32_t unit_ns; /* per round; per N r p; of PBKDF2 see below */
	bool crypt;
	size_t password_max; /* bytes, none of them NUL; or ANY_PASSWORD */
} kinds[LEGACY_KINDS] = {
    [LEGACY_BCRYPT] = {"bcrypt", &bcrypt_ceiling, 60000, true,
        LEGACY_BCRYPT_PASSWORD_MAX},
    [LEGACY_YESCRYPT] = {"yescrypt", &scrypt_ceiling, 250, true,
        LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_GOST_YESCRYPT] = {"gost-yescrypt", &scrypt_ceiling, 250, true,
        LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_SCRYPT] = {"scrypt", &scrypt_ceiling, 500, true, LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_SHA512CRYPT] = {"sha512crypt", &sha_ceiling, 400, true,
        LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_SHA256CRYPT] = {"sha256crypt", &sha_ceiling, 350, true,
        LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_MD5CRYPT] = {"md5crypt", &sha_ceiling, 300, true,
        LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_DJANGO_PBKDF2] = {"django-pbkdf2", &pbkdf2_ceiling, 0, false, ANY_PASSWORD},
    [LEGACY_DJANGO_SCRYPT] = {"django-scrypt", &scrypt_ceiling, 500, false,
        ANY_PASSWORD},
    [LEGACY_DJANGO_BCRYPT] = {"django-bcrypt", &bcrypt_ceiling, 60000, true,
        LEGACY_BCRYPT_PASSWORD_MAX},
    [LEGACY_DJANGO_BCRYPT_SHA256] = {"django-bcrypt-sha256", &bcrypt_ceiling, 60000,
        true, ANY_PASSWORD},
    [LEGACY_PASSLIB_PBKDF2] = {"passlib-pbkdf2", &pbkdf2_ceiling, 0, false,
        ANY_PASSWORD},
    [LEGACY_PASSLIB_SCRYPT] = {"passlib-scrypt", &scrypt_ceiling, 500, false,
        ANY_PASSWORD},
    [LEGACY_WERKZEUG_PBKDF2] = {"werkzeug-pbkdf2", &pbkdf2_ceiling, 0, false,
        ANY_PASSWORD},
    [LEGACY_WERKZEUG_SCRYPT] = {"werkzeug-scrypt", &scrypt_ceiling, 500, false,
        ANY_PASSWORD},
    [LEGACY_SPRING_PBKDF2] = {"spring-pbkdf2", &pbkdf2_ceiling, 0, false, ANY_PASSWORD},
    [LEGACY_SPRING_SCRYPT] = {"spring-scrypt", &scrypt_ceiling, 500, false,
        ANY_PASSWORD},
    [LEGACY_WORDPRESS_BCRYPT] = {"wordpress-bcrypt", &bcrypt_ceiling, 60000, true,
        ANY_PASSWORD},
    [LEGACY_PHPASS] = {"phpass", &phpass_ceiling, 300, false, ANY_PASSWORD},
    [LEGACY_APR1] = {"apr1", &sha_ceiling, 500, false, LIMIT_PASSWORD},
};

/* An iteration of PBKDF2 for one block of its tag. */
static const uint32_t digest_ns[LEGACY_DIGESTS] = {
    [LEGACY_SHA1] = 300, [LEGACY_SHA256] = 400, [LEGACY_SHA512] = 600};

static uint64_t saturated_mul(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t saturated_add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/*
 * crypt(3)'s own 32 KiB, OpenSSL's contexts and copies. scrypt: N blocks of 128 r
 * bytes, p of input and a few to work with; yescrypt: 12 KiB of S-boxes beside each of
 * the p, and its mapping may be rounded up to a huge page.
 */
static uint64_t memory_of(const struct legacy *parsed)
{
	const uint64_t base = 64 * 1024, huge_page = 2 * MIB, boxes = 16 * 1024;
	uint64_t blocks;

	if (parsed->n == 0)
		return base;
	blocks = saturated_add(parsed->n, (uint64_t)parsed->p + 4);
	return saturated_add(saturated_mul(128 * (uint64_t)parsed->r, blocks),
	    boxes * parsed->p + huge_page + base);
}

/* The blocks of a tag, each of which takes PBKDF2 all its iterations. */
static uint64_t blocks_of(const struct legacy *parsed)
{
	const size_t block = legacy_digest_len(parsed->digest);

	return kinds[parsed->kind].unit_ns != 0 ? 1
	                                        : (parsed->tag_len + block - 1) / block;
}

/* In the kind's units. scrypt mixes N blocks p times; the p of yescrypt share them. */
static uint64_t units_of(const struct legacy *parsed)
{
	const bool shared =
	    parsed->kind == LEGACY_YESCRYPT || parsed->kind == LEGACY_GOST_YESCRYPT;
	uint64_t units;

	if (parsed->n == 0)
		return saturated_mul(parsed->rounds, blocks_of(parsed));
	units = saturated_mul(parsed->n, (uint64_t)parsed->t + 1);
	return saturated_mul(units, (uint64_t)parsed->r * (shared ? 1 : parsed->p));
}

struct legacy_cost legacy_cost(const struct legacy *parsed)
{
	const uint64_t kind_ns = kinds[parsed->kind].unit_ns;
	const uint64_t unit_ns = kind_ns != 0 ? kind_ns : digest_ns[parsed->digest];
	const uint64_t ns = saturated_mul(units_of(parsed), unit_ns);

	return (struct legacy_cost){.memory = memory_of(parsed),
	    .work_us = ns == UINT64_MAX ? UINT64_MAX : ns / 1000};
}

const struct legacy_ceiling *legacy_ceiling(enum legacy_kind kind)
{
	return kinds[kind].ceiling;
}

bool legacy_within(const struct legacy *parsed, const struct legacy_ceiling *ceiling)
{
	const struct legacy_cost cost = legacy_cost(parsed);

	if (ceiling == NULL)
		ceiling = legacy_ceiling(parsed->kind);
	return cost.memory <= ceiling->memory && cost.work_us <= ceiling->work_us;
}

/* ---- who it is and what it takes ---- */

bool legacy_is_crypt(enum legacy_kind kind)
{
	return kinds[kind].crypt;
}

const char *legacy_password_refused(
    enum legacy_kind kind, const uint8_t *password, size_t len)
{
	const size_t max = kinds[kind].password_max;

	if (max == ANY_PASSWORD)
		return NULL;
	if (len > max)
		return max == LEGACY_BCRYPT_PASSWORD_MAX
		           ? "bcrypt sees no more than 72 bytes"
		           : "the format takes no password of that length";
	if (len > 0 && memchr(password, '\0', len) != NULL)
		return "the format takes no NUL";
	return NULL;
}

size_t legacy_password_instead(enum legacy_kind kind, const uint8_t *password,
    size_t len, uint8_t instead[LIMIT_PASSWORD])
{
	const size_t max = kinds[kind].password_max;
	const size_t most = max == ANY_PASSWORD ? LIMIT_PASSWORD : max;

	if (len > most)
		len = most;
	for (size_t i = 0; i < len; i++)
		instead[i] = password[i] != 0 ? password[i] : 1;
	return len;
}

size_t legacy_password_len(enum legacy_kind kind, size_t len, bool cut)
{
	const size_t max = kinds[kind].password_max;

	return cut && max == LEGACY_BCRYPT_PASSWORD_MAX && len > max ? max : len;
}

const char *legacy_kind_name(enum legacy_kind kind)
{
	return kinds[kind].name;
}

int legacy_kind_find(const char *name)
{
	for (int i = 0; i < LEGACY_KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return i;
	return -1;
}
