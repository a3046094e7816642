/* common/phc.c: whatever is taken is written back byte for byte, and stays inside its
 * arrays. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/phc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char back[LIMIT_TEXT];
	const char *why;
	struct phc phc;
	ssize_t len;

	if (phc_parse(&phc, (const char *)data, size, &why) != PHC_OK) {
		if (why == NULL)
			abort();
		return 0;
	}
	len = phc_format(back, sizeof(back), &phc);
	if (len < 0 || (size_t)len != size || memcmp(back, data, size) != 0)
		abort();
	return 0;
}
