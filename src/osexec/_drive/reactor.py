"""One background thread for all started commands: epoll(7) over their pidfds and pipes.

It begins with the first `start()`, is a daemon, forgets itself in a forked
child, and ends what is left when the interpreter exits. No code of the
caller's ever runs on it.
"""

from __future__ import annotations

import atexit
import os
import select
import sys
import threading
from collections import deque
from errno import EAGAIN
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import count
from math import ceil
from time import monotonic

from .._posix.descriptors import LOWEST, Descriptors, above_stdio
from .._words.errors import StartError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._run.job import Job
    from .._run.ports import Handler

EXIT_LIMIT = 5.0
"""Longest wait at interpreter exit for commands that are being ended politely."""
EXIT_HURRY = 2.0
"""And then for SIGKILL to do its work."""

STALE = 64
"""So many times that count no more are kept before the others are sorted anew."""
LONGEST = 3600.0
"""epoll_wait(2) takes an int; a longer wait is cut into several."""

_lock = threading.RLock()
_reactor: Reactor | None = None


class Seat:
    """A job's place at the reactor.

    The job is started in the caller's thread and handed over after that: until
    then the seat only notes what is to be watched, so that a job has one owner
    at any time.
    """

    __slots__ = ("_armed", "_letters", "_lock", "_watches", "job", "reactor", "seated")

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.job: Job | None = None
        self.seated = False
        self._armed: float | None = None
        self._watches: dict[int, tuple[int, Handler]] = {}
        self._letters: list[Callable[[float], None]] = []
        self._lock = threading.RLock()  # reentrant: a signal handler may cancel the context

    def watch(self, fd: int, events: int, handler: Handler) -> None:
        """Call `handler` when `fd` is ready; a second call for the same fd replaces the first."""
        if self.seated:
            self.reactor.watch(fd, events, self, handler)
        else:
            self._watches[fd] = (events, handler)

    def unwatch(self, fd: int) -> None:
        """No more."""
        if self.seated:
            self.reactor.unwatch(fd)
        else:
            self._watches.pop(fd, None)

    def open_mailbox(self) -> None:
        """Nothing to open: the reactor always listens."""

    def close_mailbox(self) -> None:
        """Nor to close: letters to a finished job find nothing to do."""

    def post(self, function: Callable[[float], None]) -> None:
        """Have `function(now)` called on the reactor; from any thread."""
        with self._lock:
            if not self.seated:
                self._letters.append(function)
                return
        self.reactor.post(self, function)

    def hand_over(self, job: Job) -> None:
        """From now on the reactor owns the job."""
        self.job = job
        self.reactor.post(self, self._sit)

    def _sit(self, now: float) -> None:
        with self._lock:
            if self.seated:
                return
            self.seated = True
        self.reactor.seats.add(self)
        for fd, (events, handler) in self._watches.items():
            self.reactor.watch(fd, events, self, handler)
        self._watches.clear()
        for function in self._letters:
            function(now)
        self._letters.clear()

    def call(self, function: Callable[..., None], *args: object) -> None:
        """Call into the job, and take note of when it wants to be called next."""
        job = self.job
        if job is None:
            return  # it has ended; the letter or the time was late
        try:
            function(*args)
            at = job.wake_at() if not job.finished else None
        except BaseException as error:  # noqa: BLE001  a bug of ours, or no memory: the waiter is told
            job.crash(error)
            at = None
        if job.finished:
            self.reactor.seats.discard(self)
            self.job = None
        if at != self._armed:
            if self._armed is not None:
                self.reactor.put_off()
            if at is not None:
                self.reactor.arm(at, self)
        self._armed = at

    def is_waiting(self, at: float) -> bool:
        """Whether the time `at` still counts."""
        return at == self._armed

    def cancel(self, now: float, hurry: bool) -> None:
        """The interpreter exits."""
        if self.job is not None:
            self.job.cancel(now, "the interpreter exits", hurry=hurry)

    def tick(self, at: float, now: float) -> None:
        """The time `at` has come, if it is still the one that counts."""
        job = self.job
        if job is not None and at == self._armed:
            self._armed = None
            self.call(job.tick, now)


class Alarm:
    """A function to be called at a time, unless it is put off."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[[], None]) -> None:
        self._function: Callable[[], None] | None = function

    def stop(self) -> None:
        """Do not call it."""
        self._function = None

    def is_waiting(self, at: float) -> bool:
        """Whether it is still to be called."""
        return self._function is not None

    def tick(self, at: float, now: float) -> None:
        """The time has come."""
        function, self._function = self._function, None
        if function is None:
            return
        try:
            function()
        except Exception as error:  # noqa: BLE001  no thread for an after() function: as a thread would
            here = threading.current_thread()
            args = (type(error), error, error.__traceback__, here)
            threading.excepthook(threading.ExceptHookArgs(args))


class Reactor:
    """The thread, and what it waits for."""

    def __init__(self) -> None:
        self.seats: set[Seat] = set()
        self._fds = Descriptors()
        self.epoll = _epoll()
        self._handlers: dict[int, tuple[Seat | None, Handler]] = {}
        self._letters: deque[tuple[Seat | None, Callable[[float], None]]] = deque()
        self._times: list[tuple[float, int, Seat | Alarm]] = []
        self._order = count()
        self._stale = 0
        self._woken = False
        self._stopping = False
        self._wake = self._fds.event()
        self.watch(self._wake, select.EPOLLIN, None, self._empty_wake)
        self._claim = threading.Lock()
        self.thread = threading.Thread(target=self._run, name="osexec-reactor", daemon=True)

    def begin(self) -> None:
        """Have the thread running.

        Raises:
            RuntimeError: It has ended, or is not to be had.
        """
        if not self.thread.is_alive():
            self.thread.start()

    def close(self) -> None:
        """The thread never ran: close what was made for it."""
        self._fds.close_all()
        self.epoll.close()

    def watch(self, fd: int, events: int, seat: Seat | None, handler: Handler) -> None:
        """Watch a descriptor for a seat; on the reactor only."""
        known = fd in self._handlers
        self._handlers[fd] = (seat, handler)
        if known:
            try:
                self.epoll.modify(fd, events)
                return
            except FileNotFoundError:
                pass  # that one was closed, and this is another under its number
        self.epoll.register(fd, events)

    def unwatch(self, fd: int) -> None:
        """No more; on the reactor only."""
        if self._handlers.pop(fd, None) is not None:
            try:
                self.epoll.unregister(fd)
            except OSError:
                pass  # closed already: epoll(7) has forgotten it

    def put_off(self) -> None:
        """An armed time does not count any more; on the reactor only."""
        self._stale += 1

    def arm(self, at: float, seat: Seat | Alarm) -> None:
        """Call the seat's `tick` at `at`; on the reactor only."""
        heappush(self._times, (at, next(self._order), seat))

    def post(self, seat: Seat | None, function: Callable[[float], None]) -> None:
        """Have `function(now)` called, for a seat if one is given; from any thread."""
        self._letters.append((seat, function))
        # The letter first: it is read after the flag is put down, so whoever finds
        # the flag up has a letter that is still going to be read.
        if not self._woken:
            self._woken = True
            os.eventfd_write(self._wake, 1)

    def is_over(self) -> bool:
        """The thread has run, and does not run any more."""
        return self.thread.ident is not None and not self.thread.is_alive()

    def is_here(self) -> bool:
        """Whether the calling thread is the reactor itself."""
        return threading.get_ident() == self.thread.ident

    def stop(self) -> None:
        """End what is left, within a bound, and leave; at interpreter exit."""
        for patience, hurry in ((EXIT_LIMIT, False), (EXIT_HURRY, True)):
            self.post(None, partial(self._cancel_all, hurry))
            if self.thread.ident is not None:
                self.thread.join(patience)
            if not self.thread.is_alive():
                return

    def _cancel_all(self, hurry: bool, now: float) -> None:
        """On the reactor, so that a job that is being handed over is here already."""
        self._stopping = True
        for seat in list(self.seats):
            seat.call(seat.cancel, now, hurry)

    def _run(self) -> None:
        if not self._claim.acquire(blocking=False):
            return  # a start that Ctrl-C interrupted was repeated, and both threads came
        try:
            self._loop()
        except BaseException as error:
            # A bug of ours, or no memory: nobody may wait for a thread that is gone.
            for seat in list(self.seats):
                if seat.job is not None:
                    seat.job.crash(error)
            raise

    def _loop(self) -> None:
        while not (self._stopping and not self.seats and not self._letters):
            self._turn(self.epoll.poll(self._timeout(), 256), monotonic())

    def _turn(self, ready: list[tuple[int, int]], now: float) -> None:
        """Handle what is ready. A method, so that no variable holds a job during the wait."""
        for fd, events in ready:
            seat, handler = self._handlers.get(fd, (None, None))
            if handler is None:
                continue  # an earlier handler of this round removed it
            if seat is None:
                handler(events, now)
            else:
                seat.call(handler, events, now)
        while self._letters:
            seat, function = self._letters.popleft()
            if seat is None:
                function(now)
            else:
                seat.call(function, now)
        while self._times and self._times[0][0] <= now:
            at, _, timed = heappop(self._times)
            timed.tick(at, now)
        if self._stale > STALE and 2 * self._stale > len(self._times):
            self._times = [entry for entry in self._times if entry[2].is_waiting(entry[0])]
            heapify(self._times)
            self._stale = 0

    def _timeout(self) -> float:
        if not self._times:
            return -1
        # epoll_wait(2) counts milliseconds; rounded up, since waking early would spin.
        left = min(self._times[0][0] - monotonic(), LONGEST)
        return max(0, ceil(left * 1000)) / 1000

    def _empty_wake(self, events: int, now: float) -> None:
        # In this order: put down first, the flag could be raised again by a letter
        # whose wake-up we then read away, and no later letter would wake us.
        os.eventfd_read(self._wake)
        self._woken = False


def _epoll() -> select.epoll:
    """An epoll whose descriptor is not one of stdio's."""
    made = select.epoll()
    if made.fileno() >= LOWEST:
        return made
    raised = select.epoll.fromfd(above_stdio(os.dup(made.fileno())))
    made.close()
    return raised


def reactor() -> Reactor:
    """The one reactor of this process, running.

    Raises:
        StartError: No thread or descriptor is to be had.
    """
    global _reactor
    if sys.is_finalizing():  # a thread would never run; on 3.11 its start would hang
        raise StartError(EAGAIN, "cannot start a command: the interpreter exits")
    with _lock:
        if _reactor is not None and _reactor.is_over():
            _reactor = None
        try:
            if _reactor is None:
                # Known before its thread runs: a Ctrl-C between the two must not
                # leave a thread that nobody knows.
                _reactor = Reactor()
                atexit.register(_reactor.stop)
            _reactor.begin()
        except (RuntimeError, OSError) as error:
            if _reactor is not None:
                atexit.unregister(_reactor.stop)
                _reactor.close()
                _reactor = None
            number = getattr(error, "errno", None) or EAGAIN
            raise StartError(number, "cannot start the background thread") from error
        return _reactor


def start(job: Job) -> None:
    """Start a job's command; from then on the reactor owns it."""
    seat = Seat(reactor())
    try:
        job.start(seat)
        seat.hand_over(job)
    except BaseException:
        if seat.job is None:
            job.slay()
        else:
            seat.hand_over(job)  # once more: the interruption may have lost the first
            seat.post(lambda now: job.cancel(now, "its start was interrupted"))
        raise


def is_reactor() -> bool:
    """Whether the calling thread is the reactor."""
    return _reactor is not None and _reactor.is_here()


def call_at(when: float, function: Callable[[], None]) -> Callable[[], None]:
    """Have `function()`, which must not block, called at a time; returns what undoes it."""
    alarm = Alarm(function)
    here = reactor()
    here.post(None, lambda now: here.arm(when, alarm))
    return alarm.stop


def _forget_in_forked_child() -> None:
    """The thread is not in the copy; waiting for it would never end."""
    global _reactor, _lock
    _lock = threading.RLock()
    if _reactor is not None:
        _reactor.epoll.close()
        atexit.unregister(_reactor.stop)
        _reactor = None


os.register_at_fork(after_in_child=_forget_in_forked_child)
