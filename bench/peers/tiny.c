/*
 * The programs that the benchmarks run: static, without the start of libc, so that what is
 * measured is the caller and not the program. Which one it becomes is chosen with -DPROGRAM=...
 *
 * Nothing lives on the stack: the kernel enters _start without the alignment and the
 * thread-local storage that compiled code counts on. syscall() itself needs neither, as long as
 * the call succeeds.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define QUICK 1  /* exits */
#define LINGER 2 /* closes its output, exits NUMBER microseconds later */
#define HOLD 3   /* writes a byte, then reads its stdin to the end */
#define FILL 4   /* writes NUMBER MiB, 64 KiB at a time */
#define STAMP 5  /* lives for less than NUMBER microseconds, writes the time, exits */
#define STAY 6   /* never ends by itself */

#ifndef NUMBER
#define NUMBER 0
#endif
#ifdef __x86_64__
#define ENTRY __attribute__((force_align_arg_pointer, noreturn, used))
#else
#define ENTRY __attribute__((noreturn, used))
#endif

static char block[65536];
static struct timespec now, nap;
static long left;

ENTRY void _start(void)
{
#if PROGRAM == LINGER
    syscall(SYS_close, 1);
    syscall(SYS_close, 2);
    nap.tv_sec = NUMBER / 1000000;
    nap.tv_nsec = NUMBER % 1000000 * 1000L;
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &nap, 0);
#elif PROGRAM == HOLD
    syscall(SYS_write, 1, block, 1);
    while (syscall(SYS_read, 0, block, sizeof block) > 0)
        ;
#elif PROGRAM == FILL
    for (left = NUMBER * 16L; left > 0; left--)
        syscall(SYS_write, 1, block, sizeof block); /* a pipe in blocking mode takes it all */
#elif PROGRAM == STAMP
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    nap.tv_nsec = now.tv_nsec / 100 % NUMBER * 1000L; /* the low digits are as good as dice */
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &nap, 0);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    left = now.tv_sec * 1000000000L + now.tv_nsec;
    syscall(SYS_write, 1, &left, sizeof left);
#elif PROGRAM == STAY
    nap.tv_sec = 1000000;
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &nap, 0);
#endif
    for (;;)
        syscall(SYS_exit_group, 0);
}
