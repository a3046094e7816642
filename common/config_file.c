#include "common/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config_scan.h"
#include "common/config_table.h"

/* Opens without waiting (a FIFO without a writer, a device) and refuses what is not a
 * regular file of sensible size. */
static int file_open(const char *path, struct config_error *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return config_error_set(err, path, "%s", strerror(errno));
	if (fstat(fd, &st) == -1)
		config_error_set(err, path, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		config_error_set(err, path, "not a regular file");
	else if (st.st_size > CONFIG_FILE_MAX)
		config_error_set(err, path, "larger than %d bytes", CONFIG_FILE_MAX);
	else
		return fd;
	close(fd);
	return -1;
}

static ssize_t read_all(int fd, char *buf, size_t cap)
{
	size_t len = 0;
	ssize_t n;

	while (len < cap && (n = read(fd, buf + len, cap - len)) != 0) {
		if (n == -1 && errno != EINTR)
			return -1;
		len += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)len;
}

char *config_file_read(const char *path, size_t *len, struct config_error *err)
{
	int fd = file_open(path, err);
	char *text;
	ssize_t n;

	if (fd == -1)
		return NULL;
	text = malloc(CONFIG_FILE_MAX + 2);
	if (text == NULL) {
		config_error_memory(err);
		close(fd);
		return NULL;
	}
	n = read_all(fd, text, CONFIG_FILE_MAX + 1);
	if (n == -1)
		config_error_set(err, path, "%s", strerror(errno));
	else if (n > CONFIG_FILE_MAX)
		config_error_set(err, path, "larger than %d bytes", CONFIG_FILE_MAX);
	close(fd);
	if (n == -1 || n > CONFIG_FILE_MAX) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	*len = (size_t)n;
	return text;
}

static int section_apply(struct config *config,
    const struct config_section_row *section, const struct config_statement *statement,
    const struct config_source *source, struct config_error *err)
{
	const void *base =
	    config_section_open(config, section, statement->title, source, err);
	const struct config_origin *origin;

	if (base == NULL)
		return -1;
	/* Where no name comes first, the struct's address is its first member's. */
	if (!section->titled)
		base = section;
	origin = config_origin_find(config, base);
	if (origin != NULL)
		return config_error_set(err, source->text,
		    "%s%s%s: a repeated section; allowed: once (it is in line %u)",
		    section->name, section->titled ? "." : "", statement->title,
		    origin->line);
	return config_origin_note(config, base, source, err);
}

static int statement_apply(struct config *config, const char *path,
    const struct config_statement *statement, struct config_error *err)
{
	const struct config_section_row *section =
	    config_section_find(statement->section);
	enum config_section kind = (enum config_section)(section - config_sections);
	const struct config_directive *row;
	char where[256];
	struct config_source source = {.text = where, .line = statement->line};
	void *base;

	snprintf(where, sizeof(where), "%s:%u", path, statement->line);
	if (statement->kind == CONFIG_STATEMENT_ERROR)
		return config_error_set(err, where, "%s", statement->value);
	if (statement->kind == CONFIG_STATEMENT_SECTION)
		return section_apply(config, section, statement, &source, err);
	if (statement->kind == CONFIG_STATEMENT_UNKNOWN)
		return config_unknown(kind, statement->name, &source, err);
	row = config_directive_find(kind, statement->name);
	base = config_section_open(config, section, statement->title, &source, err);
	if (base == NULL)
		return -1;
	return config_set(config, row, base, statement->value,
	    statement->kind == CONFIG_STATEMENT_VALUE, &source, err);
}

static int text_apply(struct config *config, const char *path, char *text, size_t len,
    struct config_error *err)
{
	struct config_statements *statements;
	struct config_statement statement;
	size_t at = 0;
	int rc = 0;

	if (config_scan(path, text, len, err) != 0)
		return -1;
	statements = config_file_parse(path, text, err);
	if (statements == NULL)
		return -1;
	while (rc == 0 && config_statement_next(statements, &at, &statement))
		rc = statement_apply(config, path, &statement, err);
	config_statements_free(statements);
	return rc;
}

int config_file_apply(struct config *config, const char *path, struct config_error *err)
{
	size_t len = 0;
	char *text;
	int rc;

	config->source = strdup(path);
	if (config->source == NULL)
		return config_error_memory(err);
	text = config_file_read(path, &len, err);
	if (text == NULL)
		return -1;
	rc = text_apply(config, path, text, len, err);
	free(text);
	return rc;
}
