#include "tests/system/peek.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/system/fds.h"
#include "tests/system/process.h"

/* The master's memfd by its name; -1 where it cannot be seen. */
static int open_board(pid_t master)
{
	struct fd_list *list = calloc(1, sizeof(*list));
	char path[64];
	int fd = -1;

	assert_non_null(list);
	if (fds_list(master, list))
		for (size_t i = 0; fd < 0 && i < list->count; i++) {
			if (strstr(list->entries[i].target, "memfd:argond-board") ==
			    NULL)
				continue;
			snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)master,
			    list->entries[i].fd);
			fd = open(path, O_RDONLY | O_CLOEXEC);
		}
	free(list);
	return fd;
}

/*
 * Which slots belong to which role: the living processes have theirs in the order
 * frontends, elastic, fixed, lookup, between free ones. False while the two do not
 * agree.
 */
struct census {
	struct peek *peek;
	const struct daemon *d;
};

static bool take_census(void *arg)
{
	static const char *const names[] = {
	    "frontend ", "hasher elastic/", "hasher fixed/", "hasher lookup/"};
	const struct census *census = arg;
	size_t counts[4], total = 0, seen = 0;

	for (size_t i = 0; i < 4; i++)
		total += counts[i] = process_count(census->d, names[i]);
	for (size_t s = 0; s < census->peek->board.slots; s++) {
		if (atomic_load(&board_slot(&census->peek->board, s)->incarnation) == 0)
			continue;
		for (size_t i = 0, before = counts[0]; i < PEEK_POOLS;
		     before += counts[++i])
			if (seen == before)
				census->peek->pool_slot[i] = s;
		seen++;
	}
	return seen == total && counts[1] > 0 && counts[2] > 0 && counts[3] > 0;
}

bool peek_open(struct peek *peek, const struct daemon *d)
{
	struct census census = {.peek = peek, .d = d};
	int fd = process_titles_visible(d) ? open_board(d->pid) : -1;
	struct stat st;
	void *base;

	*peek = (struct peek){.board = {.fd = -1}};
	if (fd < 0)
		return false;
	assert_return_code(fstat(fd, &st), errno);
	peek->bytes = (size_t)st.st_size;
	peek->board.slots = (peek->bytes - BOARD_PAGE) / BOARD_SLOT_SIZE;
	base = mmap(NULL, peek->bytes, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	assert_ptr_not_equal(base, MAP_FAILED);
	peek->board.base = base;
	wait_until(take_census, &census, "every process with a slot of its own");
	return true;
}

void peek_close(struct peek *peek)
{
	munmap(peek->board.base, peek->bytes);
	*peek = (struct peek){0};
}

uint64_t peek_claim(const struct peek *peek, size_t slot)
{
	const struct board_slot *s = board_slot(&peek->board, slot);
	uint64_t id;

	assert_non_null(s);
	for (size_t i = 0; i < LIMIT_STREAMS; i++) {
		id = atomic_load(&s->hasher.claim[i]);
		if (id != 0)
			return id;
	}
	return 0;
}

unsigned peek_jobs(const struct peek *peek, size_t frontends, size_t pool)
{
	unsigned n = 0;

	for (size_t i = 0; i < frontends; i++) {
		const struct board_slot *s = board_slot(&peek->board, i);

		assert_non_null(s);
		n += atomic_load(&s->frontend.waiting[pool]) +
		     atomic_load(&s->frontend.in_flight[pool]);
	}
	return n;
}

/* What the waits below look at. */
struct look {
	const struct peek *peek;
	size_t slot, frontends, pool;
	unsigned jobs;
	uint64_t claim;
};

static bool has_claim(void *arg)
{
	struct look *look = arg;

	look->claim = peek_claim(look->peek, look->slot);
	return look->claim != 0;
}

uint64_t peek_wait_claim(const struct peek *peek, size_t slot)
{
	struct look look = {.peek = peek, .slot = slot};

	wait_until(has_claim, &look, "a hasher with a job in hand");
	return look.claim;
}

static bool has_jobs(void *arg)
{
	const struct look *look = arg;

	return peek_jobs(look->peek, look->frontends, look->pool) >= look->jobs;
}

void peek_wait_jobs(const struct peek *peek, size_t frontends, size_t pool, unsigned n)
{
	struct look look = {
	    .peek = peek, .frontends = frontends, .pool = pool, .jobs = n};

	wait_until(has_jobs, &look, "jobs that wait");
}

static bool is_idle(void *arg)
{
	const struct look *look = arg;
	const struct board *board = &look->peek->board;
	size_t slot;

	for (size_t pool = 0; pool < PEEK_POOLS; pool++)
		if (peek_jobs(look->peek, look->frontends, pool) != 0)
			return false;
	for (slot = 0; slot < look->frontends; slot++)
		for (size_t i = 0; i < LIMIT_FLIGHTS; i++)
			if (atomic_load(&board_slot(board, slot)->frontend.wanted[i]) !=
			    0)
				return false;
	for (slot = look->peek->pool_slot[PEEK_ELASTIC]; slot < board->slots; slot++)
		if (peek_claim(look->peek, slot) != 0)
			return false;
	return true;
}

void peek_wait_idle(const struct peek *peek, size_t frontends)
{
	struct look look = {.peek = peek, .frontends = frontends};

	wait_until(is_idle, &look, "nothing wanted and nothing in hand");
}

uint64_t peek_freeze(const struct peek *peek, size_t slot, pid_t pid)
{
	uint64_t claim;

	for (;;) {
		peek_wait_claim(peek, slot);
		process_stop(pid);
		claim = peek_claim(peek, slot);
		if (claim != 0)
			return claim;
		kill(pid, SIGCONT); /* it was quicker */
	}
}
