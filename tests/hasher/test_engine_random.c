/*
 * The engines against libargon2 in random jobs of all shapes at once.
 * ARGOND_TEST_ROUNDS sets how many parameter sets are tried.
 */
#include "tests/hasher/engine_world.h"

#define ROUNDS_DEFAULT 20000u

/* One engine under test, with the samples it is working on. */
struct subject {
	struct engine *engine;
	struct sample *running[ENGINE_STREAMS_MAX];
	unsigned tickets[ENGINE_STREAMS_MAX];
	unsigned long ended, cancelled;
};

static void sample_print(const struct sample *sample, const struct subject *subject)
{
	const struct engine_params *p = &sample->params;

	print_error("%s: type %u version %#x m=%u t=%u p=%u tag %u; password %zu salt "
	            "%zu secret %zu ad %zu\n",
	    engine_name(subject->engine), p->type, p->version, p->memory_kib, p->time,
	    p->lanes, p->tag_len, sample->password_len, sample->salt_len,
	    sample->secret_len, sample->ad_len);
}

static void subject_check(struct subject *subject, const struct engine_result *result)
{
	for (unsigned i = 0; i < ENGINE_STREAMS_MAX; i++) {
		struct sample *sample = subject->running[i];

		if (sample == NULL || subject->tickets[i] != result->ticket)
			continue;
		if (result->status != ENGINE_OK ||
		    result->tag_len != sample->params.tag_len ||
		    memcmp(result->tag, sample->want, result->tag_len) != 0) {
			sample_print(sample, subject);
			fail_msg("status %d, or a tag that is not libargon2's",
			    result->status);
		}
		free(sample);
		subject->running[i] = NULL;
		subject->ended++;
		return;
	}
	fail_msg("ticket %u was never given, or was cancelled", result->ticket);
}

static void subject_step(struct subject *subject)
{
	struct engine_result result;
	unsigned victim;

	if (engine_step(subject->engine,
	        random_from(0, 3) == 0 ? 1 : random_from(1, 600), &result))
		subject_check(subject, &result);
	if (random_from(0, 99) > 0)
		return;
	victim = random_from(0, ENGINE_STREAMS_MAX - 1);
	if (subject->running[victim] == NULL)
		return;
	engine_cancel(subject->engine, subject->tickets[victim]);
	free(subject->running[victim]);
	subject->running[victim] = NULL;
	subject->cancelled++; /* NOLINT(clang-analyzer-unix.Malloc) */
}

static void subject_submit(struct subject *subject, const struct sample *sample)
{
	struct engine_input input = sample_input(sample);
	enum engine_status status;
	unsigned ticket, row = 0;

	for (;;) {
		bool room = engine_has_room(subject->engine, &sample->params);

		status =
		    engine_submit(subject->engine, &sample->params, &input, &ticket);
		assert_int_equal(status == ENGINE_OK, room);
		if (status != ENGINE_FULL)
			break;
		subject_step(subject);
	}
	assert_int_equal(status, ENGINE_OK);
	while (subject->running[row] != NULL)
		row++;
	subject->running[row] = malloc(sizeof(*sample));
	assert_non_null(subject->running[row]);
	memcpy(subject->running[row], sample, sizeof(*sample));
	subject->tickets[row] = ticket;
	for (uint32_t steps = random_from(0, 2); steps > 0; steps--)
		subject_step(subject);
}

static void subject_replace(struct subject *subject, enum engine_kind kind)
{
	if (subject->engine != NULL) {
		while (engine_running(subject->engine) > 0)
			subject_step(subject);
		engine_close(subject->engine);
	}
	subject->engine = engine_new(
	    kind, random_from(1, ENGINE_STREAMS_MAX), random_from(2, 6) * MEBIBYTE);
}

/* All engines get the same jobs, with other batches, steps and cancels. */
static void test_random_jobs_are_libargon2s(void **state)
{
	unsigned long rounds = environment_number("ARGOND_TEST_ROUNDS", ROUNDS_DEFAULT);
	struct subject subjects[KINDS] = {{NULL, {NULL}, {0}, 0, 0}};
	struct sample sample;

	(void)state;
	for (unsigned long round = 0; round < rounds; round++) {
		sample_draw(&sample);
		for (size_t i = 0; i < KINDS; i++) {
			/* That one is only another way into the same library. */
			bool seldom = kinds[i] == ENGINE_LIBARGON2 && round % 8 != 0;

			if (!engine_kind_runs(kinds[i]))
				continue;
			if (round % 2000 == 0)
				subject_replace(&subjects[i], kinds[i]);
			if (!seldom)
				subject_submit(&subjects[i], &sample);
		}
	}
	for (size_t i = 0; i < KINDS; i++) {
		if (subjects[i].engine == NULL)
			continue;
		while (engine_running(subjects[i].engine) > 0)
			subject_step(&subjects[i]);
		print_message("%s: %lu hashes right, %lu cancelled\n",
		    engine_name(subjects[i].engine), subjects[i].ended,
		    subjects[i].cancelled);
		assert_true(subjects[i].ended > 0);
		engine_close(subjects[i].engine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_jobs_are_libargon2s),
	};

	return cmocka_run_group_tests_name("engine_random", tests, random_start, NULL);
}
