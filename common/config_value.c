#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_table.h"
#include "common/preset.h"

const char config_name_allowed[] = "1 to 31 of A-Z a-z 0-9 _ -, the first not a -";

int config_refuse(struct config_why *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -1;
}

int config_refuse_memory(struct config_why *why)
{
	why->no_memory = true;
	return -1;
}

bool config_name_valid(const char *name)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789_-";
	size_t len = strlen(name);

	return len > 0 && len < LIMIT_NAME && name[0] != '-' &&
	       strspn(name, letters) == len;
}

bool config_digits(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t sum = 0;

	if (*text == '\0')
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(*text - '0'), &sum))
			return false;
	*out = sum;
	return *text == '\0' && sum <= max;
}

/* A member that holds a number may be a bool, or have 4 or 8 bytes; only those whose
 * range begins below 0 are signed. */
static void field_store(const struct config_directive *row, void *base, int64_t value)
{
	void *field = (char *)base + row->offset;
	uint32_t word = (uint32_t)value;

	if (row->size == sizeof(bool))
		*(bool *)field = value != 0;
	else if (row->size == sizeof(word))
		memcpy(field, &word, sizeof(word));
	else
		memcpy(field, &value, sizeof(value));
}

static int64_t field_load(const struct config_directive *row, const void *base)
{
	const void *field = (const char *)base + row->offset;
	int64_t value;
	uint32_t word;

	if (row->size == sizeof(bool))
		return *(const bool *)field;
	if (row->size == sizeof(value)) {
		memcpy(&value, field, sizeof(value));
		return value;
	}
	memcpy(&word, field, sizeof(word));
	return row->min < 0 ? (int32_t)word : (int64_t)word;
}

/* ---- numbers, sizes and times ---- */

static const struct config_unit units_bytes[] = {{"K", INT64_C(1) << 10},
    {"M", INT64_C(1) << 20}, {"G", INT64_C(1) << 30}, {NULL, 0}};
static const struct config_unit units_kib[] = {
    {"K", 1}, {"M", INT64_C(1) << 10}, {"G", INT64_C(1) << 20}, {NULL, 0}};
static const struct config_unit units_ms[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};
static const struct config_unit units_percent[] = {{"%", 1}, {NULL, 0}};
static const struct config_unit units_seconds[] = {
    {"s", 1}, {"m", 60}, {"h", 3600}, {NULL, 0}};

/* The digits at the start of *text, which moves on. Returns false on overflow. */
static bool number_scan(const char **text, int64_t *out)
{
	const char *at = *text;
	int64_t sum = 0;
	bool fits = true;

	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, (int64_t)(*at - '0'), &sum))
			fits = false;
	*text = at;
	*out = sum;
	return fits;
}

static int unit_apply(const struct config_unit *units, const char *suffix,
    int64_t *value, struct config_why *why)
{
	if (*suffix == '\0')
		return config_refuse(why, "needs a unit");
	for (; units->name != NULL; units++) {
		if (strcmp(units->name, suffix) != 0)
			continue;
		if (__builtin_mul_overflow(*value, units->factor, value))
			return config_refuse(why, "is out of range");
		return 0;
	}
	return config_refuse(why, "has an unknown unit");
}

static int number_parse(const struct config_directive *row, void *base,
    const char *text, bool first, struct config_why *why)
{
	const struct config_unit *units = row->type->units;
	bool negative = row->min < 0 && *text == '-';
	const char *rest = text + negative;
	const char *digits = rest;
	int64_t value;
	bool fits;

	(void)first;
	if (row->type->automatic && strcmp(text, "auto") == 0) {
		field_store(row, base, 0);
		return 0;
	}
	fits = number_scan(&rest, &value);
	if (rest == digits)
		return config_refuse(why, "is not a number");
	if (units == NULL && *rest != '\0')
		return config_refuse(why, "is not a whole number");
	if (units != NULL && unit_apply(units, rest, &value, why) != 0)
		return -1;
	value = negative && fits ? -value : value;
	if (!fits || value < row->min || value > row->max)
		return config_refuse(why, "is out of range");
	field_store(row, base, value);
	return 0;
}

/* Writes a value with the largest unit that holds it exactly. */
static int unit_text(
    const struct config_unit *units, int64_t value, char *buf, size_t cap)
{
	const struct config_unit *best = units;

	if (units == NULL)
		return snprintf(buf, cap, "%" PRId64, value);
	for (; units->name != NULL; units++)
		if (value != 0 && value % units->factor == 0)
			best = units;
	return snprintf(buf, cap, "%" PRId64 "%s", value / best->factor, best->name);
}

const char *config_size_text(uint64_t bytes, char *buf, size_t cap)
{
	uint64_t kib = bytes / 1024 + (bytes % 1024 != 0);
	uint64_t mib = kib / 1024 + (kib % 1024 != 0);

	if (mib > 100)
		kib = mib * 1024;
	unit_text(units_kib, (int64_t)kib, buf, cap);
	return buf;
}

static void number_print(
    const struct config_directive *row, const void *base, FILE *out)
{
	int64_t value = field_load(row, base);
	char buf[32];

	if (row->type->automatic && value == 0) {
		fputs("auto", out);
		return;
	}
	unit_text(row->type->units, value, buf, sizeof(buf));
	fputs(buf, out);
}

static void number_allow(const struct config_directive *row, char *text, size_t cap)
{
	const struct config_unit *unit = row->type->units;
	char low[32], high[32];
	size_t len;

	unit_text(unit, row->min, low, sizeof(low));
	unit_text(unit, row->max, high, sizeof(high));
	len = (size_t)snprintf(
	    text, cap, "%s%s to %s", row->type->automatic ? "auto or " : "", low, high);
	if (unit == NULL)
		return;
	for (const char *join = ", in "; unit->name != NULL && len < cap; unit++) {
		len +=
		    (size_t)snprintf(text + len, cap - len, "%s%s", join, unit->name);
		join = unit[1].name != NULL && unit[2].name == NULL ? " or " : ", ";
	}
}

/* The memory budget may also be a share of what the machine gives. */
static int budget_parse(const struct config_directive *row, void *base,
    const char *text, bool first, struct config_why *why)
{
	struct config *config = base;
	size_t len = strlen(text);
	char digits[8] = "";
	uint64_t percent, bytes;

	config->memory_percent = 0;
	if (len == 0 || text[len - 1] != '%')
		return number_parse(row, base, text, first, why);
	if (len > sizeof(digits))
		return config_refuse(why, "is out of range");
	memcpy(digits, text, len - 1);
	if (!config_digits(digits, 100, &percent) || percent == 0)
		return config_refuse(why, "is out of range");
	config->memory = memory_usable();
	config->memory_percent = (unsigned)percent;
	bytes = config->memory.bytes / 100 * percent;
	if (bytes > (uint64_t)row->max)
		bytes = (uint64_t)row->max;
	field_store(row, base, (int64_t)(bytes - bytes % 1024));
	return 0;
}

static void budget_allow(const struct config_directive *row, char *text, size_t cap)
{
	size_t len;

	number_allow(row, text, cap);
	len = strlen(text);
	snprintf(text + len, cap - len, "; or 1%% to 100%%");
}

/* ---- words ---- */

static const char *switch_word(unsigned i)
{
	static const char *const words[] = {"off", "on"};

	return i < 2 ? words[i] : NULL;
}

static const char *log_format_word(unsigned i)
{
	static const char *const words[] = {
	    [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json"};

	return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

static const char *log_level_word(unsigned i)
{
	static const char *const words[] = {[LOG_LEVEL_ERROR] = "error",
	    [LOG_LEVEL_WARNING] = "warning",
	    [LOG_LEVEL_INFO] = "info",
	    [LOG_LEVEL_DEBUG] = "debug"};

	return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

static const char *engine_word(unsigned i)
{
	return engine_kind_name((enum engine_kind)i);
}

static const char *preset_word(unsigned i)
{
	const struct preset *preset = preset_at(i);

	return preset != NULL ? preset->name : NULL;
}

static const char *rehash_word(unsigned i)
{
	static const char *const words[] = {
	    [CONFIG_REHASH_ANY_DIFFERENCE] = "any-difference",
	    [CONFIG_REHASH_ONLY_WEAKER] = "only-weaker"};

	return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

static const char *scheduling_word(unsigned i)
{
	static const char *const words[] = {[CONFIG_SCHEDULING_OTHER] = "other",
	    [CONFIG_SCHEDULING_BATCH] = "batch",
	    [CONFIG_SCHEDULING_IDLE] = "idle"};

	return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

static int word_parse(const struct config_directive *row, void *base, const char *text,
    bool first, struct config_why *why)
{
	const char *word;

	(void)first;
	for (unsigned i = 0; (word = row->type->word(i)) != NULL; i++) {
		if (strcmp(word, text) == 0) {
			field_store(row, base, i);
			return 0;
		}
	}
	return config_refuse(why, "is not known");
}

static void word_print(const struct config_directive *row, const void *base, FILE *out)
{
	fputs(row->type->word((unsigned)field_load(row, base)), out);
}

static void word_allow(const struct config_directive *row, char *text, size_t cap)
{
	const char *(*word)(unsigned) = row->type->word;
	const char *join = "";
	size_t len = 0;

	for (unsigned i = 0; word(i) != NULL && len < cap; i++) {
		len += (size_t)snprintf(text + len, cap - len, "%s%s", join, word(i));
		join = word(i + 1) != NULL && word(i + 2) == NULL ? " or " : ", ";
	}
}

/* ---- the types ---- */

#define NUMBER .parse = number_parse, .print = number_print, .allow = number_allow
#define WORD .parse = word_parse, .print = word_print, .allow = word_allow

const struct config_type config_type_number = {NUMBER};
const struct config_type config_type_number_auto = {NUMBER, .automatic = true};
const struct config_type config_type_size = {NUMBER, .units = units_bytes};
const struct config_type config_type_size_auto = {
    NUMBER, .units = units_bytes, .automatic = true};
const struct config_type config_type_size_kib = {NUMBER, .units = units_kib};
const struct config_type config_type_budget = {.parse = budget_parse,
    .print = number_print,
    .allow = budget_allow,
    .units = units_bytes};
const struct config_type config_type_time = {NUMBER, .units = units_ms};
const struct config_type config_type_seconds = {NUMBER, .units = units_seconds};
const struct config_type config_type_percent = {NUMBER, .units = units_percent};
const struct config_type config_type_switch = {WORD, .word = switch_word};
const struct config_type config_type_log_format = {WORD, .word = log_format_word};
const struct config_type config_type_log_level = {WORD, .word = log_level_word};
const struct config_type config_type_engine = {WORD, .word = engine_word};
const struct config_type config_type_preset = {WORD, .word = preset_word};
const struct config_type config_type_rehash = {WORD, .word = rehash_word};
const struct config_type config_type_scheduling = {WORD, .word = scheduling_word};
