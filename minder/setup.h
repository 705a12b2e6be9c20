/* What a command is to be: read from SETUP, and done between fork and exec. */

#ifndef SETUP_H
#define SETUP_H

#include "protocol.h"
#include "system.h"

struct plan {
    struct setup head;
    const char *limits; /* struct limit[], unaligned as all that follows */
    const char *groups;
    const char *files;
    const char *keep;
    const char *cwd; /* ends with NUL; 0: stay */
    const char *path;
    char **argv;
    char **environment;
    int parent; /* whose death is the command's, too; 0: nobody's */
    int parent_group; /* which it is leaving */
};

/* What a child writes into the pipe when it cannot become the command. */
struct failure {
    int32_t stage;
    int32_t error;
};

/* 0, or -1 for a message that is malformed or of another version. */
int read_setup(struct plan *plan, const char *message, long length);

/* Become the command. Returns only if that fails. Async-signal-safe, and allocates nothing.
   `*report` stays open until then; it may get another number. */
struct failure become(const struct plan *plan, int *report);

/* Close everything but these; -1 among them stands for none. Sorts them. */
void close_all_but(int *kept, int count);

#endif
