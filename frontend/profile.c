#include "frontend/profile.h"

struct job_cost profile_cost(const struct config_profile *profile)
{
	enum { ARGON2ID = 2, VERSION_13 = 0x13 };

	return (struct job_cost){
	    .type = ARGON2ID,
	    .version = VERSION_13,
	    .memory_kib = profile->memory_kib,
	    .time = profile->time,
	    .lanes = profile->lanes,
	    .salt_len = profile->salt,
	    .tag_len = profile->tag,
	};
}
