/* What osexec and its minder say to each other: messages on one AF_UNIX SOCK_SEQPACKET socket.

   One message is one write, integers are native (both ends are one machine), the first byte is its
   kind. `src/osexec/_posix/minder.py` is the other end. The command's words, its path and its
   environment are the minder's own arguments:

       osexec-minder SOCKET PATH ARG0 [ARG...]

   The socket's number is decimal. SETUP is in the socket before the minder starts, and is
   answered by STARTED or FAILED. Later come orders, each of its exact length; any other message is
   answered by REFUSED, and changes nothing. End of file is an order too: end all and leave.

       here                        there
       SETUP               ->
                           <-      STARTED, or FAILED and it leaves
       SIGNAL, SWEEP       ->
                           <-      EXITED: the command has ended (once)
       RELEASE             ->
                           <-      ALIVE: what lived when SWEEP or RELEASE came (after EXITED)
                           <-      EMPTY: nothing is left below it, and it leaves
*/

#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdint.h>

#define PROTOCOL_VERSION 1
#define MESSAGE_LIMIT 32768 /* bytes; a longer one is malformed */

enum kind {
    SETUP = 'S',   /* struct setup and what follows it */
    SIGNAL = 'K',  /* struct signal_order */
    SWEEP = 'W',   /* struct order: SIGKILL to all, until nothing is left */
    RELEASE = 'R', /* struct order: leave, and let what is left live */

    STARTED = 's', /* struct started */
    FAILED = 'f',  /* struct failed */
    EXITED = 'x',  /* struct exited */
    ALIVE = 'a',   /* struct alive and what follows it */
    EMPTY = 'e',   /* struct empty */
    REFUSED = 'r', /* struct refused: an order, or a kill that the kernel refused */
};

enum flag {
    SUPERVISE = 1 << 0,    /* stay, as a subreaper; without it: set up and exec in place */
    NEW_SESSION = 1 << 1,  /* setsid(2) */
    SET_GROUP = 1 << 2,    /* setpgid(2) to .process_group; 0: a group of its own */
    SET_TERMINAL = 1 << 3, /* .terminal becomes the controlling terminal, after NEW_SESSION */
    FOREGROUND = 1 << 4,   /* the command's group becomes the terminal's foreground group */
    SET_UMASK = 1 << 5,
    SET_NICE = 1 << 6, /* .nice is added */
    SET_GROUPS = 1 << 7,
    SET_GID = 1 << 8,
    SET_UID = 1 << 9,
    NO_NEW_PRIVS = 1 << 10,
    PLACE_FILES = 1 << 11, /* close all but 0, 1, 2 and .keep, then put .files at 3, 4, ... */
    NAMESPACE = 1 << 12,   /* user, mount and pid namespaces of its own */
    JOIN_CGROUP = 1 << 13, /* be born in the cgroup whose directory is .cgroup */
    ALL_FLAGS = (1 << 14) - 1,
};

/* Where a start failed; errno says why. */
enum stage {
    STAGE_PROTOCOL = 1, /* SETUP is malformed, or of another version */
    STAGE_MINDER,       /* the minder could not set itself up */
    STAGE_FORK,
    STAGE_SESSION,
    STAGE_GROUP,
    STAGE_TERMINAL,
    STAGE_LIMITS,
    STAGE_NICE,
    STAGE_GROUPS,
    STAGE_GID,
    STAGE_UID,
    STAGE_PRIVILEGES,
    STAGE_CWD,
    STAGE_FILES,
    STAGE_NAMESPACE,
    STAGE_CGROUP,
    STAGE_EXEC,
    STAGE_FOREGROUND,
};

struct setup {
    uint8_t kind;
    uint8_t version;
    uint16_t flags;
    int32_t owner; /* our parent's process id; if it is another one, it has died */
    int32_t process_group;
    int32_t terminal; /* as the command numbers it */
    uint32_t umask;
    int32_t nice;
    uint32_t gid;
    uint32_t uid;
    int32_t cgroup; /* as the minder numbers it */
    uint16_t groups_count;
    uint16_t files_count;
    uint16_t keep_count;
    uint16_t limits_count;
    uint16_t cwd_length; /* with its NUL; 0: stay */
    uint16_t reserved;   /* 0 */
    /* then, without gaps, to the end of the message:
       struct limit limits[]; uint32_t groups[]; int32_t files[] (-1: closed);
       int32_t keep[]; char cwd[] */
};

struct limit {
    uint32_t resource;
    uint32_t reserved; /* 0 */
    uint64_t soft, hard;
};

struct order {
    uint8_t kind;
};

struct signal_order {
    uint8_t kind;
    uint8_t number;
    uint8_t whole_tree; /* 0: the command alone; 1: all, and the stopped are continued */
};

struct started {
    uint8_t kind;
    uint8_t reserved[3];
    int32_t pid;
};

struct failed {
    uint8_t kind;
    uint8_t stage;
    uint8_t reserved[2];
    int32_t error;
};

struct exited {
    uint8_t kind;
    uint8_t empty; /* nothing else is left: it leaves, and EMPTY does not come */
    uint8_t reserved[2];
    int32_t status;    /* as of wait(2) */
    int64_t rusage[18]; /* as of wait4(2): user s, user us, system s, system us, 14 counts */
};

struct alive {
    uint8_t kind;
    uint8_t reserved[3];
    uint32_t count; /* how many lived; as many as fit are named */
    /* then for each: int32_t pid; uint32_t length; char command[length], words ended by NUL */
};

struct empty {
    uint8_t kind;
    uint8_t reserved[3];
    uint32_t swept; /* how many a sweep has ended, besides the command itself */
};

struct refused {
    uint8_t kind;
    uint8_t order; /* the kind that was refused; SWEEP: SIGKILL to .pid */
    uint8_t reserved[2];
    int32_t error;
    int32_t pid;
};

#endif
