/*
 * The paths that are built in. The Makefile may give others.
 */
#ifndef COMMON_PATHS_H
#define COMMON_PATHS_H

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#ifndef STATEDIR
#define STATEDIR "/var/lib/argond"
#endif
#ifndef RUNSTATEDIR
#define RUNSTATEDIR "/run"
#endif

#define PATH_CONFIG SYSCONFDIR "/argond/argond.conf" /* read where -c names none */
#define PATH_STATE STATEDIR                          /* the store, for root */
#define PATH_PIDFILE RUNSTATEDIR "/argond.pid"       /* with -d, where none is set */

#endif
