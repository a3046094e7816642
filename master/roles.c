#include "master/roles.h"

const struct role_kind role_kinds[ROLE_COUNT] = {
    [ROLE_FRONTEND] = {"frontend", frontend_run, NULL, .listens = true},
    [ROLE_HASHER] = {"hasher", hasher_run, hasher_prepare, .listens = false},
};
