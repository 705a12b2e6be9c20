"""The children of the tests: one program, many roles. `python -I -S child.py ROLE [ARGUMENT...]`

Only for what a line of `sh` can not do, or not exactly. It imports little, because it is started
often. A role that is ready says so with the line "ready" on stdout.
"""

import os
import signal
import sys
import time


def say(*words: object) -> None:
    """One line on stdout, in one write."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def sleep_for_ever() -> None:
    while True:
        time.sleep(1000)


def echo_args(*args: str) -> None:
    """Each argument as hexadecimal bytes, one a line."""
    for arg in args:
        say("arg", os.fsencode(arg).hex())


def environment() -> None:
    """Each entry of the environment as hexadecimal bytes, in its order, one a line."""
    with open("/proc/self/environ", "rb") as file:
        for entry in file.read().split(b"\0")[:-1]:
            say("env", entry.hex())


def fds() -> None:
    """Each open descriptor and what it points at, one a line."""
    for name in sorted(os.listdir("/proc/self/fd"), key=int):
        try:
            say(name, os.readlink("/proc/self/fd/" + name))
        except FileNotFoundError:
            pass  # the descriptor that listed the folder


def state() -> None:
    """What it was given by whoever started it, as lines of "name value"."""
    umask = os.umask(0)
    os.umask(umask)
    say("cwd", os.getcwd())
    say("umask", oct(umask))
    say("uid", os.getuid())
    say("gid", os.getgid())
    say("groups", *os.getgroups())
    say("pid", os.getpid())
    say("pgid", os.getpgrp())
    say("sid", os.getsid(0))
    with open("/proc/self/status") as file:
        for line in file:
            name, value = line.split(":", 1)
            if name == "SigBlk":
                say(name, value.strip())


def ignore_term() -> None:
    """Ignores SIGTERM and SIGINT, says so, and goes on."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    say("ready")
    sleep_for_ever()


def tell_signals() -> None:
    """Says the number of each polite signal that arrives, and goes on."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGCONT):
        signal.signal(number, lambda number, frame: say("signal", number))
    say("ready")
    sleep_for_ever()


def orphan(status: str = "0") -> None:
    """Leaves a grandchild in the same group that holds stdout and stderr, and exits."""
    if os.fork():
        os._exit(int(status))
    say("ready")
    sleep_for_ever()


def new_session() -> None:
    """A child of its own runs in a new session; both go on."""
    if os.fork() == 0:
        os.setsid()
        say("ready")
    sleep_for_ever()


def leave_group() -> None:
    """Leaves the group it leads for that of its parent."""
    os.setpgid(0, os.getpgid(os.getppid()))
    say("ready")
    sleep_for_ever()


def daemon() -> None:
    """The double fork: a grandchild in a session of its own, its parent gone; exits 0."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    say("ready")
    sleep_for_ever()


def stop_self() -> None:
    """Stops itself, as a debugger or Ctrl-Z would."""
    say("ready")
    os.kill(os.getpid(), signal.SIGSTOP)
    sleep_for_ever()


def reads_nothing() -> None:
    """Keeps stdin open and never reads from it."""
    say("ready")
    sleep_for_ever()


ROLES = {
    "echo-args": echo_args,
    "environment": environment,
    "fds": fds,
    "state": state,
    "ignore-term": ignore_term,
    "tell-signals": tell_signals,
    "orphan": orphan,
    "new-session": new_session,
    "leave-group": leave_group,
    "daemon": daemon,
    "stop-self": stop_self,
    "reads-nothing": reads_nothing,
}

if __name__ == "__main__":
    ROLES[sys.argv[1]](*sys.argv[2:])
