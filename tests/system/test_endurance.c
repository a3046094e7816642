/*
 * A long life in short: for ARGOND_ENDURANCE seconds every kind of request, clients
 * that come and go, and all that mischief.h knows. Nothing is lost but what killed
 * frontends took along, no answer is another's; and what the daemon holds at the end is
 * what it held when it had warmed up: processes, fds, memory, sockets, files.
 *
 * Storms and calm times alternate. In calm times processes grow old, so that it is seen
 * whether they grow; both looks come at the end of one.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/system/aftermath.h"
#include "tests/system/client.h"
#include "tests/system/fds.h"
#include "tests/system/house.h"
#include "tests/system/ledger.h"
#include "tests/system/load.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/mischief.h"
#include "tests/system/process.h"

enum {
	SECONDS = 10,
	SECONDS_LONG = 3600,
	WARM_MS_MAX = 60000,
	CYCLE_MS = 240000,
	RELOADS = 5
};
enum { SLACK_KIB = 1024, SLOPE_MINUTES = 10, SLOPE_KIB = 16 };

/* What there is when nothing is done. */
struct look {
	char house[HOUSE_TEXT];
	size_t sockets, zombies;
	char files[AFTERMATH_FILES];
	struct ledger_role memory[LEDGER_ROLES]; /* the most that one process has */
	size_t roles;
};

struct life {
	struct daemon *d;
	struct mischief mischief;
	struct ledger ledger;
	struct load load;
	uint64_t until, next_look;
	struct look first;
};

static uint64_t whole_ms(void)
{
	const char *text = getenv("ARGOND_ENDURANCE");
	unsigned long seconds = text != NULL ? strtoul(text, NULL, 10) : 0;

	return (uint64_t)1000 *
	       (seconds > 0 ? seconds : harness_rounds(SECONDS, SECONDS_LONG));
}

static bool live(struct load *load, void *arg)
{
	struct life *life = arg;
	const uint64_t now = harness_now_ms();

	(void)load;
	mischief_turn(&life->mischief);
	if (now >= life->next_look) {
		ledger_look(&life->ledger, life->d);
		life->next_look = now + life->ledger.warm_ms / 4;
	}
	if (now < life->until)
		return true;
	mischief_go_on(&life->mischief); /* what is under way is still awaited */
	return false;
}

/* A storm or a calm time, and then rest. */
static void live_for(struct life *life, bool calm, uint64_t ms)
{
	life->mischief.calm = calm;
	life->until = harness_now_ms() + ms;
	life->load.tick = live;
	life->load.arg = life;
	life->load.tick_ms = 20;
	load_run(&life->load);
	mischief_rest(&life->mischief);
	assert_int_equal(life->load.count[LOAD_TIMEOUT], 0);
}

/* What a first start has and an heir has not is gone with this, and so is what the old
 * one has gathered. */
static void upgrade(struct daemon *d)
{
	assert_int_equal(masters_send(d, "upgrade", NULL, 0), 0);
	masters_wait_changed(d);
}

/* The first look is at a master who has nothing behind him, the last at one who has
 * some reloads at least: what one leaves behind must show. */
static void live_cycle(struct life *life, uint64_t ms, bool first)
{
	live_for(life, false, ms * 3 / 5);
	if (first)
		upgrade(life->d);
	for (unsigned i = 0; !first && i < RELOADS; i++)
		assert_int_equal(masters_send(life->d, "reload", NULL, 0), 0);
	live_for(life, true, ms * 2 / 5);
}

/* ---- looking */

/* Those who are new have their database open, too. */
static void look_at_house(const struct daemon *d, char house[HOUSE_TEXT])
{
	assert_int_equal(client_fetch(&d->tcp, "/user/1", NULL, 0), 200);
	house_settle(d, house);
}

static void look_at_memory(const struct daemon *d, struct look *look)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	assert_non_null(ledger);
	ledger_look(ledger, d);
	ledger_look(ledger, d); /* with no time to warm up, the first was one */
	ledger_close(ledger);
	memcpy(look->memory, ledger->roles, sizeof(look->memory));
	look->roles = ledger->role_count;
	free(ledger);
}

static void look_at_all(const struct daemon *d, struct look *look)
{
	look_at_house(d, look->house);
	look->sockets = aftermath_sockets(d);
	look->zombies = process_zombies(d->pid);
	aftermath_files(d, look->files);
	look_at_memory(d, look);
}

static uint64_t memory_of(const struct look *look, const char *role)
{
	for (size_t i = 0; i < look->roles; i++)
		if (strcmp(look->memory[i].role, role) == 0)
			return look->memory[i].most_kib;
	return 0;
}

/* The first role that has more memory than it had, or NULL. What hashers give back when
 * they have been idle for seconds is waited for in long runs. */
static const char *find_grown(const struct look *before, const struct look *now)
{
	for (size_t i = 0; AFTERMATH_MEMORY_COUNTS && i < now->roles; i++) {
		const struct ledger_role *role = &now->memory[i];

		if (strncmp(role->role, "hasher", 6) == 0 && harness_rounds(0, 1) == 0)
			continue;
		if (role->most_kib > memory_of(before, role->role) + SLACK_KIB)
			return role->role;
	}
	return NULL;
}

static bool is_same(const struct look *before, const struct look *now)
{
	return strcmp(before->house, now->house) == 0 &&
	       before->sockets == now->sockets && now->zombies == 0 &&
	       strcmp(before->files, now->files) == 0 &&
	       find_grown(before, now) == NULL;
}

static void print_memory(const struct look *before, const struct look *now)
{
	for (size_t i = 0; i < now->roles; i++)
		printf("memory: %s: %llu KiB at first, %llu KiB at the end\n",
		    now->memory[i].role,
		    (unsigned long long)memory_of(before, now->memory[i].role),
		    (unsigned long long)now->memory[i].most_kib);
	fflush(stdout);
}

/* Some of it comes to rest by itself, a while after the load. */
static void expect_same(const struct daemon *d, const struct look *before)
{
	const uint64_t limit = harness_now_ms() + (uint64_t)harness_limit_ms();
	struct look now;

	look_at_all(d, &now);
	while (!is_same(before, &now) && harness_now_ms() < limit)
		look_at_all(d, &now);
	print_memory(before, &now);
	if (is_same(before, &now))
		return;
	fprintf(stderr, "before:\n%s%s\nnow:\n%s%s\n", before->house, before->files,
	    now.house, now.files);
	fail_msg("sockets %zu (%zu before), zombies %zu", now.sockets, before->sockets,
	    now.zombies);
}

/* ---- what must hold */

static void expect_little_lost(const struct life *life)
{
	const struct load *load = &life->load;
	const unsigned cut = load->count[LOAD_RESET] + load->count[LOAD_RESET_IDLE] +
	                     load->count[LOAD_PARTIAL];

	assert_int_equal(load->count[LOAD_WRONG], 0);
	if (load->count[LOAD_FAILED] > 0)
		fail_msg("an answer with status %d", load->failed_status);
	assert_int_equal(
	    load->count[LOAD_OK] + load->count[LOAD_SHED] + cut, load->answered);
	assert_in_range(cut + life->mischief.leavers.cut, 0, life->mischief.owned);
}

/* Nobody has died of anything but what was done to him. */
static void expect_no_crash(const struct daemon *d)
{
	static const char crash[] =
	    "killed by SIG(SEGV|ABRT|BUS|SYS|ILL|FPE|PIPE|TERM|ALRM)|"
	    "(frontend|hasher elastic/|hasher fixed/|hasher lookup/)[ "
	    "0-9]*\\([0-9]+\\) "
	    "(exited with status|gave up|saw no master)";

	if (log_tail_has(d->log, 0, crash))
		fail_msg("the log tells of one who has crashed");
}

static void expect_no_slope(const struct ledger *ledger)
{
	for (size_t i = 0; AFTERMATH_MEMORY_COUNTS && i < ledger->role_count; i++) {
		const struct ledger_role *role = &ledger->roles[i];

		if (role->minutes >= SLOPE_MINUTES && role->kib > SLACK_KIB &&
		    role->kib / role->minutes > SLOPE_KIB)
			fail_msg("%s grows", role->role);
	}
}

static void start(struct daemon *d)
{
	daemon_start(d, AFTERMATH_DAEMON, "profile.default.memory=1M",
	    "verify_max_memory=1M", NULL);
}

static void test_endurance(void **state)
{
	struct daemon *d = *state;
	struct life *life;
	const uint64_t whole = whole_ms();
	uint64_t warm = whole / 10 < WARM_MS_MAX ? whole / 10 : WARM_MS_MAX;
	const uint64_t cycles = 1 + (whole - warm) / CYCLE_MS;

	masters_copy(d); /* what is built meanwhile is another thing */
	d->files_expected = true;
	start(d);
	if (!process_titles_visible(d) || !fds_visible(process_find(d, "frontend 0"))) {
		daemon_stop(d);
		print_message("only root sees what a frontend has open\n");
		skip();
	}
	life = calloc(1, sizeof(*life));
	assert_non_null(life);
	life->d = d;
	life->load = (struct load){LOAD_OF_A_ROW(d), .mixed = true};
	life->ledger.warm_ms = whole / 50 < 10000 ? whole / 50 : 10000;
	life->mischief.spare_ms = (unsigned)(warm < 15000 ? warm : 15000);
	srand((unsigned)time(NULL));
	mischief_begin(&life->mischief, d);

	live_cycle(life, warm, true);
	look_at_all(d, &life->first);
	for (uint64_t i = 0; i < cycles; i++)
		live_cycle(life, (whole - warm) / cycles, false);
	ledger_close(&life->ledger);

	load_print(&life->load, "endurance");
	mischief_print(&life->mischief);
	ledger_print(&life->ledger);
	expect_little_lost(life);
	expect_same(d, &life->first);
	expect_no_crash(d);
	expect_no_slope(&life->ledger);
	mischief_end(&life->mischief);
	free(life);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    masters_test(test_endurance),
	};

	return cmocka_run_group_tests_name("endurance", tests, NULL, NULL);
}
