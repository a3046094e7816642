#include "master/signals.h"

#include <signal.h>
#include <string.h>

const struct signal_row signal_rows[] = {
    {SIGHUP, SIGNAL_RELOAD, "HUP", "reload", "test the config, then let it take over"},
    {SIGUSR1, SIGNAL_REOPEN, "USR1", "reopen", "open the log files anew"},
    {SIGUSR2, SIGNAL_UPGRADE, "USR2", "upgrade", "let the binary take over"},
    {SIGQUIT, SIGNAL_QUIT, "QUIT", "quit", "answer what is in flight, then leave"},
    {SIGINT, SIGNAL_STOP, "INT", "stop", "leave at once"},
    {SIGTERM, SIGNAL_QUIT, "TERM", NULL, "as QUIT"},
    {SIGWINCH, SIGNAL_LEAVE, "WINCH", NULL, "let the workers leave, stay"},
    {SIGTTIN, SIGNAL_GROW, "TTIN", NULL, "one hasher more in default_pool"},
    {SIGTTOU, SIGNAL_SHRINK, "TTOU", NULL, "one hasher less in default_pool"},
    {SIGCHLD, SIGNAL_REAP, "CHLD", NULL, "a process of ours has died"},
};

const size_t signal_row_count = sizeof(signal_rows) / sizeof(signal_rows[0]);

void signals_waited_for(sigset_t *set)
{
	static const int broken[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP,
	    SIGSYS, SIGXCPU, SIGXFSZ};

	sigfillset(set);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		sigdelset(set, broken[i]);
}

const struct signal_row *signal_find(int signo)
{
	for (size_t i = 0; i < signal_row_count; i++)
		if (signal_rows[i].signo == signo)
			return &signal_rows[i];
	return NULL;
}

const struct signal_row *signal_find_word(const char *word)
{
	for (size_t i = 0; i < signal_row_count; i++)
		if (signal_rows[i].word != NULL &&
		    strcmp(signal_rows[i].word, word) == 0)
			return &signal_rows[i];
	return NULL;
}
