/*
 * What the kernel allows: commands run from C with nothing but the system calls needed.
 *
 * Reads requests "WAY\tCOUNT\tPROGRAM[\tARGUMENT...]", runs the program COUNT times in that way
 * and answers with one line of nanoseconds, one number for each run.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static char *words[64];
static char block[65536];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* fd -1: the child keeps ours. */
static pid_t spawn(int out, int err)
{
    pid_t pid = vfork();
    if (pid == 0) {
        if (out >= 0)
            dup2(out, 1);
        if (err >= 0)
            dup2(err, 2);
        execve(words[0], words, environ);
        _exit(127);
    }
    if (pid < 0)
        fail("vfork");
    return pid;
}

static void reap(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "%s: wait status %d\n", words[0], status);
        exit(1);
    }
}

static void open_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        fail("pipe2");
}

static long run(void)
{
    long begin = now();
    reap(spawn(-1, -1));
    return now() - begin;
}

/* Both streams read to their end, and the exit seen, by one loop around poll(). */
static long capture(void)
{
    long begin = now();
    int out[2], err[2], open_ends = 3;
    open_pipe(out);
    open_pipe(err);
    pid_t pid = spawn(out[1], err[1]);
    close(out[1]);
    close(err[1]);
    int pidfd = syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        fail("pidfd_open");
    struct pollfd ends[3] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}, {pidfd, POLLIN, 0}};
    while (open_ends > 0) {
        if (poll(ends, 3, 10000) <= 0)
            fail("poll");
        for (int i = 0; i < 3; i++) {
            if (ends[i].revents == 0)
                continue;
            if (i < 2 && read(ends[i].fd, block, sizeof block) > 0)
                continue;
            close(ends[i].fd);
            ends[i].fd = -1;
            open_ends--;
        }
    }
    reap(pid);
    return now() - begin;
}

/* From the time that the program wrote before it exited to the return of waitpid(). */
static long exit_to_return(void)
{
    int ends[2];
    long wrote, seen;
    open_pipe(ends);
    pid_t pid = spawn(ends[1], -1);
    close(ends[1]);
    reap(pid);
    seen = now();
    if (read(ends[0], &wrote, sizeof wrote) != sizeof wrote)
        fail("read");
    close(ends[0]);
    return seen - wrote;
}

static long once(const char *way)
{
    if (strcmp(way, "run") == 0)
        return run();
    if (strcmp(way, "capture") == 0)
        return capture();
    if (strcmp(way, "latency") == 0)
        return exit_to_return();
    fprintf(stderr, "no such way: %s\n", way);
    exit(2);
}

int main(void)
{
    static char line[8192];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *way = strtok(line, "\t"), *count = strtok(NULL, "\t");
        int length = 0;
        while (length < 63 && (words[length] = strtok(NULL, "\t")))
            length++;
        if (length == 0)
            fail("a request without a program");
        words[length] = NULL;
        for (int left = atoi(count); left > 0; left--)
            printf("%ld%c", once(way), left > 1 ? ' ' : '\n');
        fflush(stdout);
    }
    return 0;
}
