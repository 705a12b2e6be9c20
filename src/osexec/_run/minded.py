"""Everything a command started, where a minder contains it: nothing below it gets away.

The same questions as `tree.py`, for "tree", "namespace" and "cgroup".
"""

from __future__ import annotations

import os
from select import POLLIN
from signal import SIGCONT

from .._posix import leash
from .._posix.minder import Minder
from .._posix.proc import named
from .._words.result import Holder
from .tree import STOPPING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .._posix.cgroup import Cgroup
    from .._posix.descriptors import Descriptors
    from .._posix.spawn import Request
    from .tree import Watcher


EMPTY_LIMIT = 0.5
"""Longest wait, in seconds, for the last members to leave a cgroup."""


class MindedTree:
    """The command and all its descendants, through the minder that holds them."""

    __slots__ = (
        "_cgroup",
        "_minder",
        "_namespace",
        "_survivors",
        "_watched",
        "look_at",
        "memory_peak",
    )

    def __init__(self, fds: Descriptors, namespace: bool = False, cgroup: Cgroup | None = None):
        self._minder = Minder(fds)
        self._namespace = namespace
        self._cgroup = cgroup
        self._survivors: tuple[Holder, ...] = ()
        self.memory_peak: int | None = None
        self._watched = False
        self.look_at: float | None = None
        """Never: the minder tells."""

    def start(self, request: Request, started: list[int]) -> Minder:
        """Start the command; `confirm` tells whether it did."""
        if self._cgroup is not None:
            request.cgroup = self._cgroup.make()
        self._minder.start(request, started, self._namespace)
        return self._minder

    def confirm(self, deadline: float | None, ended: Callable[[], object]) -> None:
        """Wait until it has made its exec; see `Minder.confirm`."""
        self._minder.confirm(deadline, ended)

    @property
    def leaked(self) -> tuple[Holder, ...]:
        """Who outlived the command, once the minder was told to end them or to let them go."""
        return tuple(Holder(pid, command or "?") for pid, command in self._minder.alive)

    @property
    def lost(self) -> bool:
        """The minder was killed."""
        return self._minder.lost

    @property
    def swept(self) -> int:
        """How many it has ended by force, besides the command."""
        return self._minder.swept

    def signal_child(self, number: int) -> None:
        """A signal to the command alone; a stopped one is continued to receive it."""
        self._minder.signal(number)
        if number not in STOPPING:
            try:
                self._minder.signal(SIGCONT)
            except ProcessLookupError:
                pass  # it has obeyed, and the minder was quick to reap it

    def signal_all(self, number: int) -> None:
        """A signal to the command and to all below it."""
        self._minder.order(leash.signal(number, True))

    signal_rest = signal_all

    def kill(self) -> None:
        """SIGKILL to all, again and again until nothing is left."""
        self._minder.sweep()

    def kill_at_exit(self, started: list[int]) -> None:
        """Nothing more to do: our exit drops the leash, if the minder is there already."""
        self.kill()

    def look(self, job: Watcher, now: float) -> bool:
        """Whether nothing is left; if not, the job is told to look again when that may be."""
        self._minder.listen()
        self._unwatch(job)
        if self._minder.empty or self._minder.lost or self._minder.exit_fd is None:
            return True
        self._watched = True
        job.watch(self._minder.exit_fd, POLLIN, lambda events, now: job.look_again(now))
        return False

    def take_refused(self) -> OSError | None:
        """What the kernel has refused to signal or kill, once.

        Somebody else than the command counts only when the command has ended: until
        then there may be more to kill.
        """
        minder = self._minder
        if minder.refused is None or (minder.refused[0] != minder.pid and minder.peek() is None):
            return None
        (pid, number), minder.refused = minder.refused, None
        if pid == minder.pid:
            return OSError(number, os.strerror(number))
        who = named(pid)
        self._survivors = (who,)
        return OSError(number, f"process {who} runs as somebody else and may not be killed by us")

    def survivors(self) -> tuple[Holder, ...]:
        """Who could not be killed, besides the command."""
        return self._survivors

    def name_leaked(self) -> None:
        """Nothing to do: the minder says who they were when it ends them."""

    def let_go(self) -> None:
        """What is left may live on; take down who that is."""
        self._minder.let_go()

    def close(self, job: Watcher) -> None:
        """Watch nothing more, and end what may still be there."""
        self._unwatch(job)
        self._minder.close()
        self._drop_cgroup()

    def slay(self, started: list[int]) -> None:
        """End all, without a driver and within a bound, from whatever state."""
        self._minder.slay(started)
        self._drop_cgroup()

    def _drop_cgroup(self) -> None:
        cgroup = self._cgroup
        if cgroup is not None:
            self.memory_peak = cgroup.peak()
            cgroup.kill()  # the minder has done so, unless it was killed
            cgroup.remove(EMPTY_LIMIT)
            self._cgroup = None  # last: an interrupted call is made again

    def _unwatch(self, job: Watcher) -> None:
        if self._watched and self._minder.exit_fd is not None:
            job.unwatch(self._minder.exit_fd)
        self._watched = False
