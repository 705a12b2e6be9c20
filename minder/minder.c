/* osexec-minder: starts one command, and ends with it whatever the command started.

   It is a child subreaper: every descendant whose parent dies becomes its child. So when wait(2)
   says ECHILD, nothing is left: a proof. It kills its own children only, whose numbers nobody else
   can free, and their children come up to it as they die. It lives in a group of its own, mostly in
   a session of its own, where Ctrl-C, Ctrl-Z and `kill -9 -PGID` do not reach it, and blocks all
   signals.

   It is on a leash: its owner's end of the socket, and a pidfd of the owner, since a copy of the
   owner (fork) holds the socket's end too. When either says that the owner is gone, all is ended.
   See protocol.h for what is said. */

#include "namespace.h"
#include "protocol.h"
#include "setup.h"
#include "system.h"
#include "text.h"
#include "tree.h"

#define SHORTEST_PAUSE 2   /* ms between two rounds of a sweep in which nobody died */
#define LONGEST_PAUSE 100  /* ms */
#define LOOKS 40           /* some 20 us */
#define PATIENCE 10000     /* ms without an owner, for what is slow to die */
#define INTO_CGROUP 0x200000000ULL

static struct {
    struct plan plan;
    int socket;
    int report;  /* the command says here why it could not start; end of file: it could */
    int news;    /* init's, in a namespace */
    int go;
    int signals; /* signalfd(2) */
    int owner;   /* pidfd of our parent */
    int init;    /* 0: the command is our own child */
    int command; /* its pid as we see it; 0: not started yet */
    int command_fd; /* its pidfd, in a namespace only: there it is not ours to reap */
    int started, looks, exited, told_exit, empty;
    int sweeping, pause, paused, said_refused;
    int stuck; /* what must be said waits for room in the socket */
    int owner_gone;
    uint32_t swept;
    struct exited end;
} minder;

static char setup_message[MESSAGE_LIMIT]; /* the command reads it while we go on */
static char message[MESSAGE_LIMIT];

/* -------------------------------------------------------------- reports */

/* Whether it is said: if nobody reads, there may be no room. If nobody is there, it is in vain. */
static int say(const void *report, size_t length)
{
    minder.stuck = sys_send(minder.socket, report, length) == -EAGAIN && !minder.owner_gone;
    return !minder.stuck;
}

static void say_failed(struct failure failure)
{
    struct failed failed = {FAILED, (uint8_t)failure.stage, {0}, failure.error};
    say(&failed, sizeof failed);
}

static void say_refused(int order, int error, int pid)
{
    struct refused refused = {REFUSED, (uint8_t)order, {0}, error, pid};
    say(&refused, sizeof refused);
    minder.stuck = 0; /* it is not that important */
}

/* What lives below us, by number and command; init is ours, not the command's. */
static void say_alive(void)
{
    size_t length = sizeof(struct alive);
    int root = minder.init ? minder.init : (int)CALL0(__NR_getpid);
    struct alive alive = {ALIVE, {0}, 0};
    alive.count = name_descendants(root, message, &length, sizeof message);
    copy(message, &alive, sizeof alive);
    say(message, length);
}

/* ---------------------------------------------------------------- ending */

static void note_end(int status, const struct usage *usage)
{
    minder.exited = 1;
    minder.end.kind = EXITED;
    minder.end.status = status;
    copy(minder.end.rusage, usage->values, sizeof usage->values);
}

/* Collect all that has ended. */
static void reap(void)
{
    for (;;) {
        struct usage usage;
        int status;
        long pid = CALL4(__NR_wait4, -1, &status, WAIT_NO_HANG, &usage);
        if (pid == -EINTR)
            continue;
        if (pid <= 0) {
            minder.empty = pid < 0;
            return;
        }
        if (pid == minder.command || (pid == minder.init && !minder.exited))
            note_end(status, &usage); /* init was killed: so was the command */
        else if (minder.sweeping && pid != minder.init)
            minder.swept++;
    }
}

static void sweep_round(void)
{
    struct sweep sweep = {0};
    if (minder.plan.head.flags & JOIN_CGROUP) { /* reaches what became another user, too */
        long fd = sys_open(minder.plan.head.cgroup, "cgroup.kill", O_WRONLY);
        if (fd >= 0) {
            sys_write((int)fd, "1", 1);
            sys_close((int)fd);
        }
    }
    kill_children(&sweep);
    if (minder.command && !minder.exited && !minder.init)
        sys_kill(minder.command, SIGKILL); /* also where there is no /proc */
    if (sweep.refused && !sweep.killed) {
        if (!minder.said_refused)
            say_refused(SWEEP, sweep.error, sweep.refused_pid);
        minder.said_refused = 1;
        if (minder.owner_gone)
            sys_exit(0); /* nobody to tell, and nothing that we may do */
    }
}

static void sweep(void)
{
    if (minder.sweeping)
        return;
    minder.sweeping = 1;
    minder.pause = SHORTEST_PAUSE;
    if (minder.init) /* which ends them all, and we see none of them go */
        minder.swept = count_descendants(minder.init) - !minder.exited;
    if (minder.exited && !minder.owner_gone)
        say_alive();
    sweep_round();
}

static void lose_owner(void)
{
    if (minder.owner_gone)
        return;
    minder.owner_gone = 1;
    minder.paused = 0;
    minder.sweeping = 0;
    sweep();
}

/* -------------------------------------------------------------- starting */

static long fork_into_cgroup(void)
{
    uint64_t arguments[11] = {INTO_CGROUP, 0, 0, 0, SIGCHLD, 0, 0, 0, 0, 0,
                              (uint64_t)minder.plan.head.cgroup};
    return CALL2(__NR_clone3, arguments, sizeof arguments);
}

/* In the child that is to be the command. */
static void be_command(void *end)
{
    int report = *(const int *)end;
    struct failure failure = become(&minder.plan, &report);
    sys_write(report, &failure, sizeof failure);
    sys_exit(127);
}

static struct failure start(void)
{
    int report[2], news[2] = {-1, -1}, go[2] = {-1, -1};
    int flags = minder.plan.head.flags;
    signal_set all = ALL_SIGNALS;
    struct failure failure = {STAGE_MINDER, 0};
    long error = CALL5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (!error) {
        minder.signals = (int)CALL4(__NR_signalfd4, -1, &all, sizeof all, O_CLOEXEC | O_NONBLOCK);
        error = minder.signals < 0 ? minder.signals : sys_pipe(report);
    }
    if (!error && flags & NAMESPACE)
        error = sys_pipe(news);
    if (!error && flags & NAMESPACE)
        error = sys_pipe(go);
    if (error)
        return (struct failure){STAGE_MINDER, (int32_t)-error};
    if (CALL0(__NR_getppid) != minder.plan.head.owner) /* dead, or in another pid namespace */
        return (struct failure){STAGE_MINDER, ESRCH};
    minder.plan.parent = (int)CALL0(__NR_getpid);
    minder.plan.parent_group = (int)CALL1(__NR_getpgid, 0);
    long pid;
    if (flags & NAMESPACE) {
        const int others[] = {report[0], news[0], go[1], minder.signals, minder.socket, -1};
        pid = start_init(&minder.plan, report[1], news[1], go[0], others);
        failure.stage = STAGE_NAMESPACE;
    } else {
        static int end; /* outlives this call, for a child that reads it later */
        end = report[1];
        if (flags & JOIN_CGROUP) {
            failure.stage = STAGE_CGROUP;
            pid = fork_into_cgroup();
            if (pid == 0)
                be_command(&end);
        } else {
            failure.stage = STAGE_FORK;
            pid = sys_fork_sharing(be_command, &end);
        }
    }
    if (pid < 0) {
        failure.error = (int32_t)-pid;
        return failure;
    }
    *(flags & NAMESPACE ? &minder.init : &minder.command) = (int)pid;
    sys_close(report[1]); /* only the child may hold it: its end of file is what we wait for */
    minder.report = report[0];
    minder.news = news[0];
    minder.go = go[1];
    return failure;
}

/* Out of the way of everything, while the command makes its exec. */
static void settle(void)
{
    int cgroup = minder.plan.head.flags & JOIN_CGROUP ? minder.plan.head.cgroup : -1;
    int kept[] = {minder.socket,  minder.report, minder.news, minder.go,
                  minder.signals, cgroup};
    /* First out of reach of what is sent to our owner's group, before the command has made its exec.
       Whether the command's group is orphaned decides what Ctrl-Z and a hang-up do to it, and a
       parent from another group of its session keeps it from that: be one where our owner is, and
       only there. */
    if (minder.plan.head.flags & SET_GROUP)
        CALL2(__NR_setpgid, 0, 0);
    else
        CALL0(__NR_setsid);
    close_all_but(kept, sizeof kept / sizeof *kept);
    CALL1(__NR_chdir, "/");
    minder.owner = (int)CALL2(__NR_pidfd_open, minder.plan.head.owner, 0);
    if (CALL0(__NR_getppid) != minder.plan.head.owner)
        lose_owner(); /* it died before we looked */
}

/* ---------------------------------------------------------------- events */

/* Our words were the command's, and stay readable for all in /proc. Without them nobody takes us for
   the command (pkill -f), or reads there what the command has hidden in its own. */
static void forget_words(void)
{
    char *first = minder.plan.argv[-2], *end = first;
    for (char **word = minder.plan.argv - 2; *word; word++)
        for (end = *word; *end; end++)
            ;
    for (char *place = first; place < end; place++)
        *place = 0;
    put_number(first, end, minder.command);
}

static void on_report(void)
{
    struct failure failure;
    long length = sys_read(minder.report, &failure, sizeof failure);
    if (length == -EINTR)
        return;
    sys_close(minder.report);
    minder.report = -1;
    if (length == sizeof failure) {
        while (CALL4(__NR_wait4, -1, 0, 0, 0) != -ECHILD)
            ; /* whoever wrote it is on its way out, and nobody else was started */
        say_failed(failure);
        sys_exit(1);
    }
    struct started started = {STARTED, {0}, minder.command};
    minder.started = 1;
    say(&started, sizeof started);
    forget_words();
}

/* Nobody is left who would. It stays if somebody is still in it. */
static void remove_cgroup(void)
{
    char link[64], path[4096];
    join_path(link, sizeof link, "/proc/self/fd/", minder.plan.head.cgroup, "", 0, "");
    long length = CALL4(__NR_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length <= 0)
        return;
    path[length] = 0;
    CALL3(__NR_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

static void on_news(void)
{
    struct news news;
    long length = sys_read(minder.news, &news, sizeof news);
    if (length == -EINTR)
        return;
    if (length != sizeof news) {
        sys_close(minder.news); /* init has ended, and will be reaped */
        minder.news = -1;
    } else if (!news.ended) {
        minder.command = first_child(minder.init);
        minder.command_fd = (int)CALL2(__NR_pidfd_open, minder.command, 0);
        sys_write(minder.go, "g", 1);
        sys_close(minder.go);
        minder.go = -1;
    } else if (!minder.exited) {
        note_end(news.status, &news.usage);
        minder.end.empty = (uint8_t)news.empty;
    }
}

static void signal_command(int number)
{
    if (minder.exited || !minder.command)
        return;
    long error = minder.init ? CALL4(__NR_pidfd_send_signal, minder.command_fd, number, 0, 0)
                             : sys_kill(minder.command, number);
    if (error)
        say_refused(SIGNAL, (int)-error, minder.command);
}

static void signal_tree(int number)
{
    int root = minder.init ? minder.init : (int)CALL0(__NR_getpid);
    /* The command last: while it waits for the others, they are not re-parented. */
    signal_descendants(root, number, minder.command);
    signal_command(number);
    if (wants_continue(number))
        signal_command(SIGCONT);
}

/* A signal that somebody sent to us by hand is meant for the command. */
static void on_signals(void)
{
    struct signal_info info;
    const signal_set passed = ONE_SIGNAL(SIGTERM) | ONE_SIGNAL(SIGINT) | ONE_SIGNAL(SIGHUP) |
                              ONE_SIGNAL(SIGQUIT) | ONE_SIGNAL(SIGUSR1) | ONE_SIGNAL(SIGUSR2);
    while (sys_read(minder.signals, &info, sizeof info) == sizeof info) {
        int by_hand = info.code <= 0 && (int)info.pid != minder.command;
        if (by_hand && info.number <= 64 && passed & ONE_SIGNAL(info.number))
            signal_command((int)info.number);
    }
    reap();
    if (minder.sweeping)
        minder.pause = SHORTEST_PAUSE;
}

static void on_order(int hung_up)
{
    long length = sys_receive(minder.socket, message, sizeof message);
    if (length == -EINTR || length == -EAGAIN)
        return;
    if (length < 0 || (length == 0 && hung_up)) { /* a message may be empty, too */
        lose_owner();
        return;
    }
    if (length == 0)
        message[0] = 0;
    const struct signal_order *order = (const struct signal_order *)message;
    if (order->kind == SIGNAL && length == sizeof *order && order->number > 0 &&
        order->number <= 64 && order->whole_tree <= 1) {
        if (order->whole_tree)
            signal_tree(order->number);
        else
            signal_command(order->number);
    } else if (order->kind == SWEEP && length == sizeof(struct order)) {
        minder.said_refused = 0;
        sweep();
    } else if (order->kind == RELEASE && length == sizeof(struct order) && minder.exited &&
               !minder.init) {
        say_alive();
        sys_exit(0);
    } else {
        say_refused(order->kind, EPROTO, 0);
    }
}

/* What the events have led to. Returns whether there is still something to mind. */
static int go_on(void)
{
    if (minder.exited && !minder.told_exit && (minder.started || minder.empty)) {
        /* In a namespace init leaves at once if nothing else is left: then it is all over. */
        if (minder.init && minder.end.empty && !minder.empty)
            return 1;
        minder.end.empty = minder.empty && !minder.sweeping; /* else EMPTY says how many */
        minder.told_exit = say(&minder.end, sizeof minder.end);
        if (!minder.told_exit)
            return 1;
        if (minder.end.empty)
            return 0;
    }
    if (minder.empty && minder.report < 0) {
        struct empty empty = {EMPTY, {0}, minder.swept};
        return !say(&empty, sizeof empty);
    }
    return 1;
}

/* Look a few times before the first sleep: to be woken costs more than a short command takes. */
static int ends_at_once(void)
{
    for (; minder.started && !minder.exited && !minder.init && minder.looks < LOOKS; minder.looks++) {
        CALL0(__NR_sched_yield);
        reap();
        if (minder.exited)
            return 1;
    }
    return 0;
}

static short socket_events(void)
{
    return minder.stuck ? READABLE | HALF_CLOSED | WRITABLE : READABLE | HALF_CLOSED;
}

static void wait_for_events(void)
{
    struct poll_entry entries[] = {
        {minder.report, READABLE, 0}, {minder.news, READABLE, 0},  {minder.signals, READABLE, 0},
        {minder.owner_gone ? -1 : minder.socket, socket_events(), 0},
        {minder.owner_gone ? -1 : minder.owner, READABLE, 0},
    };
    struct time_span span = {0, (int64_t)minder.pause * 1000000};
    if (ends_at_once())
        return;
    long ready = CALL5(__NR_ppoll, entries, sizeof entries / sizeof *entries,
                       minder.sweeping ? &span : 0, 0, 0);
    if (ready > 0) {
        if (entries[0].seen)
            on_report();
        if (entries[1].seen)
            on_news();
        if (entries[2].seen)
            on_signals();
        if (entries[3].seen & ~WRITABLE)
            on_order(entries[3].seen & (HUNG_UP | HALF_CLOSED));
        if (entries[4].seen)
            lose_owner();
    }
    if (minder.sweeping && !minder.empty) {
        if (ready == 0) {
            minder.paused += minder.pause;
            minder.pause = minder.pause < LONGEST_PAUSE ? 2 * minder.pause : LONGEST_PAUSE;
        }
        if (minder.owner_gone && minder.paused > PATIENCE)
            sys_exit(1); /* stuck in the kernel (state D), with its SIGKILL already sent */
        sweep_round();
    }
}

_Noreturn static void refuse_arguments(void)
{
    static const char text[] = "osexec-minder is started by osexec, and by nobody else\n";
    sys_write(2, text, sizeof text - 1);
    sys_exit(2);
}

static int is_about(const char *text)
{
    const char *wanted = "--about";
    while (*wanted && *text == *wanted)
        text++, wanted++;
    return *text == *wanted;
}

#ifdef MINDER_RAW
#define KIND "without a libc"
#else
#define KIND "with a libc"
#endif

int main(int argc, char **argv, char **environment)
{
    if (argc == 2 && is_about(argv[1])) {
        static const char about[] = "osexec-minder, protocol 1, " KIND "\n";
        return sys_write(1, about, sizeof about - 1) < 0;
    }
    signal_set all = ALL_SIGNALS;
    struct signal_action standard = {0};
    CALL4(__NR_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof all);
    CALL4(__NR_rt_sigaction, SIGCHLD, &standard, 0, sizeof all); /* ignored, statuses are lost */
    minder.socket = argc < 4 ? -1 : read_whole_number(argv[1]);
    long length = minder.socket < 0 ? -1 : sys_receive(minder.socket, setup_message, sizeof setup_message);
    if (length < 0)
        refuse_arguments();
    CALL3(__NR_fcntl, minder.socket, F_SETFD, CLOSE_ON_EXEC);
    minder.plan.path = argv[2];
    minder.plan.argv = argv + 3;
    minder.plan.environment = environment;
    if (read_setup(&minder.plan, setup_message, length)) {
        say_failed((struct failure){STAGE_PROTOCOL, EPROTO});
        return 2;
    }
    if (minder.plan.head.flags & JOIN_CGROUP)
        CALL3(__NR_fcntl, minder.plan.head.cgroup, F_SETFD, CLOSE_ON_EXEC);
    if (!(minder.plan.head.flags & SUPERVISE)) {
        say_failed(become(&minder.plan, &minder.socket));
        return 127;
    }
    struct failure failure = start();
    if (failure.error) {
        say_failed(failure);
        return 1;
    }
    settle();
    do
        wait_for_events();
    while (go_on());
    if (minder.owner_gone && minder.plan.head.flags & JOIN_CGROUP)
        remove_cgroup();
    return 0;
}
