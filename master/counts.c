#include "master/counts.h"

#include <string.h>

#include "master/master.h"

/* The role of that generation which goes on with what `role` is, or BOARD_ROLES. */
static size_t counts_same(const struct generation *g, const struct role *role)
{
	const char *name;

	if (role->kind->listens)
		return BOARD_FRONTENDS;
	name = role->generation->config->pools[role->pool].name;
	for (size_t i = 0; i < g->config->pool_count; i++)
		if (strcmp(g->config->pools[i].name, name) == 0)
			return BOARD_POOLS + i;
	return BOARD_ROLES;
}

/* Where a process is counted: in the generation in charge, or, where that has no such
 * pool, in its own, which may be in charge later. */
static const struct board *counts_board(const struct process *p, size_t *role)
{
	const struct generation *own = p->role->generation;
	const struct generation *current = own->master->current;

	*role = current != NULL ? counts_same(current, p->role) : BOARD_ROLES;
	if (*role != BOARD_ROLES)
		return &current->board;
	*role = counts_same(own, p->role);
	return &own->board;
}

void counts_spawn(const struct process *p)
{
	size_t role;
	const struct board *board = counts_board(p, &role);

	board_count_spawn(board, role);
}

void counts_exit(const struct process *p, enum exit_cause cause)
{
	size_t role;
	const struct board *board = counts_board(p, &role);

	board_count_exit(board, role, cause);
}

void counts_carry(const struct generation *to, const struct generation *from)
{
	for (size_t i = 0; i < from->role_count; i++) {
		size_t own = counts_same(from, &from->roles[i]);

		board_carry_counts(
		    &to->board, counts_same(to, &from->roles[i]), &from->board, own);
	}
}
