#include "common/locked.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/log.h"

enum { PAGE = 4096, ORDERS = 20, SMALL = 16, ABOVE = 2 * PAGE };

#define NONE UINT32_MAX

/* A block by its first unit; for any other unit it says nothing. */
struct block {
	uint32_t next, prev; /* free: others of the same order, or NONE */
	uint32_t size;       /* used: bytes that were asked for */
	uint8_t order;       /* LOCKED_UNIT << order bytes */
	bool used, free;     /* neither: not the first unit of a block */
};

/* What malloc() gave: the size is before the bytes. */
struct outside {
	size_t size;
	_Alignas(LOCKED_UNIT) uint8_t bytes[];
};

static struct heap {
	uint8_t *base; /* NULL: not open */
	uint32_t units;
	struct block *blocks;  /* one for each unit */
	uint32_t free[ORDERS]; /* the first of each order, or NONE */
	uint64_t canary;
	size_t missed;
	bool whole; /* it is as large as was asked for */
} heap;

/* ---- blocks ---- */

static void list_add(uint32_t unit, uint8_t order)
{
	struct block *block = &heap.blocks[unit];

	*block = (struct block){
	    .order = order, .free = true, .next = heap.free[order], .prev = NONE};
	if (block->next != NONE)
		heap.blocks[block->next].prev = unit;
	heap.free[order] = unit;
}

static void list_remove(uint32_t unit)
{
	struct block *block = &heap.blocks[unit];

	if (block->prev != NONE)
		heap.blocks[block->prev].next = block->next;
	else
		heap.free[block->order] = block->next;
	if (block->next != NONE)
		heap.blocks[block->next].prev = block->prev;
	block->free = false;
}

/* The smallest free block of at least that order, halved until it is of it. */
static uint32_t block_take(uint8_t order)
{
	uint8_t from = order;
	uint32_t unit;

	while (from < ORDERS && heap.free[from] == NONE)
		from++;
	if (from >= ORDERS)
		return NONE;
	unit = heap.free[from];
	list_remove(unit);
	while (from > order) {
		from--;
		list_add(unit + (UINT32_C(1) << from), from);
	}
	heap.blocks[unit] = (struct block){.order = order, .used = true};
	return unit;
}

/* Joins it with its other half for as long as that is free. */
static void block_give(uint32_t unit, uint8_t order)
{
	heap.blocks[unit].used = false;
	for (; order + 1 < ORDERS; order++) {
		const uint32_t buddy = unit ^ UINT32_C(1) << order;

		if (buddy >= heap.units || !heap.blocks[buddy].free ||
		    heap.blocks[buddy].order != order)
			break;
		list_remove(buddy);
		unit = buddy < unit ? buddy : unit;
	}
	list_add(unit, order);
}

/* The first blocks: each as large as its place and what is left allow. */
static void blocks_fill(void)
{
	uint32_t unit = 0;

	for (unsigned i = 0; i < ORDERS; i++)
		heap.free[i] = NONE;
	while (unit < heap.units) {
		uint8_t order = ORDERS - 1;

		while ((unit & ((UINT32_C(1) << order) - 1)) != 0 ||
		       heap.units - unit < UINT32_C(1) << order)
			order--;
		list_add(unit, order);
		unit += UINT32_C(1) << order;
	}
}

static size_t order_bytes(uint8_t order)
{
	return (size_t)LOCKED_UNIT << order;
}

/* ORDERS where none is so large. */
static uint8_t order_of(size_t n)
{
	uint8_t order = 0;

	while (order < ORDERS && order_bytes(order) < n)
		order++;
	return order;
}

/* ---- alloc and free ---- */

static bool is_inside(const void *bytes)
{
	const uintptr_t at = (uintptr_t)bytes, base = (uintptr_t)heap.base;

	return heap.base != NULL && at >= base &&
	       at < base + (size_t)heap.units * LOCKED_UNIT;
}

static struct outside *outside_of(const void *bytes)
{
	return (
	    void *)(uintptr_t)((const char *)bytes - offsetof(struct outside, bytes));
}

/* Where the block is longer than what was asked for, a number stands behind that. */
static bool canary_fits(const struct block *block)
{
	return order_bytes(block->order) - block->size >= sizeof(heap.canary);
}

static void *inside_alloc(size_t n)
{
	const uint8_t order = order_of(n);
	const uint32_t unit = order < ORDERS ? block_take(order) : NONE;
	uint8_t *bytes;

	if (unit == NONE)
		return NULL;
	bytes = heap.base + (size_t)unit * LOCKED_UNIT;
	heap.blocks[unit].size = (uint32_t)n;
	if (canary_fits(&heap.blocks[unit]))
		memcpy(bytes + n, &heap.canary, sizeof(heap.canary));
	return bytes;
}

/* The block that begins there; it does not return for what is none, or was written past
 * its end. */
static uint32_t inside_find(const void *bytes)
{
	const size_t offset = (size_t)((const uint8_t *)bytes - heap.base);
	const uint32_t unit = (uint32_t)(offset / LOCKED_UNIT);
	const struct block *block = &heap.blocks[unit];

	if (offset % LOCKED_UNIT == 0 && block->used &&
	    (!canary_fits(block) || memcmp((const uint8_t *)bytes + block->size,
	                                &heap.canary, sizeof(heap.canary)) == 0))
		return unit;
	log_bug("memory for secrets is damaged");
	abort();
}

void *locked_alloc_outside(size_t n)
{
	struct outside *outside;
	size_t whole;

	if (__builtin_add_overflow(n, sizeof(*outside) + LOCKED_UNIT - 1, &whole))
		return NULL;
	outside = aligned_alloc(LOCKED_UNIT, whole / LOCKED_UNIT * LOCKED_UNIT);
	if (outside == NULL)
		return NULL;
	outside->size = n;
	/* cppcheck-suppress memleak ; outside_of() finds it again */
	return outside->bytes;
}

/* Where the limit made it smaller, the master has said so: each process would repeat
 * it. */
static void miss(void)
{
	static const char text[] =
	    "the %zu KiB of locked memory are in use: more secrets may be swapped out";
	const size_t kib = (size_t)heap.units * LOCKED_UNIT / 1024;

	if (heap.missed++ > 0)
		return;
	if (heap.whole)
		log_warn(text, kib);
	else
		log_debug(text, kib);
}

void *locked_alloc(size_t n)
{
	void *bytes;

	if (heap.base == NULL)
		return locked_alloc_outside(n);
	bytes = inside_alloc(n);
	if (bytes != NULL)
		return bytes;
	miss();
	return locked_alloc_outside(n);
}

void *locked_alloc_small(size_t n)
{
	if (n > (size_t)heap.units * LOCKED_UNIT / SMALL)
		return locked_alloc_outside(n);
	return locked_alloc(n);
}

void *locked_zalloc(size_t n)
{
	void *bytes = locked_alloc(n);

	if (bytes != NULL)
		memset(bytes, 0, n);
	return bytes;
}

size_t locked_size(const void *bytes)
{
	return is_inside(bytes) ? heap.blocks[inside_find(bytes)].size
	                        : outside_of(bytes)->size;
}

void locked_free(void *bytes)
{
	uint32_t unit;

	if (bytes == NULL)
		return;
	if (!is_inside(bytes)) {
		struct outside *outside = outside_of(bytes);

		explicit_bzero(outside->bytes, outside->size);
		free(outside);
		return;
	}
	unit = inside_find(bytes);
	explicit_bzero(bytes, order_bytes(heap.blocks[unit].order));
	block_give(unit, heap.blocks[unit].order);
}

size_t locked_missed(void)
{
	return heap.missed;
}

/* ---- open ---- */

static size_t page_down(size_t n)
{
	return n & ~(size_t)(PAGE - 1);
}

static size_t stack_part(size_t bytes)
{
	return page_down(bytes / 2 < LOCKED_STACK ? bytes / 2 : LOCKED_STACK);
}

size_t locked_need(size_t want)
{
	want = page_down(want + PAGE - 1);
	return want == 0 ? 0 : want + stack_part(want) + ABOVE;
}

size_t locked_bytes(size_t want)
{
	const size_t table = want / LOCKED_UNIT * sizeof(struct block);

	return want == 0 ? 0 : page_down(want + PAGE - 1) + page_down(table + PAGE - 1);
}

/* Pages become locked when they are touched. A place that is not touched costs nothing
 * but its share of the limit. */
static int lock(void *at, size_t bytes)
{
	if (mlock2(at, bytes, MLOCK_ONFAULT) != 0)
		return -1;
	(void)madvise(at, bytes, MADV_DONTDUMP);
	return 0;
}

enum { STACK_GROWTH = LOCKED_STACK + 16 * PAGE };

/* A stack that cannot grow ends the process: is there address space for it, and does
 * its own limit allow it? */
static bool stack_may_grow(void)
{
	struct rlimit limit;
	void *probe;

	if (getrlimit(RLIMIT_STACK, &limit) == 0 &&
	    limit.rlim_cur < (rlim_t)4 * STACK_GROWTH) {
		errno = ENOMEM;
		return false;
	}
	probe = mmap(NULL, STACK_GROWTH, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (probe == MAP_FAILED)
		return false;
	(void)munmap(probe, STACK_GROWTH);
	return true;
}

/* Makes the stack as deep as that. Its lowest part has to stay as it is: the kernel
 * lets no locked mapping grow beyond the limit, and ends the process instead. */
static __attribute__((noinline)) void stack_grow(void)
{
	volatile uint8_t frames[STACK_GROWTH];

	for (size_t i = 0; i < sizeof(frames); i += PAGE)
		frames[sizeof(frames) - 1 - i] = 0;
}

/* From the frame of our caller's callers, from where roles begin, downwards. */
static int stack_lock(size_t bytes)
{
	const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	const uintptr_t top = getauxval(AT_RANDOM); /* the kernel put it above all */
	uintptr_t end = page_down(frame + ABOVE);

	if (top < end)
		end = top < frame ? frame : top;
	end = page_down(end + PAGE - 1);
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): an address is all that it is */
	return lock((void *)(page_down(frame) - bytes), end - page_down(frame) + bytes);
}

static void unmap(void)
{
	if (heap.base != NULL)
		(void)munmap(heap.base - PAGE,
		    (size_t)heap.units * LOCKED_UNIT + (size_t)2 * PAGE);
	if (heap.blocks != NULL)
		(void)munmap(heap.blocks, heap.units * sizeof(struct block));
	heap.base = NULL;
	heap.blocks = NULL;
}

/* The heap between its two pages, and the table. */
static int map(size_t bytes)
{
	uint8_t *whole = mmap(NULL, bytes + (size_t)2 * PAGE, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *table;

	heap.units = (uint32_t)(bytes / LOCKED_UNIT);
	if (whole == MAP_FAILED)
		return -1;
	heap.base = whole + PAGE;
	table = mmap(NULL, heap.units * sizeof(struct block), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (table != MAP_FAILED)
		heap.blocks = table;
	if (table != MAP_FAILED &&
	    mprotect(heap.base, bytes, PROT_READ | PROT_WRITE) == 0 &&
	    lock(heap.base, bytes) == 0 && stack_lock(stack_part(bytes)) == 0)
		return 0;
	unmap();
	return -1;
}

size_t locked_open(size_t want)
{
	const size_t most = order_bytes(ORDERS - 1);
	size_t bytes = page_down((want < most ? want : most) + PAGE - 1);

	heap = (struct heap){.base = NULL};
	if (want == 0)
		return 0;
	if (stack_may_grow()) {
		stack_grow();
		while (bytes >= LOCKED_LEAST && map(bytes) != 0)
			bytes = page_down(bytes / 4 * 3);
	}
	if (heap.base == NULL) {
		log_debug("its secrets may be swapped out: %s; see RLIMIT_MEMLOCK",
		    strerror(errno));
		return 0;
	}
	heap.whole = bytes >= want;
	arc4random_buf(&heap.canary, sizeof(heap.canary));
	blocks_fill();
	return bytes;
}

void locked_close(void)
{
	unmap();
	heap = (struct heap){.base = NULL};
}
