"""The calling thread turns the crank: poll(2) over the pidfd and the pipes, no helper thread.

It waits, reads the clock and calls; it knows no state and no signal.
"""

from __future__ import annotations

import os
import select
from collections import deque
from math import ceil
from threading import RLock
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .._posix.descriptors import Descriptors
    from .._run.job import Job
    from .._run.ports import Handler

LONGEST = 3600.0
"""poll(2) takes an int; a longer wait is cut into several."""


class CallerPort:
    """What one run waits for, in the thread that runs it."""

    __slots__ = ("_fds", "_handlers", "_letters", "_lock", "_poll", "_wake")

    def __init__(self, fds: Descriptors) -> None:
        self._fds = fds
        self._poll = select.poll()
        self._handlers: dict[int, Handler] = {}
        self._wake: int | None = None

    def watch(self, fd: int, events: int, handler: Handler) -> None:
        """Call `handler` when `fd` is ready; a second call for the same fd replaces the first."""
        self._handlers[fd] = handler
        self._poll.register(fd, events)

    def unwatch(self, fd: int) -> None:
        """No more."""
        if self._handlers.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def open_mailbox(self) -> None:
        """From now on other threads may `post`."""
        self._letters: deque[Callable[[float], None]] = deque()
        self._lock = RLock()  # reentrant: a signal handler may cancel the context
        self._wake = self._fds.event()
        self.watch(self._wake, select.POLLIN, self._open_letters)

    def close_mailbox(self) -> None:
        """Later letters wake nobody; the descriptor is closed by its owner after this."""
        if self._wake is not None:
            with self._lock:
                self.unwatch(self._wake)
                self._wake = None

    def post(self, function: Callable[[float], None]) -> None:
        """Have `function(now)` called in the thread that waits; `open_mailbox` comes first."""
        with self._lock:
            self._letters.append(function)
            if self._wake is not None:
                os.eventfd_write(self._wake, 1)

    def turn(self, wake_at: float | None) -> float:
        """Wait until something happens or the time has come, and handle it.

        Returns:
            The time after the wait.
        """
        if wake_at is None:
            wait_ms = None
        else:
            # Rounded up: a wait that ends early would spin until the time has come.
            left = min(wake_at - monotonic(), LONGEST)
            wait_ms = max(0, ceil(left * 1000))
        ready = self._poll.poll(wait_ms)
        now = monotonic()
        for fd, events in ready:
            handler = self._handlers.get(fd)  # one handler may have removed another
            if handler is not None:
                handler(events, now)
        return now

    def _open_letters(self, events: int, now: float) -> None:
        if self._wake is not None:
            os.eventfd_read(self._wake)  # before the letters: a later one wakes us again
        while self._letters:
            self._letters.popleft()(now)


def drive(job: Job) -> None:
    """Run a job to its end in this thread.

    Ctrl-C or any other exception ends the command's tree as its context's end
    would, then goes on; a second one skips the grace.
    """
    port = CallerPort(job.fds)
    try:
        job.start(port)
        turn_to_end(job, port)
    except BaseException as error:
        end(job, port, error)
        raise


def iterate(job: Job, got: deque[bytes], drop: Callable[[], None]) -> Generator[bytes]:
    """Run a job and yield what its pumps put into `got`, as it comes.

    Once nobody wants more, `drop()` is called, and what comes is not kept.

    Nobody turns the crank while the consumer works: the pipe fills and the
    command waits. Leaving the iteration ends the command's tree.
    """
    port = CallerPort(job.fds)
    try:
        job.start(port)
        yield from _pieces(job, port, got)
    except GeneratorExit:
        drop()
        end(job, port, "the iteration was left")
        raise
    except BaseException as error:
        drop()
        end(job, port, error)
        raise


# CPython 3.12 and 3.13 leave the jump at the end of a `while` that stands in a `try` out of the
# reach of that `try`, and look for signals just there: a Ctrl-C would pass by the `except`. So
# the loops are functions of their own (tests/drive/test_loops_in_try.py).


def turn_to_end(job: Job, port: CallerPort) -> None:
    """Turn the crank until the job is finished."""
    while not job.finished:
        _step(job, port)


def _pieces(job: Job, port: CallerPort, got: deque[bytes]) -> Generator[bytes]:
    while not job.finished:
        _step(job, port)
        while got:
            yield got.popleft()
    while got:
        yield got.popleft()


def _step(job: Job, port: CallerPort) -> None:
    """One turn of the crank."""
    now = port.turn(job.wake_at())
    if not job.finished:
        job.tick(now)


def end(job: Job, port: CallerPort, cause: BaseException | str) -> None:
    """End the command's tree because of `cause`, within its wait delay.

    An exception while it is being ended already (Ctrl-C in the grace of a
    timeout, or a second Ctrl-C) skips what is left of the grace.

    Raises:
        KeyboardInterrupt: It came meanwhile; the tree has ended all the same.
    """
    interrupted: KeyboardInterrupt | None = None
    try:
        try:
            _end_for(job, port, cause)
        except KeyboardInterrupt as error:
            interrupted = error
            _end_for(job, port, error)
    finally:
        job.slay()  # nothing to do, unless even that was interrupted
    if interrupted is not None and not isinstance(cause, KeyboardInterrupt):
        raise interrupted


def _end_for(job: Job, port: CallerPort, cause: BaseException | str) -> None:
    job.cancel(monotonic(), cause, hurry=isinstance(cause, BaseException))
    turn_to_end(job, port)
