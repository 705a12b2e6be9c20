/* The kernel ends a whole pid namespace when its init ends, whatever is in it, and init ends with
   the minder (PR_SET_PDEATHSIG). Nothing inside can signal the minder, which is outside. */

#include "namespace.h"
#include "text.h"

static int put_file(const char *path, const char *text, size_t length)
{
    long fd = sys_open(AT_FDCWD, path, O_WRONLY);
    if (fd < 0)
        return (int)fd;
    long written = sys_write((int)fd, text, length);
    sys_close((int)fd);
    return written < 0 ? (int)written : 0;
}

/* "1000 1000 1": inside and outside the same number. */
static int put_map(const char *path, int id)
{
    char line[32];
    char *end = line + sizeof line, *put = put_number(line, end, id);
    put = put_number(put_text(put, end, " "), end, id);
    put = put_text(put, end, " 1");
    return put_file(path, line, (size_t)(put - line));
}

static int map_ids(int uid, int gid)
{
    put_file("/proc/self/setgroups", "deny", 4); /* not there before Linux 3.19 */
    int error = put_map("/proc/self/uid_map", uid);
    return error ? error : put_map("/proc/self/gid_map", gid);
}

/* Children end; the command's end is told at once, and init leaves when nothing is left. */
_Noreturn static void be_init(int command, int out)
{
    struct news news = {0};
    for (;;) {
        struct usage usage;
        int status;
        long pid = CALL4(__NR_wait4, -1, &status, news.ended == 1 ? WAIT_NO_HANG : 0, &usage);
        if (pid == command) {
            news.ended = 1; /* told below, once it is known whether more is left */
            news.status = status;
            news.usage = usage;
        } else if (pid <= 0 && pid != -EINTR) {
            news.empty = pid < 0;
            if (news.ended == 1 && sys_write(out, &news, sizeof news) < 0)
                sys_exit(1);
            news.ended = news.ended ? 2 : 0;
            if (pid < 0)
                sys_exit(0);
        }
    }
}

_Noreturn static void run_init(struct plan *plan, int user, int uid, int gid, int report, int news,
                               int go, const int *others)
{
    struct failure failure = {STAGE_NAMESPACE, 0};
    CALL5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    /* If the minder has died before that, the ends of our pipes tell: only it may hold its own. */
    for (; *others >= 0; others++)
        sys_close(*others);
    failure.error = user ? -map_ids(uid, gid) : 0;
    if (!failure.error) {
        CALL5(__NR_mount, 0, "/", 0, MAKE_PRIVATE, 0);
        /* Best effort: it is refused where parts of the old one are hidden (a container). */
        CALL5(__NR_mount, "proc", "/proc", "proc", NO_SUID_DEV_EXEC, 0);
        long command = sys_fork();
        if (command == 0) {
            char byte;
            plan->parent = 0; /* init's death is enough */
            if (sys_read(go, &byte, 1) == 1)
                failure = become(plan, &report);
        } else if (command > 0) {
            struct news born = {0};
            int kept[1] = {news};
            close_all_but(kept, 1);
            CALL1(__NR_chdir, "/");
            if (sys_write(news, &born, sizeof born) == sizeof born)
                be_init((int)command, news);
            sys_exit(1);
        } else {
            failure = (struct failure){STAGE_FORK, (int32_t)-command};
        }
    }
    sys_write(report, &failure, sizeof failure);
    sys_exit(127);
}

long start_init(struct plan *plan, int report, int news, int go, const int *others)
{
    int uid = (int)CALL0(__NR_geteuid), gid = (int)CALL0(__NR_getegid);
    long flags = CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, pid = -EPERM;
    int user = uid != 0;
    if (!user)
        pid = CALL5(__NR_clone, flags, 0, 0, 0, 0);
    if (pid == -EPERM) { /* not root, or root without the right */
        user = 1;
        pid = CALL5(__NR_clone, flags | CLONE_NEWUSER, 0, 0, 0, 0);
    }
    if (pid == 0)
        run_init(plan, user, uid, gid, report, news, go, others);
    return pid;
}
