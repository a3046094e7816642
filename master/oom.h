/*
 * Who goes first when memory ends (oom_score_adj of proc(5)). A process that nobody may
 * look into has its files in /proc from root, and cannot open its own unless it is
 * root. So the master has its file open from its start, and has a child's score itself
 * for as long as the fork() takes, by which the child gets it.
 */
#ifndef MASTER_OOM_H
#define MASTER_OOM_H

struct oom {
	int fd;  /* of our own oom_score_adj; 0: none, and scores stay as they are */
	int own; /* our score */
};

/* Called before there is any child: the file is opened as one of a process that can be
 * looked into, for a moment. */
void oom_open(struct oom *oom);
/* Before a fork(): the child's score, but no less than ours. */
void oom_lend(const struct oom *oom, int score);
/* After it, in the master: ours again. */
void oom_take_back(const struct oom *oom);
void oom_close(struct oom *oom);

#endif
