/* A command in namespaces of its own: below an init that the command can neither see past nor kill. */

#ifndef NAMESPACE_H
#define NAMESPACE_H

#include "setup.h"

/* What init tells us: first that there is a command (it waits for `go`), then how it ended. */
struct news {
    int32_t ended;
    int32_t status;
    int32_t empty; /* nothing else is left: init leaves */
    int32_t reserved;
    struct usage usage;
};

/* Start init. Returns its pid or a negative errno.
   `report`: where the command, or init, says why it could not start. `news`: init's end.
   `go`: the command's end; it reads one byte before it becomes the command.
   `others`: what only the minder may hold; ends with -1. */
long start_init(struct plan *plan, int report, int news, int go, const int *others);

#endif
