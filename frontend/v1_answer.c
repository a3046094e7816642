#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "common/rehash.h"
#include "frontend/v1.h"

void v1_put(struct v1_answer *answer, const char *fmt, ...)
{
	size_t room = sizeof(answer->text) - answer->len;
	va_list ap;
	int n;

	if (answer->len == SIZE_MAX)
		return;
	va_start(ap, fmt);
	n = vsnprintf(answer->text + answer->len, room, fmt, ap);
	va_end(ap);
	answer->len = n >= 0 && (size_t)n < room ? answer->len + (size_t)n : SIZE_MAX;
}

/* What is put is printable: hashes of the hashers' as job.c checks them, names of the
 * config. */
void v1_put_string(struct v1_answer *answer, const char *text, size_t len)
{
	v1_put(answer, "\"");
	for (size_t i = 0; i < len; i++)
		v1_put(
		    answer, text[i] == '"' || text[i] == '\\' ? "\\%c" : "%c", text[i]);
	v1_put(answer, "\"");
}

void v1_put_reasons(struct v1_answer *answer, unsigned reasons)
{
	const char *join = "";

	v1_put(answer, "[");
	for (unsigned reason = 1; reason < REHASH_END; reason *= 2) {
		if ((reasons & reason) == 0)
			continue;
		v1_put(answer, "%s\"%s\"", join,
		    rehash_reason_name((enum rehash_reason)reason));
		join = ",";
	}
	v1_put(answer, "]");
}

void v1_send(struct conn *conn, struct v1_answer *answer, const struct task_result *job)
{
	if (answer->len == SIZE_MAX)
		conn_problem(conn, PROBLEM_INTERNAL, NULL);
	else
		conn_reply(conn, &(struct reply){.status = 200,
		                     .type = REPLY_JSON,
		                     .body = answer->text,
		                     .len = answer->len,
		                     .no_store = true,
		                     .job = job});
	explicit_bzero(answer, sizeof(*answer));
}
