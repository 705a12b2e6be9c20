"""Everything a command started, as far as its containment can tell.

Here for "process" (the child alone) and "group" (the process group it leads);
`minded.py` answers the same questions where a minder contains the whole tree.
"""

from __future__ import annotations

import os
from select import POLLIN
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU

from .._posix import probe
from .._posix.minder import start_in_place
from .._posix.proc import group_members, named
from .._posix.process import Child
from .._posix.spawn import end_by_number, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from .._posix.descriptors import Descriptors
    from .._posix.spawn import Request
    from .._words.result import Holder
    from .ports import Handler

    class Watcher(Protocol):
        """What is needed of the job."""

        fds: Descriptors

        def watch(self, fd: int, events: int, handler: Handler) -> None: ...
        def unwatch(self, fd: int) -> None: ...
        def look_again(self, now: float) -> None: ...


STOPPING = (SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU)
"""After these, a SIGCONT would do no good."""
LOOK_AGAIN = 0.02
"""Seconds between two looks where a member cannot be watched (no pidfd)."""
SLAY_LIMIT_MS = 2000


class Tree:
    """The child and, if it leads a group of its own, that group."""

    lost = False
    swept = 0
    memory_peak: int | None = None

    __slots__ = ("_child", "_fds", "_grouped", "_members", "leaked", "look_at")

    def __init__(self, fds: Descriptors, grouped: bool) -> None:
        self._fds = fds
        self._grouped = grouped
        self._child: Child
        self._members: list[int] = []
        self.leaked: tuple[Holder, ...] = ()
        """Who outlived the child, once `name_leaked` or `let_go` has looked."""
        self.look_at: float | None = None

    def start(self, request: Request, started: list[int]) -> Child:
        """Start the child; it has made its exec when this returns.

        Raises:
            StartError: Nothing is left of the attempt.
        """
        if request.is_plain:
            self._child = spawn(request, self._fds, started)
        else:
            self._child = start_in_place(request, self._fds, started)
        return self._child

    def confirm(self, deadline: float | None, ended: Callable[[], object]) -> None:
        """Nothing to wait for: the exec is made."""

    def signal_child(self, number: int) -> None:
        """A signal to the child alone; a stopped child is continued to receive it."""
        self._child.signal(number)
        if number not in STOPPING:
            self._child.signal(SIGCONT)

    def signal_all(self, number: int) -> None:
        """A signal to the child and to what it started."""
        try:
            self.signal_child(number)
        finally:
            self.signal_rest(number)

    def signal_rest(self, number: int) -> None:
        """A signal to what is left once the child has ended."""
        if self._grouped:
            self._group(number)
            if number not in STOPPING:
                self._group(SIGCONT)

    def kill(self) -> None:
        """SIGKILL to all. The child first by itself: it may have left the group."""
        refused: PermissionError | None = None
        try:
            if self._child.peek() is None:  # a zombie of another user would refuse it too
                self._child.signal(SIGKILL)
        except ProcessLookupError:
            pass
        except PermissionError as error:
            refused = error
        if self._grouped:
            self._group(SIGKILL)
        if refused is not None:
            raise refused

    def kill_at_exit(self, started: list[int]) -> None:
        """SIGKILL to what there is; its thread may have been stopped in the middle of the start."""
        if hasattr(self, "_child"):
            self.kill()
        elif started:
            # The number is safe: a child of ours that nobody reaps any more.
            os.kill(started[-1], SIGKILL)

    def look(self, job: Watcher, now: float) -> bool:
        """Whether nothing is left besides the child; if not, the job is told to look again."""
        self._unwatch(job)
        self.look_at = None
        if not self._grouped or self._is_gone():
            return True
        members = [pid for pid in group_members(self._child.pid) if pid != self._child.pid]
        for pid in members:
            self._watch(job, pid, now)
        return not members

    def take_refused(self) -> OSError | None:
        """Nothing: what is refused is raised at once."""
        return None

    def survivors(self) -> tuple[Holder, ...]:
        """Who could not be killed, besides the child."""
        return ()

    def name_leaked(self) -> None:
        """Take down who of the group outlived the child."""
        if self._grouped and probe.can("pidfd_group"):
            self.leaked = tuple(
                named(pid) for pid in group_members(self._child.pid) if pid != self._child.pid
            )

    def let_go(self) -> None:
        """What is left may live on; take down who that is. The child is reaped."""
        if self._grouped and self._child.reaped and not self._is_gone():
            self.name_leaked()

    def close(self, job: Watcher) -> None:
        """Watch nothing more."""
        if self._members:
            self._unwatch(job)
        self.look_at = None

    def slay(self, started: list[int]) -> None:
        """SIGKILL, wait and reap, without a driver and within a bound, from whatever state."""
        if not hasattr(self, "_child"):
            if not started:
                return
            try:
                self._child = Child(started[-1], self._fds)
            except (OSError, RuntimeError):
                end_by_number(started)
                return
        try:
            self.kill()
        except OSError:
            pass
        if not self._child.join(SLAY_LIMIT_MS):
            self._child.leave()

    def _is_gone(self) -> bool:
        """Whether the group has no member at all, asked in one system call.

        The zombie of the child is a member, so the child is reaped first. That
        is safe here and only here: the pidfd still names the group by identity,
        whatever becomes of the number.
        """
        if not probe.can("pidfd_group"):
            return False
        if not self._child.reaped:
            self._child.reap()
        try:
            return not self._child.signal_group(0)
        except PermissionError:
            return False

    def _group(self, number: int) -> None:
        try:
            self._child.signal_group(number)
        except PermissionError:
            pass  # none of them may be signalled by us: a set-uid tree (kill(2))

    def _watch(self, job: Watcher, pid: int, now: float) -> None:
        def ended(events: int, now: float) -> None:
            job.look_again(now)

        if probe.can("pidfd"):
            try:
                fd = job.fds.pidfd(pid)
            except ProcessLookupError:
                self.look_at = now  # gone while we looked: look at once
                return
            except OSError:
                self.look_at = now + LOOK_AGAIN  # no descriptor left
                return
            self._members.append(fd)
            job.watch(fd, POLLIN, ended)
        else:
            self.look_at = now + LOOK_AGAIN

    def _unwatch(self, job: Watcher) -> None:
        for fd in self._members:
            job.unwatch(fd)
            job.fds.close(fd)
        self._members.clear()
