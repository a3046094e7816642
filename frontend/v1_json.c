#include "frontend/v1_json.h"

#include <string.h>

/* What comes next, white space aside. */
enum json_state {
	JSON_OBJECT, /* the object */
	JSON_FIRST,  /* a name, or the object's end */
	JSON_NAME,   /* a name, behind a comma */
	JSON_COLON,
	JSON_VALUE,
	JSON_AFTER, /* a comma, or the object's end */
	JSON_END,   /* nothing */
	/* these within a value or a name, where white space is no different */
	JSON_IN_TEXT,
	JSON_IN_NUMBER,
	JSON_IN_WORD,
};

enum text_state {
	TEXT_PLAIN,
	TEXT_ESCAPE, /* behind a backslash */
	TEXT_DIGITS, /* of \u */
	TEXT_UTF8,   /* within a sequence */
};

enum { NUMBER_PIECE = 32 };

static const char no_json[] = "The body is not a JSON text";
static const char no_utf8[] = "The body is not UTF-8";

static bool json_wrong(struct json_reader *r, const char *why)
{
	r->wrong = why;
	return false;
}

/* ---- texts ---- */

static bool text_give(struct json_reader *r, const char *bytes, size_t len)
{
	return (r->is_name ? r->handler->name : r->handler->piece)(r->to, bytes, len);
}

static bool text_flush(struct json_reader *r)
{
	const size_t len = r->held_len;

	r->held_len = 0;
	return len == 0 || text_give(r, r->held, len);
}

/* In pieces that are worth a call. */
static bool text_put(struct json_reader *r, const char *bytes, size_t len)
{
	if (len > sizeof(r->held) - r->held_len && !text_flush(r))
		return false;
	if (len > sizeof(r->held))
		return text_give(r, bytes, len);
	memcpy(r->held + r->held_len, bytes, len);
	r->held_len = (uint8_t)(r->held_len + len);
	return true;
}

static bool text_put_byte(struct json_reader *r, char c)
{
	if (r->held_len == sizeof(r->held) && !text_flush(r))
		return false;
	r->held[r->held_len++] = c;
	return true;
}

/* Bytes at the start that stand for themselves, each a character. */
static size_t text_run(const char *data, size_t len)
{
	size_t n = 0;

	while (n < len && (int8_t)data[n] >= 0x20 && data[n] != '"' && data[n] != '\\')
		n++;
	return n;
}

static bool text_end(struct json_reader *r)
{
	r->state = r->is_name ? JSON_COLON : JSON_AFTER;
	return text_flush(r) && (r->is_name || r->handler->end(r->to));
}

/* The first byte of a sequence of several (RFC 3629 section 4). */
static bool utf8_begin(struct json_reader *r, uint8_t c)
{
	if (c < 0xc2 || c > 0xf4)
		return json_wrong(r, no_utf8);
	r->left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	r->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	r->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	r->text_state = TEXT_UTF8;
	return text_put_byte(r, (char)c);
}

static bool utf8_continue(struct json_reader *r, uint8_t c)
{
	if (c < r->low || c > r->high)
		return json_wrong(r, no_utf8);
	r->low = 0x80;
	r->high = 0xbf;
	if (--r->left == 0)
		r->text_state = TEXT_PLAIN;
	return text_put_byte(r, (char)c);
}

static bool text_put_character(struct json_reader *r, uint32_t c)
{
	char bytes[4];
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (len == 1)
		return text_put_byte(r, (char)c);
	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		bytes[i] = (char)(0x80 | (c & 0x3f));
	bytes[0] = (char)((0xf00U >> len & 0xf0U) | c);
	return text_put(r, bytes, len);
}

static bool is_surrogate(uint16_t unit, uint16_t first)
{
	return (unit & 0xfc00U) == first;
}

/* The four digits of a \u are there. */
static bool unit_complete(struct json_reader *r)
{
	const uint16_t first = r->first, unit = r->unit;

	r->text_state = TEXT_PLAIN;
	r->first = 0;
	if (is_surrogate(unit, 0xdc00) != (first != 0))
		return json_wrong(r, no_json);
	if (first != 0)
		return text_put_character(
		    r, 0x10000U + ((first & 0x3ffU) << 10 | (unit & 0x3ffU)));
	if (!is_surrogate(unit, 0xd800))
		return text_put_character(r, unit);
	r->first = unit;
	return true;
}

static int hex_digit(char c)
{
	unsigned digit = (unsigned)c - '0', letter = ((unsigned)c | 0x20) - 'a';

	return digit < 10 ? (int)digit : letter < 6 ? (int)letter + 10 : -1;
}

static bool unit_extend(struct json_reader *r, char c)
{
	const int digit = hex_digit(c);

	if (digit < 0)
		return json_wrong(r, no_json);
	r->unit = (uint16_t)((unsigned)r->unit << 4 | (unsigned)digit);
	return --r->left > 0 || unit_complete(r);
}

/* \u and its digits at once, where all of them are here. */
static bool unit_read(struct json_reader *r, const char *digits)
{
	unsigned unit = 0;

	for (size_t i = 0; i < 4; i++) {
		const int digit = hex_digit(digits[i]);

		if (digit < 0)
			return json_wrong(r, no_json);
		unit = unit << 4 | (unsigned)digit;
	}
	r->unit = (uint16_t)unit;
	return unit_complete(r);
}

static bool text_escape(struct json_reader *r, char c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = c != '\0' ? strchr(from, c) : NULL;

	if (c == 'u') {
		r->unit = 0;
		r->left = 4;
		r->text_state = TEXT_DIGITS;
		return true;
	}
	if (at == NULL || r->first != 0)
		return json_wrong(r, no_json);
	r->text_state = TEXT_PLAIN;
	return text_put_byte(r, to[at - from]);
}

/* A byte that does not stand for itself. */
static bool text_byte(struct json_reader *r, char c)
{
	switch ((enum text_state)r->text_state) {
	case TEXT_ESCAPE:
		return text_escape(r, c);
	case TEXT_DIGITS:
		return unit_extend(r, c);
	case TEXT_UTF8:
		return utf8_continue(r, (uint8_t)c);
	case TEXT_PLAIN:
		break;
	}
	if (c == '\\') {
		r->text_state = TEXT_ESCAPE;
		return true;
	}
	if (r->first != 0)
		return json_wrong(r, no_json);
	if (c == '"')
		return text_end(r);
	return (uint8_t)c < 0x80 ? json_wrong(r, no_json) : utf8_begin(r, (uint8_t)c);
}

static size_t text_step(struct json_reader *r, const char *data, size_t len)
{
	size_t used = 0, n = 1;

	while (used < len && n > 0 && r->state == JSON_IN_TEXT) {
		const char *at = data + used;
		const bool plain = r->text_state == TEXT_PLAIN;

		n = plain && r->first == 0 ? text_run(at, len - used) : 0;
		if (n > 0)
			n = text_put(r, at, n) ? n : 0;
		else if (plain && len - used >= 6 && memcmp(at, "\\u", 2) == 0)
			n = unit_read(r, at + 2) ? 6 : 0;
		else
			n = text_byte(r, *at) ? 1 : 0;
		used += n;
	}
	return n > 0 ? used : 0;
}

static bool text_begin(struct json_reader *r, bool is_name)
{
	r->is_name = is_name;
	r->state = JSON_IN_TEXT;
	r->text_state = TEXT_PLAIN;
	return true;
}

/* ---- what stands around them ---- */

static bool value_begin(struct json_reader *r, char c)
{
	static const struct {
		const char *word;
		enum value_kind kind;
	} words[] = {
	    {"true", VALUE_TRUE}, {"false", VALUE_FALSE}, {"null", VALUE_NULL}};

	if (c == '{' || c == '[')
		return json_wrong(
		    r, "There is an object or a list in the body's object");
	if (c == '"')
		return text_begin(r, false) && r->handler->value(r->to, VALUE_TEXT);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (c == words[i].word[0]) {
			r->state = JSON_IN_WORD;
			r->word = words[i].word + 1;
			return r->handler->value(r->to, words[i].kind);
		}
	if (c != '-' && (c < '0' || c > '9'))
		return json_wrong(r, no_json);
	r->state = JSON_IN_NUMBER;
	return r->handler->value(r->to, VALUE_NUMBER) &&
	       r->handler->piece(r->to, &c, 1);
}

/* The first byte that is no white space, in a state that is not in a value. */
static bool token_byte(struct json_reader *r, char c)
{
	const enum json_state state = r->state;

	if (state == JSON_VALUE)
		return value_begin(r, c);
	if (c == '"' && (state == JSON_FIRST || state == JSON_NAME))
		return text_begin(r, true);
	if (state == JSON_OBJECT && c == '{')
		r->state = JSON_FIRST;
	else if (state == JSON_COLON && c == ':')
		r->state = JSON_VALUE;
	else if (state == JSON_AFTER && c == ',')
		r->state = JSON_NAME;
	else if (c == '}' && (state == JSON_AFTER || state == JSON_FIRST))
		r->state = JSON_END;
	else
		return json_wrong(r,
		    state == JSON_OBJECT ? "The body is not a JSON object" : no_json);
	return true;
}

static size_t token_step(struct json_reader *r, const char *data, size_t len)
{
	size_t n = 0;

	while (len - n >= 8 && memcmp(data + n, "        ", 8) == 0)
		n += 8;
	while (n < len && (data[n] == ' ' || data[n] == '\n' || data[n] == '\r' ||
	                      data[n] == '\t'))
		n++;
	if (n == len)
		return n;
	return token_byte(r, data[n]) ? n + 1 : 0;
}

static bool is_of_number(char c)
{
	return (c >= '0' && c <= '9') || (c != '\0' && strchr("+-.eE", c) != NULL);
}

/* In small pieces: few numbers have so many digits, and their readers know it. */
static size_t number_step(struct json_reader *r, const char *data, size_t len)
{
	size_t n = 0;

	if (len > NUMBER_PIECE)
		len = NUMBER_PIECE;
	while (n < len && is_of_number(data[n]))
		n++;
	if (n > 0)
		return r->handler->piece(r->to, data, n) ? n : 0;
	r->state = JSON_AFTER;
	return r->handler->end(r->to) ? token_step(r, data, len) : 0;
}

static size_t word_step(struct json_reader *r, const char *data, size_t len)
{
	(void)len;
	if (*data != *r->word) {
		json_wrong(r, no_json);
		return 0;
	}
	if (*++r->word != '\0')
		return 1;
	r->state = JSON_AFTER;
	return r->handler->end(r->to) ? 1 : 0;
}

void v1_json_begin(
    struct json_reader *reader, const struct json_handler *handler, void *to)
{
	*reader = (struct json_reader){.handler = handler, .to = to};
}

bool v1_json_feed(struct json_reader *reader, const char *data, size_t len)
{
	size_t used = 0, n = 1;

	while (used < len && n > 0) {
		const char *at = data + used;

		if (reader->state == JSON_IN_TEXT)
			n = text_step(reader, at, len - used);
		else if (reader->state == JSON_IN_NUMBER)
			n = number_step(reader, at, len - used);
		else if (reader->state == JSON_IN_WORD)
			n = word_step(reader, at, len - used);
		else
			n = token_step(reader, at, len - used);
		used += n;
	}
	/* what came before a wrong byte is told of before it, whatever the pieces are
	 */
	if (reader->held_len > 0 && !text_flush(reader)) {
		reader->wrong = NULL;
		return false;
	}
	return n > 0;
}

bool v1_json_is_complete(const struct json_reader *reader)
{
	return reader->state == JSON_END;
}
