"""An interactive shell with one job, on a terminal of its own, and no prompt.

    python -I -S shell.py ORDERS [--background | --none] WORD...

Its stdio is the terminal, and it must be a new session's leader. It runs WORD... as a job in the
foreground, as every shell with job control does, and tells what becomes of it in the file that
`TERMINAL_SAID` names. A job that has stopped goes on when the line "fg" comes from the descriptor
ORDERS. When the job has ended the shell stays until ORDERS ends, so that nothing goes only because
the shell goes. With --none there is no job control: the shell becomes the command.
"""

import fcntl
import os
import resource
import signal
import sys
import termios

IGNORED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


def say(text: str) -> None:
    """One line, in one write."""
    fd = os.open(os.environ["TERMINAL_SAID"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, f"{text}\n".encode())
    os.close(fd)


def start_job(words: list[str], in_foreground: bool) -> int:
    """The job in a group of its own; its pid."""
    pid = os.fork()
    # Both do it: whoever comes first, it is done when either goes on.
    if pid == 0:
        os.setpgid(0, 0)
        if in_foreground:
            os.tcsetpgrp(0, os.getpid())
        for number in IGNORED:
            signal.signal(number, signal.SIG_DFL)
        os.execvp(words[0], words)
    try:
        os.setpgid(pid, pid)
    except PermissionError:
        pass  # it has made its exec, so it has done it itself
    return pid


def watch_job(pid: int, orders: int) -> None:
    """Until it has ended."""
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        os.tcsetpgrp(0, os.getpgrp())
        if not os.WIFSTOPPED(status):
            say(f"shell ended {os.waitstatus_to_exitcode(status)}")
            return
        say(f"shell stopped {signal.Signals(os.WSTOPSIG(status)).name}")
        if os.read(orders, 3) != b"fg\n":
            return
        os.tcsetpgrp(0, pid)
        os.killpg(pid, signal.SIGCONT)


def main(orders: int, option: str, words: list[str]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a quit leaves no file
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if option == "--none":
        os.execvp(words[0], words)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    watch_job(start_job(words, in_foreground=option != "--background"), orders)
    os.read(orders, 1)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
