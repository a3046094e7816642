/*
 * What a service manager wants to know, in the words of sd_notify(3): datagrams to the
 * socket named by NOTIFY_SOCKET. Where none is named, nothing is sent.
 */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H

#include <stdint.h>
#include <sys/types.h>

void notify_ready(void);
void notify_reloading(void); /* with MONOTONIC_USEC, as Type=notify-reload wants it */
void notify_stopping(void);
void notify_main(pid_t pid); /* another process is in charge now */
void notify_watchdog(void);

/* Microseconds within which notify_watchdog() is expected again and again; 0: not at
 * all. */
uint64_t notify_watchdog_usec(void);

#endif
