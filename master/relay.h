/*
 * What the children have to say, for the log: a pipe from each. They have no log file,
 * so a child that was broken into cannot truncate it, fill it for others, or write
 * lines in another's name; and a child's standard error is no terminal that could be
 * read from. Nor can it fill the disk: more than some lines a second have to wait.
 */
#ifndef MASTER_RELAY_H
#define MASTER_RELAY_H

struct process;

/* Opens the pipe of a process that is about to be forked, and watches it. Returns the
 * child's end, or -1 with errno. */
int relay_open(struct process *p);

/* Logs what is left in the pipe, and closes it. Does nothing where there is none. */
void relay_close(struct process *p);

#endif
