/* The types of directives: what each takes, what it refuses and with which words, and
 * how it is printed. All through config_load(), as an administrator meets them. */
#include "tests/common/config_example.h"

static void sizes_are_taken(void **state)
{
	static const struct example examples[] = {
	    {"max_body=2K", "2K"},
	    {"max_body=2048K", "2M"},
	    {"max_body=16M", "16M"},
	    {"verify_max_memory=1G", "1G"},
	    {"verify_max_memory=1025M", "1025M"},
	    {"frontend.rlimit_core=0K", "0K"},
	    {"frontend.rlimit_core=1024G", "1024G"},
	    {"profile.default.memory=19456K", "19M"},
	    {"profile.default.memory=8K", "8K"},
	    {"pool.elastic.memory_limit=auto", "auto"},
	    {"pool.elastic.memory_limit=512M", "512M"},
	    {"memory_budget=4G", "4G"},
	};

	(void)state;
	TAKE(examples);
}

static void sizes_are_refused(void **state)
{
	static const char body[] = "8 needs a unit; allowed: 1K to 16M, in K, M or G";
	static const struct example examples[] = {
	    {"max_body=8", body},
	    {"max_body=8k", "8k has an unknown unit; allowed: 1K to 16M, in K, M or G"},
	    {"max_body=8KB",
	        "8KB has an unknown unit; allowed: 1K to 16M, in K, M or G"},
	    {"max_body=8 K",
	        "8 K has an unknown unit; allowed: 1K to 16M, in K, M or G"},
	    {"max_body=8ms",
	        "8ms has an unknown unit; allowed: 1K to 16M, in K, M or G"},
	    {"max_body=", "\"\" is not a number; allowed: 1K to 16M, in K, M or G"},
	    {"max_body=K", "K is not a number; allowed: 1K to 16M, in K, M or G"},
	    {"max_body=-8K", "-8K is not a number; allowed: 1K to 16M, in K, M or G"},
	    {"max_body=1.5M",
	        "1.5M has an unknown unit; allowed: 1K to 16M, in K, M or G"},
	    {"max_body=0K", "0K is out of range; allowed: 1K to 16M, in K, M or G"},
	    {"max_body=17M", "17M is out of range; allowed: 1K to 16M, in K, M or G"},
	    {"max_body=18014398509481984K",
	        "18014398509481984K is out of range; allowed: 1K to 16M, in K, M or G"},
	    {"max_body=18446744073709551620K", "18446744073709551620K is out of range; "
	                                       "allowed: 1K to 16M, in K, M or G"},
	    {"max_body=auto", "auto is not a number; allowed: 1K to 16M, in K, M or G"},
	    {"pool.elastic.memory_limit=1K",
	        "1K is out of range; allowed: auto or 1M to 1024G, in K, M or G"},
	    {"profile.default.memory=7K",
	        "7K is out of range; allowed: 8K to 1024G, in K, M or G"},
	};

	(void)state;
	REFUSE(examples);
}

static void times_are_taken(void **state)
{
	static const struct example examples[] = {
	    {"hello_delay=0ms", "0ms"},
	    {"hello_delay=60000ms", "1m"},
	    {"hello_delay=1500ms", "1500ms"},
	    {"keepalive_timeout=90s", "90s"},
	    {"keepalive_timeout=1h", "1h"},
	    {"pool.fixed.idle_timeout=24h", "24h"},
	    {"pool.fixed.rlimit_cpu=120s", "2m"},
	};

	(void)state;
	TAKE(examples);
}

static void times_are_refused(void **state)
{
	static const struct example examples[] = {
	    {"hello_delay=100",
	        "100 needs a unit; allowed: 0ms to 1m, in ms, s, m or h"},
	    {"hello_delay=0", "0 needs a unit; allowed: 0ms to 1m, in ms, s, m or h"},
	    {"hello_delay=1M",
	        "1M has an unknown unit; allowed: 0ms to 1m, in ms, s, m or h"},
	    {"hello_delay=60001ms",
	        "60001ms is out of range; allowed: 0ms to 1m, in ms, s, m or h"},
	    {"header_timeout=0ms",
	        "0ms is out of range; allowed: 1ms to 1h, in ms, s, m or h"},
	    {"pool.fixed.rlimit_cpu=5ms",
	        "5ms has an unknown unit; allowed: 0s to 8760h, in s, m or h"},
	};

	(void)state;
	REFUSE(examples);
}

static void numbers_are_taken(void **state)
{
	static const struct example examples[] = {
	    {"max_password=4096", "4096"},
	    {"max_password=1", "1"},
	    {"max_password=0010", "10"},
	    {"frontend.nice=-20", "-20"},
	    {"frontend.nice=19", "19"},
	    {"pool.lookup.nice=0", "0"},
	    {"pool.elastic.max_jobs=1000000000000", "1000000000000"},
	    {"frontend.rlimit_nofile=auto", "auto"},
	    {"frontend.processes=64", "64"},
	};

	(void)state;
	TAKE(examples);
}

static void numbers_are_refused(void **state)
{
	static const struct example examples[] = {
	    {"max_password=0", "0 is out of range; allowed: 1 to 4096"},
	    {"max_password=4097", "4097 is out of range; allowed: 1 to 4096"},
	    {"max_password=1K", "1K is not a whole number; allowed: 1 to 4096"},
	    {"max_password=0x10", "0x10 is not a whole number; allowed: 1 to 4096"},
	    {"max_password=-1", "-1 is not a number; allowed: 1 to 4096"},
	    {"max_password=+1", "+1 is not a number; allowed: 1 to 4096"},
	    {"max_password= 1", " 1 is not a number; allowed: 1 to 4096"},
	    {"frontend.nice=-21", "-21 is out of range; allowed: -20 to 19"},
	    {"frontend.nice=-9223372036854775808",
	        "-9223372036854775808 is out of range; allowed: -20 to 19"},
	    {"frontend.nice=--1", "--1 is not a number; allowed: -20 to 19"},
	    {"frontend.nice=-", "- is not a number; allowed: -20 to 19"},
	    {"frontend.processes=0", "0 is out of range; allowed: auto or 1 to 64"},
	    {"frontend.processes=65", "65 is out of range; allowed: auto or 1 to 64"},
	    {"frontend.processes=Auto",
	        "Auto is not a number; allowed: auto or 1 to 64"},
	    {"pool.elastic.batch=17", "17 is out of range; allowed: auto or 1 to 16"},
	    {"pool.elastic.max_processes=257",
	        "257 is out of range; allowed: auto or 1 to 256"},
	    {"profile.default.salt=7", "7 is out of range; allowed: 8 to 64"},
	    {"profile.default.tag=513", "513 is out of range; allowed: 4 to 512"},
	};

	(void)state;
	REFUSE(examples);
}

static void budgets_are_refused(void **state)
{
#define BUDGET "; allowed: 1M to 65536G, in K, M or G; or 1% to 100%"
	static const struct example examples[] = {
	    {"memory_budget=0%", "0% is out of range" BUDGET},
	    {"memory_budget=101%", "101% is out of range" BUDGET},
	    {"memory_budget=%", "% is out of range" BUDGET},
	    {"memory_budget=-5%", "-5% is out of range" BUDGET},
	    {"memory_budget=10000000000%", "10000000000% is out of range" BUDGET},
	    {"memory_budget=50", "50 needs a unit" BUDGET},
	    {"memory_budget=1023K", "1023K is out of range" BUDGET},
	};

	(void)state;
	REFUSE(examples);
}

static void words_are_taken(void **state)
{
	static const struct example examples[] = {
	    {"access_log=on", "on"},
	    {"seed_routes=off", "off"},
	    {"log_format=json", "json"},
	    {"log_level=error", "error"},
	    {"log_level=debug", "debug"},
	    {"engine=avx512", "avx512"},
	    {"engine=libargon2", "libargon2"},
	    {"profile.default.preset=owasp-46m", "owasp-46m"},
	    {"profile.default.rehash=only-weaker", "only-weaker"},
	    {"pool.elastic.scheduling=idle", "idle"},
	    {"profile.default.accept=", "\"\""},
	    {"profile.default.accept=md5crypt, bcrypt", "{bcrypt, md5crypt}"},
	    {"profile.default.accept=apr1,phpass,wordpress-bcrypt",
	        "{wordpress-bcrypt, phpass, apr1}"},
	    {"profile.default.bcrypt_truncate=on", "on"},
	};

	(void)state;
	TAKE(examples);
}

static void words_are_refused(void **state)
{
	static const struct example examples[] = {
	    {"access_log=yes", "yes is not known; allowed: off or on"},
	    {"access_log=ON", "ON is not known; allowed: off or on"},
	    {"access_log=1", "1 is not known; allowed: off or on"},
	    {"log_format=xml", "xml is not known; allowed: text or json"},
	    {"log_level=warn",
	        "warn is not known; allowed: error, warning, info or debug"},
	    {"engine=sse2",
	        "sse2 is not known; allowed: auto, avx512, avx2 or libargon2"},
	    {"pool.elastic.scheduling=fifo",
	        "fifo is not known; allowed: other, batch or idle"},
	    {"profile.default.rehash=never",
	        "never is not known; allowed: any-difference or only-weaker"},
	    {"profile.default.accept=bcrypt,bcrypt",
	        "bcrypt is there twice; allowed: \"\" for none, or some of bcrypt, "
	        "yescrypt, gost-yescrypt, scrypt, sha512crypt, sha256crypt, md5crypt, "
	        "django-pbkdf2, django-scrypt, django-bcrypt, django-bcrypt-sha256, "
	        "passlib-pbkdf2, passlib-scrypt, werkzeug-pbkdf2, werkzeug-scrypt, "
	        "spring-pbkdf2, spring-scrypt, wordpress-bcrypt, phpass, apr1"},
	};

	(void)state;
	REFUSE(examples);
}

static void texts_are_taken(void **state)
{
	static const struct example examples[] = {
	    {"user=www-data", "\"www-data\""},
	    {"user=", "\"\""},
	    {"user=a\"b\\c$d", "\"a\\\"b\\\\c\\$d\""},
	    {"chroot=/var/empty", "\"/var/empty\""},
	    {"pidfile=/run/argond.pid", "\"/run/argond.pid\""},
	    {"log=syslog", "\"syslog\""},
	    {"log=/var/log/argond.log", "\"/var/log/argond.log\""},
	    {"store=sqlite:/tmp/a.db", "\"sqlite:/tmp/a.db\""},
	    {"default_pool=fixed", "\"fixed\""},
	};

	(void)state;
	TAKE(examples);
}

static void texts_are_refused(void **state)
{
	static const struct example examples[] = {
	    {"chroot=var",
	        "var is not an absolute path; allowed: an absolute path, or \"\" "
	        "for none"},
	    {"pidfile=./x",
	        "./x is not an absolute path; allowed: an absolute path, or \"\" "
	        "for none"},
	    {"log=stdin",
	        "stdin is not an absolute path; allowed: stdout, stderr, syslog or an "
	        "absolute path"},
	    {"log=", "\"\" is not an absolute path; allowed: stdout, stderr, syslog or "
	             "an absolute "
	             "path"},
	    {"store=/tmp/a.db",
	        "/tmp/a.db is not sqlite: and a path; allowed: sqlite:PATH"},
	    {"store=sqlite:",
	        "sqlite: is not sqlite: and a path; allowed: sqlite:PATH"},
	    {"default_pool=a b",
	        "a b is not a name; allowed: 1 to 31 of A-Z a-z 0-9 _ -, "
	        "the first not a -"},
	    {"default_pool=-a",
	        "-a is not a name; allowed: 1 to 31 of A-Z a-z 0-9 _ -, "
	        "the first not a -"},
	    {"profile.default.key=12345678901234567890123456789012",
	        "12345678901234567890123456789012 is not a name; allowed: 1 to 31 of "
	        "A-Z a-z "
	        "0-9 _ -, the first not a -"},
	};

	(void)state;
	REFUSE(examples);
}

static void control_bytes_are_refused_and_not_shown(void **state)
{
	char text[] = "user=a\033[2Jb";
	char *override = text;
	struct config_error err = {{0}};

	(void)state;
	assert_null(config_load(empty_file, &override, 1, &err));
	assert_string_equal(err.text, "-o user=a?[2Jb: user: a?[2Jb has a control "
	                              "byte; allowed: a name, or \"\" for "
	                              "none");
}

static void sizes_are_told_in_round_figures(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(config_size_text(0, buf, sizeof(buf)), "0K");
	assert_string_equal(config_size_text(1, buf, sizeof(buf)), "1K");
	assert_string_equal(
	    config_size_text(UINT64_C(19456) * 1024, buf, sizeof(buf)), "19M");
	assert_string_equal(
	    config_size_text(UINT64_C(19457) * 1024, buf, sizeof(buf)), "19457K");
	assert_string_equal(
	    config_size_text((200 << 20) + 1, buf, sizeof(buf)), "201M");
	assert_string_equal(
	    config_size_text(UINT64_C(3) << 30, buf, sizeof(buf)), "3G");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes_are_taken),
	    cmocka_unit_test(sizes_are_refused),
	    cmocka_unit_test(times_are_taken),
	    cmocka_unit_test(times_are_refused),
	    cmocka_unit_test(numbers_are_taken),
	    cmocka_unit_test(numbers_are_refused),
	    cmocka_unit_test(budgets_are_refused),
	    cmocka_unit_test(words_are_taken),
	    cmocka_unit_test(words_are_refused),
	    cmocka_unit_test(texts_are_taken),
	    cmocka_unit_test(texts_are_refused),
	    cmocka_unit_test(control_bytes_are_refused_and_not_shown),
	    cmocka_unit_test(sizes_are_told_in_round_figures),
	};

	return cmocka_run_group_tests(tests, empty_make, empty_remove);
}
