/* Everything below a process: found, signalled, killed, named. */

#ifndef TREE_H
#define TREE_H

#include "system.h"

struct sweep {
    int killed;  /* so many got SIGKILL in this round */
    int refused; /* so many may not be killed by us: they run as somebody else */
    int refused_pid;
    int error;
};

/* SIGKILL to every child of ours. Their children come up to us as they die. */
void kill_children(struct sweep *sweep);

/* A signal to all that is below `root`, at any depth, but not to `except`. Those that are started
   meanwhile may be missed: only a sweep leaves nothing. */
void signal_descendants(int root, int number, int except);

/* Whether a stopped process should be continued after this signal, to act on it. */
int wants_continue(int number);

/* Append the living below `root` to a report: see struct alive. Returns how many there are, and
   moves `*length`, which never passes `limit`. */
uint32_t name_descendants(int root, char *report, size_t *length, size_t limit);

uint32_t count_descendants(int root);

/* The first child of `pid`, or 0. */
int first_child(int pid);

#endif
