#include "common/exit_cause.h"

#include <stddef.h>

static const char *const names[EXIT_CAUSE_END] = {
    [EXIT_CAUSE_LEFT] = "left",
    [EXIT_CAUSE_RETIRED] = "retired",
    [EXIT_CAUSE_GAVE_UP] = "gave-up",
    [EXIT_CAUSE_SETUP] = "setup",
    [EXIT_CAUSE_KILLED] = "killed",
    [EXIT_CAUSE_MEMORY] = "memory",
    [EXIT_CAUSE_CPU] = "cpu",
    [EXIT_CAUSE_INSTRUCTION] = "instruction",
    [EXIT_CAUSE_FILTER] = "filter",
    [EXIT_CAUSE_SIGNAL] = "signal",
    [EXIT_CAUSE_DEADLINE] = "deadline",
    [EXIT_CAUSE_CANCELLED] = "cancelled",
    [EXIT_CAUSE_STOPPED] = "stopped",
    [EXIT_CAUSE_ROGUE] = "rogue",
    [EXIT_CAUSE_LATE] = "late",
};

const char *exit_cause_name(enum exit_cause cause)
{
	return (unsigned)cause < EXIT_CAUSE_END ? names[cause] : NULL;
}
