/* Directives that take several values: jobs, CPUs, addresses. */
#include "tests/common/config_example.h"

static void jobs_are_taken(void **state)
{
	static const struct example examples[] = {
	    {"pool.web.jobs=hash", "{hash}"},
	    {"pool.web.jobs=verify, hash", "{hash, verify}"},
	    {"pool.web.jobs=lookup", "{lookup}"},
	    {"pool.elastic.jobs=hash", "{hash}"},
	};

	(void)state;
	TAKE(examples);
}

static void jobs_are_refused(void **state)
{
#define JOBS "; allowed: {hash}, {verify}, {hash, verify} or {lookup}"
	static const struct example examples[] = {
	    {"pool.web.jobs=", "\"\" is not known" JOBS},
	    {"pool.web.jobs=cook", "cook is not known" JOBS},
	    {"pool.web.jobs=hash,hash", "hash is there twice" JOBS},
	    {"pool.web.jobs=hash,", "\"\" is not known" JOBS},
	    {"pool.web.jobs=hash,lookup", "lookup with others; allowed: a pool of its "
	                                  "own, for its processes open a "
	                                  "database and must see no password"},
	};

	(void)state;
	REFUSE(examples);
}

static void cpu_lists_are_taken(void **state)
{
	static const struct example examples[] = {
	    {"frontend.cpu_affinity=0", "\"0\""},
	    {"frontend.cpu_affinity=5,0-3,4", "\"0-5\""},
	    {"frontend.cpu_affinity=0, 2 ,4", "\"0,2,4\""},
	    {"frontend.cpu_affinity=1023", "\"1023\""},
	    {"frontend.cpu_affinity=0-1023", "\"0-1023\""},
	    {"frontend.cpu_affinity=", "\"\""},
	    {"pool.fixed.cpu_affinity=7-7", "\"7\""},
	};

	(void)state;
	TAKE(examples);
}

static void cpu_lists_are_refused(void **state)
{
#define CPUS                                                                           \
	" is not a CPU or a range of them; allowed: CPUs and ranges as in 0-3,5, or "  \
	"\"\" "                                                                        \
	"for no binding"
	static const struct example examples[] = {
	    {"frontend.cpu_affinity=1024", "1024" CPUS},
	    {"frontend.cpu_affinity=3-1", "3-1" CPUS},
	    {"frontend.cpu_affinity=0-", "0-" CPUS},
	    {"frontend.cpu_affinity=-1", "-1" CPUS},
	    {"frontend.cpu_affinity=a", "a" CPUS},
	    {"frontend.cpu_affinity=0,,1", "\"\"" CPUS},
	    {"frontend.cpu_affinity=0-1-2", "0-1-2" CPUS},
	    {"frontend.cpu_affinity=00000000000000000000001",
	        "00000000000000000000001" CPUS},
	};

	(void)state;
	REFUSE(examples);
}

static void addresses_are_taken(void **state)
{
	static const struct example examples[] = {
	    {"listen=127.0.0.1:8080", "{\"127.0.0.1:8080\"}"},
	    {"listen=*:0,*:0", "{\"*:0\", \"*:0\"}"},
	    {"listen=[::1]:80, [::]:80", "{\"[::1]:80\", \"[::]:80\"}"},
	    {"listen=unix:/run/a.sock", "{\"unix:/run/a.sock\"}"},
	    {"listen=unix:/run/a.sock?mode=0660&group=root",
	        "{\"unix:/run/a.sock?mode=0660&group=root\"}"},
	    {"listen=unix:/run/a.sock?group=33", "{\"unix:/run/a.sock?group=33\"}"},
	};

	(void)state;
	TAKE(examples);
}

static void addresses_are_refused(void **state)
{
#define LISTEN                                                                         \
	"; allowed: 127.0.0.1:8080, [::1]:8080, *:8080 (every IPv4 address), "         \
	"unix:/path?mode=0660&group=www-data"
	static const struct example examples[] = {
	    {"listen=", "\"\" has no port" LISTEN},
	    {"listen=8080", "8080 has no port" LISTEN},
	    {"listen=localhost:80",
	        "localhost:80 is not an address (names are not looked up)" LISTEN},
	    {"listen=127.1:80",
	        "127.1:80 is not an address (names are not looked up)" LISTEN},
	    {"listen=127.0.0.1:", "127.0.0.1: has no port of 0 to 65535" LISTEN},
	    {"listen=127.0.0.1:65536",
	        "127.0.0.1:65536 has no port of 0 to 65535" LISTEN},
	    {"listen=127.0.0.1:http",
	        "127.0.0.1:http has no port of 0 to 65535" LISTEN},
	    {"listen=::1:80",
	        "::1:80 is not an address (names are not looked up)" LISTEN},
	    {"listen=[::1]", "[::1] has no ]: before its port" LISTEN},
	    {"listen=[::1", "[::1 has no ]: before its port" LISTEN},
	    {"listen=[::g]:80", "[::g]:80 is not an IPv6 address" LISTEN},
	    {"listen=*:80,0.0.0.0:80", "0.0.0.0:80 is there twice" LISTEN},
	    {"listen=[::1]:80,[0:0::1]:80", "[0:0::1]:80 is there twice" LISTEN},
	    {"listen=unix:/a,unix:/a?mode=0600",
	        "unix:/a?mode=0600 is there twice" LISTEN},
	    {"listen=unix:a", "unix:a is not an absolute path" LISTEN},
	    {"listen=unix:", "unix: is not an absolute path" LISTEN},
	    {"listen=unix:/a?mode=0888",
	        "unix:/a?mode=0888 has no mode of 0 to 0777 (octal)" LISTEN},
	    {"listen=unix:/a?mode=1777",
	        "unix:/a?mode=1777 has no mode of 0 to 0777 (octal)" LISTEN},
	    {"listen=unix:/a?mode=",
	        "unix:/a?mode= has no mode of 0 to 0777 (octal)" LISTEN},
	    {"listen=unix:/a?mode=0600&mode=0600",
	        "unix:/a?mode=0600&mode=0600 has two modes" LISTEN},
	    {"listen=unix:/a?group=0&group=0",
	        "unix:/a?group=0&group=0 has two groups" LISTEN},
	    {"listen=unix:/a?group=no-such-group",
	        "unix:/a?group=no-such-group names a group that is not there" LISTEN},
	    {"listen=unix:/a?group=",
	        "unix:/a?group= names a group that is not there" LISTEN},
	    {"listen=unix:/a?owner=0",
	        "unix:/a?owner=0 asks for more than mode= and group=" LISTEN},
	};

	(void)state;
	REFUSE(examples);
}

static void an_address_is_what_it_says(void **state)
{
	char text[] = "listen=1.2.3.4:258,unix:/run/x?mode=0640&group=7,[::2]:1";
	char *override = text;
	struct config_error err = {{0}};
	struct config *config = config_load(empty_file, &override, 1, &err);
	const struct config_listen *listen;

	(void)state;
	assert_non_null(config);
	listen = config->listen;
	assert_int_equal(config->listen_count, 3);
	assert_int_equal(listen[0].addr.ss_family, AF_INET);
	assert_memory_equal(&listen[0].addr, "\2\0\1\2\1\2\3\4", 8);
	assert_int_equal(listen[1].addr.ss_family, AF_UNIX);
	assert_string_equal((const char *)&listen[1].addr + 2, "/run/x");
	assert_true(listen[1].has_mode && listen[1].has_group);
	assert_int_equal(listen[1].mode, 0640);
	assert_int_equal(listen[1].group, 7);
	assert_int_equal(listen[2].addr.ss_family, AF_INET6);
	assert_false(listen[2].has_mode || listen[2].has_group);
	config_free(config);
}

static void a_long_socket_path_is_refused(void **state)
{
	char text[256] = "listen=unix:/";
	char *override = text;
	struct config_error err = {{0}};
	struct config *config;

	(void)state;
	memset(text + 13, 'a', 106);
	config = config_load(empty_file, &override, 1, &err);
	assert_non_null(config);
	config_free(config);
	text[13 + 106] = 'a';
	assert_null(config_load(empty_file, &override, 1, &err));
	assert_non_null(strstr(err.text, "has a path of more than 107 bytes"));
	memset(text + 13, 'a', 200);
	assert_null(config_load(empty_file, &override, 1, &err));
	assert_non_null(strstr(err.text, "is longer than 159 bytes"));
}

static void too_many_addresses_are_refused(void **state)
{
	char text[1024] = "listen=*:1";
	char *override = text;
	struct config_error err = {{0}};
	struct config *config;

	(void)state;
	for (int i = 2; i <= LIMIT_LISTENERS; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",*:%d", i);
	config = config_load(empty_file, &override, 1, &err);
	assert_non_null(config);
	assert_int_equal(config->listen_count, LIMIT_LISTENERS);
	config_free(config);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), ",*:99");
	assert_null(config_load(empty_file, &override, 1, &err));
	assert_non_null(strstr(err.text, "*:99 is one more than 32"));
}

static void hosts_are_held_as_they_are_compared(void **state)
{
	static const struct example examples[] = {
	    {"allowed_hosts=", "\"\""},
	    {"allowed_hosts=LocalHost", "{\"localhost\"}"},
	    {"allowed_hosts=a.example., 127.0.0.1, [0:0::1]",
	        "{\"a.example\", \"127.0.0.1\", \"[::1]\"}"},
	};

	(void)state;
	TAKE(examples);
}

static void hosts_are_refused(void **state)
{
#define HOSTS                                                                          \
	"; allowed: \"\" for any, or names and addresses without a port, as in "       \
	"example.org, 127.0.0.1, [::1]"
	static const struct example examples[] = {
	    {"allowed_hosts=a,A.", "A. is there twice" HOSTS},
	    {"allowed_hosts=[::1],[0::1]", "[0::1] is there twice" HOSTS},
	    {"allowed_hosts=a:80", "a:80 is not a host" HOSTS},
	    {"allowed_hosts=a,", "\"\" is not a host" HOSTS},
	    {"allowed_hosts=::1", "::1 is not a host" HOSTS},
	};

	(void)state;
	REFUSE(examples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts_are_held_as_they_are_compared),
	    cmocka_unit_test(hosts_are_refused),
	    cmocka_unit_test(jobs_are_taken),
	    cmocka_unit_test(jobs_are_refused),
	    cmocka_unit_test(cpu_lists_are_taken),
	    cmocka_unit_test(cpu_lists_are_refused),
	    cmocka_unit_test(addresses_are_taken),
	    cmocka_unit_test(addresses_are_refused),
	    cmocka_unit_test(an_address_is_what_it_says),
	    cmocka_unit_test(a_long_socket_path_is_refused),
	    cmocka_unit_test(too_many_addresses_are_refused),
	};

	return cmocka_run_group_tests(tests, empty_make, empty_remove);
}
