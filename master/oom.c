#include "master/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/log.h"

static int oom_open_file(void)
{
	return open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
}

void oom_open(struct oom *oom)
{
	char text[16] = "";

	oom->fd = oom_open_file();
	if (oom->fd < 0 && errno == EACCES && prctl(PR_SET_DUMPABLE, 1) == 0) {
		oom->fd = oom_open_file();
		if (prctl(PR_SET_DUMPABLE, 0) != 0)
			abort(); /* it cannot fail */
	}
	if (oom->fd < 0)
		oom->fd = 0;
	else if (pread(oom->fd, text, sizeof(text) - 1, 0) <= 0)
		oom_close(oom);
	oom->own = (int)strtol(text, NULL, 10);
}

static void oom_write(const struct oom *oom, int score)
{
	char text[16];
	const int len = snprintf(text, sizeof(text), "%d", score);

	if (pwrite(oom->fd, text, (size_t)len, 0) != len)
		log_debug("oom_score_adj: %s", strerror(errno));
}

void oom_lend(const struct oom *oom, int score)
{
	if (oom->fd > 0 && score > oom->own)
		oom_write(oom, score);
}

/* The kernel lets everybody back down to what was set before. */
void oom_take_back(const struct oom *oom)
{
	const int saved = errno;

	if (oom->fd > 0)
		oom_write(oom, oom->own);
	errno = saved;
}

void oom_close(struct oom *oom)
{
	if (oom->fd > 0)
		close(oom->fd);
	oom->fd = 0;
}
