#include "common/board.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/memfd.h"

_Static_assert(sizeof(struct board_head) <= BOARD_PAGE, "the head is one page");
_Static_assert(LIMIT_LISTENERS <= 32, "board_head.ending has a bit for each listener");
_Static_assert(BOARD_SLOT_SIZE % BOARD_PAGE == 0, "slots are mapped one by one");

static size_t board_bytes(size_t slots)
{
	return BOARD_PAGE + slots * BOARD_SLOT_SIZE;
}

static int board_map(struct board *board, size_t slots)
{
	board->base = mmap(
	    NULL, board_bytes(slots), PROT_READ | PROT_WRITE, MAP_SHARED, board->fd, 0);
	if (board->base == MAP_FAILED) {
		board->base = NULL;
		return -1;
	}
	board->slots = slots;
	return memfd_seal(board->fd);
}

int board_open(struct board *board, size_t slots)
{
	*board = (struct board){.fd = -1};
	board->fd = memfd_open("argond-board", board_bytes(slots));
	if (board->fd >= 0 && board_map(board, slots) == 0) {
		for (size_t i = 0; i < slots; i++)
			board_slot_reset(board_slot(board, i), 0);
		arc4random_buf(board_head(board)->client_key, LIMIT_CLIENT_KEY);
		return 0;
	}
	board_close(board);
	return -1;
}

static void board_close_fd(struct board *board)
{
	if (board->fd >= 0)
		close(board->fd);
	board->fd = -1;
}

/* The own slot's part of the master's mapping, which is writable, is moved into the new
 * one. */
int board_attach(struct board *board, size_t own)
{
	const size_t bytes = board_bytes(board->slots);
	const size_t at = BOARD_PAGE + own * BOARD_SLOT_SIZE;
	uint8_t *view, *slot;

	if (own >= board->slots) {
		errno = EINVAL;
		return -1;
	}
	view = mmap(NULL, bytes, PROT_READ, MAP_SHARED, board->fd, 0);
	if (view == MAP_FAILED)
		return -1;
	slot = mremap(board->base + at, BOARD_SLOT_SIZE, BOARD_SLOT_SIZE,
	    MREMAP_MAYMOVE | MREMAP_FIXED, view + at);
	if (slot == MAP_FAILED) {
		munmap(view, bytes);
		return -1;
	}
	munmap(board->base, bytes);
	board->base = view;
	board_close_fd(board);
	return 0;
}

void board_close(struct board *board)
{
	int saved = errno;

	if (board->base != NULL)
		munmap(board->base, board_bytes(board->slots));
	board_close_fd(board);
	board->base = NULL;
	board->slots = 0;
	errno = saved;
}

struct board_head *board_head(const struct board *board)
{
	return (struct board_head *)(void *)board->base;
}

struct board_slot *board_slot(const struct board *board, size_t number)
{
	if (number >= board->slots)
		return NULL;
	return (struct board_slot *)(void *)(board->base + BOARD_PAGE +
	                                     number * BOARD_SLOT_SIZE);
}

static struct board_role *board_role(const struct board *board, size_t role)
{
	return role < BOARD_ROLES ? &board_head(board)->roles[role] : NULL;
}

uint64_t board_spawns(const struct board *board, size_t role)
{
	const struct board_role *r = board_role(board, role);

	return r != NULL ? atomic_load(&r->spawns) : 0;
}

uint64_t board_exits(const struct board *board, size_t role, enum exit_cause cause)
{
	const struct board_role *r = board_role(board, role);

	return r != NULL && (unsigned)cause < EXIT_CAUSE_END
	           ? atomic_load(&r->exits[cause])
	           : 0;
}

void board_count_spawn(const struct board *board, size_t role)
{
	struct board_role *r = board_role(board, role);

	if (r != NULL)
		atomic_fetch_add(&r->spawns, 1);
}

void board_count_exit(const struct board *board, size_t role, enum exit_cause cause)
{
	struct board_role *r = board_role(board, role);

	if (r != NULL && (unsigned)cause < EXIT_CAUSE_END)
		atomic_fetch_add(&r->exits[cause], 1);
}

void board_carry_counts(
    const struct board *to, size_t to_role, const struct board *from, size_t from_role)
{
	struct board_role *t = board_role(to, to_role),
	                  *f = board_role(from, from_role);

	if (t == NULL || f == NULL)
		return;
	atomic_fetch_add(&t->spawns, atomic_load(&f->spawns));
	for (unsigned i = 0; i < EXIT_CAUSE_END; i++)
		atomic_fetch_add(&t->exits[i], atomic_load(&f->exits[i]));
}

void board_slot_reset(struct board_slot *slot, uint32_t incarnation)
{
	memset(slot, 0, sizeof(*slot));
	atomic_store(&slot->incarnation, incarnation);
}

bool board_wanted(const struct board_slot *slot, uint32_t flight, uint64_t id)
{
	return slot != NULL && flight < LIMIT_FLIGHTS &&
	       atomic_load_explicit(
	           &slot->frontend.wanted[flight], memory_order_relaxed) == id;
}

bool board_claimed(const struct board_slot *slot, uint64_t id)
{
	if (slot == NULL)
		return false;
	for (unsigned i = 0; i < LIMIT_STREAMS; i++)
		if (atomic_load(&slot->hasher.claim[i]) == id)
			return true;
	return false;
}
