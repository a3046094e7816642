/* common/board.c: who sees what, who may write where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/board.h"

enum { SLOTS = 3, OWN = 1 };

static int open_board(void **state)
{
	struct board *board = calloc(1, sizeof(*board));

	assert_non_null(board);
	assert_int_equal(board_open(board, SLOTS), 0);
	*state = board;
	return 0;
}

static int close_board(void **state)
{
	board_close(*state);
	free(*state);
	return 0;
}

/* Runs `what` in a child that has attached itself to slot OWN; returns its wait status.
 */
static int in_child(struct board *board, int (*what)(struct board *board))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL); /* not cmocka's handler, nor a sanitizer's */
		if (board_attach(board, OWN) != 0)
			_exit(99);
		_exit(what(board));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void a_new_board_is_free_and_zero(void **state)
{
	const struct board *board = *state;

	assert_int_equal(atomic_load(&board_head(board)->frontends), 0);
	for (size_t i = 0; i < SLOTS; i++) {
		assert_int_equal(atomic_load(&board_slot(board, i)->incarnation), 0);
		assert_int_equal((uintptr_t)board_slot(board, i) % BOARD_PAGE, 0);
	}
	assert_ptr_not_equal(board_slot(board, 0), board_slot(board, 1));
}

static void there_is_no_slot_beyond_the_last(void **state)
{
	const struct board *board = *state;

	assert_non_null(board_slot(board, SLOTS - 1));
	assert_null(board_slot(board, SLOTS));
	assert_null(board_slot(board, SIZE_MAX));
}

static void reset_gives_a_slot_a_fresh_start(void **state)
{
	struct board_slot *slot = board_slot(*state, 0);

	atomic_store(&slot->hasher.claim[3], 9);
	atomic_store(&slot->hasher.done, 5);
	board_slot_reset(slot, 77);
	assert_int_equal(atomic_load(&slot->incarnation), 77);
	assert_int_equal(atomic_load(&slot->hasher.claim[3]), 0);
	assert_int_equal(atomic_load(&slot->hasher.done), 0);
}

static void a_job_is_wanted_by_its_flight_and_id(void **state)
{
	struct board_slot *slot = board_slot(*state, 0);

	atomic_store(&slot->frontend.wanted[LIMIT_FLIGHTS - 1], 42);
	assert_true(board_wanted(slot, LIMIT_FLIGHTS - 1, 42));
	assert_false(board_wanted(slot, LIMIT_FLIGHTS - 1, 43));
	assert_false(board_wanted(slot, 0, 42));
	assert_false(board_wanted(slot, LIMIT_FLIGHTS, 42));
	assert_false(board_wanted(slot, UINT32_MAX, 42));
	assert_false(board_wanted(NULL, 0, 42));
}

static void a_claim_is_found_in_any_place(void **state)
{
	struct board_slot *slot = board_slot(*state, 0);

	for (unsigned i = 0; i < LIMIT_STREAMS; i++) {
		atomic_store(&slot->hasher.claim[i], 42);
		assert_true(board_claimed(slot, 42));
		assert_false(board_claimed(slot, 41));
		atomic_store(&slot->hasher.claim[i], 0);
		assert_false(board_claimed(slot, 42));
	}
	assert_false(board_claimed(NULL, 42));
}

static int write_own_slot(struct board *board)
{
	atomic_store(&board_slot(board, OWN)->hasher.done, 12);
	return atomic_load(&board_head(board)->frontends) == 4 &&
	               atomic_load(&board_slot(board, 0)->hasher.done) == 5
	           ? 0
	           : 1;
}

static void a_child_sees_all_and_writes_its_own(void **state)
{
	struct board *board = *state;

	atomic_store(&board_head(board)->frontends, 4);
	atomic_store(&board_slot(board, 0)->hasher.done, 5);
	assert_int_equal(in_child(board, write_own_slot), 0);
	assert_int_equal(atomic_load(&board_slot(board, OWN)->hasher.done), 12);
}

static int write_head(struct board *board)
{
	atomic_store(&board_head(board)->frontends, 1);
	return 0;
}

static int write_slot_before(struct board *board)
{
	atomic_store(&board_slot(board, OWN - 1)->hasher.done, 1);
	return 0;
}

static int write_slot_after(struct board *board)
{
	atomic_store(&board_slot(board, OWN + 1)->hasher.done, 1);
	return 0;
}

static void assert_dies(struct board *board, int (*what)(struct board *board))
{
	int status = in_child(board, what);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void a_child_cannot_write_what_is_not_its_own(void **state)
{
	struct board *board = *state;

	assert_dies(board, write_head);
	assert_dies(board, write_slot_before);
	assert_dies(board, write_slot_after);
	assert_int_equal(atomic_load(&board_head(board)->frontends), 0);
}

/* 0 where all of it is refused. */
static int try_to_make_it_writable(struct board *board)
{
	struct board_slot *other = board_slot(board, OWN + 1);

	if (mprotect(board_head(board), BOARD_PAGE, PROT_READ | PROT_WRITE) == 0 ||
	    errno != EACCES)
		return 1;
	if (mprotect(other, BOARD_SLOT_SIZE, PROT_READ | PROT_WRITE) == 0 ||
	    errno != EACCES)
		return 2;
	return board->fd == -1 ? 0 : 3;
}

static void a_child_cannot_make_the_rest_writable(void **state)
{
	assert_int_equal(in_child(*state, try_to_make_it_writable), 0);
}

static void a_slot_that_is_none_cannot_be_attached(void **state)
{
	struct board *board = *state;

	assert_int_equal(board_attach(board, SLOTS), -1);
	assert_int_equal(errno, EINVAL);
	assert_non_null(board_slot(board, 0)); /* the master's view is untouched */
	board_slot_reset(board_slot(board, 0), 1);
}

static void what_became_of_processes_is_counted(void **state)
{
	struct board *board = *state;

	for (size_t role = 0; role < BOARD_ROLES; role++) {
		assert_int_equal(board_spawns(board, role), 0);
		for (int i = 0; i < EXIT_CAUSE_END; i++)
			assert_int_equal(
			    board_exits(board, role, (enum exit_cause)i), 0);
	}
	board_count_spawn(board, BOARD_FRONTENDS);
	board_count_spawn(board, BOARD_POOLS + 1);
	board_count_spawn(board, BOARD_POOLS + 1);
	board_count_exit(board, BOARD_POOLS + 1, EXIT_CAUSE_MEMORY);
	assert_int_equal(board_spawns(board, BOARD_FRONTENDS), 1);
	assert_int_equal(board_spawns(board, BOARD_POOLS), 0);
	assert_int_equal(board_spawns(board, BOARD_POOLS + 1), 2);
	assert_int_equal(board_exits(board, BOARD_POOLS + 1, EXIT_CAUSE_MEMORY), 1);
	assert_int_equal(board_exits(board, BOARD_POOLS + 1, EXIT_CAUSE_KILLED), 0);
	assert_int_equal(board_exits(board, BOARD_FRONTENDS, EXIT_CAUSE_MEMORY), 0);
}

static void what_is_no_role_or_cause_is_not_counted(void **state)
{
	struct board *board = *state;

	board_count_spawn(board, BOARD_ROLES);
	board_count_exit(board, BOARD_ROLES, EXIT_CAUSE_LEFT);
	board_count_exit(board, 0, EXIT_CAUSE_END);
	board_carry_counts(board, BOARD_ROLES, board, 0);
	board_carry_counts(board, 0, board, BOARD_ROLES);
	assert_int_equal(board_spawns(board, BOARD_ROLES), 0);
	assert_int_equal(board_exits(board, BOARD_ROLES, EXIT_CAUSE_LEFT), 0);
	assert_int_equal(board_exits(board, 0, EXIT_CAUSE_END), 0);
	assert_int_equal(atomic_load(&board_head(board)->alive[0]), 0);
}

static void counts_are_carried_on_top_of_what_is_there(void **state)
{
	struct board *board = *state, next;

	assert_int_equal(board_open(&next, 1), 0);
	board_count_spawn(board, BOARD_POOLS);
	board_count_exit(board, BOARD_POOLS, EXIT_CAUSE_CPU);
	board_count_spawn(&next, BOARD_POOLS + 2);
	board_count_exit(&next, BOARD_POOLS + 2, EXIT_CAUSE_LEFT);
	board_carry_counts(&next, BOARD_POOLS + 2, board, BOARD_POOLS);
	assert_int_equal(board_spawns(&next, BOARD_POOLS + 2), 2);
	assert_int_equal(board_exits(&next, BOARD_POOLS + 2, EXIT_CAUSE_CPU), 1);
	assert_int_equal(board_exits(&next, BOARD_POOLS + 2, EXIT_CAUSE_LEFT), 1);
	assert_int_equal(board_spawns(board, BOARD_POOLS), 1);
	board_close(&next);
}

static int child_counts(struct board *board)
{
	if (board_spawns(board, BOARD_POOLS) != 1)
		return 1;
	board_count_spawn(board, BOARD_POOLS); /* not its to write: it ends here */
	return 0;
}

static void a_child_may_read_the_counts_only(void **state)
{
	struct board *board = *state;
	int status;

	board_count_spawn(board, BOARD_POOLS);
	status = in_child(board, child_counts);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	assert_int_equal(board_spawns(board, BOARD_POOLS), 1);
}

#define WITH_BOARD(test) cmocka_unit_test_setup_teardown(test, open_board, close_board)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_BOARD(a_new_board_is_free_and_zero),
	    WITH_BOARD(there_is_no_slot_beyond_the_last),
	    WITH_BOARD(reset_gives_a_slot_a_fresh_start),
	    WITH_BOARD(a_job_is_wanted_by_its_flight_and_id),
	    WITH_BOARD(a_claim_is_found_in_any_place),
	    WITH_BOARD(a_child_sees_all_and_writes_its_own),
	    WITH_BOARD(a_child_cannot_write_what_is_not_its_own),
	    WITH_BOARD(a_child_cannot_make_the_rest_writable),
	    WITH_BOARD(a_slot_that_is_none_cannot_be_attached),
	    WITH_BOARD(what_became_of_processes_is_counted),
	    WITH_BOARD(what_is_no_role_or_cause_is_not_counted),
	    WITH_BOARD(counts_are_carried_on_top_of_what_is_there),
	    WITH_BOARD(a_child_may_read_the_counts_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
