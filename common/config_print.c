#include <string.h>

#include "common/config_table.h"

/* The members of one section's struct, each on a line of its own. */
static void rows_print(
    enum config_section section, const void *base, const char *indent, FILE *out)
{
	for (size_t i = 0; i < config_directive_count; i++) {
		const struct config_directive *row = &config_directives[i];

		if (row->section != section)
			continue;
		fprintf(out, "%s%s = ", indent, row->name);
		row->type->print(row, base, out);
		putc('\n', out);
	}
}

static void section_print(enum config_section section, const void *base, FILE *out)
{
	const struct config_section_row *row = &config_sections[section];

	fprintf(out, "\n%s", row->name);
	if (row->titled) {
		putc(' ', out);
		config_quote(base, out);
	}
	fputs(" {\n", out);
	rows_print(section, base, "\t", out);
	fputs("}\n", out);
}

int config_print(const struct config *config, FILE *out)
{
	rows_print(CONFIG_ROOT, config, "", out);
	for (int section = CONFIG_ROOT + 1; section < CONFIG_SECTION_END; section++) {
		const void *base;

		for (size_t i = 0; (base = config_section_at(config,
		                        (enum config_section)section, i)) != NULL;
		     i++)
			section_print((enum config_section)section, base, out);
	}
	return fflush(out) == 0 && ferror(out) == 0 ? 0 : -1;
}
