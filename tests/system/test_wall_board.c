/*
 * A process that was broken into, and the memory that it shares with all others of its
 * generation: it may write to its own slot of the board, and no call makes of that more
 * than its own slot.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/system/process.h"
#include "tests/system/wall.h"

enum { PAGE = 4096, AREAS = 8 };

struct area {
	unsigned long at, bytes;
	bool writable;
};

/* The process's mappings of its board. */
static size_t board_areas(pid_t pid, struct area areas[AREAS])
{
	char path[64], line[512], rights[8];
	unsigned long end;
	size_t n = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	assert_non_null(maps);
	while (n < AREAS && fgets(line, sizeof(line), maps) != NULL) {
		if (strstr(line, "memfd:argond-board") == NULL ||
		    sscanf(line, "%lx-%lx %7s", &areas[n].at, &end, rights) != 3)
			continue;
		areas[n].bytes = end - areas[n].at;
		areas[n].writable = rights[1] == 'w';
		n++;
	}
	(void)fclose(maps);
	return n;
}

/* A mapping that grows has the file's next pages, which are the next process's slot. */
static void expect_no_growth(struct remote *remote, const struct area *area)
{
	const unsigned long sizes[][2] = {{area->bytes, area->bytes + PAGE},
	    {area->bytes, 2 * area->bytes}, {PAGE, 2 * area->bytes},
	    {0, 2 * area->bytes}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const long result = remote_call(remote, SYS_mremap, area->at,
		    sizes[i][0], sizes[i][1], MREMAP_MAYMOVE, 0, 0);

		if (result >= 0)
			fail_msg("process %d: %lu bytes of its slot are %lu at %lx",
			    (int)remote->pid, sizes[i][0], sizes[i][1],
			    (unsigned long)result);
	}
}

static void expect_read_only(struct remote *remote, const struct area *area)
{
	const long result = remote_call(remote, SYS_mprotect, area->at, area->bytes,
	    PROT_READ | PROT_WRITE, 0, 0, 0);
	const long removed = remote_call(
	    remote, SYS_madvise, area->at, area->bytes, MADV_REMOVE, 0, 0, 0);

	assert_true(result < 0);
	assert_true(removed < 0);
}

static void a_process_writes_to_its_own_slot_alone(void **state)
{
	static const char *const roles[] = {
	    "frontend 0", "frontend 1", "hasher elastic/0", "hasher lookup/0"};
	struct daemon *d = *state;
	struct area areas[AREAS];
	struct remote remote;

	wall_start(d);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		const pid_t pid = wall_take(d, &remote, roles[i]);
		const size_t n = board_areas(pid, areas);
		size_t writable = 0;

		for (size_t a = 0; a < n; a++) {
			writable += areas[a].writable;
			if (areas[a].writable)
				expect_no_growth(&remote, &areas[a]);
			else
				expect_read_only(&remote, &areas[a]);
		}
		assert_int_equal(writable, 1);
		assert_true(n > 1);
		remote_close(&remote);
	}
	wall_expect_service(d);
	daemon_stop(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_process_writes_to_its_own_slot_alone),
	};

	return cmocka_run_group_tests_name("wall: board", tests, NULL, NULL);
}
