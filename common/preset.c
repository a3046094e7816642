#include "common/preset.h"

#include <stddef.h>

enum { MIB = 1024, GIB = 1024 * MIB }; /* in KiB */

static const struct preset presets[] = {
    {"none", 0, 0, 0},
    {"owasp", 19 * MIB, 2, 1},
    {"owasp-46m", 46 * MIB, 1, 1},
    {"owasp-12m", 12 * MIB, 3, 1},
    {"owasp-9m", 9 * MIB, 4, 1},
    {"owasp-7m", 7 * MIB, 5, 1},
    {"rfc9106-low", 64 * MIB, 3, 4},
    {"rfc9106-high", 2 * GIB, 1, 4},
    {"sodium-interactive", 64 * MIB, 2, 1},
    {"sodium-moderate", 256 * MIB, 3, 1},
    {"sodium-sensitive", 1 * GIB, 4, 1},
    {"cheapest", 8, 1, 1},
};

const struct preset *preset_at(unsigned index)
{
	return index < sizeof(presets) / sizeof(presets[0]) ? &presets[index] : NULL;
}
