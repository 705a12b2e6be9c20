"""Signals to osexec itself, as bytes in a pipe that the main thread reads.

A handler that raised would do so at any place in the library. Here handlers do
nothing: the interpreter writes the number of each signal into the pipe, and it
is looked at between two lines of our own.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
OTHER = 0
"""The byte of `post()`: not a signal."""


class Mailbox:
    """While open, signals that ask us to stop arrive here instead of ending us.

    A signal that is ignored stays ignored: nohup(1) and a shell's background
    jobs count on it.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in STOPPING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _do_nothing)

    def post(self) -> None:
        """Wake the reader from another thread."""
        os.write(self._writer, bytes([OTHER]))

    def read(self) -> int:
        """Wait for the next signal's number, or `OTHER` for a `post()`."""
        while True:
            number = os.read(self._reader, 1)[0]
            if number == OTHER or number in STOPPING:
                return number

    def close(self) -> None:
        """From now on a signal comes too late: the exit status is decided.

        Ignored, not handled, since the interpreter takes handlers away at its end.
        """
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Only a handler in Python makes the interpreter write into the pipe."""


def die_of(number: int) -> NoReturn:
    """End this process by the signal, as the calling shell expects after Ctrl-C."""
    signal.set_wakeup_fd(-1)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # it was blocked
