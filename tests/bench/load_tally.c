#include "tests/bench/load_tally.h"

#include <stdlib.h>

static const struct {
	const char *name;
	bool lost;
	bool judged; /* the server had the chance */
} outcomes[OUTCOMES] = {
    [OUTCOME_OK] = {"ok", false, true},
    [OUTCOME_LATE] = {"late", false, true},
    [OUTCOME_WRONG] = {"wrong", true, true},
    [OUTCOME_SHED] = {"shed", false, true},
    [OUTCOME_SERVER_ERROR] = {"server_error", true, true},
    [OUTCOME_CLIENT_ERROR] = {"client_error", true, true},
    [OUTCOME_REFUSED] = {"refused", true, true},
    [OUTCOME_RESET_NEW] = {"reset_new", true, true},
    [OUTCOME_RESET_IDLE] = {"reset_idle", true, true},
    [OUTCOME_PARTIAL] = {"partial", true, true},
    [OUTCOME_TIMEOUT] = {"timeout", true, true},
    [OUTCOME_DROPPED] = {"dropped", false, false},
    [OUTCOME_UNSENT] = {"unsent", false, false},
};

static const char *const timings[TIMINGS] = {"ok", "shed", "connect", "wait", "lag"};

const char *outcome_name(enum outcome outcome)
{
	return outcomes[outcome].name;
}

bool outcome_is_lost(enum outcome outcome)
{
	return outcomes[outcome].lost;
}

const char *timing_name(enum timing timing)
{
	return timings[timing];
}

int tally_init(struct tally *tally, size_t seconds)
{
	int result = 0;

	*tally = (struct tally){
	    .seconds = seconds, .series = calloc(seconds, sizeof(*tally->series))};
	for (size_t i = 0; i < TIMINGS; i++)
		result |= histogram_init(&tally->timing[i]);
	return tally->series == NULL ? -1 : result;
}

void tally_free(struct tally *tally)
{
	for (size_t i = 0; i < TIMINGS; i++)
		histogram_free(&tally->timing[i]);
	free(tally->series);
	tally->series = NULL;
}

void tally_add(
    struct tally *tally, enum outcome outcome, uint64_t latency_ns, uint64_t second)
{
	if (second >= tally->seconds)
		second = tally->seconds - 1;
	tally->count[outcome]++;
	tally->series[second][outcome]++;
	if (outcome == OUTCOME_OK || outcome == OUTCOME_LATE)
		histogram_add(&tally->timing[TIMING_OK], latency_ns);
	else if (outcome == OUTCOME_SHED)
		histogram_add(&tally->timing[TIMING_SHED], latency_ns);
}

void tally_merge(struct tally *into, const struct tally *from)
{
	for (size_t i = 0; i < OUTCOMES; i++)
		into->count[i] += from->count[i];
	for (size_t i = 0; i < TIMINGS; i++)
		histogram_merge(&into->timing[i], &from->timing[i]);
	for (size_t s = 0; s < from->seconds; s++)
		for (size_t i = 0; i < OUTCOMES; i++)
			into->series[s < into->seconds ? s : into->seconds - 1][i] +=
			    from->series[s][i];
	into->unasked += from->unasked;
	into->idle_closed += from->idle_closed;
	if (from->queue_most > into->queue_most)
		into->queue_most = from->queue_most;
}

uint64_t tally_total(const struct tally *tally)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < OUTCOMES; i++)
		sum += tally->count[i];
	return sum;
}

uint64_t tally_judged(const struct tally *tally)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < OUTCOMES; i++)
		sum += outcomes[i].judged ? tally->count[i] : 0;
	return sum;
}

uint64_t tally_lost(const struct tally *tally)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < OUTCOMES; i++)
		sum += outcomes[i].lost ? tally->count[i] : 0;
	return sum;
}
