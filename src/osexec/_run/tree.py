"""Everything a command started, as far as its containment can tell.

Here for "process" (the child alone) and "group" (the process group it leads);
a minder will answer the same questions for a whole tree.
"""

from __future__ import annotations

from select import POLLIN, poll
from signal import SIGCONT, SIGKILL

from .._posix import probe
from .._posix.proc import group_members, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from .._posix.descriptors import Descriptors
    from .._posix.process import Child
    from .._words.result import Holder
    from .ports import Handler

    class Watcher(Protocol):
        """What is needed of the job."""

        fds: Descriptors

        def watch(self, fd: int, events: int, handler: Handler) -> None: ...
        def unwatch(self, fd: int) -> None: ...
        def look_again(self, now: float) -> None: ...


LOOK_AGAIN = 0.02
"""Seconds between two looks where a member cannot be watched (no pidfd)."""
SLAY_LIMIT_MS = 2000


class Tree:
    """The child and, if it leads a group of its own, that group."""

    __slots__ = ("_child", "_grouped", "_members", "look_at")

    def __init__(self, child: Child | None, grouped: bool) -> None:
        self._child: Child = child  # type: ignore[assignment]  # None: before the start
        self._grouped = grouped
        self._members: list[int] = []
        self.look_at: float | None = None

    def signal_child(self, number: int) -> None:
        """A signal to the child alone; a stopped child is continued to receive it."""
        self._child.signal(number)
        if number != SIGKILL:
            self._child.signal(SIGCONT)

    def signal_rest(self, number: int) -> None:
        """A signal to what is left once the child has ended."""
        if self._grouped:
            self._group(number)
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

    def alive(self) -> tuple[Holder, ...]:
        """Who of the group outlived the child, once it is reaped."""
        if not self._grouped or self._is_gone():
            return ()
        if not self._child.reaped or not probe.can("pidfd_group"):
            return ()
        return tuple(named(pid) for pid in group_members(self._child.pid))

    def close(self, job: Watcher) -> None:
        """Watch nothing more."""
        if self._members:
            self._unwatch(job)
        self.look_at = None

    def slay(self) -> None:
        """SIGKILL, wait and reap, without a driver and within a bound."""
        try:
            self.kill()
        except OSError:
            pass
        if self._child.exit_fd is not None:
            poller = poll()
            poller.register(self._child.exit_fd, POLLIN)
            poller.poll(SLAY_LIMIT_MS)
        if self._child.reap() is None:
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
