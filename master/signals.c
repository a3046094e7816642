#include "master/signals.h"

#include <signal.h>
#include <stdlib.h>
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

static bool signal_is_forwarded(const struct signalfd_siginfo *info, bool detached)
{
	/* systemd as process 1 sends what `systemctl kill` asks for */
	const bool by_init =
	    info->ssi_pid == 1 && !detached && getenv("INVOCATION_ID") == NULL;

	return info->ssi_pid == 0 || by_init;
}

bool signal_is_command(const struct signalfd_siginfo *info, bool detached)
{
	switch (info->ssi_signo) {
	case SIGWINCH:
		return info->ssi_code != SI_KERNEL &&
		       !signal_is_forwarded(info, detached);
	case SIGTTIN:
	case SIGTTOU:
		return info->ssi_code != SI_KERNEL;
	default:
		return true;
	}
}

bool signal_is_hangup(const struct signalfd_siginfo *info)
{
	return info->ssi_signo == SIGHUP && info->ssi_code == SI_KERNEL;
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
