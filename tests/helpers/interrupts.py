"""Ctrl-C at a chosen moment, for an interpreter of its own, and a look at what it left behind.

Imports nothing but the standard library: it runs on every Python that is found.
"""

import gc
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from tests.helpers import proc
from tests.helpers.limits import SHORT, VANISH
from tests.helpers.waiting import look_until


class CtrlC:
    """KeyboardInterrupt at a moment of the kernel's choice.

    From a timer of the kernel, not from a thread that sends SIGINT: a thread would have its turn
    only where the main thread lets go of the GIL, and never hit the moments between.
    """

    def __init__(self) -> None:
        self._left = 0
        signal.signal(signal.SIGALRM, self._arrived)

    def hits(self, function: Callable[[], object], after: float, times: int = 1) -> bool:
        """Call `function`, with a Ctrl-C `after` seconds, then more; whether it raised that."""
        try:
            try:
                self._left = times
                signal.setitimer(signal.ITIMER_REAL, max(after, 1e-6), 0.002)
                function()
                return False
            finally:
                self._disarm()
        except KeyboardInterrupt:
            return True

    def _disarm(self) -> None:
        while True:
            try:
                self._left = 0
                signal.setitimer(signal.ITIMER_REAL, 0)
                return
            except KeyboardInterrupt:  # it arrived after the end of the call
                pass

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self._left > 0:
            self._left -= 1
            raise KeyboardInterrupt


class Traces:
    """What this process holds now; `take_new()` says what came since, one line each."""

    def __init__(self) -> None:
        self._take()

    def _take(self) -> None:
        self._fds = set(descriptors())
        self._children = proc.children()
        self._threads = set(threading.enumerate())

    def take_new(self) -> list[str]:
        """What has come since, does not vanish, and is not told again."""
        if not look_until(lambda: not self._look(), SHORT)[0]:
            gc.collect()  # slow, so only now: a Process and its pipes know each other
            look_until(lambda: not self._look(), VANISH)
        found = self._look()
        self._take()
        return found

    def _look(self) -> list[str]:
        found = [f"descriptor {fd} -> {to}" for fd, to in set(descriptors()) - self._fds]
        found += [f"child {proc.look(pid) or pid}" for pid in proc.children() - self._children]
        found += [f"thread {one.name}" for one in set(threading.enumerate()) - self._threads]
        return sorted(found)


def descriptors() -> list[tuple[int, str]]:
    """Each open descriptor and what it points at."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append((int(name), os.readlink(f"/proc/self/fd/{name}")))
        except FileNotFoundError:
            pass  # the descriptor that listed the folder
    return found
