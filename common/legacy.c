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

/* ---- who it is and what it takes ---- */

enum { ANY_PASSWORD = 0 };

static const struct kind {
	const char *name;
	bool crypt;
	size_t password_max; /* bytes, none of them NUL; or ANY_PASSWORD */
} kinds[LEGACY_KINDS] = {
    [LEGACY_BCRYPT] = {"bcrypt", true, LEGACY_BCRYPT_PASSWORD_MAX},
    [LEGACY_YESCRYPT] = {"yescrypt", true, LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_GOST_YESCRYPT] = {"gost-yescrypt", true, LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_SCRYPT] = {"scrypt", true, LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_SHA512CRYPT] = {"sha512crypt", true, LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_SHA256CRYPT] = {"sha256crypt", true, LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_MD5CRYPT] = {"md5crypt", true, LEGACY_CRYPT_PASSWORD_MAX},
    [LEGACY_DJANGO_PBKDF2] = {"django-pbkdf2", false, ANY_PASSWORD},
    [LEGACY_DJANGO_SCRYPT] = {"django-scrypt", false, ANY_PASSWORD},
    [LEGACY_DJANGO_BCRYPT] = {"django-bcrypt", true, LEGACY_BCRYPT_PASSWORD_MAX},
    [LEGACY_DJANGO_BCRYPT_SHA256] = {"django-bcrypt-sha256", true, ANY_PASSWORD},
    [LEGACY_PASSLIB_PBKDF2] = {"passlib-pbkdf2", false, ANY_PASSWORD},
    [LEGACY_PASSLIB_SCRYPT] = {"passlib-scrypt", false, ANY_PASSWORD},
    [LEGACY_WERKZEUG_PBKDF2] = {"werkzeug-pbkdf2", false, ANY_PASSWORD},
    [LEGACY_WERKZEUG_SCRYPT] = {"werkzeug-scrypt", false, ANY_PASSWORD},
    [LEGACY_SPRING_PBKDF2] = {"spring-pbkdf2", false, ANY_PASSWORD},
    [LEGACY_SPRING_SCRYPT] = {"spring-scrypt", false, ANY_PASSWORD},
    [LEGACY_WORDPRESS_BCRYPT] = {"wordpress-bcrypt", true, ANY_PASSWORD},
    [LEGACY_PHPASS] = {"phpass", false, ANY_PASSWORD},
    [LEGACY_APR1] = {"apr1", false, LIMIT_PASSWORD},
};

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

size_t legacy_password_max(enum legacy_kind kind)
{
	const size_t max = kinds[kind].password_max;

	return max == ANY_PASSWORD ? LIMIT_PASSWORD : max;
}

size_t legacy_password_instead(enum legacy_kind kind, const uint8_t *password,
    size_t len, uint8_t instead[LIMIT_PASSWORD])
{
	const size_t most = legacy_password_max(kind);

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
