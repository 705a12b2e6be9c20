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
"""A snapshot this young serves another run that asks."""

_snapshot: tuple[float, dict[int, list[int]]] = (-1.0, {})


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
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            line = file.read(512)
    except OSError:
        return None
    # "pid (comm) state ppid pgrp …"; comm may hold spaces and parentheses.
    state, _, group = line[line.rfind(b")") + 2 :].split(None, 3)[:3]
    return None if state in (b"Z", b"X") else int(group)


def named(pid: int) -> Holder:
    """A process with its command line, for people."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:
            words = file.read(4096)
    except OSError:
        words = b""
    text = words.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "backslashreplace")
    return Holder(pid, text[:200] or "?")


def pipe_holders(inodes: set[int]) -> tuple[Holder, ...]:
    """Who else has one of these pipes open. Bounded in time, so it may miss some."""
    global _snapshot
    now = monotonic()
    if now - _snapshot[0] > FRESH:
        _snapshot = (monotonic(), _scan(now + SCAN_LIMIT))
    found: dict[int, None] = {}
    for inode in inodes:
        found.update(dict.fromkeys(_snapshot[1].get(inode, ())))
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
