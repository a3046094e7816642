/*
 * What the C library does on its way to end a process, and when memory runs out: the
 * filter allows it in every role, so that the death is reported as what it was, and a
 * failed allocation as ENOMEM. The calls differ between releases of glibc.
 */
#include "tests/common/sandbox_fixture.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "tests/sanitized.h"

/* What the compiler calls where it finds a broken stack, an overflow or a false
 * assertion. */
_Noreturn void __stack_chk_fail(void);
_Noreturn void __chk_fail(void);
_Noreturn void __assert_fail(
    const char *assertion, const char *file, unsigned line, const char *function);

static void break_assertion(void)
{
	__assert_fail("false", __FILE__, __LINE__, __func__);
}

static void break_stack(void)
{
	__stack_chk_fail();
}

static void overflow_buffer(void)
{
	__chk_fail();
}

/* By these, the compiler does not see what is wrong with the calls. */
static void *(*volatile take)(size_t size) = malloc;
static void (*volatile give_back)(void *block) = free;

static void free_twice(void)
{
	void *block = take(100);

	give_back(block);
	give_back(block);
}

static void free_no_block(void)
{
	static char text[64] __attribute__((aligned(16)));

	give_back(text + 8);
}

static const struct death {
	const char *name;
	void (*die)(void);
	bool ignored; /* SIGABRT is, as the process that started the daemon left it */
	bool checked; /* a sanitizer finds it first */
} deaths[] = {
    {"abort()", abort, false, false},
    {"abort() with SIGABRT ignored", abort, true, false},
    {"assert()", break_assertion, false, false},
    {"assert() with SIGABRT ignored", break_assertion, true, false},
    {"a broken stack", break_stack, false, false},
    {"an overflow", overflow_buffer, false, false},
    {"a double free()", free_twice, false, true},
    {"free() of what is no block", free_no_block, false, true},
};

struct case_of {
	enum sandbox_kind kind;
	const struct death *death;
	int messages; /* what the library says on stderr */
};

static int die(struct place *place, const void *arg)
{
	const struct case_of *it = arg;
	struct sandbox_spec spec = spec_of(place, it->kind);

	if (it->death->ignored && signal(SIGABRT, SIG_IGN) == SIG_ERR)
		return 1;
	if (dup2(it->messages, STDERR_FILENO) < 0 || confine(place, &spec) != 0)
		return 1;
	it->death->die();
	return 2;
}

static void expect_abort(struct place *place, const struct case_of *it)
{
	const int status = in_child(place, die, it);
	const uint32_t denied = atomic_load(&board_slot(&place->board, 0)->denied);
	char words[64];

	if (denied != 0)
		fail_msg("%s in role %d: denied %s", it->death->name, (int)it->kind,
		    sandbox_denied_words(denied, words, sizeof(words)));
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("%s in role %d: status %#x", it->death->name, (int)it->kind,
		    (unsigned)status);
}

static void a_process_that_the_library_ends_dies_by_sigabrt(void **state)
{
	FILE *messages = tmpfile();

	assert_non_null(messages);
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++)
		for (unsigned kind = 0; kind < SANDBOX_KINDS; kind++) {
			const struct case_of it = {
			    (enum sandbox_kind)kind, &deaths[i], fileno(messages)};

			if (!SANITIZED || !deaths[i].checked)
				expect_abort(*state, &it);
		}
	fclose(messages);
}

/* ---- no memory ---- */

/* Takes blocks of that size until there are none left, by every function that
 * allocates; the blocks hold the list of themselves. */
static void use_up(size_t size)
{
	void **list = NULL, **block;
	void *aligned;

	while ((block = malloc(size)) != NULL) {
		*block = list;
		list = block;
	}
	free(calloc(1, size));
	free(reallocarray(NULL, 3, size));
	if (posix_memalign(&aligned, 64, size) == 0)
		free(aligned);
	for (; list != NULL; list = block) {
		block = *list;
		free(list);
	}
}

/* The limit is set first: no role may set one. */
static int run_out_of_memory(struct place *place, const void *arg)
{
	static const size_t sizes[] = {16, 1000, 200000, 1 << 20, 64 << 20};
	const struct rlimit limit = {16 << 20, 16 << 20};
	struct sandbox_spec spec = spec_of(place, *(const enum sandbox_kind *)arg);
	char *text;
	void *small;

	if (setrlimit(RLIMIT_DATA, &limit) != 0 || confine(place, &spec) != 0)
		return 1;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		use_up(sizes[i]);
	if (asprintf(&text, "%*d", 64 << 20, 1) >= 0)
		return 2;
	small = malloc(16);
	free(small);
	return small != NULL ? 0 : 3;
}

static void memory_that_runs_out_ends_no_process(void **state)
{
	if (SANITIZED)
		skip(); /* its allocator ends the process */
	for (enum sandbox_kind kind = 0; kind < SANDBOX_KINDS; kind++)
		assert_left(in_child(*state, run_out_of_memory, &kind), "no memory");
}

/* ---- settings of the C library ---- */

/* What glibc does by the tunable below, where the kernel knows such names. */
static int name_mapping(struct place *place, const void *arg)
{
	struct sandbox_spec spec = spec_of(place, *(const enum sandbox_kind *)arg);

	if (confine(place, &spec) != 0)
		return 1;
	(void)prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0UL, 0UL, "x");
	return 0;
}

static void a_mapping_may_be_named(void **state)
{
	for (enum sandbox_kind kind = 0; kind < SANDBOX_KINDS; kind++)
		assert_left(in_child(*state, name_mapping, &kind), "a name");
}

/* With these, glibc names its mappings, and wants huge pages. */
static void the_library_may_be_tuned(void **state)
{
	int status = -1;
	pid_t pid;

	(void)state;
	if (getenv("GLIBC_TUNABLES") != NULL)
		return; /* this is the tuned process */
	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		setenv("GLIBC_TUNABLES",
		    "glibc.mem.decorate_maps=1:glibc.malloc.hugetlb=1", 1);
		execl("/proc/self/exe", "tuned", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_left(status, "the same tests, tuned");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_process_that_the_library_ends_dies_by_sigabrt),
	    cmocka_unit_test(memory_that_runs_out_ends_no_process),
	    cmocka_unit_test(a_mapping_may_be_named),
	    cmocka_unit_test(the_library_may_be_tuned),
	};

	return cmocka_run_group_tests_name("sandbox death", tests, setup, teardown);
}
