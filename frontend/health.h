/*
 * What is answered also where everything else is refused.
 */
#ifndef FRONTEND_HEALTH_H
#define FRONTEND_HEALTH_H

#include <stdbool.h>

#include "frontend/http.h"

/* Does the request ask for /livez or /readyz, or with OPTIONS for any path? */
bool health_is_asked(const struct request *request);

#endif
