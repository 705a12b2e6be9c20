"""Descriptors with one owner: close-on-exec from birth, and never 0, 1 or 2."""

from __future__ import annotations

import os
from _socket import AF_UNIX, SOCK_SEQPACKET, socket, socketpair  # `socket` imports far more
from _thread import RLock
from collections import deque
from itertools import chain, starmap

LOWEST = 3
"""A program whose stdio is closed gets 0, 1 and 2 from the next pipe(2): then its
own `print` would write into our pipe, and a child would find ours as its stdin."""


def above_stdio(fd: int) -> int:
    """`fd`, or a copy of it with a number that is not stdio's; the low one is closed."""
    if fd >= LOWEST:
        return fd
    from fcntl import F_DUPFD_CLOEXEC, fcntl

    try:
        return fcntl(fd, F_DUPFD_CLOEXEC, LOWEST)
    finally:
        os.close(fd)


_exhaust = deque[None](maxlen=0).extend

_live: dict[int, list[int]] = {}

# Held while a pipe is made and entered, and over a fork: a copy made by another
# thread in between would hold both ends, and know of neither.
_making = RLock()


class Descriptors:
    """The descriptors of one run. All are closed by `close_all`, whatever happened."""

    __slots__ = ("_key", "_open")

    def __init__(self) -> None:
        self._open: list[int] = []
        self._key = id(self)
        _live[self._key] = self._open

    def __del__(self) -> None:
        # Of a run whose clean-up was interrupted again and again: a leash must not stay.
        if getattr(self, "_open", None):  # not if its making was interrupted
            self.close_all()

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, fd: int) -> bool:
        return fd in self._open

    def pipe(self) -> tuple[int, int]:
        """A pipe: (reading end, writing end)."""
        # In one C call from pipe(2) to the list: a Ctrl-C handler runs between
        # two bytecodes, and there the two numbers would be known to nobody.
        with _making:
            self._open.extend(chain.from_iterable(starmap(os.pipe, ((),))))
        write_end, read_end = self._open[-1], self._open[-2]
        if read_end < LOWEST or write_end < LOWEST:
            return self._raised(read_end), self._raised(write_end)
        return read_end, write_end

    def open(self, path: str | bytes | os.PathLike[str] | os.PathLike[bytes], flags: int) -> int:
        """A file, close-on-exec."""
        self._open.extend(starmap(os.open, ((path, flags | os.O_CLOEXEC, 0o666),)))
        fd = self._open[-1]
        return fd if fd >= LOWEST else self._raised(fd)

    def event(self) -> int:
        """An eventfd(2) to wake a poller, non-blocking."""
        flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
        with _making:
            self._open.extend(starmap(os.eventfd, ((0, flags),)))
        return self._raised(self._open[-1])

    def set_event(self, fd: int) -> None:
        """Set an event of ours; one that is closed is left alone. No thread may close it now."""
        # In one C call: a signal handler may close it between two bytecodes.
        _exhaust(map(os.eventfd_write, filter(self._open.__contains__, (fd,)), (1,)))

    def socket_pair(self) -> tuple[int, int]:
        """Two ends of an AF_UNIX socket that keeps messages apart and in order."""
        pair = chain.from_iterable(starmap(socketpair, ((AF_UNIX, SOCK_SEQPACKET),)))
        with _making:
            self._open.extend(map(socket.detach, pair))
        one, other = self._open[-2], self._open[-1]
        if one < LOWEST or other < LOWEST:
            return self._raised(one), self._raised(other)
        return one, other

    def pidfd(self, pid: int) -> int:
        """A pidfd_open(2)."""
        self._open.extend(starmap(os.pidfd_open, ((pid,),)))
        fd = self._open[-1]
        return fd if fd >= LOWEST else self._raised(fd)

    def adopt(self, fd: int) -> int:
        """Become the owner of a descriptor made elsewhere."""
        self._open.append(fd)
        return fd if fd >= LOWEST else self._raised(fd)

    def take(self, fd: int, other: Descriptors) -> int:
        """Become the owner of one that `other` owns; at any moment it has exactly one."""
        self._open.extend(map(other._open.pop, (other._open.index(fd),)))
        return fd

    def release(self, fd: int) -> int:
        """Stop being the owner; the caller is now."""
        self._open.remove(fd)
        return fd

    def close(self, fd: int) -> None:
        """Close one of ours; a number that is not ours (any more) is left alone."""
        if fd in self._open:
            self._close(self._open.index(fd))

    def close_all(self) -> None:
        """Close what is still open."""
        while self._open:
            self._close(-1)
        _live.pop(self._key, None)

    def _close(self, place: int) -> None:
        # Off the list first, since closing a number twice may close another's file;
        # and in one C call, since a Ctrl-C between the two would lose the number.
        _exhaust(map(os.close, map(self._open.pop, (place,))))

    def _raised(self, fd: int) -> int:
        if fd >= LOWEST:  # the other end of a pipe was low
            return fd
        self._open.remove(fd)
        self._open.append(above_stdio(fd))
        return self._open[-1]


def _forget_in_forked_child() -> None:
    """A copy made by os.fork() must not hold pipes open that the parent waits on."""
    global _making
    _making = RLock()
    for owned in list(_live.values()):
        while owned:
            os.close(owned.pop())
    _live.clear()


def _before_fork() -> None:
    _making.acquire()


def _after_fork() -> None:
    _making.release()


os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork, after_in_child=_forget_in_forked_child
)
