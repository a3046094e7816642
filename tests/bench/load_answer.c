#include "tests/bench/load_answer.h"

#include <ctype.h>
#include <string.h>

static const char id_name[] = "x-request-id";

static struct answer *answer_of(llhttp_t *parser)
{
	return parser->data;
}

static int message_begin(llhttp_t *parser)
{
	struct answer *answer = answer_of(parser);

	answer->ids = 0;
	answer->id_wrong = answer->body_wrong = false;
	answer->id_seen = answer->name_seen = answer->body_seen = 0;
	return 0;
}

/* A name may come in parts, as everything else. */
static int header_field(llhttp_t *parser, const char *at, size_t len)
{
	struct answer *answer = answer_of(parser);

	for (size_t i = 0; i < len && answer->name_seen != SIZE_MAX; i++) {
		if (answer->name_seen < sizeof(id_name) - 1 &&
		    tolower((unsigned char)at[i]) == id_name[answer->name_seen])
			answer->name_seen++;
		else
			answer->name_seen = SIZE_MAX;
	}
	return 0;
}

static bool in_id(const struct answer *answer)
{
	return answer->name_seen == sizeof(id_name) - 1;
}

/* The parser leaves the blanks after a value to us. */
static int header_value(llhttp_t *parser, const char *at, size_t len)
{
	struct answer *answer = answer_of(parser);

	for (size_t i = 0; i < len && in_id(answer); i++) {
		if (answer->id[answer->id_seen] == '\0')
			answer->id_wrong |= at[i] != ' ' && at[i] != '\t';
		else if (at[i] == answer->id[answer->id_seen])
			answer->id_seen++;
		else
			answer->id_wrong = true;
	}
	return 0;
}

static int header_value_complete(llhttp_t *parser)
{
	struct answer *answer = answer_of(parser);

	if (in_id(answer)) {
		answer->ids++;
		if (answer->id[answer->id_seen] != '\0')
			answer->id_wrong = true;
	}
	answer->id_seen = answer->name_seen = 0;
	return 0;
}

/* 1: there is no body, whatever the header section says. */
static int headers_complete(llhttp_t *parser)
{
	return strcmp(answer_of(parser)->spec->method, "HEAD") == 0 ? 1 : 0;
}

static int body(llhttp_t *parser, const char *at, size_t len)
{
	struct answer *answer = answer_of(parser);
	const char *expect = answer->spec->expect;
	size_t left = expect == NULL ? 0 : strlen(expect) - answer->body_seen;
	size_t n = len < left ? len : left;

	if (n > 0 && memcmp(expect + answer->body_seen, at, n) != 0)
		answer->body_wrong = true;
	answer->body_seen += n;
	return 0;
}

static int message_complete(llhttp_t *parser)
{
	struct answer *answer = answer_of(parser);
	const char *expect = answer->spec->expect;

	answer->status = parser->status_code;
	if (answer->status < 200)
		return 0; /* the real one follows */
	if (expect != NULL && expect[answer->body_seen] != '\0')
		answer->body_wrong = true;
	answer->complete = true;
	answer->keep_alive = llhttp_should_keep_alive(parser) == 1;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = message_begin,
    .on_header_field = header_field,
    .on_header_value = header_value,
    .on_header_value_complete = header_value_complete,
    .on_headers_complete = headers_complete,
    .on_body = body,
    .on_message_complete = message_complete,
};

void answer_begin(struct answer *answer, const struct spec *spec, const char *id)
{
	size_t len = strnlen(id, ANSWER_ID_MAX - 1);

	*answer = (struct answer){.spec = spec};
	memcpy(answer->id, id, len);
	llhttp_init(&answer->parser, HTTP_RESPONSE, &settings);
	answer->parser.data = answer;
}

enum answer_state answer_feed(
    struct answer *answer, const char *data, size_t len, size_t *used)
{
	enum llhttp_errno error = llhttp_execute(&answer->parser, data, len);

	*used = len;
	if (len > 0)
		answer->started = true;
	if (answer->complete && error == HPE_PAUSED) {
		*used = (size_t)(llhttp_get_error_pos(&answer->parser) - data);
		return ANSWER_DONE;
	}
	return error == HPE_OK ? ANSWER_MORE : ANSWER_BAD;
}

bool answer_finish(struct answer *answer)
{
	if (answer->started && !answer->complete)
		llhttp_finish(&answer->parser);
	return answer->complete;
}

static bool status_is_ok(const struct answer *answer)
{
	if (answer->spec->status != 0)
		return answer->status == answer->spec->status;
	return answer->status >= 200 && answer->status < 300;
}

enum outcome answer_judge(const struct answer *answer, bool late)
{
	if (answer->spec->id && (answer->ids != 1 || answer->id_wrong))
		return OUTCOME_WRONG;
	if (status_is_ok(answer))
		return answer->body_wrong ? OUTCOME_WRONG
		       : late             ? OUTCOME_LATE
		                          : OUTCOME_OK;
	if (answer->status == 503 || answer->status == 429)
		return OUTCOME_SHED;
	return answer->status >= 500 ? OUTCOME_SERVER_ERROR : OUTCOME_CLIENT_ERROR;
}
