/*
 * One reader per grammar. It gets what follows the prefix by which legacy.c chose it,
 * with out->kind and out->digest set, and fills in the rest. Returns NULL, or a
 * constant string that says what is wrong. Private to legacy.c.
 */
#ifndef COMMON_LEGACY_READER_H
#define COMMON_LEGACY_READER_H

#include "common/legacy_scan.h"

typedef const char *legacy_reader(struct legacy *out, struct legacy_span *rest);

/* legacy_modular.c: what crypt(3) writes, as in libxcrypt's crypt(5) */
legacy_reader legacy_read_bcrypt;
legacy_reader legacy_read_yescrypt;
legacy_reader legacy_read_scrypt;
legacy_reader legacy_read_sha512crypt;
legacy_reader legacy_read_sha256crypt;
legacy_reader legacy_read_md5crypt;

/* legacy_framework.c: what frameworks write */
legacy_reader legacy_read_django_pbkdf2;
legacy_reader legacy_read_django_scrypt;
legacy_reader legacy_read_django_bcrypt;
legacy_reader legacy_read_passlib_pbkdf2;
legacy_reader legacy_read_passlib_scrypt;
legacy_reader legacy_read_werkzeug_pbkdf2;
legacy_reader legacy_read_werkzeug_scrypt;
legacy_reader legacy_read_spring_pbkdf2;
legacy_reader legacy_read_spring_scrypt;

/* legacy_web.c: what web applications and web servers write */
legacy_reader legacy_read_wordpress;
legacy_reader legacy_read_phpass;
legacy_reader legacy_read_apr1;

/* legacy_modular.c: a salt of crypt(3) of 1 to max characters and its `$`. */
bool legacy_read_crypt_salt(
    struct legacy_span *rest, size_t max, struct legacy_span *salt);

/* Bytes of a digest. */
size_t legacy_digest_len(enum legacy_digest digest);
/* RFC 7914 section 2: N, r and p are numbers that belong together. */
bool legacy_scrypt_legal(const struct legacy *parsed);

#endif
