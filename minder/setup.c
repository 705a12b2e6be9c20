/* What happens between fork and exec. The order is CPython's for what both can do (directory, umask,
   session, group, then who it runs as), so that a command is the same under every containment. */

#include "setup.h"
#include "text.h"

#define LAST_SIGNAL 64
#define LOWEST 3 /* the first descriptor after stdio */
#define MOST_FILES 4096
#define NOBODY 0xffffffffu /* for setresuid(2) it means: stay who you are */

static int number_at(const char *numbers, int place)
{
    int32_t number;
    copy(&number, numbers + (size_t)place * sizeof number, sizeof number);
    return number;
}

/* Whether what follows the head makes sense. */
static int is_sound(const struct plan *plan)
{
    const struct setup *head = &plan->head;
    for (int place = 0; place < head->limits_count; place++) {
        struct limit limit;
        copy(&limit, plan->limits + (size_t)place * sizeof limit, sizeof limit);
        if (limit.reserved)
            return 0;
    }
    for (int place = 0; place < head->files_count; place++)
        if (number_at(plan->files, place) < -1)
            return 0;
    for (int place = 0; place < head->keep_count; place++)
        if (number_at(plan->keep, place) < 0)
            return 0;
    return 1;
}

int read_setup(struct plan *plan, const char *message, long length)
{
    struct setup *head = &plan->head;
    if (length < (long)sizeof *head || length > MESSAGE_LIMIT)
        return -1;
    copy(head, message, sizeof *head);
    if (head->kind != SETUP || head->version != PROTOCOL_VERSION || head->reserved ||
        (head->flags & ~ALL_FLAGS) || head->owner <= 0 || head->files_count > MOST_FILES)
        return -1;
    if ((head->flags & NAMESPACE || head->flags & JOIN_CGROUP) && !(head->flags & SUPERVISE))
        return -1;
    if ((head->flags & SET_UID && head->uid == NOBODY) ||
        (head->flags & SET_GID && head->gid == NOBODY))
        return -1;
    const char *next = message + sizeof *head;
    plan->limits = next;
    next += (size_t)head->limits_count * sizeof(struct limit);
    plan->groups = next;
    next += (size_t)head->groups_count * sizeof(uint32_t);
    plan->files = next;
    next += (size_t)head->files_count * sizeof(int32_t);
    plan->keep = next;
    next += (size_t)head->keep_count * sizeof(int32_t);
    plan->cwd = head->cwd_length ? next : 0;
    next += head->cwd_length;
    if (next != message + length || (plan->cwd && next[-1]))
        return -1;
    return is_sound(plan) ? 0 : -1;
}

static int is_among(int fd, const int *fds, int count)
{
    for (int place = 0; place < count; place++)
        if (fds[place] == fd)
            return 1;
    return 0;
}

void close_all_but(int *kept, int count)
{
    for (int place = 1; place < count; place++) /* sort by insertion */
        for (int at = place; at && kept[at - 1] > kept[at]; at--) {
            int lower = kept[at];
            kept[at] = kept[at - 1];
            kept[at - 1] = lower;
        }
    unsigned from = 0;
    for (int place = 0; place < count; place++) {
        if (kept[place] < 0)
            continue;
        unsigned edge = (unsigned)kept[place];
        if (edge > from)
            CALL3(__NR_close_range, from, edge - 1, 0);
        from = edge + 1;
    }
    if (CALL3(__NR_close_range, from, ~0u, 0) == 0)
        return;
    /* Linux before 5.9, or a filter of system calls. What is open here was given to us: stdio and a few. */
    for (int fd = 0; fd < MOST_FILES; fd++)
        if (!is_among(fd, kept, count))
            sys_close(fd);
}

/* The signals as a command expects them: none blocked, SIGCHLD not ignored. What else our caller
   ignores stays ignored, as nohup(1) and a shell's background jobs want it. */
static void reset_signals(void)
{
    struct signal_action standard = {0};
    signal_set none = 0;
    CALL4(__NR_rt_sigaction, SIGCHLD, &standard, 0, sizeof none);
    CALL4(__NR_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof none);
}

static long set_limits(const struct plan *plan)
{
    for (int place = 0; place < plan->head.limits_count; place++) {
        struct limit limit;
        copy(&limit, plan->limits + (size_t)place * sizeof limit, sizeof limit);
        uint64_t values[2] = {limit.soft, limit.hard};
        long error = CALL4(__NR_prlimit64, 0, limit.resource, values, 0);
        if (error)
            return error;
    }
    return 0;
}

static long be_nice(int change)
{
    long now = 20 - CALL2(__NR_getpriority, 0, 0);
    long wanted = now + change;
    wanted = wanted > 19 ? 19 : wanted < -20 ? -20 : wanted;
    return CALL3(__NR_setpriority, 0, 0, wanted);
}

static long set_groups(const struct plan *plan)
{
    static uint32_t groups[MESSAGE_LIMIT / sizeof(uint32_t)];
    copy(groups, plan->groups, plan->head.groups_count * sizeof *groups);
    return CALL2(__NR_setgroups, plan->head.groups_count, groups);
}

/* Put the files at 3, 4, ... and close everything that was not asked for. */
static long place_files(const struct plan *plan, int *report)
{
    static int32_t sources[MOST_FILES];
    int count = plan->head.files_count, above = LOWEST + count;
    for (int place = 0; place < plan->head.keep_count; place++) {
        long error = CALL3(__NR_fcntl, number_at(plan->keep, place), F_GETFD, 0);
        if (error < 0)
            return error;
    }
    long moved = CALL3(__NR_fcntl, *report, F_DUPFD_CLOEXEC, above);
    if (moved < 0)
        return moved;
    *report = (int)moved;
    /* What stands where another is to go is copied out of the way first. */
    for (int place = 0; place < count; place++) {
        long fd = number_at(plan->files, place);
        if (fd >= LOWEST && fd < above && fd != LOWEST + place)
            fd = CALL3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, above);
        else if (fd >= 0 && CALL3(__NR_fcntl, fd, F_GETFD, 0) < 0)
            fd = -EBADF;
        if (fd < -1)
            return fd;
        sources[place] = (int32_t)fd;
    }
    if (CALL3(__NR_close_range, LOWEST, ~0u, UNSHARE_RANGE_CLOEXEC) < 0)
        for (int fd = LOWEST; fd < MOST_FILES; fd++) /* Linux before 5.11 */
            CALL3(__NR_fcntl, fd, F_SETFD, CLOSE_ON_EXEC);
    for (int place = 0; place < count; place++) {
        int target = LOWEST + place;
        long error = 0;
        if (sources[place] == target)
            error = CALL3(__NR_fcntl, target, F_SETFD, 0);
        else if (sources[place] >= 0)
            error = CALL3(__NR_dup3, sources[place], target, 0);
        if (error < 0)
            return error;
    }
    for (int place = 0; place < plan->head.keep_count; place++) {
        long error = CALL3(__NR_fcntl, number_at(plan->keep, place), F_SETFD, 0);
        if (error)
            return error;
    }
    return 0;
}

static long take_foreground(int terminal)
{
    int own = (int)CALL1(__NR_getpgid, 0);
    /* From the background it means SIGTTOU, which is blocked until later. */
    return CALL3(__NR_ioctl, terminal, TERMINAL_SET_GROUP, &own);
}

/* A command may send SIGKILL to its whole group: not before its minder has left that. It is about to;
   the bound is for a kernel that refuses it. */
static void wait_for_parent(const struct plan *plan)
{
    for (int look = 0; look < 10000; look++) {
        if (CALL1(__NR_getpgid, plan->parent) != plan->parent_group)
            return;
        CALL0(__NR_sched_yield);
    }
}

/* The command ends if its minder is killed: all that can be done for that case from in here. Not
   earlier, since a change of user clears it (prctl(2)). */
static long die_with(int parent)
{
    CALL5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    return CALL0(__NR_getppid) == parent ? 0 : -ESRCH;
}

/* One step: if it fails, say so and leave. */
#define STEP(condition, stage, call)                             \
    do {                                                         \
        long step_error = (condition) ? (call) : 0;              \
        if (step_error < 0)                                      \
            return (struct failure){stage, (int32_t)-step_error}; \
    } while (0)

struct failure become(const struct plan *plan, int *report)
{
    const struct setup *head = &plan->head;
    int flags = head->flags;
    STEP(plan->cwd, STAGE_CWD, CALL1(__NR_chdir, plan->cwd));
    STEP(flags & SET_UMASK, STAGE_MINDER, (CALL1(__NR_umask, head->umask), 0));
    STEP(flags & NEW_SESSION, STAGE_SESSION, CALL0(__NR_setsid));
    STEP(flags & SET_GROUP, STAGE_GROUP, CALL2(__NR_setpgid, 0, head->process_group));
    STEP(flags & PLACE_FILES, STAGE_FILES, place_files(plan, report));
    STEP(flags & SET_TERMINAL, STAGE_TERMINAL,
         CALL3(__NR_ioctl, head->terminal, TERMINAL_TAKE, 0));
    STEP(flags & FOREGROUND, STAGE_FOREGROUND, take_foreground(head->terminal));
    STEP(head->limits_count, STAGE_LIMITS, set_limits(plan));
    STEP(flags & SET_NICE, STAGE_NICE, be_nice(head->nice));
    STEP(flags & SET_GROUPS, STAGE_GROUPS, set_groups(plan));
    STEP(flags & SET_GID, STAGE_GID, CALL3(__NR_setresgid, head->gid, head->gid, head->gid));
    STEP(flags & SET_UID, STAGE_UID, CALL3(__NR_setresuid, head->uid, head->uid, head->uid));
    STEP(flags & NO_NEW_PRIVS, STAGE_PRIVILEGES,
         CALL5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    STEP(plan->parent, STAGE_MINDER, die_with(plan->parent));
    if (plan->parent)
        wait_for_parent(plan);
    reset_signals();
    return (struct failure){STAGE_EXEC,
                            (int32_t)-CALL3(__NR_execve, plan->path, plan->argv, plan->environment)};
}
