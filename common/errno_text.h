/*
 * The system's words for an error.
 */
#ifndef COMMON_ERRNO_TEXT_H
#define COMMON_ERRNO_TEXT_H

/* A constant string, and never NULL: many callers take NULL for success, and
 * strerrordesc_np(3) returns it for an error that it does not know. */
const char *errno_text(int error);

#endif
