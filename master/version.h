/*
 * What this binary is: the texts of -v and -V.
 */
#ifndef MASTER_VERSION_H
#define MASTER_VERSION_H

#include <stdio.h>

/* "argond 0.1.0" */
void version_print(FILE *out);

/* Also the compiler and its options, the paths built in, the engines that this machine
 * can run, and the libraries as they are at run time. */
void version_print_build(FILE *out);

#endif
