#include "common/encoding.h"

#include <string.h>

size_t encoding_mark(const void *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";
	const size_t mark_len = sizeof(mark) - 1;

	return len >= mark_len && memcmp(text, mark, mark_len) == 0 ? mark_len : 0;
}

bool encoding_is_wide(const void *text, size_t len)
{
	const unsigned char *b = text;

	if (len >= 2 &&
	    ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff)))
		return true;
	return len >= 4 &&
	       ((b[0] == 0 && (b[1] == 0 || b[2] == 0)) || (b[1] == 0 && b[3] == 0));
}
