"""The file objects of a Process with PIPE streams.

They read and write in the caller's thread and block there. `release()` ends a
read that is blocked on a pipe held by a stranger: what is in the pipe is read,
then comes the end of file. So a read to the end is bounded by the run's time;
`until` bounds it also when the run itself has ended before.
"""

from __future__ import annotations

import os
from io import RawIOBase
from math import ceil
from select import PIPE_BUF, POLLIN, POLLOUT, poll
from threading import RLock
from time import monotonic

from .._posix.descriptors import Descriptors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Buffer = Any  # anything with the buffer protocol; `typing` has no name for it before 3.12

PIPE_BUFFER = 65536
LONGEST = 3600.0
"""poll(2) takes an int; a longer wait is cut into several."""


_NOTHING = Descriptors()


class _PipeEnd(RawIOBase):
    """One end of a pipe, with an eventfd that wakes a blocked call."""

    # For one whose making was interrupted, and which is closed all the same.
    _wake = _fd = -1
    _fds = _NOTHING
    _released = False
    _lock = RLock()
    _wake_lock = RLock()

    def __init__(self, fd: int, owner: Descriptors, until: float | None = None) -> None:
        super().__init__()
        self._lock = RLock()
        self._wake_lock = RLock()  # held for moments only: nobody blocks under it
        self._released = False
        self._until = until
        self.keeps: object = None  # whoever must live as long as this file is used
        # Known as the others are, so that a copy made by os.fork() closes its own.
        self._fds = Descriptors()
        self._wake = self._fds.event()
        self._fd = self._fds.take(fd, owner)  # last: until then it is the owner's

    def fileno(self) -> int:
        """The descriptor."""
        self._check()
        return self._fd

    def release(self) -> None:
        """No call blocks any more. Without `_lock`: whoever calls must not wait for a reader."""
        if not self._released:
            self._released = True
            # Another thread may be closing it: its number is soon another file's.
            with self._wake_lock:
                self._fds.set_event(self._wake)

    def end(self) -> None:
        """Release, and close unless somebody is in a call just now."""
        self.release()
        if self._lock.acquire(blocking=False):
            try:
                self.close()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Close our end; a call blocked in another thread comes back."""
        if self.closed:
            return
        self.release()
        with self._lock:
            if not self.closed:
                with self._wake_lock:
                    self._fds.close_all()
                super().close()

    def _check(self) -> None:
        if self.closed or self._fd not in self._fds:
            raise ValueError("I/O operation on closed file")

    def _is_ready(self, events: int) -> bool:
        """Whether a read, or a write of up to PIPE_BUF, would not block (pipe(7))."""
        poller = poll()
        poller.register(self._fd, events)
        return bool(poller.poll(0))

    def _wait(self, events: int) -> None:
        poller = poll()
        poller.register(self._fd, events)
        poller.register(self._wake, POLLIN)
        left = LONGEST if self._until is None else self._until - monotonic()
        poller.poll(max(0, ceil(min(left, LONGEST) * 1000)))
        if self._until is not None and monotonic() >= self._until:
            self.release()


class PipeReader(_PipeEnd):
    """Our end of the child's stdout or stderr.

    Not O_NONBLOCK: the flag would be shared with a command that gets this file as
    its stdin, and would break it.
    """

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, target: Buffer, /) -> int:
        """Read what is there, or wait for something; 0 at the end."""
        view = memoryview(target).cast("B")
        while True:
            with self._lock:
                self._check()
                last = self._released  # looked at before the pipe: what is there then is all
                if self._is_ready(POLLIN):
                    return os.readv(self._fd, [view])
                if last:
                    return 0
            self._wait(POLLIN)


class PipeWriter(_PipeEnd):
    """Our end of the child's stdin. Unbuffered: what is written is on its way.

    Not O_NONBLOCK either, for a command that gets it as its stdout.
    """

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Write all of `data`; waits while the pipe is full.

        Raises:
            BrokenPipeError: The child reads no more.
        """
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            with self._lock:
                self._check()
                if self._released:
                    raise BrokenPipeError("the command has ended")
                if self._is_ready(POLLOUT):
                    done += os.write(self._fd, view[done : done + PIPE_BUF])
                    continue
            self._wait(POLLOUT)
        return done
