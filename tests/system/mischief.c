#include "tests/system/mischief.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/fds.h"
#include "tests/system/house.h"
#include "tests/system/log_tail.h"
#include "tests/system/masters.h"
#include "tests/system/process.h"

enum { MEND_MS = 3000, STOP_MS = 1000, GROWN_MAX = 2 };

/* ---- who is there */

/* All whose title begins so, of the master in charge and of the one that leaves. */
static size_t list_all(const struct mischief *m, const char *what, pid_t *pids)
{
	struct daemon named = *m->d;
	size_t n = process_all(m->d, what, pids, PROCESS_MAX);

	named.pid = masters_named(m->d);
	if (named.pid != 0 && named.pid != m->d->pid)
		n += process_all(&named, what, pids + n, PROCESS_MAX - n);
	return n;
}

/* One of them, or 0. */
static pid_t pick(const struct mischief *m, const char *what)
{
	pid_t pids[PROCESS_MAX];
	size_t n = list_all(m, what, pids);

	return n > 0 ? pids[(size_t)rand() % n] : 0;
}

/* Connections to our port that the process has open: those that it takes along. */
static size_t count_connections(pid_t pid, uint16_t port)
{
	struct fd_list *list = calloc(1, sizeof(*list));
	char *text = harness_read_file("/proc/net/tcp"), *line, *save = NULL;
	unsigned at = 0, state = 0;
	unsigned long inode = 0;
	size_t n = 0;

	assert_non_null(list);
	assert_non_null(text);
	if (fds_list(pid, list))
		for (line = strtok_r(text, "\n", &save); line != NULL;
		     line = strtok_r(NULL, "\n", &save))
			n += sscanf(line,
			         " %*d: %*x:%x %*x:%*x %x %*x:%*x %*x:%*x %*x %*u %*u "
			         "%lu",
			         &at, &state, &inode) == 3 &&
			     at == port && state != 0x0a && /* who listens */
			     fds_find(list, inode) != NULL;
	free(text);
	free(list);
	return n;
}

/* ---- what is done */

static const char *hashers(const struct mischief *m)
{
	return m->calm ? "hasher elastic/1" : "hasher ";
}

static bool kill_hasher(struct mischief *m)
{
	pid_t pid = pick(m, hashers(m));

	return pid != 0 && kill(pid, SIGKILL) == 0;
}

static bool stop_hasher(struct mischief *m)
{
	pid_t pid = m->stopped == 0 ? pick(m, hashers(m)) : 0;

	if (pid == 0 || kill(pid, SIGSTOP) != 0)
		return false;
	m->stopped = pid;
	m->cont_ms = harness_now_ms() + (uint64_t)rand() % STOP_MS;
	return true;
}

/* It is stopped first, so that what it has does not change before it dies. */
static bool kill_frontend(struct mischief *m)
{
	pid_t pid = pick(m, "frontend ");

	if (pid == 0)
		return false;
	process_stop(pid);
	m->owned += count_connections(pid, ntohs(m->d->tcp.in.sin_port));
	if (process_alive(pid))
		process_kill(pid);
	return true;
}

static bool signal_named(const struct mischief *m, int signo)
{
	pid_t pid = masters_named(m->d);

	return pid != 0 && kill(pid, signo) == 0;
}

static bool reload(struct mischief *m)
{
	m->grown = 0;
	return signal_named(m, SIGHUP);
}

static bool upgrade(struct mischief *m)
{
	return masters_named(m->d) == m->d->pid && signal_named(m, SIGUSR2);
}

static bool resize(struct mischief *m)
{
	const bool more = m->grown <= 0 || (m->grown < GROWN_MAX && rand() % 2 == 0);

	m->grown += more ? 1 : -1;
	return signal_named(m, more ? SIGTTIN : SIGTTOU);
}

/* ---- bad configs */

/* In one step: a reload that comes between must not read half of it. */
static void configure(const struct mischief *m, const char *more)
{
	char path[96], *text;

	harness_path(path, m->d->dir, "argond.conf.new");
	assert_true(asprintf(&text, "%s%s", m->config, more) > 0);
	harness_write_file(path, text);
	free(text);
	assert_return_code(rename(path, m->d->conf), errno);
}

static bool spoil(struct mischief *m)
{
	static const char *const ways[] = {
	    "log_level = {\n",
	    "nonsense = 1\n",
	    "memory_budget = 1M\n",
	    "log = \"/nowhere/argond.log\"\n",
	    /* its hashers die when the rest of the generation is up */
	    "pool late { jobs = {\"hash\"} memory_limit = 2M batch = 1 }\n",
	};

	if (m->broken)
		return false;
	configure(m, ways[m->bad++ % (sizeof(ways) / sizeof(ways[0]))]);
	m->mark = log_tail_length(m->d->log);
	m->broken = true;
	m->mend_ms = harness_now_ms() + MEND_MS;
	return signal_named(m, SIGHUP);
}

static void mend(struct mischief *m)
{
	configure(m, "");
	m->broken = false;
}

/* ---- when */

static const struct {
	const char *name;
	bool (*act)(struct mischief *m); /* false: there was nobody to do it to */
	unsigned every_ms;               /* about; 0: spare_ms */
	bool calm;                       /* done in calm times, too */
} acts[MISCHIEF_ACTS] = {
    [MISCHIEF_KILL_HASHER] = {"hashers killed", kill_hasher, 300, true},
    [MISCHIEF_STOP_HASHER] = {"hashers stopped", stop_hasher, 2000, true},
    [MISCHIEF_KILL_FRONTEND] = {"frontends killed", kill_frontend, 1500, false},
    [MISCHIEF_RELOAD] = {"reloads", reload, 1000, false},
    [MISCHIEF_BREAK] = {"bad configs", spoil, 3000, true},
    [MISCHIEF_UPGRADE] = {"upgrades", upgrade, 0, false},
    [MISCHIEF_RESIZE] = {"resizes", resize, 700, false},
};

/* Between nothing and twice as long as it is on average. */
static uint64_t next_time(const struct mischief *m, enum mischief_act act)
{
	const unsigned every =
	    acts[act].every_ms != 0 ? acts[act].every_ms : m->spare_ms;

	return harness_now_ms() + (uint64_t)rand() % (2 * every);
}

void mischief_begin(struct mischief *m, struct daemon *d)
{
	m->d = d;
	m->config = harness_read_file(d->conf);
	assert_non_null(m->config);
	m->masters = 1;
	m->leavers.to = &d->tcp;
	for (enum mischief_act act = 0; act < MISCHIEF_ACTS; act++)
		m->next[act] = next_time(m, act);
}

void mischief_go_on(struct mischief *m)
{
	if (m->stopped != 0)
		kill(m->stopped, SIGCONT);
	m->stopped = 0;
}

/* Is another master in charge, and the old one gone? */
static void follow(struct mischief *m)
{
	if (masters_changed(m->d)) {
		m->masters++;
		m->grown = 0;
	}
	masters_bury(m->d);
}

void mischief_turn(struct mischief *m)
{
	const uint64_t now = harness_now_ms();

	follow(m);
	if (m->stopped != 0 && now >= m->cont_ms)
		mischief_go_on(m);
	if (m->broken && (now >= m->mend_ms ||
	                     log_tail_count(m->d->log, m->mark, "reload failed") > 0))
		mend(m);
	for (enum mischief_act act = 0; act < MISCHIEF_ACTS; act++)
		if (now >= m->next[act] && (acts[act].calm || !m->calm)) {
			m->done[act] += acts[act].act(m);
			m->next[act] = next_time(m, act);
		}
	leavers_turn(&m->leavers);
}

/* Who has set himself up says in his title what he does. */
static bool all_are_up(const struct mischief *m)
{
	pid_t pids[PROCESS_MAX];
	char title[PROCESS_TITLE];
	size_t n = process_children(m->d->pid, pids, PROCESS_MAX);

	for (size_t i = 0; i < n; i++) {
		process_title(pids[i], title);
		if (strchr(title, '[') == NULL || strstr(title, "master") != NULL)
			return false;
	}
	return true;
}

static bool one_is_left(void *arg)
{
	struct mischief *m = arg;

	follow(m);
	return masters_named(m->d) == m->d->pid && masters_count() == 1 &&
	       house_generations(m->d) == 1 && all_are_up(m);
}

/* A reload may come too late for a master that leaves, or find one child killed. */
static bool good_in_charge(void *arg)
{
	struct mischief *m = arg;

	follow(m);
	return masters_send(m->d, "reload", NULL, 0) == 0;
}

void mischief_rest(struct mischief *m)
{
	mischief_go_on(m);
	if (m->broken)
		mend(m);
	leavers_end(&m->leavers);
	if (!m->calm) {
		wait_until(good_in_charge, m, "the good config in charge");
		m->grown = 0;
	}
	wait_until(one_is_left, m, "one master with one generation");
}

void mischief_end(struct mischief *m)
{
	free(m->config);
	m->config = NULL;
}

void mischief_print(const struct mischief *m)
{
	for (enum mischief_act act = 0; act < MISCHIEF_ACTS; act++)
		printf("%s%u %s", act > 0 ? ", " : "", m->done[act], acts[act].name);
	printf("; %u masters; %u left, %u of them answered, %u cut; "
	       "%zu connections owned by the dead\n",
	    m->masters, m->leavers.asked, m->leavers.answered, m->leavers.cut,
	    m->owned);
	fflush(stdout);
}
