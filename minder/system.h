/* System calls, and nothing else: no libc is needed, and none is started.

   A statically linked glibc spends most of a short command's time on its own start-up, so with
   MINDER_RAW (x86-64, aarch64) the kernel is called directly; elsewhere, and under sanitizers and
   valgrind, libc's syscall(2) does it. All calls return a negative errno on failure. Types and
   constants come from the kernel's headers in both kinds, since the kernel is who we talk to. */

#ifndef SYSTEM_H
#define SYSTEM_H

#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <stddef.h>
#include <stdint.h>

long system_call(long number, long a, long b, long c, long d, long e, long f);

#define CALL0(n) system_call(n, 0, 0, 0, 0, 0, 0)
#define CALL1(n, a) system_call(n, (long)(a), 0, 0, 0, 0, 0)
#define CALL2(n, a, b) system_call(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define CALL3(n, a, b, c) system_call(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define CALL4(n, a, b, c, d) system_call(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define CALL5(n, a, b, c, d, e) \
    system_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define CALL6(n, a, b, c, d, e, f) \
    system_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* What the kernel's headers for programs leave out, or hide behind libc's. */
typedef uint64_t signal_set;
#define ALL_SIGNALS (~(signal_set)0)
#define ONE_SIGNAL(number) ((signal_set)1 << ((number)-1))

#define SEND_NOW 0x40       /* MSG_DONTWAIT */
#define SEND_NO_SIGPIPE 0x4000 /* MSG_NOSIGNAL */
#define WHOLE_LENGTH 0x20   /* MSG_TRUNC: the length of the message, also if it is cut */
#define WAIT_NO_HANG 1      /* WNOHANG */
#define READABLE 1          /* POLLIN */
#define WRITABLE 4          /* POLLOUT */
#define HUNG_UP 16          /* POLLHUP */
#define HALF_CLOSED 0x2000  /* POLLRDHUP */
#define CLOSE_ON_EXEC 1     /* FD_CLOEXEC */
#define UNSHARE_RANGE_CLOEXEC 4 /* CLOSE_RANGE_CLOEXEC */
#define MAKE_PRIVATE ((1 << 14) | (1 << 18)) /* MS_REC | MS_PRIVATE */
#define NO_SUID_DEV_EXEC (2 | 4 | 8)
#define TERMINAL_GET_GROUP 0x540F /* TIOCGPGRP */
#define TERMINAL_SET_GROUP 0x5410 /* TIOCSPGRP */
#define TERMINAL_TAKE 0x540E      /* TIOCSCTTY */

struct poll_entry {
    int fd;
    short wanted, seen;
};

struct time_span {
    int64_t seconds, nanoseconds;
};

struct usage {
    int64_t values[18];
};

struct signal_info {
    uint32_t number;
    int32_t error, code;
    uint32_t pid;
    uint8_t rest[112];
};

struct directory_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

struct signal_action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    signal_set mask;
};

static inline long sys_fork(void)
{
    return CALL5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
}

/* A child that shares our memory until its exec: nothing is copied, and unlike vfork(2) we go on
   at once, so a child that is stopped before its exec does not stop us. It runs `function`, which
   must not return, and what it reads we must not change. Once only: there is one stack for it.
   With a libc it is a plain fork. */
long sys_fork_sharing(void (*function)(void *), void *argument);

static inline long sys_write(int fd, const void *data, size_t length)
{
    return CALL3(__NR_write, fd, data, length);
}

static inline long sys_read(int fd, void *data, size_t length)
{
    return CALL3(__NR_read, fd, data, length);
}

static inline long sys_open(int directory, const char *path, int flags)
{
    return CALL4(__NR_openat, directory, path, flags | O_CLOEXEC, 0);
}

static inline long sys_close(int fd)
{
    return CALL1(__NR_close, fd);
}

static inline long sys_pipe(int ends[2])
{
    return CALL2(__NR_pipe2, ends, O_CLOEXEC);
}

static inline long sys_kill(int pid, int number)
{
    return CALL2(__NR_kill, pid, number);
}

_Noreturn static inline void sys_exit(int status)
{
    for (;;)
        CALL1(__NR_exit_group, status);
}

static inline long sys_send(int socket, const void *data, size_t length)
{
    return CALL6(__NR_sendto, socket, data, length, SEND_NOW | SEND_NO_SIGPIPE, 0, 0);
}

static inline long sys_receive(int socket, void *data, size_t length)
{
    return CALL6(__NR_recvfrom, socket, data, length, WHOLE_LENGTH, 0, 0);
}

#endif
