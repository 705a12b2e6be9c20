/* The way into the kernel, and the program's first instruction where no libc brings one. */

#include "system.h"

#if defined(MINDER_RAW) && defined(__x86_64__)

long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* The kernel starts us with argc, argv and the environment on the stack (System V ABI). */
__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call begin\n");

/* fork_sharing: CLONE_VM | SIGCHLD on a stack of its own, where function and argument wait. */
__asm__(".globl clone_sharing\n"
        "clone_sharing:\n"
        "    sub $16, %rdx\n"
        "    mov %rdi, (%rdx)\n"
        "    mov %rsi, 8(%rdx)\n"
        "    mov $0x111, %edi\n"
        "    mov %rdx, %rsi\n"
        "    xor %edx, %edx\n"
        "    xor %r10d, %r10d\n"
        "    xor %r8d, %r8d\n"
        "    mov $56, %eax\n"
        "    syscall\n"
        "    test %rax, %rax\n"
        "    jnz 1f\n"
        "    xor %ebp, %ebp\n"
        "    pop %rax\n"
        "    pop %rdi\n"
        "    call *%rax\n"
        "    hlt\n"
        "1:  ret\n");

#elif defined(MINDER_RAW) && defined(__aarch64__)

long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}

__asm__(".globl _start\n"
        "_start:\n"
        "    mov x29, #0\n"
        "    mov x30, #0\n"
        "    mov x0, sp\n"
        "    bl begin\n");

__asm__(".globl clone_sharing\n"
        "clone_sharing:\n"
        "    stp x0, x1, [x2, #-16]!\n"
        "    mov x0, #0x111\n"
        "    mov x1, x2\n"
        "    mov x2, #0\n"
        "    mov x3, #0\n"
        "    mov x4, #0\n"
        "    mov x8, #220\n"
        "    svc #0\n"
        "    cbnz x0, 1f\n"
        "    mov x29, #0\n"
        "    ldp x1, x0, [sp], #16\n"
        "    blr x1\n"
        "    brk #0\n"
        "1:  ret\n");

#elif defined(MINDER_RAW)
#error "no system-call layer for this machine: build it with a libc"
#else

#include <errno.h>
#include <unistd.h>

long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    long result = syscall(number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

#endif

#ifdef MINDER_RAW

long clone_sharing(void (*function)(void *), void *argument, void *stack_end);

long sys_fork_sharing(void (*function)(void *), void *argument)
{
    static _Alignas(16) char stack[16384];
    return clone_sharing(function, argument, stack + sizeof stack);
}

int main(int argc, char **argv, char **environment);

_Noreturn void begin(long *stack)
{
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);
    sys_exit(main(argc, argv, argv + argc + 1));
}

/* A compiler may call these for what was written as an assignment or a loop. */

void *memcpy(void *to, const void *from, size_t length)
{
    char *put = to;
    const char *take = from;
    while (length--)
        *put++ = *take++;
    return to;
}

void *memset(void *to, int value, size_t length)
{
    char *put = to;
    while (length--)
        *put++ = (char)value;
    return to;
}

#else

long sys_fork_sharing(void (*function)(void *), void *argument)
{
    long pid = sys_fork();
    if (pid == 0)
        function(argument);
    return pid;
}

#endif
