#include "master/version.h"

#include <confuse.h>
#include <crypt.h>
#include <ev.h>
#include <gnu/libc-version.h>
#include <llhttp.h>
#include <seccomp.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "common/contract.h"
#include "common/cpu_engine.h"
#include "common/landlock.h"
#include "common/paths.h"

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN true
#endif
#endif
#ifndef HAS_ASAN
#define HAS_ASAN false
#endif
#ifdef __OPTIMIZE__
#define HAS_OPTIMIZE true
#else
#define HAS_OPTIMIZE false
#endif
#ifdef __PIE__
#define HAS_PIE true
#else
#define HAS_PIE false
#endif
#if defined(__SSP__) || defined(__SSP_STRONG__) || defined(__SSP_ALL__)
#define HAS_SSP true
#else
#define HAS_SSP false
#endif
#if defined(_FORTIFY_SOURCE) && _FORTIFY_SOURCE > 0
#define HAS_FORTIFY true
#else
#define HAS_FORTIFY false
#endif

static const struct {
	const char *name;
	bool there;
} build_options[] = {
    {"optimized", HAS_OPTIMIZE},
    {"pie", HAS_PIE},
    {"stack-protector", HAS_SSP},
    {"fortify", HAS_FORTIFY},
    {"address-sanitizer", HAS_ASAN},
};

void version_print(FILE *out)
{
	fprintf(out, "argond %s\n", ARGOND_VERSION);
}

static void print_options(FILE *out)
{
	fputs("options:", out);
	for (size_t i = 0; i < sizeof(build_options) / sizeof(build_options[0]); i++)
		if (build_options[i].there)
			fprintf(out, " %s", build_options[i].name);
	putc('\n', out);
}

static void print_engines(FILE *out)
{
	enum engine_kind best = engine_kind_resolve(ENGINE_AUTO);
	const char *name;

	fputs("engines:", out);
	for (int i = ENGINE_AUTO + 1;
	     (name = engine_kind_name((enum engine_kind)i)) != NULL; i++)
		if (engine_kind_runs((enum engine_kind)i))
			fprintf(out, " %s%s", name, (int)best == i ? " (auto)" : "");
	putc('\n', out);
}

static void print_libraries(FILE *out)
{
	const struct scmp_version *seccomp = seccomp_version();

	fprintf(out,
	    "libraries: glibc %s, libev %d.%d, llhttp %d.%d.%d, libconfuse %s, ",
	    gnu_get_libc_version(), ev_version_major(), ev_version_minor(),
	    LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH,
	    confuse_version);
	fprintf(
	    out, "SQLite %s, libxcrypt %s", sqlite3_libversion(), XCRYPT_VERSION_STR);
	if (seccomp != NULL)
		fprintf(out, ", libseccomp %u.%u.%u", seccomp->major, seccomp->minor,
		    seccomp->micro);
	putc('\n', out);
}

void version_print_build(FILE *out)
{
	version_print(out);
	fprintf(out, "compiler: %s\n", COMPILER);
	print_options(out);
	fprintf(out, "paths: %s, %s, %s\n", PATH_CONFIG, PATH_STATE, PATH_PIDFILE);
	print_engines(out);
	print_libraries(out);
	fprintf(out, "this kernel: Landlock %d\n", landlock_version());
}
