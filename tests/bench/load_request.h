/*
 * The bytes of a request.
 */
#ifndef TESTS_BENCH_LOAD_REQUEST_H
#define TESTS_BENCH_LOAD_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "tests/bench/load_spec.h"

/* No request of this stream has more bytes. */
size_t request_size_max(const struct spec *spec);

/* Writes one into `to`, which has that much room; each %u becomes `number`, the
 * X-Request-Id is `id`. Returns its length. */
size_t request_write(
    const struct spec *spec, uint64_t number, const char *id, char *to);

#endif
