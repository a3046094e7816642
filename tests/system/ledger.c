#include "tests/system/ledger.h"

#include <string.h>

static struct ledger_role *find_role(struct ledger *ledger, const char *name)
{
	size_t i = 0;

	while (i < ledger->role_count && strcmp(ledger->roles[i].role, name) != 0)
		i++;
	if (i == ledger->role_count) {
		assert_in_range(i, 0, LEDGER_ROLES - 1);
		snprintf(ledger->roles[i].role, HOUSE_ROLE, "%s", name);
		ledger->role_count++;
	}
	return &ledger->roles[i];
}

/* The process has gone, or is to be seen as another. */
static void add_up(struct ledger *ledger, const struct ledger_row *row)
{
	struct ledger_role *role;

	if (row->first_kib == 0 || row->last_ms - row->first_ms < ledger->warm_ms)
		return;
	role = find_role(ledger, row->role);
	role->processes++;
	role->kib += (double)row->last_kib - (double)row->first_kib;
	role->minutes += (double)(row->last_ms - row->first_ms) / 60000;
	if (role->most_kib < row->last_kib)
		role->most_kib = row->last_kib;
}

static struct ledger_row *find_row(struct ledger *ledger, pid_t pid, const char *role)
{
	struct ledger_row *row = ledger->rows;

	while (row < ledger->rows + ledger->count &&
	       (row->pid != pid || strcmp(row->role, role) != 0))
		row++;
	if (row < ledger->rows + ledger->count)
		return row;
	if (ledger->count == PROCESS_MAX)
		return NULL;
	ledger->count++;
	*row = (struct ledger_row){.pid = pid, .born_ms = harness_now_ms()};
	snprintf(row->role, sizeof(row->role), "%s", role);
	return row;
}

static void look_at(struct ledger *ledger, pid_t pid)
{
	const uint64_t now = harness_now_ms(), kib = process_memory(pid);
	char role[HOUSE_ROLE];
	struct ledger_row *row;

	house_role(pid, role);
	row = kib > 0 ? find_row(ledger, pid, role) : NULL;
	if (row == NULL)
		return;
	row->last_ms = now;
	row->last_kib = kib;
	if (row->first_kib == 0 && now - row->born_ms >= ledger->warm_ms) {
		row->first_ms = now;
		row->first_kib = kib;
	}
}

void ledger_look(struct ledger *ledger, const struct daemon *d)
{
	const uint64_t now = harness_now_ms();
	pid_t pids[PROCESS_MAX];
	size_t n = process_children(d->pid, pids, PROCESS_MAX - 1);

	pids[n++] = d->pid;
	for (size_t i = 0; i < n; i++)
		look_at(ledger, pids[i]);
	for (size_t i = ledger->count; i-- > 0;) {
		if (ledger->rows[i].last_ms >= now)
			continue;
		add_up(ledger, &ledger->rows[i]);
		ledger->rows[i] = ledger->rows[--ledger->count];
	}
}

void ledger_close(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++)
		add_up(ledger, &ledger->rows[i]);
	ledger->count = 0;
}

void ledger_print(const struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->role_count; i++) {
		const struct ledger_role *role = &ledger->roles[i];

		printf("memory: %s: %+.0f KiB in %.1f minutes of %u processes "
		       "(%+.2f KiB a minute), at most %llu KiB\n",
		    role->role, role->kib, role->minutes, role->processes,
		    role->kib / role->minutes, (unsigned long long)role->most_kib);
	}
	fflush(stdout);
}

double ledger_slope(const struct ledger *ledger, const char *role)
{
	for (size_t i = 0; i < ledger->role_count; i++)
		if (strcmp(ledger->roles[i].role, role) == 0)
			return ledger->roles[i].kib / ledger->roles[i].minutes;
	return 0;
}
