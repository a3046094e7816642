#include "common/errno_text.h"

#include <stddef.h>
#include <string.h>

const char *errno_text(int error)
{
	const char *text = strerrordesc_np(error);

	return text != NULL ? text : "an error that the system has no words for";
}
