/*
 * Leaving the terminal (-d). The launcher stays until the daemon is ready, so that its
 * exit status says whether the start went well.
 */
#ifndef MASTER_DETACH_H
#define MASTER_DETACH_H

/*
 * Forks. In the daemon, a session of its own, it returns the fd to which a zero byte is
 * to be written when it is ready (or -1 with errno where it could not fork); the
 * launcher does not return: it exits with 0 when that byte came, with 1 when the daemon
 * ended without. After detach_logged() it names `log` on standard error in that case.
 */
int detach_begin(const char *log);

/* From now on, what makes the start fail is in the log and not on standard error. */
void detach_logged(int fd);

/* Standard input, output and error lead nowhere from now on. 0, or -1 with errno. */
int detach_terminal(void);

#endif
