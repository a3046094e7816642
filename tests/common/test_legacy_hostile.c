/* common/legacy.c, against strings that nobody's program has written. */
#include "tests/common/legacy_reading.h"
#include "tests/common/legacy_vectors.h"

enum { ROOM = LEGACY_TEXT_MAX + 2, LONG = 10240 };

static void no_part_of_a_string_is_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const char *text = legacy_vectors[i].text;
		const size_t whole = strlen(text);

		for (size_t len = 0; len < whole; len++)
			assert_refused(text, len, "cut short");
		for (size_t from = 1; from < whole; from++) {
			struct legacy parsed;

			/* Django's bcrypt has another string in it */
			if (reads(&parsed, text + from, whole - from))
				assert_int_equal(parsed.kind, LEGACY_BCRYPT);
		}
	}
}

static void nothing_may_stand_before_or_after(void **state)
{
	char text[ROOM];

	(void)state;
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const size_t len = strlen(legacy_vectors[i].text);

		for (unsigned byte = 0; byte < 256; byte++) {
			memcpy(text, legacy_vectors[i].text, len);
			text[len] = (char)byte;
			assert_refused(text, len + 1, "after");
			memcpy(text + 1, legacy_vectors[i].text, len);
			text[0] = (char)byte;
			assert_refused(text, len + 1, "before");
		}
	}
}

/* No byte of a string may be a NUL, a control character or beyond ASCII, wherever. */
static void each_byte_is_printable(void **state)
{
	static const char bytes[] = {
	    '\0', '\t', '\n', '\r', 0x1b, 0x7f, '\x80', '\xff'};
	char text[ROOM];

	(void)state;
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const size_t len = strlen(legacy_vectors[i].text);

		for (size_t at = 0; at < len * sizeof(bytes); at++) {
			memcpy(text, legacy_vectors[i].text, len);
			text[at / sizeof(bytes)] = bytes[at % sizeof(bytes)];
			assert_refused(text, len, "not printable");
		}
	}
}

/* Each byte in turn is each other one: all must be read or refused without harm. */
static void any_change_is_survived(void **state)
{
	char text[ROOM];

	(void)state;
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const size_t len = strlen(legacy_vectors[i].text);

		for (size_t at = 0; at < len; at++)
			for (unsigned byte = 0; byte < 256; byte++) {
				struct legacy parsed;

				memcpy(text, legacy_vectors[i].text, len);
				text[at] = (char)byte;
				if (reads(&parsed, text, len))
					legacy_within(&parsed, LEGACY_LONGEST, NULL);
			}
	}
}

/* Up to a border from one string, and from a border on from another. */
static bool splice(char text[2 * ROOM], const char *one, size_t upto, const char *other,
    size_t from, size_t *len)
{
	if (strchr("$=,:", one[upto]) == NULL || strchr("$=,:", other[from]) == NULL)
		return false;
	*len = upto + strlen(other + from);
	memcpy(text, one, upto);
	memcpy(text + upto, other + from, *len - upto);
	return true;
}

/* Parts of two strings may make one; what is read of it is still what is in it. */
static void pieces_of_two_strings_are_survived(void **state)
{
	char text[2 * ROOM];
	size_t len;

	(void)state;
	for (size_t i = 0; i < LEGACY_VECTORS * LEGACY_VECTORS; i++) {
		const char *one = legacy_vectors[i / LEGACY_VECTORS].text;
		const char *other = legacy_vectors[i % LEGACY_VECTORS].text;

		for (size_t upto = 0; one[upto] != '\0'; upto++)
			for (size_t from = 0; other[from] != '\0'; from++) {
				struct legacy parsed;

				if (!splice(text, one, upto, other, from, &len) ||
				    !reads(&parsed, text, len))
					continue;
				assert_true(parsed.salt_len <= sizeof(parsed.salt));
				assert_true(parsed.tag_len <= sizeof(parsed.tag));
				assert_true(parsed.skip < len);
				assert_true(
				    legacy_cost(&parsed, LEGACY_LONGEST).work_us <
				    UINT64_MAX);
			}
	}
}

static void what_is_too_long_is_not_looked_at(void **state)
{
	static char text[LONG] = "$6$";
	struct legacy parsed;
	const char *why = NULL;

	(void)state;
	memset(text + 3, 'a', sizeof(text) - 3);
	assert_int_equal(legacy_parse(&parsed, text, LEGACY_TEXT_MAX + 1, &why), -1);
	assert_string_equal(why, "too long");
	assert_int_equal(legacy_parse(&parsed, text, sizeof(text), &why), -1);
	assert_string_equal(why, "too long");
}

static void long_strings_are_refused(void **state)
{
	static const char fills[] = "a0$=.1 \n";
	static char text[LONG];

	(void)state;
	for (size_t i = 0; i < LEGACY_VECTORS; i++) {
		const char *vector = legacy_vectors[i].text;
		const size_t len = strlen(vector);

		/* as many of one character wherever there is a border */
		for (size_t fill = 0; fill < sizeof(fills); fill++)
			for (size_t at = 0; at <= len; at++) {
				if (at > 0 && strchr("$=,:", vector[at - 1]) == NULL)
					continue;
				memset(text, fills[fill], sizeof(text));
				memcpy(text, vector, at);
				memcpy(text + sizeof(text) - (len - at), vector + at,
				    len - at);
				assert_refused(text, sizeof(text), "10 KiB");
				assert_refused(text, LEGACY_TEXT_MAX + 1, "384 bytes");
			}
	}
}

#define SALT22 "abcdefghijklmnopqrstuu"
#define HASH31 "1234567890123456789012345678902"
#define BCRYPT SALT22 HASH31
#define HASH22 "5ag./01234567890abcde."
#define HASH43 "T/k01A3dmAFET0Crg9rNVGQd3jtRVquYgIYRLsWiuc5"
#define HASH86 HASH43 "T/k01A3dmAFET0Crg9rNVGQd3jtRVquYgIYRLsWiuc1"
#define ZERO20 "AAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ZERO32 ZERO20 "AAAAAAAAAAAAAAAA"
#define ZERO64 ZERO32 ZERO32
#define HEX20 "0c60c80f961f0e71f3a9b524af6012062fe037a6"
#define HEX32 HEX20 "0123456789abcdef01234567"
#define HEX64 HEX32 HEX32

/* clang-format off */
static const char *const hostile[] = {
	"", "$", "$$", "$$$$", "x", "!", "*", "$0$", "$3$", "$2$", "$2b", "$2b$", "$y", "$y$$",
	"$7$$", "$6$$$", "scrypt", "scrypt$", "scrypt:", "scrypt$$$$$", "scrypt::::$$",
	"pbkdf2", "pbkdf2$", "pbkdf2:", "pbkdf2:md5:1$s$" HEX20, "pbkdf2:sha224:1$s$" HEX20,
	"pbkdf2_sha512$1$s$" ZERO64 "==", "$pbkdf2-md5$1$Zg$" ZERO20, "$PBKDF2$1$Zg$" ZERO20,
	"$argon2id$v=19$m=16,t=2,p=1$c2FsdA$aGFzaA", "5f4dcc3b5aa765d61d8327deb882cf99",
	"{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",

	/* bcrypt: costs, unused bits, prefixes that are none or another's */
	"$2b$4$" BCRYPT, "$2b$03$" BCRYPT, "$2b$00$" BCRYPT, "$2b$32$" BCRYPT, "$2b$99$" BCRYPT,
	"$2b$010$" BCRYPT, "$2b$-4$" BCRYPT, "$2b$+4$" BCRYPT, "$2b$ 4$" BCRYPT, "$2b$1e$" BCRYPT,
	"$2b$0x$" BCRYPT, "$2b$$" BCRYPT, "$2b$12" BCRYPT, "$2b$12$" SALT22 "$" HASH31,
	"$2x$12$" BCRYPT, "$2c$12$" BCRYPT, "$2$12$" BCRYPT, "$2B$12$" BCRYPT,
	"$2b$12$abcdefghijklmnopqrstuv" HASH31, "$2b$12$abcdefghijklmnopqrstu." "+" HASH31,
	"$2b$12$" SALT22 "1234567890123456789012345678901",
	"$2b$12$" SALT22 "123456789012345678901234567890=",
	"bcrypt$2b$12$" BCRYPT, "bcrypt$$2x$12$" BCRYPT, "bcrypt$$$2b$12$" BCRYPT,
	"bcrypt$$2b$03$" BCRYPT, "bcrypt_sha256$2b$12$" BCRYPT, "bcrypt_sha256$$5$s$" HASH43,
	"bcrypt$bcrypt$$2b$12$" BCRYPT, "bcrypt_sha512$$2b$12$" BCRYPT,

	/* sha512crypt, sha256crypt, md5crypt: rounds, salts, unused bits */
	"$5$rounds=999$s$" HASH43, "$5$rounds=0$s$" HASH43, "$5$rounds=-1$s$" HASH43,
	"$5$rounds=01000$s$" HASH43, "$5$rounds=1000000000$s$" HASH43,
	"$5$rounds=99999999999999999999999999$s$" HASH43, "$5$rounds=18446744073709556616$s$" HASH43,
	"$5$rounds=$s$" HASH43, "$5$rounds=5000" HASH43, "$5$rounds=5000 $s$" HASH43,
	"$5$rounds=+5000$s$" HASH43, "$5$rounds=5e3$s$" HASH43, "$5$rounds=1000$rounds$" "$" HASH43,
	"$5$rounds=x$" HASH43, "$5$rounds=1000$$" HASH43,
	"$5$$" HASH43, "$5$" HASH43, "$5$s" HASH43, "$5$12345678901234567$" HASH43,
	"$5$a:b$" HASH43, "$5$a b$" HASH43, "$5$a*b$" HASH43, "$5$a!b$" HASH43, "$5$a;b$" HASH43,
	"$5$a\\b$" HASH43, "$5$s$" HASH86, "$6$s$" HASH43, "$1$s$" HASH43, "$1$123456789$" HASH22,
	"$1$s$5ag./01234567890abcdez", "$1$s$5ag./01234567890abcde2",
	"$5$s$T/k01A3dmAFET0Crg9rNVGQd3jtRVquYgIYRLsWiucE", "$5$s$" HASH43 "$", "$5$s$" HASH43 "=",
	"$6$s$" HASH43 "T/k01A3dmAFET0Crg9rNVGQd3jtRVquYgIYRLsWiuc2", "$5$$s$" HASH43,
	"$1$rounds=1000$s$" HASH22,

	/* scrypt by crypt(3) */
	"$7$.6..../....s$" HASH43, "$7$/6..../....s$" HASH43, "$y$j.5$aaaa$" HASH43,
	"$7$C...../....s$" HASH43, "$7$C6.........s$" HASH43,
	"$7$Czzzzz0....s$" HASH43, "$7$C6....zzzzzs$" HASH43, "$7$Czzzzzzzzzzs$" HASH43,
	"$7$C6..../....$" HASH43, "$7$C6..../...$" HASH43, "$7$C6..../....s" HASH43,
	"$7$C6..../....s+$" HASH43, "$7$C6..../....s$s$" HASH43,
	"$7$C6..../...." HASH43 HASH43 "1" "$" HASH43,
	"$7$C6..../....s$T/k01A3dmAFET0Crg9rNVGQd3jtRVquYgIYRLsWiucE",

	/* yescrypt: flavours, numbers that end too soon, a ROM, no N for each lane */
	"$y$i9T$aaaa$" HASH43, "$y$.9T$aaaa$" HASH43, "$y$/9T$aaaa$" HASH43, "$y$k.9T$aaaa$" HASH43,
	"$y$j$aaaa$" HASH43, "$y$j9$aaaa$" HASH43, "$y$j9T$aaaa", "$y$j9T$" HASH43,
	"$y$jz$aaaa$" HASH43, "$y$jzzzzzz9$aaaa$" HASH43, "$y$j9zzzzzz$aaaa$" HASH43,
	"$y$j9zzzzz$aaaa$" HASH43, "$y$j9k$aaaa$" HASH43, "$y$jkE9$aaaa$" HASH43,
	"$y$jl.T$aaaa$" HASH43, "$y$j9T.$aaaa$" HASH43, "$y$j9T1$aaaa$" HASH43,
	"$y$j9T5.$aaaa$" HASH43, "$y$j9T0.$aaaa$" HASH43, "$y$j9T/z$aaaa$" HASH43,
	"$y$j9T.7.$aaaa$" HASH43, "$y$j..3..$aaaa$" HASH43, "$y$j/9.1$aaaa$" HASH43,
	"$y$j9T$$" HASH43, "$y$j9T$a$" HASH43, "$y$j9T$aa$" HASH43, "$y$j9T$aaa$" HASH43,
	"$y$j9T$aaaaa$" HASH43, "$y$j9T$" HASH86 "/$" HASH43, "$y$j9T$aaaa$aaaa$" HASH43,
	"$y$j9T$aa+a$" HASH43, "$y$j9T$aaaa$" HASH43 "a", "$y$j 9T$aaaa$" HASH43,
	"$gy$i9T$aaaa$" HASH43, "$gy$j9T$aaa$" HASH43,

	/* Django's PBKDF2 and scrypt */
	"pbkdf2_sha256$0$s$" ZERO32 "=", "pbkdf2_sha256$-1$s$" ZERO32 "=",
	"pbkdf2_sha256$01$s$" ZERO32 "=", "pbkdf2_sha256$4294967296$s$" ZERO32 "=",
	"pbkdf2_sha256$18446744073709551617$s$" ZERO32 "=", "pbkdf2_sha256$1 $s$" ZERO32 "=",
	"pbkdf2_sha256$$s$" ZERO32 "=", "pbkdf2_sha256$1$$" ZERO32 "=", "pbkdf2_sha256$1$" ZERO32 "=",
	"pbkdf2_sha256$1$s$s$" ZERO32 "=", "pbkdf2_sha256$1$s$" ZERO32, "pbkdf2_sha256$1$s$" ZERO32 "==",
	"pbkdf2_sha256$1$s$" ZERO20 "=", "pbkdf2_sha1$1$s$" ZERO32 "=", "pbkdf2_sha1$1$s$=",
	"pbkdf2_sha1$1$s$AAAAAAAAAAAAAAAAAAAAAAAAAAB=", "pbkdf2_sha1$1$s$AAAAAAAAAAAAAAAAAAAAAAAAAA==",
	"pbkdf2_sha1$1$s$AAAAAAAAAAAAAA=AAAAAAAAAAAA=", "pbkdf2_sha1$1$s$....AAAAAAAAAAAAAAAAAAAAAAA=",
	"pbkdf2_sha1$1$s$-___AAAAAAAAAAAAAAAAAAAAAAA=", "pbkdf2_sha1$1$s$",
	"pbkdf2_sha1$1$" ZERO64 "$" ZERO20 "=",
	"scrypt$16385$s$8$5$" ZERO64 "AA==", "scrypt$16383$s$8$5$" ZERO64 "AA==",
	"scrypt$1$s$8$5$" ZERO64 "==", "scrypt$0$s$8$5$" ZERO64 "==",
	"scrypt$18446744073709551616$s$8$5$" ZERO64 "==", "scrypt$016384$s$8$5$" ZERO64 "==",
	"scrypt$16384$s$0$5$" ZERO64 "==", "scrypt$16384$s$8$0$" ZERO64 "==",
	"scrypt$16384$s$08$5$" ZERO64 "==", "scrypt$16384$s$-8$5$" ZERO64 "==",
	"scrypt$16384$s$32768$32768$" ZERO64 "==", "scrypt$16384$s$4294967295$4294967295$" ZERO64 "==",
	"scrypt$16384$s$4294967304$5$" ZERO64 "==", "scrypt$16384$s$8$" ZERO64 "==",
	"scrypt$16384$$8$5$" ZERO64 "==", "scrypt$16384$s$8$5$" ZERO32 "=",

	/* passlib */
	"$pbkdf2$0$Zg$" ZERO20, "$pbkdf2$01$Zg$" ZERO20, "$pbkdf2$4294967296$Zg$" ZERO20,
	"$pbkdf2$1$$" ZERO20, "$pbkdf2$1$Z$" ZERO20, "$pbkdf2$1$Zh$" ZERO20, "$pbkdf2$1$Zm9$" ZERO20,
	"$pbkdf2$1$Zg==$" ZERO20, "$pbkdf2$1$++++$" ZERO20, "$pbkdf2$1$Zg$" ZERO20 "=",
	"$pbkdf2$1$Zg$AAAAAAAAAAAAAAAAAAAAAAAAAAB", "$pbkdf2$1$Zg$" ZERO32, "$pbkdf2$1$Zg$",
	"$pbkdf2$1$Zg" ZERO20, "$pbkdf2$1$Zg$Zg$" ZERO20, "$pbkdf2$1$" ZERO64 "AA$" ZERO20,
	"$pbkdf2-sha1$1$Zg$" ZERO20, "$pbkdf2-sha256$1$Zg$" ZERO20, "$pbkdf2-sha512$1$Zg$" ZERO32,
	"$scrypt$ln=0,r=8,p=1$Zg$" ZERO32, "$scrypt$ln=16,r=1,p=1$Zg$" ZERO32, "$scrypt$ln=64,r=8,p=1$Zg$" ZERO32,
	"$scrypt$ln=04,r=8,p=1$Zg$" ZERO32, "$scrypt$ln=4,r=0,p=1$Zg$" ZERO32,
	"$scrypt$ln=4,r=8,p=0$Zg$" ZERO32, "$scrypt$ln=4,r=8$Zg$" ZERO32,
	"$scrypt$r=8,ln=4,p=1$Zg$" ZERO32, "$scrypt$ln=4,r=8,p=1,$Zg$" ZERO32,
	"$scrypt$ln=4, r=8,p=1$Zg$" ZERO32, "$scrypt$ln=4,r=8,p=1$....$" ZERO32,
	"$scrypt$ln=4,r=8,p=1$Zg$" ZERO64, "$scrypt$ln=4,r=8,p=1$Zg$" ZERO20,
	"$scrypt$ln=-4,r=8,p=1$Zg$" ZERO32, "$scrypt$ln=4,r=1073741824,p=1$Zg$" ZERO32,
	"$scrypt$ln=4,r=32768,p=32768$Zg$" ZERO32, "$scrypt$16$8$1$Zg$" ZERO32,

	/* Werkzeug */
	"pbkdf2:sha1$s$" HEX20, "pbkdf2:sha1:$s$" HEX20, "pbkdf2:sha1:0$s$" HEX20,
	"pbkdf2:sha1:01$s$" HEX20, "pbkdf2:sha1:-1$s$" HEX20, "pbkdf2:sha1:4294967296$s$" HEX20,
	"pbkdf2:sha1:1:1$s$" HEX20, "pbkdf2:sha1:1$$" HEX20, "pbkdf2:sha1:1$" HEX20,
	"pbkdf2:sha1:1$s$" HEX20 "00", "pbkdf2:sha1:1$s$" HEX20 "0", "pbkdf2:sha1:1$s$" HEX32,
	"pbkdf2:sha1:1$s$0c60c80f961f0e71f3a9b524af6012062fe037a",
	"pbkdf2:sha1:1$s$0C60C80F961F0E71F3A9B524AF6012062FE037A6",
	"pbkdf2:sha1:1$s$0c60c80f961f0e71f3a9b524af6012062fe037ag",
	"pbkdf2:sha1:1$s$0x60c80f961f0e71f3a9b524af6012062fe037a6",
	"pbkdf2:sha1:1$s$-c60c80f961f0e71f3a9b524af6012062fe037a6",
	"pbkdf2:sha256:1$s$" HEX20, "pbkdf2:sha512:1$s$" HEX32, "pbkdf2:sha1:1$s$",
	"scrypt:32768:8$s$" HEX64, "scrypt:32768:8:1:1$s$" HEX64, "scrypt:32767:8:1$s$" HEX64,
	"scrypt:1:8:1$s$" HEX64, "scrypt:0:8:1$s$" HEX64, "scrypt:32768:0:1$s$" HEX64,
	"scrypt:32768:8:0$s$" HEX64, "scrypt:032768:8:1$s$" HEX64, "scrypt:-32768:8:1$s$" HEX64,
	"scrypt:18446744073709551616:8:1$s$" HEX64, "scrypt:32768:4294967296:1$s$" HEX64,
	"scrypt:32768:32768:32768$s$" HEX64, "scrypt:32768:8:1$$" HEX64, "scrypt:32768:8:1$s$" HEX32,
	"scrypt:$s$" HEX64, "scrypt$s$" HEX64,

	/* Spring: names, lengths, costs */
	"{pbkdf2}", "{pbkdf2}" HEX20 HEX20 "0", "{pbkdf2}" HEX20, "{pbkdf2}" HEX20 HEX20 "00",
	"{PBKDF2}" HEX20 HEX20, "{pbkdf2}0C60c80f961f0e71f3a9b524af6012062fe037a6" HEX20,
	"{pbkdf2}0c60c80f961f0e71f3a9b524af6012062fe037a6" HEX20 "$", "{pbkdf2@SpringSecurity_v5_8}" HEX20 HEX20,
	"{pbkdf2@SpringSecurity_v5_9}" HEX32 HEX20, "{pbkdf2@springsecurity_v5_8}" HEX32 HEX20 "0123456789abcdef",
	"{pbkdf2}{pbkdf2}" HEX20 HEX20, "{scrypt}e0801$Zg==$" ZERO32 "=", "{scrypt}$$Zg==$" ZERO32 "=",
	"{scrypt}$0e0801$Zg==$" ZERO32 "=", "{scrypt}$E0801$Zg==$" ZERO32 "=", "{scrypt}$0$Zg==$" ZERO32 "=",
	"{scrypt}$801$Zg==$" ZERO32 "=", "{scrypt}$e0001$Zg==$" ZERO32 "=", "{scrypt}$e0800$Zg==$" ZERO32 "=",
	"{scrypt}$400801$Zg==$" ZERO32 "=", "{scrypt}$1000e0801$Zg==$" ZERO32 "=", "{scrypt}$e0801$$" ZERO32 "=",
	"{scrypt}$e0801$Zg$" ZERO32 "=", "{scrypt}$e0801$Zg==$" ZERO32, "{scrypt}$e0801$Zg==$" ZERO20 "=",
	"{scrypt}$e0801$Zg==" ZERO32 "=", "{scrypt}$e0801$Zg==$" ZERO64 "==", "{scrypt}$0xe0801$Zg==$" ZERO32 "=",
	"{scrypt}$120101$Zg==$" ZERO32 "=", "{scrypt}$-e0801$Zg==$" ZERO32 "=", "{SCRYPT}$e0801$Zg==$" ZERO32 "=",

	/* WordPress, phpass: bcrypt of another version, costs, salts, unused bits */
	"$wp$", "$wp$2y$", "$wp2y$12$" BCRYPT, "$wp$2b$12$" BCRYPT, "$wp$2a$12$" BCRYPT, "$wp$2y$03$" BCRYPT,
	"$wp$2y$12" BCRYPT, "$wp$$2y$12$" BCRYPT, "$WP$2y$12$" BCRYPT, "$wp$wp$2y$12$" BCRYPT,
	"$wp$P$9abcdefgh" HASH22, "$wp$2y$32$" BCRYPT, "$wp$6$s$" HASH86,
	"$P$", "$P$9", "$P$9abcdefg", "$P$9abcdefgh", "$P$9abcdefg" HASH22, "$P$9abcdefghi" HASH22,
	"$P$4abcdefgh" HASH22, "$P$.abcdefgh" HASH22, "$P$Tabcdefgh" HASH22, "$P$zabcdefgh" HASH22,
	"$P$$abcdefgh" HASH22, "$P$-abcdefgh" HASH22, "$P$9abcdefg$" HASH22, "$P$9abcdefg " HASH22,
	"$P$9abc=efgh" HASH22, "$P$9abcdefgh5ag./01234567890abcde2", "$P$9abcdefgh5ag./01234567890abcdez",
	"$P$9abcdefgh5ag./01234567890abcd-.", "$P$9abcdefgh" HASH22 "=", "$P$9abcdefgh" HASH22 ".",
	"$p$9abcdefgh" HASH22, "$h$9abcdefgh" HASH22, "$Q$9abcdefgh" HASH22, "$S$9abcdefgh" HASH22,
	"$H$4abcdefgh" HASH22, "$H$Tabcdefgh" HASH22,

	/* Apache: salts, rounds that it has not */
	"$apr1$", "$apr1$$" HASH22, "$apr1$" HASH22, "$apr1$s" HASH22, "$apr1$123456789$" HASH22,
	"$apr1$a:b$" HASH22, "$apr1$a b$" HASH22, "$apr1$s$5ag./01234567890abcde2",
	"$apr1$s$" HASH22 "$", "$apr1$s$" HASH22 ".", "$apr1$s$5ag./01234567890abcd.", "$apr1$s$" HASH43,
	"$APR1$s$" HASH22, "$apr$s$" HASH22, "$apr2$s$" HASH22, "$apr1$rounds=1000$s$" HASH22,
	"{APR1}$apr1$s$" HASH22,
};
/* clang-format on */

static void what_nobody_writes_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		assert_refused(hostile[i], strlen(hostile[i]), "hostile");
}

/* The table above means what it says: each of its pieces is right in a right string. */
static void the_same_pieces_are_taken_where_they_belong(void **state)
{
	static const char *const fine[] = {"$2b$04$" BCRYPT, "$5$s$" HASH43,
	    "$6$s$" HASH86, "$1$s$" HASH22, "$7$C6..../....s$" HASH43,
	    "$y$j9T$aaaa$" HASH43, "pbkdf2_sha1$1$s$" ZERO20 "=",
	    "pbkdf2_sha256$1$s$" ZERO32 "=",
	    "scrypt$16384$s$8$5$" ZERO64 "==", "$pbkdf2$1$Zg$" ZERO20,
	    "$pbkdf2-sha256$1$Zg$" ZERO32, "$pbkdf2-sha512$1$Zg$" ZERO64,
	    "$scrypt$ln=4,r=8,p=1$Zg$" ZERO32, "pbkdf2:sha1:1$s$" HEX20,
	    "pbkdf2:sha256:1$s$" HEX32, "pbkdf2:sha512:1$s$" HEX64,
	    "scrypt:32768:8:1$s$" HEX64, "{pbkdf2}" HEX20 HEX20,
	    "{pbkdf2@SpringSecurity_v5_8}" HEX32 "0123456789abcdef01234567"
	    "01234567",
	    "{scrypt}$e0801$Zg==$" ZERO32 "=", "$wp$2y$12$" BCRYPT,
	    "$P$9abcdefgh" HASH22, "$H$9abcdefgh" HASH22, "$apr1$s$" HASH22};

	(void)state;
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		struct legacy parsed;

		assert_read(&parsed, fine[i], strlen(fine[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_part_of_a_string_is_one),
	    cmocka_unit_test(nothing_may_stand_before_or_after),
	    cmocka_unit_test(each_byte_is_printable),
	    cmocka_unit_test(any_change_is_survived),
	    cmocka_unit_test(pieces_of_two_strings_are_survived),
	    cmocka_unit_test(what_is_too_long_is_not_looked_at),
	    cmocka_unit_test(long_strings_are_refused),
	    cmocka_unit_test(what_nobody_writes_is_refused),
	    cmocka_unit_test(the_same_pieces_are_taken_where_they_belong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
