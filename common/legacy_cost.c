/*
 * What it costs to verify a hash of an old format.
 *
 * The constants are nanoseconds of CPU time, measured by tests/hasher/test_legacy_cost
 * (ARGOND_TEST_LONG=1 prints all of it) on one core of an Intel Xeon of 2023 (Sapphire
 * Rapids, a virtual machine) on 30 November 2026, with libxcrypt 4.4.33 and OpenSSL
 * 3.0, and rounded up by some percent; a block of Argon2 in the cache took 130 ns there
 * (units.c). The test compares each format with Argon2 on the machine it runs on.
 */
#include <stdbool.h>

#include <openssl/crypto.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "common/legacy.h"
#include "common/legacy_reader.h"

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

/* ---- rounds of a digest over the password ---- */

/* A digest as its format uses it: of so many bytes, over blocks of so many, with the
 * end of a message taking at least `pad`; what a message and a block cost. */
struct digest {
	unsigned bytes, block, pad;
	unsigned message_ns, block_ns;
	unsigned salt; /* bytes, at most */
};

static const struct digest sha512crypt = {64, 128, 17, 20, 430, 16};
static const struct digest sha256crypt = {32, 64, 9, 60, 290, 16};
static const struct digest md5crypt = {16, 64, 9, 20, 145, 8};
/* by OpenSSL, whose digests are quicker, and begun and ended more slowly */
static const struct digest md5_openssl = {16, 64, 9, 110, 122, 8};
static const struct digest md5_openssl_quick = {16, 64, 9, 60, 105, 8}; /* 3.5 */

/* OpenSSL 3.5 begins and ends a digest and an HMAC in less time than 3.0 does. What is
 * between the two was not measured, and is taken for the slower one. */
static bool openssl_is_quick(void)
{
	return OpenSSL_version_num() >= 0x30500000UL;
}

static const struct digest *openssl_md5(void)
{
	return openssl_is_quick() ? &md5_openssl_quick : &md5_openssl;
}

static uint64_t message_ns(const struct digest *digest, uint64_t len)
{
	const uint64_t blocks = (len + digest->pad + digest->block - 1) / digest->block;

	return digest->message_ns + blocks * digest->block_ns;
}

/* md5crypt, its like, and SHA-crypt after it: each round is of the digest before and
 * the password, in two of three with the salt, in six of seven with the password once
 * more. So the rounds repeat after 42, order aside. */
static uint64_t crypt_rounds_ns(
    const struct digest *digest, uint64_t rounds, uint64_t len)
{
	enum { PERIOD = 42 };
	uint64_t ns = 0;

	for (unsigned i = 0; i < PERIOD; i++)
		ns += message_ns(digest, digest->bytes + len + (i % 7 != 0 ? len : 0) +
		                             (i % 3 != 0 ? digest->salt : 0));
	return saturated_mul(rounds, ns) / PERIOD;
}

/* Before its rounds SHA-crypt hashes the password once for each of its bytes. */
static uint64_t sha_crypt_ns(const struct digest *digest, uint64_t rounds, uint64_t len)
{
	return saturated_add(
	    crypt_rounds_ns(digest, rounds, len), message_ns(digest, len * len));
}

static uint64_t sha512crypt_ns(const struct legacy *parsed, uint64_t len)
{
	return sha_crypt_ns(&sha512crypt, parsed->rounds, len);
}

static uint64_t sha256crypt_ns(const struct legacy *parsed, uint64_t len)
{
	return sha_crypt_ns(&sha256crypt, parsed->rounds, len);
}

static uint64_t md5crypt_ns(const struct legacy *parsed, uint64_t len)
{
	return crypt_rounds_ns(&md5crypt, parsed->rounds, len);
}

static uint64_t apr1_ns(const struct legacy *parsed, uint64_t len)
{
	return crypt_rounds_ns(openssl_md5(), parsed->rounds, len);
}

static uint64_t phpass_ns(const struct legacy *parsed, uint64_t len)
{
	const struct digest *md5 = openssl_md5();

	return saturated_mul(parsed->rounds, message_ns(md5, md5->bytes + len));
}

/* ---- those to which the password's length is nothing ---- */

static uint64_t bcrypt_ns(const struct legacy *parsed, uint64_t len)
{
	enum { TRIAL_NS = 150000 }; /* libxcrypt tries itself each time */

	(void)len;
	return saturated_add(saturated_mul(parsed->rounds, 75000), TRIAL_NS);
}

/* OpenSSL has SHA-1 and SHA-256 done by instructions of the CPU where it has them. */
static bool has_sha_instructions(void)
{
#ifdef __x86_64__
	unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
	enum { SHA = 1 << 29 };

	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & SHA) != 0;
#else
	return false;
#endif
}

static unsigned iteration_ns(enum legacy_digest digest)
{
	static const struct {
		unsigned without, with; /* SHA instructions */
		unsigned quick;         /* with them, and with OpenSSL 3.5 */
	} rows[LEGACY_DIGESTS] = {[LEGACY_SHA1] = {650, 510, 230},
	    [LEGACY_SHA256] = {880, 510, 220},
	    [LEGACY_SHA512] = {1050, 1050, 850}};

	if (!has_sha_instructions())
		return rows[digest].without;
	return openssl_is_quick() ? rows[digest].quick : rows[digest].with;
}

/* Each block of the tag takes all the iterations. A password is hashed once. */
static uint64_t pbkdf2_ns(const struct legacy *parsed, uint64_t len)
{
	const size_t block = legacy_digest_len(parsed->digest);
	const uint64_t blocks = (parsed->tag_len + block - 1) / block;

	(void)len;
	return saturated_mul(
	    saturated_mul(parsed->rounds, blocks), iteration_ns(parsed->digest));
}

/* The p blocks of r * 128 bytes that scrypt begins and ends with, by PBKDF2. */
static uint64_t scrypt_ends_ns(const struct legacy *parsed, unsigned each_ns)
{
	return saturated_mul((uint64_t)parsed->r * parsed->p, each_ns);
}

/* By libxcrypt, to which it is nearly the same whether the N blocks fit into a cache.
 */
static uint64_t scrypt_ns(const struct legacy *parsed, uint64_t len)
{
	const uint64_t mixed =
	    saturated_mul(parsed->n, (uint64_t)parsed->r * parsed->p);

	(void)len;
	return saturated_add(saturated_mul(mixed, 380), scrypt_ends_ns(parsed, 3000));
}

static uint64_t scrypt_openssl_ns(const struct legacy *parsed, uint64_t len)
{
	enum { CACHED = 16 << 20, CACHED_NS = 420, FAR_NS = 580 };
	const uint64_t lane = saturated_mul(parsed->n, parsed->r);
	const bool far = lane > CACHED / 128;

	(void)len;
	return saturated_add(
	    saturated_mul(saturated_mul(lane, parsed->p), far ? FAR_NS : CACHED_NS),
	    scrypt_ends_ns(parsed, openssl_is_quick() ? 1300 : 2200));
}

/* N blocks are written, and then mixed: a third of N times, two thirds, or N * (t - 1)
 * times, for a t of 0, 1 and more. The p share the N, but each has S-boxes to fill. */
static uint64_t yescrypt_ns(const struct legacy *parsed, uint64_t len)
{
	enum { CACHED = 4 << 20, BOXES_NS = 20000 };
	const bool far = saturated_mul(parsed->n, parsed->r) > CACHED / 128;
	const uint64_t write_ns = far ? 150 : 130, mix_ns = far ? 92 : 68;
	const uint64_t block_ns = parsed->t < 2
	                              ? write_ns + mix_ns * (1 + parsed->t) / 3
	                              : write_ns + mix_ns * (parsed->t - 1);
	/* a block costs a part more than its r parts */
	const uint64_t parts = saturated_mul(parsed->n, (uint64_t)parsed->r + 1);

	(void)len;
	return saturated_add(saturated_mul(parts, block_ns),
	    saturated_add(
	        saturated_mul(parsed->p, BOXES_NS), scrypt_ends_ns(parsed, 3000)));
}

/* ---- ceilings ---- */

#define MIB (UINT64_C(1) << 20)
#define SECOND_US UINT64_C(1000000)

/*
 * A job of crypt(3) or OpenSSL runs to its end. When its client has left, or its
 * deadline has passed, only the death of its process stops it: the master (watch.c)
 * sees to that after some time, and within a budget. So no string may cost more than
 * three seconds on the machine above with the password that has come, and none more
 * memory than a pool is likely to be given for it. All that the projects make by
 * themselves is below that with any password:
 *
 *   bcrypt        cost 15                 PHP, Django, bcrypt.py: 10, 12
 *   sha512crypt   6,600,000 rounds with 8 bytes, 800,000 with 511
 *                                         crypt(3) 5000, passlib 656,000
 *   sha256crypt   5,500,000 and 630,000   crypt(3) 5000, passlib 535,000
 *   PBKDF2        2,800,000 (SHA-512), 5,800,000 (SHA-256, SHA-1); without SHA
 *                 instructions 3,400,000 and 4,600,000; with OpenSSL 3.5 3,500,000 and
 *                 13,000,000
 *                                         Django and Werkzeug 1,000,000
 *   scrypt        N r p up to 5 million, and 256 MiB are N r = 2 million
 *                                         Django 16384*8*5, the others 65536*8*1
 *   yescrypt      256 MiB                 crypt(3): 16 MiB
 *   phpass        2^23 with 8 bytes, 2^18 with 4096
 *                                         WordPress 2^13, phpBB 2^11
 *   md5crypt, apr1                        always 1000
 */
static const struct legacy_ceiling small_ceiling = {MIB, 3 * SECOND_US};
/* beside the 256 MiB of N blocks there are some for p, and a page's rest */
static const struct legacy_ceiling scrypt_ceiling = {264 * MIB, 3 * SECOND_US};

static const struct kind {
	const struct legacy_ceiling *ceiling;
	uint64_t (*work_ns)(const struct legacy *parsed, uint64_t password_len);
} kinds[LEGACY_KINDS] = {
    [LEGACY_BCRYPT] = {&small_ceiling, bcrypt_ns},
    [LEGACY_YESCRYPT] = {&scrypt_ceiling, yescrypt_ns},
    [LEGACY_GOST_YESCRYPT] = {&scrypt_ceiling, yescrypt_ns},
    [LEGACY_SCRYPT] = {&scrypt_ceiling, scrypt_ns},
    [LEGACY_SHA512CRYPT] = {&small_ceiling, sha512crypt_ns},
    [LEGACY_SHA256CRYPT] = {&small_ceiling, sha256crypt_ns},
    [LEGACY_MD5CRYPT] = {&small_ceiling, md5crypt_ns},
    [LEGACY_DJANGO_PBKDF2] = {&small_ceiling, pbkdf2_ns},
    [LEGACY_DJANGO_SCRYPT] = {&scrypt_ceiling, scrypt_openssl_ns},
    [LEGACY_DJANGO_BCRYPT] = {&small_ceiling, bcrypt_ns},
    [LEGACY_DJANGO_BCRYPT_SHA256] = {&small_ceiling, bcrypt_ns},
    [LEGACY_PASSLIB_PBKDF2] = {&small_ceiling, pbkdf2_ns},
    [LEGACY_PASSLIB_SCRYPT] = {&scrypt_ceiling, scrypt_openssl_ns},
    [LEGACY_WERKZEUG_PBKDF2] = {&small_ceiling, pbkdf2_ns},
    [LEGACY_WERKZEUG_SCRYPT] = {&scrypt_ceiling, scrypt_openssl_ns},
    [LEGACY_SPRING_PBKDF2] = {&small_ceiling, pbkdf2_ns},
    [LEGACY_SPRING_SCRYPT] = {&scrypt_ceiling, scrypt_openssl_ns},
    [LEGACY_WORDPRESS_BCRYPT] = {&small_ceiling, bcrypt_ns},
    [LEGACY_PHPASS] = {&small_ceiling, phpass_ns},
    [LEGACY_APR1] = {&small_ceiling, apr1_ns},
};

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

struct legacy_cost legacy_cost(const struct legacy *parsed, size_t password_len)
{
	enum { BASE_NS = 20000 }; /* memory and contexts, got, wiped and given back */
	const size_t most = legacy_password_max(parsed->kind);
	const uint64_t ns =
	    saturated_add(kinds[parsed->kind].work_ns(
	                      parsed, password_len < most ? password_len : most),
	        BASE_NS);

	return (struct legacy_cost){.memory = memory_of(parsed),
	    .work_us = ns == UINT64_MAX ? UINT64_MAX : ns / 1000};
}

const struct legacy_ceiling *legacy_ceiling(enum legacy_kind kind)
{
	return kinds[kind].ceiling;
}

bool legacy_within(const struct legacy *parsed, size_t password_len,
    const struct legacy_ceiling *ceiling)
{
	const struct legacy_cost cost = legacy_cost(parsed, password_len);

	if (ceiling == NULL)
		ceiling = legacy_ceiling(parsed->kind);
	return cost.memory <= ceiling->memory && cost.work_us <= ceiling->work_us;
}

size_t legacy_password_within(const struct legacy *parsed, size_t password_len,
    const struct legacy_ceiling *ceiling)
{
	size_t least = 0, most = password_len;

	if (legacy_within(parsed, most, ceiling))
		return most;
	while (least < most) {
		const size_t middle = most - (most - least) / 2;

		if (legacy_within(parsed, middle, ceiling))
			least = middle;
		else
			most = middle - 1;
	}
	return least;
}
