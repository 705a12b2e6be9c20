"""Looking at other processes through /proc (proc(5)).

Everything here is a snapshot of a moving world: used to name processes in
messages and to know what to watch, never to decide whom to signal by number.
"""

from __future__ import annotations

import os
from time import monotonic

from .._words.result import Holder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SCAN_LIMIT = 0.1
"""Longest time spent on looking for the holders of a pipe."""
FRESH = 0.05
"""A snapshot this young serves another run that asks, if it knows that run's pipes."""


class _Snapshot:
    """Who had which pipe open, when that was seen, and how long the look took."""

    def __init__(self, holders: dict[int, list[int]], began: float, ended: float) -> None:
        self.holders = holders
        self.ended = ended
        self.duration = ended - began


_last = _Snapshot({}, -1.0, -1.0)


def pids() -> Iterator[int]:
    """All process ids; none where /proc is not mounted."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    for name in names:
        if name.isdigit():
            yield int(name)


def group_members(group: int) -> list[int]:
    """The living processes of a process group (zombies are not)."""
    return [pid for pid in pids() if _group_of_living(pid) == group]


def _group_of_living(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[2]) if fields and fields[0] not in (b"Z", b"X") else None


def parent_of(pid: int) -> int:
    """Its parent's process id; -1 if it is gone."""
    fields = _stat(pid)
    return int(fields[1]) if fields else -1


def children_of(pid: int) -> list[int]:
    """The children of a process with a single thread; none where the kernel does not tell."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb", buffering=0) as file:
            return [int(word) for word in file.read(65536).split()]
    except OSError:
        return []


def state_of(pid: int) -> str:
    """Its state as one letter (proc_pid_stat(5)); empty if it is gone."""
    fields = _stat(pid)
    return fields[0].decode() if fields else ""


def _stat(pid: int) -> list[bytes]:
    """What follows the name in /proc/PID/stat; the name may hold spaces and parentheses."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            line = file.read(512)
    except OSError:
        return []
    return line[line.rfind(b")") + 2 :].split()


def named(pid: int) -> Holder:
    """A process with its command line, for people."""
    words = b""
    for file in ("cmdline", "comm"):  # the first is empty in the middle of an exec
        try:
            with open(f"/proc/{pid}/{file}", "rb", buffering=0) as opened:
                words = words or opened.read(4096)
        except OSError:
            pass
    text = words.rstrip(b"\0\n").replace(b"\0", b" ").decode("utf-8", "backslashreplace")
    return Holder(pid, text[:200] or "?")


def pipe_holders(inodes: set[int]) -> tuple[Holder, ...]:
    """Who else has one of these pipes open. Bounded in time, so it may miss some."""
    global _last
    now = monotonic()
    known = now - _last.ended < FRESH and not inodes.isdisjoint(_last.holders)
    # When many runs ask at once, no more than half of the time goes into looking.
    if not known and now - _last.ended >= _last.duration:
        _last = _Snapshot(_scan(now + SCAN_LIMIT), now, monotonic())
    found: dict[int, None] = {}
    for inode in inodes:
        found.update(dict.fromkeys(_last.holders.get(inode, ())))
    return tuple(named(pid) for pid in found)


def _scan(until: float) -> dict[int, list[int]]:
    ours = os.getpid()
    holders: dict[int, list[int]] = {}
    for pid in sorted(pids(), reverse=True):  # the youngest first: likely the ones we want
        if pid == ours:
            continue
        for inode in _pipes_of(pid):
            holders.setdefault(inode, []).append(pid)
        if monotonic() > until:
            break
    return holders


def _pipes_of(pid: int) -> set[int]:
    directory = f"/proc/{pid}/fd"
    inodes: set[int] = set()
    try:
        for fd in os.listdir(directory):
            link = os.readlink(f"{directory}/{fd}")
            if link.startswith("pipe:["):
                inodes.add(int(link[6:-1]))
    except OSError:
        pass  # gone, or not ours to look at
    return inodes
