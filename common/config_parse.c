#include <confuse.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/config_file.h"
#include "common/config_table.h"

enum { STATEMENTS_MAX = 16 << 20, ROWS_MAX = 64 };

/* Everything that the callbacks need. libconfuse hands them nothing of ours, but every
 * option points to `last`, where it puts each value after the callback has seen it. */
struct parser {
	char *last; /* must be first: see parser_of() */
	struct config_statements *statements;
	cfg_t *root;
	cfg_t *open; /* the section that is being read, once it has been noted */
	bool failed; /* an error has been noted */
	cfg_opt_t sections[CONFIG_SECTION_END][ROWS_MAX];
};

static struct parser *parser_of(const cfg_t *cfg)
{
	return (struct parser *)(void *)cfg->opts[0].simple_value.string;
}

/* ---- writing statements ---- */

static void bytes_add(
    struct config_statements *statements, const char *text, size_t len)
{
	if (len > STATEMENTS_MAX - sizeof(*statements) - statements->len) {
		statements->full = true;
		return;
	}
	memcpy(statements->bytes + statements->len, text, len);
	statements->len += len;
}

static void text_add(struct config_statements *statements, const char *text)
{
	bytes_add(statements, text, strlen(text) + 1);
}

static void statement_add(struct parser *parser, enum config_statement_kind kind,
    unsigned line, const cfg_t *section, const char *name, const char *value)
{
	struct config_statements *statements = parser->statements;
	char head[16];

	snprintf(head, sizeof(head), "%c%u", kind, line);
	text_add(statements, head);
	text_add(statements, section == parser->root ? "" : section->name);
	text_add(statements, section->title != NULL ? section->title : "");
	text_add(statements, name);
	text_add(statements, value);
}

/* ---- what libconfuse calls ---- */

/* The root's line stands at a section's brace until the section is over. */
static void section_note(struct parser *parser, cfg_t *section)
{
	if (section == parser->root || section == parser->open)
		return;
	parser->open = section;
	statement_add(parser, CONFIG_STATEMENT_SECTION, (unsigned)parser->root->line,
	    section, "", "");
}

/* An option found by a path ("pool|batch") does not belong to the section it is in. */
static bool option_is_of(const cfg_t *cfg, const cfg_opt_t *opt)
{
	for (const cfg_opt_t *own = cfg->opts; own->name != NULL; own++)
		if (own == opt)
			return true;
	return false;
}

static int value_seen(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct parser *parser = parser_of(cfg);
	bool more = (opt->flags & CFGF_LIST) != 0 && (opt->flags & CFGF_RESET) == 0;

	if (!option_is_of(cfg, opt)) {
		cfg_error(cfg, "%s: a directive of another section", opt->name);
		return -1;
	}
	/* Set at each `=`; libconfuse clears it only where it keeps the values itself.
	 */
	opt->flags &= ~CFGF_RESET;
	section_note(parser, cfg);
	statement_add(parser, more ? CONFIG_STATEMENT_MORE : CONFIG_STATEMENT_VALUE,
	    (unsigned)cfg->line, cfg, opt->name, value);
	*(const char **)result = value;
	return 0;
}

/* The section that ended where cfg stands now. A title that comes again has its old
 * place in the list, a new one the last. */
static cfg_t *section_ended(const cfg_t *cfg, cfg_opt_t *opt)
{
	unsigned last = cfg_opt_size(opt) - 1;

	for (unsigned i = last; i > 0; i--)
		if (cfg_opt_getnsec(opt, i)->line == cfg->line)
			return cfg_opt_getnsec(opt, i);
	return cfg_opt_getnsec(opt, 0);
}

/* Called when a section is over, which may have been empty. */
static int section_seen(cfg_t *cfg, cfg_opt_t *opt)
{
	struct parser *parser = parser_of(cfg);

	if (parser->open == NULL)
		section_note(parser, section_ended(cfg, opt));
	parser->open = NULL;
	return 0;
}

static void error_seen(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct parser *parser = parser_of(cfg);
	char text[256];

	parser->failed = true;
	/* The one message that says too little: our table knows what is allowed. */
	if (strcmp(fmt, "no such option '%s'") == 0) {
		statement_add(parser, CONFIG_STATEMENT_UNKNOWN, (unsigned)cfg->line,
		    cfg, va_arg(ap, const char *), "");
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	statement_add(parser, CONFIG_STATEMENT_ERROR, (unsigned)cfg->line, parser->root,
	    "", text);
}

/* ---- the options, made from our table ---- */

static void option_add(
    struct parser *parser, enum config_section section, cfg_opt_t opt)
{
	cfg_opt_t *at = parser->sections[section];

	while (at->name != NULL)
		at++;
	*at = opt;
}

static void options_make(struct parser *parser)
{
	for (size_t i = 0; i < config_directive_count; i++) {
		const struct config_directive *row = &config_directives[i];

		option_add(parser, row->section,
		    (cfg_opt_t){.name = row->name,
		        .type = CFGT_STR,
		        .flags = row->type->list ? CFGF_LIST : CFGF_NONE,
		        .simple_value.string = &parser->last,
		        .parsecb = value_seen});
	}
	for (size_t i = 1; i < CONFIG_SECTION_END; i++)
		option_add(parser, CONFIG_ROOT,
		    (cfg_opt_t){.name = config_sections[i].name,
		        .type = CFGT_SEC,
		        .flags = config_sections[i].titled ? CFGF_MULTI | CFGF_TITLE
		                                           : CFGF_NONE,
		        .subopts = parser->sections[i],
		        .validcb = section_seen});
}

/* ---- the process that parses ---- */

static void text_parse(struct config_statements *statements, const char *text)
{
	struct parser parser = {.statements = statements};
	int rc;

	options_make(&parser);
	parser.root = cfg_init(parser.sections[CONFIG_ROOT], CFGF_NONE);
	if (parser.root == NULL)
		return;
	cfg_set_error_function(parser.root, error_seen);
	rc = cfg_parse_buf(parser.root, text);
	cfg_free(parser.root);
	free(parser.last);
	statements->done = rc == CFG_SUCCESS || parser.failed;
}

/* Returns 0, or -1 with *err. How the process ended does not matter: a checker that it
 * runs under may have its own idea of that. */
static int parse_apart(const char *path, const char *text,
    struct config_statements *statements, struct config_error *err)
{
	sigset_t all, before;
	pid_t pid;

	/* The child shares what the parent's handlers write to: it takes no signal. */
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &before) != 0)
		return config_error_set(
		    err, path, "cannot be parsed: signals: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		/* Its last words are not one line in our manner. */
		close(STDERR_FILENO);
		text_parse(statements, text);
		_exit(0);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid == -1)
		return config_error_set(
		    err, path, "cannot be parsed: fork: %s", strerror(errno));
	while (waitpid(pid, NULL, 0) == -1)
		if (errno != EINTR)
			return config_error_set(err, path,
			    "cannot be parsed: waitpid: %s", strerror(errno));
	if (!statements->done)
		return config_error_set(err, path,
		    "cannot be parsed: libconfuse failed, "
		    "probably out of memory");
	return 0;
}

struct config_statements *config_file_parse(
    const char *path, const char *text, struct config_error *err)
{
	struct config_statements *statements = mmap(NULL, STATEMENTS_MAX,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (statements == MAP_FAILED) {
		config_error_memory(err);
		return NULL;
	}
	if (parse_apart(path, text, statements, err) == 0) {
		if (!statements->full)
			return statements;
		config_error_set(err, path, "too many values");
	}
	config_statements_free(statements);
	return NULL;
}

void config_statements_free(struct config_statements *statements)
{
	munmap(statements, STATEMENTS_MAX);
}

static const char *text_next(const struct config_statements *statements, size_t *at)
{
	const char *text = statements->bytes + *at;

	*at += strlen(text) + 1;
	return text;
}

bool config_statement_next(const struct config_statements *statements, size_t *at,
    struct config_statement *statement)
{
	const char *head;

	if (*at >= statements->len)
		return false;
	head = text_next(statements, at);
	statement->kind = head[0];
	statement->line = (unsigned)strtoul(head + 1, NULL, 10);
	statement->section = text_next(statements, at);
	statement->title = text_next(statements, at);
	statement->name = text_next(statements, at);
	statement->value = text_next(statements, at);
	return true;
}
