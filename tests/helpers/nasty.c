/* nasty KIND NUMBER BOARD: a family of processes that is hard to end.

   It builds the family, writes the line "ready" to its stdout when all are in their places, and
   lives. `tests/helpers/nasty.py` has the table of the kinds and of how many processes each has.
   BOARD is a file that test and family share; its name in each one's words tells whose they are.

   Nothing lives longer than LIFETIME, whatever becomes of the test: each process has a timer of the
   kernel that sends it SIGKILL, which works on one that is stopped or deaf too. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef LIFETIME
#define LIFETIME 120 /* seconds */
#endif

struct board {
    atomic_uint stop;        /* the test's order to a chain: end */
    atomic_uint generations; /* how many links a chain has had */
};

static struct board *board;
static struct timespec end; /* of all, on CLOCK_MONOTONIC */
static int gate[2];         /* one byte from each process that is in its place */
static int number;
static char **words;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "nasty %s: %s: %s\n", words[1], what, strerror(errno));
    _exit(3);
}

/* ------------------------------------------------------------- one process */

static void limit_life(void)
{
    struct sigevent killing = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value = end};
    int timer;
    /* Not through the C library, which may allocate: a child of vfork comes here too. */
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &killing, &timer) ||
        syscall(SYS_timer_settime, timer, TIMER_ABSTIME, &when, NULL))
        fail("timer");
}

static pid_t begin(void)
{
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0)
        limit_life();
    return pid;
}

static void new_session(void)
{
    if (setsid() < 0)
        fail("setsid");
}

static void pause_for(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static _Noreturn void live(void)
{
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
        ;
    _exit(0);
}

static void take_place(void)
{
    if (write(gate[1], "x", 1) != 1)
        fail("gate");
    close(gate[0]);
    close(gate[1]);
}

static _Noreturn void take_place_and_live(void)
{
    take_place();
    live();
}

/* Wait for the others, then say that the family is complete. */
static void say_ready(int others)
{
    char byte;
    while (others-- > 0)
        if (read(gate[0], &byte, 1) != 1)
            fail("gate");
    close(gate[0]);
    close(gate[1]);
    if (write(1, "ready\n", 6) != 6)
        fail("stdout");
}

/* -------------------------------------------------------------- the families
   Each returns how many others will take their places. */

static int tree(void)
{
    static const int below[] = {3, 3, 2};
    for (int i = 0; i < 3; i++) {
        if (begin() == 0) {
            for (int j = 0; j < below[i]; j++)
                if (begin() == 0)
                    take_place_and_live();
            take_place_and_live();
        }
    }
    return 11;
}

static int session(void)
{
    if (begin() == 0) {
        new_session();
        if (begin() == 0)
            take_place_and_live();
        take_place_and_live();
    }
    return 2;
}

/* The double fork: an orphan without terminal, session and standard streams. */
static int daemonize(void)
{
    pid_t first = begin();
    if (first == 0) {
        new_session();
        pid_t parent = getpid();
        if (begin() > 0)
            _exit(0);
        while (getppid() == parent)
            pause_for(1);
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        take_place_and_live();
    }
    waitpid(first, NULL, 0);
    return 1;
}

/* One is stopped with a child that is not, one is stopped in a session of its own. */
static int stopped(void)
{
    pid_t first = begin();
    if (first == 0) {
        if (begin() == 0)
            take_place_and_live();
        raise(SIGSTOP);
        live();
    }
    pid_t second = begin();
    if (second == 0) {
        new_session();
        raise(SIGSTOP);
        live();
    }
    int status;
    if (waitpid(first, &status, WUNTRACED) != first || !WIFSTOPPED(status) ||
        waitpid(second, &status, WUNTRACED) != second || !WIFSTOPPED(status))
        fail("a child did not stop");
    return 1;
}

/* Each signal that can be ignored is, and is blocked too. */
static int deaf(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int signal_number = 1; signal_number <= SIGRTMAX; signal_number++)
        signal(signal_number, SIG_IGN);
    /* SIGCHLD would make the kernel reap for us, and is of no use to somebody who wants to end us. */
    signal(SIGCHLD, SIG_DFL);
    return session();
}

static int many(void)
{
    for (int i = 0; i < number; i++) {
        if (begin() == 0) {
            new_session();
            take_place_and_live();
        }
    }
    return number;
}

/* A process that is somebody else all the time: fork, and the parent leaves. It has no timer; each
   link looks at the clock, and at the test's order to stop. */
static _Noreturn void hop(long pause)
{
    for (;;) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (board->stop || now.tv_sec >= end.tv_sec)
            _exit(0);
        pid_t pid = fork();
        if (pid > 0)
            _exit(0);
        if (pid < 0) {
            pause_for(1); /* the limit on processes: again */
        } else {
            setsid();
            board->generations++;
            if (pause)
                pause_for(pause);
        }
    }
}

static void start_chain(long pause)
{
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        take_place();
        hop(pause);
    }
}

/* NUMBER generations a second; 0: as fast as it goes. */
static int chain(void)
{
    start_chain(number ? 1000 / number : 0);
    return 1;
}

/* NUMBER chains, each as fast as it goes. */
static int chains(void)
{
    for (int i = 0; i < number; i++)
        start_chain(0);
    return number;
}

/* The parent is in the kernel, in vfork(2), as long as its child has not come to an exec. */
static __attribute__((noinline)) int stick(void)
{
    if (vfork() == 0) {
        limit_life();
        take_place_and_live();
    }
    return 0;
}

static int stuck(void)
{
    if (begin() == 0)
        _exit(stick());
    return 1;
}

static void *fork_three(void *unused)
{
    for (int i = 0; i < 3; i++)
        if (begin() == 0)
            take_place_and_live();
    (void)unused;
    live();
}

/* The children of a thread are in that thread's own list of children. */
static int threads(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, fork_three, NULL))
        fail("thread");
    return 3;
}

static pthread_t main_thread;

static void *outlive(void *unused)
{
    pthread_join(main_thread, NULL);
    for (int i = 0; i < 3; i++)
        if (begin() == 0)
            take_place_and_live();
    say_ready(3);
    (void)unused;
    live();
}

/* The main thread has ended: /proc shows a zombie, and the process lives. */
static int headless(void)
{
    pthread_t thread;
    main_thread = pthread_self();
    if (pthread_create(&thread, NULL, outlive, NULL))
        fail("thread");
    pthread_exit(NULL);
}

/* Orphans that come to one of the family, not to whoever minds it. */
static int subreaper(void)
{
    if (begin() == 0) {
        pid_t adopter = getpid();
        if (prctl(PR_SET_CHILD_SUBREAPER, 1))
            fail("subreaper");
        for (int i = 0; i < 2; i++) {
            pid_t first = begin();
            if (first == 0) {
                if (begin() > 0)
                    _exit(0);
                new_session();
                while (getppid() != adopter)
                    pause_for(1);
                take_place_and_live();
            }
            waitpid(first, NULL, 0);
        }
        take_place_and_live();
    }
    return 3;
}

/* Not to be looked into, and not told of a parent's death. */
static int nodump(void)
{
    if (prctl(PR_SET_PDEATHSIG, 0) || prctl(PR_SET_DUMPABLE, 0))
        fail("prctl");
    if (begin() == 0) {
        new_session();
        if (begin() == 0)
            take_place_and_live();
        take_place_and_live();
    }
    return 2;
}

/* One is stopped by its tracer, for whom the kernel tells everything first. */
static int traced(void)
{
    pid_t tracer = begin();
    if (tracer == 0) {
        pid_t tracee = begin();
        if (tracee == 0) {
            if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
                fail("ptrace");
            raise(SIGSTOP);
            live();
        }
        int status;
        if (waitpid(tracee, &status, 0) != tracee || !WIFSTOPPED(status))
            fail("a tracee did not stop");
        take_place_and_live();
    }
    return 1;
}

/* Children of our parent: brothers of the command, in a session of their own. */
static int siblings(void)
{
    for (int i = 0; i < 2; i++) {
        long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, NULL, NULL, 0);
        if (pid < 0)
            fail("clone");
        if (pid == 0) {
            limit_life();
            new_session();
            take_place_and_live();
        }
    }
    return 2;
}

/* A pid namespace of its own, with an init that signals from inside can not end. */
static int userns(void)
{
    if (begin() == 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWPID)) {
            /* To the one that waits for "ready". */
            if (write(1, "no user namespaces\n", 19) != 19)
                fail("stdout");
            live();
        }
        if (begin() == 0) {
            if (begin() == 0) {
                new_session();
                take_place_and_live();
            }
            take_place_and_live();
        }
        take_place_and_live();
    }
    return 3;
}

/* The command is over, with status 0; the others are not. */
static int leader_exits(void)
{
    if (begin() == 0) {
        if (begin() == 0)
            take_place_and_live();
        take_place_and_live();
    }
    if (begin() == 0) {
        new_session();
        if (begin() == 0)
            take_place_and_live();
        take_place_and_live();
    }
    say_ready(4);
    _exit(0);
}

/* NUMBER 0: the command leaves an orphan that has closed its streams, and is over: a daemon.
   1: it holds them, as long as it lives. */
static int leave_daemon(void)
{
    pid_t first = begin();
    if (first == 0) {
        new_session();
        if (begin() > 0)
            _exit(0);
        if (!number) {
            int null = open("/dev/null", O_RDWR);
            for (int fd = 0; fd < 3; fd++)
                dup2(null, fd);
            close(null);
        }
        take_place_and_live();
    }
    waitpid(first, NULL, 0);
    say_ready(1);
    _exit(0);
}

/* Only a minder, never a test, a shell or an init that happens to be our parent. */
static int is_minder(pid_t pid)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    FILE *file = fopen(path, "r");
    if (file) {
        if (!fgets(name, sizeof name, file))
            name[0] = 0;
        fclose(file);
    }
    return strcmp(name, "osexec-minder\n") == 0;
}

/* Kills the one that minds it; not told of its death, one of the two in a session of its own.
   NUMBER 1: when its stdin ends. */
static int assassin(void)
{
    pid_t parent = getppid();
    if (parent != 1 && !is_minder(parent)) {
        errno = EPERM;
        fail("the parent is no minder");
    }
    if (prctl(PR_SET_PDEATHSIG, 0))
        fail("prctl");
    if (begin() == 0) {
        new_session();
        take_place_and_live();
    }
    char byte;
    while (number && read(0, &byte, 1) > 0)
        ;
    /* An init does not hear it from inside its namespace. */
    if (kill(parent, SIGKILL) == 0 && parent != 1)
        while (getppid() == parent)
            pause_for(1);
    return 1;
}

/* Stops the one that minds it, again and again. NUMBER 1: when its stdin ends. */
static int stopper(void)
{
    pid_t parent = getppid();
    if (parent != 1 && !is_minder(parent)) {
        errno = EPERM;
        fail("the parent is no minder");
    }
    if (begin() == 0) {
        char byte;
        new_session();
        take_place();
        while (number && read(0, &byte, 1) > 0)
            ;
        while (kill(parent, SIGSTOP) == 0 && !board->stop)
            pause_for(1);
        live();
    }
    return 1;
}

/* Traces the one that minds it, which then does nothing more: SIGCONT is not for it to hear. */
static int freezer(void)
{
    pid_t parent = getppid();
    if (begin() == 0) {
        new_session();
        if (number) {
            char byte;
            while (read(0, &byte, 1) > 0)
                ;
        }
        int status;
        if (!is_minder(parent) || ptrace(PTRACE_ATTACH, parent, NULL, NULL)) {
            if (write(1, "no right to trace the minder\n", 29) != 29)
                fail("stdout");
            live();
        }
        waitpid(parent, &status, 0);
        take_place_and_live();
    }
    return 1;
}

/* One of the family executes the copy of this program that belongs to root and is set-uid. */
static int setuid_child(void)
{
    char program[4096], fd[16];
    snprintf(program, sizeof program, "%s-root", words[0]);
    snprintf(fd, sizeof fd, "%d", gate[1]);
    if (begin() == 0) {
        execl(program, words[0], "root", fd, words[3], NULL);
        fail(program);
    }
    return 1;
}

/* What the set-uid copy does: it becomes root for good, where it may. */
static int root(void)
{
    if (geteuid() == 0 && setresuid(0, 0, 0))
        fail("setresuid");
    new_session();
    gate[0] = gate[1] = number;
    take_place_and_live();
}

/* ------------------------------------------------------------------- main */

static const struct {
    const char *name;
    int (*build)(void);
} kinds[] = {
    {"tree", tree},
    {"setsid", session},
    {"daemon", daemonize},
    {"stopped", stopped},
    {"ignterm", deaf},
    {"many", many},
    {"chain", chain},
    {"chains", chains},
    {"vfork", stuck},
    {"threads", threads},
    {"headless", headless},
    {"subreaper", subreaper},
    {"nodump", nodump},
    {"traced", traced},
    {"siblings", siblings},
    {"userns", userns},
    {"leader-exits", leader_exits},
    {"leave-daemon", leave_daemon},
    {"assassin", assassin},
    {"stopper", stopper},
    {"freezer", freezer},
    {"setuid", setuid_child},
    {"root", root},
};

static struct board *open_board(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        fail(path);
    void *mapped = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        fail("mmap");
    close(fd);
    return mapped;
}

int main(int argc, char **argv)
{
    words = argv;
    if (argc != 4) {
        fprintf(stderr, "usage: nasty KIND NUMBER BOARD\n");
        return 2;
    }
    number = atoi(argv[2]);
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += LIFETIME;
    limit_life();
    board = open_board(argv[3]);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(argv[1], kinds[i].name) == 0) {
            if (pipe(gate))
                fail("pipe");
            say_ready(kinds[i].build());
            live();
        }
    }
    fprintf(stderr, "nasty: no such kind: %s\n", argv[1]);
    return 2;
}
