/* The commands that the minder is given in its tests: one program, many roles.

       command ROLE [ARGUMENT...]

   For what a line of sh cannot do, or takes too long for. A role that is ready says so with a line
   on stdout. Every role ends by itself after a while, whatever becomes of its test. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define WHILE 120 /* seconds: longer than any test, shorter than a working day */

static void say(const char *format, ...)
{
    char line[256];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    if (write(1, line, (size_t)length) != length)
        _exit(99);
}

static int number(char **words, int place)
{
    return words[place] ? atoi(words[place]) : 0;
}

_Noreturn static void stay(void)
{
    sleep(WHILE);
    _exit(98);
}

static pid_t fork_or_leave(void)
{
    pid_t pid = fork();
    if (pid < 0)
        _exit(97);
    return pid;
}

/* args: each argument and each entry of the environment as hexadecimal bytes. */
static void say_hex(const char *name, const char *text)
{
    printf("%s ", name);
    for (; *text; text++)
        printf("%02x", (unsigned char)*text);
    putchar('\n');
}

static int args(char **words, char **environment)
{
    for (; *words; words++)
        say_hex("arg", *words);
    for (; *environment; environment++)
        say_hex("env", *environment);
    return 0;
}

/* burn MS: so much time in user mode, in a grandchild that is waited for if a word follows. */
static int burn(char **words)
{
    if (words[0] && words[1]) {
        if (fork_or_leave() == 0) {
            words[1] = 0;
            _exit(burn(words));
        }
        wait(0);
        return 0;
    }
    struct rusage used;
    do {
        for (volatile int turns = 100000; turns; turns--)
            ; /* asking takes its time from the kernel's */
        getrusage(RUSAGE_SELF, &used);
    } while (used.ru_utime.tv_sec * 1000 + used.ru_utime.tv_usec / 1000 < number(words, 0));
    return 0;
}

/* die NUMBER: by that signal, with its standard meaning. */
static int die(char **words)
{
    signal(number(words, 0), SIG_DFL);
    raise(number(words, 0));
    return 96;
}

/* signals: "signal N" for each that arrives; SIGKILL and SIGSTOP are told by nobody. */
static int signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, 0);
    alarm(WHILE);
    say("ready\n");
    for (;;) {
        int seen;
        sigwait(&all, &seen);
        if (seen == SIGALRM)
            return 98;
        say("signal %d\n", seen);
    }
}

/* many COUNT [STATUS]: children that stay; with a status it leaves them, else it stays too. */
static int many(char **words)
{
    for (int left = number(words, 0); left; left--)
        if (fork_or_leave() == 0)
            stay();
    say("ready\n");
    if (words[0] && words[1])
        return number(words, 1);
    stay();
}

/* deep COUNT: each the only child of the one before. */
static int deep(char **words)
{
    int left = number(words, 0);
    while (left && fork_or_leave() == 0)
        left--;
    if (left == 0)
        say("ready\n");
    stay();
}

/* stubborn COUNT: children that ignore what can be ignored, each in a session of its own. */
static int stubborn(char **words)
{
    for (int each = 1; each < SIGRTMIN; each++)
        if (each != SIGCHLD)
            signal(each, SIG_IGN);
    int ends[2];
    char byte;
    if (pipe(ends))
        return 95;
    for (int left = number(words, 0); left; left--) {
        if (fork_or_leave() == 0) {
            setsid();
            if (write(ends[1], "", 1) == 1)
                stay();
        }
    }
    for (int left = number(words, 0); left; left--)
        if (read(ends[0], &byte, 1) != 1)
            return 95;
    say("ready\n");
    stay();
}

/* daemon: double fork, session of its own, no stdio; the command leaves with 0. */
static int leave_daemon(void)
{
    int ends[2];
    char byte;
    if (pipe(ends))
        return 95;
    if (fork_or_leave() == 0) {
        setsid();
        if (fork_or_leave())
            _exit(0);
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        if (write(ends[1], "", 1) == 1)
            stay();
    }
    wait(0);
    return read(ends[0], &byte, 1) == 1 ? 0 : 95;
}

/* chain COUNT: so many generations, as fast as they go: each forks, takes a session and is gone. */
static int chain(char **words)
{
    say("ready\n");
    for (int left = number(words, 0); left; left--) {
        if (fork_or_leave())
            _exit(0);
        setsid();
    }
    stay();
}

/* bomb COUNT: everybody forks until there have been so many. */
static int bomb(char **words)
{
    int *count = mmap(0, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int most = number(words, 0);
    if (count == MAP_FAILED)
        return 95;
    int mine;
    while ((mine = __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST)) < most)
        fork_or_leave();
    if (mine == most)
        say("ready\n");
    stay();
}

/* reaper: a subreaper itself, with an orphan that it has adopted. */
static int reaper(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (fork_or_leave() == 0) {
        if (fork_or_leave() == 0)
            stay();
        _exit(0);
    }
    wait(0);
    say("ready\n");
    stay();
}

/* threads: each has a child, and they stay. */
static void *with_child(void *unused)
{
    if (fork_or_leave() == 0)
        stay();
    say("ready\n");
    pause();
    return unused;
}

static int threads(void)
{
    for (int left = 3; left; left--) {
        pthread_t thread;
        if (pthread_create(&thread, 0, with_child, 0))
            return 95;
    }
    stay();
}

/* vfork: waits in the kernel for its child, which never makes its exec. */
static int wait_in_vfork(void)
{
    say("ready\n");
    if (vfork() == 0)
        for (;;)
            pause();
    stay();
}

/* headless STATUS: leaves a process whose first thread has ended, and another has not. */
static void *outlive(void *unused)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", getpid());
    while (!strstr(text, ") Z ")) { /* until the first thread has ended */
        FILE *file = fopen(path, "r");
        if (!file || !fgets(text, sizeof text, file))
            _exit(95);
        fclose(file);
    }
    say("ready\n");
    stay();
    return unused;
}

static int headless(char **words)
{
    if (fork_or_leave())
        return number(words, 0);
    pthread_t thread;
    if (pthread_create(&thread, 0, outlive, 0))
        return 95;
    pthread_exit(0);
}

/* stopped: a child that has stopped, and the command itself stops. */
static int stopped(void)
{
    pid_t pid = fork_or_leave();
    if (pid == 0) {
        raise(SIGSTOP);
        stay();
    }
    waitpid(pid, 0, WUNTRACED);
    say("ready\n");
    raise(SIGSTOP);
    stay();
}

/* place FROM TO FROM TO ... -- PROGRAM WORD...: with its descriptors under other numbers alone. */
static int place(char **words)
{
    int sources[16], copies[16], targets[16], count = 0;
    for (; *words && strcmp(*words, "--") && count < 16; words += 2) {
        sources[count] = number(words, 0);
        copies[count] = fcntl(sources[count], F_DUPFD_CLOEXEC, 100);
        targets[count++] = number(words, 1);
    }
    for (int each = 0; each < count; each++)
        close(sources[each]);
    for (int each = 0; each < count; each++)
        if (dup2(copies[each], targets[each]) < 0)
            return 95;
    execv(words[1], words + 1);
    return 94;
}

int main(int argc, char **argv, char **environment)
{
    /* root ROLE: nobody else's any more, for a set-uid program: its caller may not signal it. */
    if (argc > 2 && !strcmp(argv[1], "root")) {
        if (setresuid(0, 0, 0))
            return 91;
        argc--, argv++;
    }
    if (argc < 2)
        return 93;
    const char *role = argv[1];
    char **words = argv + 2;
#define ROLE(name, call) \
    if (!strcmp(role, name)) \
        return call
    ROLE("args", args(words, environment));
    ROLE("burn", burn(words));
    ROLE("die", die(words));
    ROLE("signals", signals());
    ROLE("many", many(words));
    ROLE("deep", deep(words));
    ROLE("stubborn", stubborn(words));
    ROLE("daemon", leave_daemon());
    ROLE("chain", chain(words));
    ROLE("bomb", bomb(words));
    ROLE("reaper", reaper());
    ROLE("threads", threads());
    ROLE("vfork", wait_in_vfork());
    ROLE("headless", headless(words));
    ROLE("stopped", stopped());
    if (!strcmp(role, "stay"))
        stay();
    ROLE("place", place(words));
    return 92;
}
