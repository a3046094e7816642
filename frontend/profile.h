/*
 * What a profile asks of a hasher.
 */
#ifndef FRONTEND_PROFILE_H
#define FRONTEND_PROFILE_H

#include "common/config.h"
#include "common/job.h"

/* The costs of a hash that is made with it. */
struct job_cost profile_cost(const struct config_profile *profile);

#endif
