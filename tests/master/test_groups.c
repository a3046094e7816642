/*
 * Control groups, in a folder that looks like a delegated one: what is written where.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "master/groups.h"

enum { TEXT = 256 };

struct place {
	char root[64], ours[96];
	struct config_pool pools[1];
	struct config config;
};

static void put(const char *folder, const char *file, const char *text)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void expect(const char *folder, const char *file, const char *text)
{
	char path[512], found[TEXT] = "";
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_true(fread(found, 1, sizeof(found) - 1, in) > 0 || *text == '\0');
	fclose(in);
	assert_string_equal(found, text);
}

/* A group as the kernel would fill it. */
static void make_group(const char *folder)
{
	assert_true(mkdir(folder, 0755) == 0 || errno == EEXIST);
	put(folder, "cgroup.procs", "");
	put(folder, "memory.max", "max\n");
	put(folder, "cpu.weight", "100\n");
}

static int open_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	char folder[160];

	assert_non_null(p);
	strcpy(p->root, "/tmp/argond-test-XXXXXX");
	assert_non_null(mkdtemp(p->root));
	snprintf(p->ours, sizeof(p->ours), "%s/service", p->root);
	make_group(p->ours);
	put(p->ours, "cgroup.controllers", "cpuset cpu io memory pids\n");
	put(p->ours, "cgroup.subtree_control", "");
	snprintf(folder, sizeof(folder), "%s/argond.main", p->ours);
	make_group(folder);
	snprintf(folder, sizeof(folder), "%s/argond.web", p->ours);
	make_group(folder);
	p->pools[0] = (struct config_pool){.name = "web",
	    .jobs = CONFIG_JOBS_HASH,
	    .max_processes = 3,
	    .cpu_weight = 42,
	    .memory_limit = UINT64_C(100) << 20};
	p->config.pools = p->pools;
	p->config.pool_count = 1;
	assert_int_equal(log_open("/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_INFO), 0);
	*state = p;
	return 0;
}

static int close_place(void **state)
{
	struct place *p = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", p->root);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	free(p);
	return 0;
}

static void a_delegated_group_is_divided(void **state)
{
	struct place *p = *state;
	struct groups groups;
	char folder[160];

	groups_open(&groups, p->root, "0::/service\n");
	assert_true(groups.on);
	expect(p->ours, "cgroup.subtree_control", "+memory +cpu");
	snprintf(folder, sizeof(folder), "%s/argond.main", p->ours);
	expect(folder, "cgroup.procs", "0");
	assert_int_equal(groups_pool(&groups, &p->config, &p->pools[0]), 0);
	snprintf(folder, sizeof(folder), "%s/argond.web", p->ours);
	/* 3 processes of 100M + 64M, in two generations */
	expect(folder, "memory.max", "1031798784");
	expect(folder, "cpu.weight", "42");
	assert_int_equal(groups_join(&groups, &p->pools[0]), 0);
	expect(folder, "cgroup.procs", "0");
	groups_close(&groups);
	assert_false(groups.on);
	expect(p->ours, "cgroup.subtree_control", "-memory -cpu");
	expect(p->ours, "cgroup.procs", "0");
}

static void a_successor_uses_the_same_groups(void **state)
{
	struct place *p = *state;
	struct groups groups;

	groups_open(&groups, p->root, "4:memory:/elsewhere\n0::/service/argond.main\n");
	assert_true(groups.on);
	assert_string_equal(groups.base, p->ours);
}

static void without_controllers_nothing_is_touched(void **state)
{
	struct place *p = *state;
	struct groups groups;

	put(p->ours, "cgroup.controllers", "cpuset memory\n");
	groups_open(&groups, p->root, "0::/service\n");
	assert_false(groups.on);
	expect(p->ours, "cgroup.subtree_control", "");
	assert_int_equal(groups_pool(&groups, &p->config, &p->pools[0]), 0);
	assert_int_equal(groups_join(&groups, &p->pools[0]), 0);
}

static void only_v1_or_the_machines_root_is_left_alone(void **state)
{
	struct place *p = *state;
	struct groups groups;

	groups_open(&groups, p->root, "4:memory:/service\n");
	assert_false(groups.on);
	put(p->root, "cgroup.controllers", "cpu memory\n");
	groups_open(&groups, p->root, "0::/\n");
	assert_false(groups.on);
	groups_open(&groups, p->root, "");
	assert_false(groups.on);
}

/* Others live in it: the kernel refuses to share it out, and we go back. */
static void a_group_that_cannot_be_divided_is_given_up(void **state)
{
	struct place *p = *state;
	struct groups groups;
	char path[160];

	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", p->ours);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0); /* cannot be written to, even by root */
	groups_open(&groups, p->root, "0::/service\n");
	assert_false(groups.on);
	expect(p->ours, "cgroup.procs", "0");
}

static void a_limit_that_cannot_be_set_is_an_error(void **state)
{
	struct place *p = *state;
	struct groups groups;
	char path[160];

	groups_open(&groups, p->root, "0::/service\n");
	snprintf(path, sizeof(path), "%s/argond.web/memory.max", p->ours);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(groups_pool(&groups, &p->config, &p->pools[0]), -1);
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)
	const struct CMUnitTest tests[] = {
	    IN_PLACE(a_delegated_group_is_divided),
	    IN_PLACE(a_successor_uses_the_same_groups),
	    IN_PLACE(without_controllers_nothing_is_touched),
	    IN_PLACE(only_v1_or_the_machines_root_is_left_alone),
	    IN_PLACE(a_group_that_cannot_be_divided_is_given_up),
	    IN_PLACE(a_limit_that_cannot_be_set_is_an_error),
	};

	return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
