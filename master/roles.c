#include "master/roles.h"

const struct role_kind role_kinds[ROLE_COUNT] = {
    [ROLE_FRONTEND] = {"frontend", frontend_run, NULL, .listens = true,
        .oom_score_adj = 200},
    [ROLE_HASHER] = {"hasher", hasher_run, hasher_prepare, .listens = false,
        .oom_score_adj = 500},
};
