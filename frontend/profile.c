#include "frontend/profile.h"

#include "common/given.h"

struct job_cost profile_cost(const struct config_profile *profile)
{
	struct phc phc;

	given_compose(&phc, profile);
	return phc.cost;
}
