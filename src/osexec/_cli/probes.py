"""What `osexec doctor` tries. Each function does the real thing once and says what came of it.

A probe returns the detail to print, or raises: then the answer is no, and the
error is the detail. Nothing is concluded from the number of a kernel.
"""

from __future__ import annotations

import fcntl
import os
import platform
import resource
import signal
import struct
import sys
from contextlib import contextmanager
from subprocess import DEVNULL, PIPE, Popen
from typing import TYPE_CHECKING

import osexec

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 10.0
"""Longest wait for a child of ours; it is killed after that."""
PIDFD_SIGNAL_PROCESS_GROUP = 4
"""linux/pidfd.h, Linux 6.9."""
PIDFD_GET_INFO = 0xC040FF0B
PIDFD_INFO_EXIT = 8
"""linux/pidfd.h, Linux 6.15: the status of a child, also after it was reaped."""
PIDFD_INFO = struct.Struct("=QQ11Ii")
"""Mask, cgroup, eleven ids, status."""
F_GETPIPE_SZ = 1032
MINDER = os.path.join(os.path.dirname(osexec.__file__), "_bin", "osexec-minder")
ESCAPEE = ("sh", "-c", "setsid sleep 60 >/dev/null 2>&1 & sleep 0.05")
"""Leaves a process behind that has left its group and its session."""


class Missing(Exception):
    """It is not there; the message says in which way."""


def python() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"


def kernel() -> str:
    system = os.uname()
    return f"{system.sysname} {system.release} {system.machine}"


def run() -> str:
    """A command from start to finish, through the library."""
    result = osexec.run("true", timeout=LIMIT)
    return f"`true` came back after {result.elapsed * 1000:.1f} ms, contained by {result.contain}"


def minder() -> str:
    """The program that contains a tree; the library works without it, but contains less."""
    if not os.path.exists(MINDER):
        raise Missing("osexec was installed without a C compiler: install one, and osexec again")
    with Popen([MINDER, "--about"], stdout=PIPE, text=True) as process:
        about, _ = process.communicate(timeout=LIMIT)
    if "without a libc" not in about:
        return f"{about.strip()}: each command starts about a millisecond later for that"
    return about.strip()


def tree() -> str:
    left = osexec.run(*ESCAPEE, contain="tree", leaks="kill", timeout=LIMIT).leaked
    return _swept(left, "what a command starts ends with it, whatever it does to get away")


def namespace() -> str:
    left = osexec.run(*ESCAPEE, contain="namespace", timeout=LIMIT).leaked
    return _swept(left, "nothing can outlive its command, or end its minder")


def cgroup() -> str:
    left = osexec.run(*ESCAPEE, contain="cgroup", timeout=LIMIT).leaked
    return _swept(left, "a command and all below it can be limited together")


def _swept(left: tuple[osexec.Holder, ...], otherwise: str) -> str:
    if not left:
        raise Missing("a process in a session of its own was not seen")
    return otherwise


def pidfd() -> str:
    with opened(os.getpid()) as fd:
        signal.pidfd_send_signal(fd, 0)
    return "processes are signalled without a race for their number"


def pidfd_group_signal() -> str:
    with child() as process, opened(process.pid) as fd:
        signal.pidfd_send_signal(fd, signal.SIGTERM, None, PIDFD_SIGNAL_PROCESS_GROUP)
        if process.wait(LIMIT) != -signal.SIGTERM:
            raise Missing("the signal did not arrive")
    return "so are whole groups"


def pidfd_exit_status() -> str:
    with child() as process, opened(process.pid) as fd:
        process.kill()
        process.wait(LIMIT)
        data = bytearray(PIDFD_INFO.size)
        PIDFD_INFO.pack_into(data, 0, PIDFD_INFO_EXIT, *(0 for _ in range(13)))
        fcntl.ioctl(fd, PIDFD_GET_INFO, data)
        mask, *_, status = PIDFD_INFO.unpack(data)
    if not mask & PIDFD_INFO_EXIT or os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        raise Missing("the kernel answers, but not with the status")
    return "a status that somebody else collected can still be read"


def process_groups() -> str:
    with child() as process:
        if os.getpgid(process.pid) != process.pid:
            raise Missing("the child did not get a group of its own")
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(LIMIT)
    return "a command and what it starts are ended together"


def descriptors() -> str:
    soft, hard = (
        "unlimited" if limit == resource.RLIM_INFINITY else str(limit)
        for limit in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    return f"at most {soft} open, and {hard} if asked for"


def pipe_size() -> str:
    reader, writer = os.pipe()
    try:
        size = f"{fcntl.fcntl(reader, F_GETPIPE_SZ)} bytes"
    finally:
        os.close(reader)
        os.close(writer)
    try:
        with open("/proc/sys/fs/pipe-max-size", encoding="ascii") as file:
            return f"{size}, and {int(file.read())} if asked for"
    except OSError:
        return size


def sigchld(disposition: object) -> str:
    """How it was when osexec was started; statuses get lost where it is ignored."""
    if disposition is signal.SIG_IGN:
        raise Missing("ignored by the program that started us: it will lose exit statuses")
    return "not ignored, so no exit status gets lost"


# ---------------------------------------------------------------- helpers


@contextmanager
def child() -> Iterator[Popen[bytes]]:
    """A child in a group of its own, which lives until its stdin is closed."""
    with Popen(["cat"], stdin=PIPE, stdout=DEVNULL, process_group=0) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def opened(pid: int) -> Iterator[int]:
    """A pidfd."""
    fd = os.pidfd_open(pid)
    try:
        yield fd
    finally:
        os.close(fd)
