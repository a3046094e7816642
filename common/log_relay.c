/*
 * The lines of a child, from the bytes in its pipe. The child may have been broken
 * into: nothing of it is believed but that it was written by this process.
 */
#include <stdio.h>
#include <string.h>

#include "common/log.h"

/* Of a record: where its NUL is. Of text: where its line ends, or a record begins. */
static const char *relay_end(const char *at, const char *end, bool record)
{
	for (const char *p = at + record; p < end; p++)
		if (*p == '\0' || (!record && (*p == '\n' || *p == LOG_RECORD_BEGIN)))
			return p;
	return NULL;
}

static void relay_line(
    pid_t pid, const char *who, const char *text, size_t len, bool record)
{
	char line[LOG_RECORD_MAX + 1], words[LOG_RECORD_MAX + 32];

	memcpy(line, text, len);
	line[len] = '\0';
	if (record && len >= 2 && line[1] >= '0' && line[1] <= '0' + LOG_LEVEL_DEBUG) {
		log_of(pid, who, (enum log_level)(line[1] - '0'), line + 2);
		return;
	}
	if (len == 0)
		return;
	snprintf(words, sizeof(words), "standard error: %s", line);
	log_of(pid, who, LOG_LEVEL_ERROR, words);
}

size_t log_relay(pid_t pid, const char *who, const char *bytes, size_t len, bool ended)
{
	const char *at = bytes, *const end = bytes + len;

	log_batch(true);
	while (at < end) {
		const bool record = *at == LOG_RECORD_BEGIN;
		const char *stop = relay_end(at, end, record);

		if ((stop == NULL && (ended || end - at >= LOG_RECORD_MAX)) ||
		    (stop != NULL && stop - at > LOG_RECORD_MAX))
			stop = at +
			       (end - at < LOG_RECORD_MAX ? end - at : LOG_RECORD_MAX);
		if (stop == NULL)
			break;
		relay_line(pid, who, at, (size_t)(stop - at), record);
		/* what ends a line belongs to it, unless it begins the next one */
		at = stop + (stop < end && (*stop == '\0' || *stop == '\n'));
	}
	log_batch(false);
	return (size_t)(at - bytes);
}
