"""One life, one child, its pumps and its containment: the only place where they meet.

A job has one owner, its driver, who calls everything here from one thread.
Others speak through `port.post`. The machine (`_core/life.py`) decides; the job
turns its acts into calls and what they brought into facts.
"""

from __future__ import annotations

import os
from collections import deque
from errno import EAGAIN
from select import POLLIN
from time import monotonic, time

from .._core.deadline import earlier
from .._core.facts import Fact
from .._core.life import Life
from .._posix.descriptors import Descriptors
from .._posix.minder import StartEnded
from .._posix.terminal import Foreground
from .._words.errors import Error, StartError
from .._words.result import Reason, shown
from . import leftover
from .acts import hear_refusal, kill, look, perform
from .launch import SEALED, containment, program, request_of, tree_for
from .outcome import context_error
from .ports import NO_PORT
from .report import report
from .stdio import Wiring
from .tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._posix.minder import Minder
    from .._posix.process import Child, Status
    from .._words.result import Holder, Result
    from .._words.spec import Spec
    from .minded import MindedTree
    from .ports import Handler, Port, Scope
    from .pump import ReadPump, WritePump


ENDED = ("kill", "error")
"""The values of leaks= with which nothing may outlive its command."""
_UNBORN = Life()
_NO_TREE = Tree(None, False)  # type: ignore[arg-type]  # it has nothing to open or to close
"""Stand for the life and the tree of a job that has no child yet."""


class Job:
    """A run of a command, from the first check to the last closed descriptor."""

    contain = "process"
    owner = 0
    finished = False
    crashed: BaseException | None = None
    result: Result | None = None
    error: Error | None = None
    process: Callable[[], Any] | None = None
    """Makes the Process that a cancel function is given."""
    keeps: object = None
    """Whoever must live as long as the job."""
    on_started: Callable[[], None] | None = None
    on_finish: Callable[[], None] | None = None
    holders: tuple[Holder, ...] = ()
    leaked: tuple[Holder, ...] = ()
    leaks = "allow"
    output_complete = True
    life: Life = _UNBORN
    tree: Tree | MindedTree = _NO_TREE
    _child: Child | Minder | None = None
    _status: Status | None = None
    port: Port = NO_PORT
    _exit_fd: int | None = None
    _telling = False
    _foreground: Foreground | None = None
    _unlisten: Callable[[], None] | None = None

    def __init__(self, spec: Spec, scope: Scope, streams: tuple[Any, Any, Any]) -> None:
        self.spec = spec
        self.scope = scope
        self.fds = Descriptors()
        self.wiring = Wiring(self.fds, spec.encoding, spec.errors)
        self.owner = os.getpid()
        self.copy_errors: list[tuple[str, BaseException]] = []
        self.abandoned: list[str] = []
        self._streams = streams
        self._started: list[int] = []
        self.pumps: list[ReadPump | WritePump] = []
        self._facts: deque[tuple[Fact, object]] = deque()

    # --------------------------------------------------------------- start

    def start(self, port: Port) -> None:
        """Start the child and begin to move its streams.

        Raises:
            LookPathError, StartError, UsageError: Nothing is left of the attempt.
            Canceled, DeadlineExceeded: The context was done; nothing was started.
        """
        self.port = port
        try:
            self._start()
        except StartEnded:
            self.slay()
            ended = self.scope.ended() or (Reason.DEADLINE, self.scope.deadline_cause)
            raise context_error(*ended, shown(self.spec.args)) from None
        except (OSError, RuntimeError) as error:
            self.slay()
            if isinstance(error, Error):
                raise
            # No descriptor for a pipe or an eventfd, or no thread for a caller's reader.
            number = getattr(error, "errno", None) or EAGAIN
            what = f"cannot start {shown(self.spec.args)} ({error})"
            raise StartError(number, what, op="fork") from error
        except BaseException:
            self.slay()
            raise

    def _start(self) -> None:
        spec, scope, wiring = self.spec, self.scope, self.wiring
        path = program(spec)
        ended = scope.ended()
        if ended is not None:
            raise context_error(*ended, shown(spec.args))
        self.started_at = time()
        self.began = monotonic()
        self._open_streams()
        self.contain = containment(spec, wiring.stdio[0])
        self.leaks = spec.leaks or ("kill" if self.contain in SEALED else "allow")
        request = request_of(spec, path, self.contain, wiring)
        self.tree = tree_for(spec, self.contain, self.fds)
        leftover.add(self._started, self.tree)
        if request.foreground:
            self._foreground = Foreground(request, self.fds)
        self._child = self.tree.start(request, self._started)
        # What can be made ready is, while the command is on its way.
        self.pumps = wiring.pumps
        life = Life(
            steps=spec._plan.steps,
            calls=spec._plan.function is not None,
            wait_delay=spec.wait_delay,
            deadline=scope.deadline,
            contained=self.contain != "process",
            ends_leaks=self.leaks in ENDED,
            streams=len(self.pumps),
        )
        if self._needs_mailbox():
            self.port.open_mailbox()
        self.tree.confirm(scope.deadline, scope.ended)
        self.life = life
        wiring.close_childs()
        if self.on_started is not None:
            self.on_started()
            self.on_started = None  # it may hold the Process, whose drop ends the command
        for pump in self.pumps[:]:
            pump.start(self)
        if self._child.exit_fd is None:
            self._on_exit(0, self.began)  # its status was collected before we could look
        else:
            self._exit_fd = self._child.exit_fd
            self.watch(self._exit_fd, POLLIN, self._on_exit)
        if scope.can_be_canceled:
            self._unlisten = scope.listen(self._context_called)

    def _open_streams(self) -> None:
        try:
            # The numbers that are handed over first: what we open could take a closed one.
            self.wiring.hand_over(self.spec.extra_files, self.spec.pass_fds)
            self.wiring.connect(*self._streams)
        except OSError as error:
            what = f"cannot open {error.filename!r}" if error.filename else "cannot make a pipe"
            number = error.errno or 0
            name = None if error.filename is None else os.fsdecode(error.filename)
            raise StartError(number, what, op="open", filename=name) from error

    def _needs_mailbox(self) -> bool:
        """Whether another thread may have something to say."""
        if self.scope.can_be_canceled or self.spec._plan.function is not None:
            return True
        return bool(self.pumps) and any(pump.threaded for pump in self.pumps)

    @property
    def ended_by_itself(self) -> bool:
        """Neither the context nor the wait delay had a hand in the end."""
        return self.life.ended_by is None and not self.life.cut

    @property
    def has_child(self) -> bool:
        """It came as far as a child."""
        return self._child is not None

    @property
    def pid(self) -> int:
        """The child's process id."""
        assert self._child is not None
        return self._child.pid

    # ------------------------------------------------------- for the driver

    def wake_at(self) -> float | None:
        """When `tick` must be called, at the latest."""
        at = self.life.wake_at()
        return earlier(at, self.tree.look_at)

    def tick(self, now: float) -> None:
        """The clock has moved: tell the machine if its time has come."""
        if self.tree.look_at is not None and now >= self.tree.look_at:
            look(self, now)
        at = self.life.wake_at()
        if at is not None and now >= at:
            self._see_all(now)
            self.tell(Fact.TIMER, now)

    def cancel(self, now: float, cause: Any, *, hurry: bool = False) -> None:
        """End it as the end of its context would; in a hurry, skip what is left of the grace."""
        if isinstance(cause, BaseException):
            self._see_again(now)
        if self.life is _UNBORN or self.life.is_done or os.getpid() != self.owner:
            self.slay()  # interrupted in its start or its finish, or not ours to end
        elif not self.finished:
            self._end(now, Reason.CANCELED, cause, hurry)

    def _end(self, now: float, reason: Reason, cause: Any, hurry: bool) -> None:
        self._see_all(now)
        if self.life.ended_by is None:
            self.tell(Fact.CONTEXT_DONE, now, (reason, cause))
        elif hurry and not self.finished:
            self.tell(Fact.HURRY, now, (reason, cause))

    def signal(self, number: int) -> None:
        """Send a signal to the child; any thread may."""
        assert self._child is not None
        self._child.signal(number)

    # ------------------------------------------------------- for the pumps

    def watch(self, fd: int, events: int, handler: Handler) -> None:
        """Call `handler` when `fd` is ready."""
        self.port.watch(fd, events, handler)

    def unwatch(self, fd: int) -> None:
        """No more."""
        self.port.unwatch(fd)

    def post(self, function: Callable[[float], None]) -> None:
        """Have the owner call `function(now)`; from any thread."""
        if os.getpid() == self.owner:  # else a copy made by os.fork(), where no owner is
            self.port.post(function)

    def close_fd(self, fd: int) -> None:
        """Close a descriptor of this run."""
        self.fds.close(fd)

    def stream_ended(self, pump: ReadPump | WritePump, now: float) -> None:
        """A pump is through."""
        self.output_complete = self.output_complete and (pump.whole or not pump.incoming)
        if pump in self.pumps:
            self.pumps.remove(pump)
        self.tell(Fact.STREAM_ENDED, now, pump.was_cut)

    def copy_failed(self, error: BaseException, stream: str) -> None:
        """The caller's reader or writer raised."""
        self.copy_errors.append((stream, error))

    # -------------------------------------------------------- facts and acts

    def tell(self, fact: Fact, now: float, value: object = None) -> None:
        """Tell the machine, and do what it answers; facts that come of it follow in order."""
        self._facts.append((fact, value))
        if self._telling:
            return
        self._telling = True
        try:
            self._tell_all(now)
        finally:
            self._telling = False

    def _tell_all(self, now: float) -> None:
        # A loop by itself in a `try` would miss a Ctrl-C at its end, see `_drive/caller.py`.
        while self._facts and not self.finished:
            for act in self.life.tell(self._facts[0][0], now, self._facts.popleft()[1]):
                perform(self, act, now)

    def look_again(self, now: float) -> None:
        """A member of the tree has ended."""
        if not self.finished:
            look(self, now)

    def _see_all(self, now: float) -> None:
        """The child and its pipes before the clock: success in time is success."""
        if self._status is None and self._child is not None and self._child.peek() is not None:
            self._on_exit(0, now)
        if self._status is not None:
            for pump in self.pumps[:]:
                pump.catch_up(now)
        if self.life.tree_open and not self.finished:
            look(self, now)

    def _see_again(self, now: float) -> None:
        """An exception may have come between what was seen and its being told."""
        if self.finished or self.life is _UNBORN or os.getpid() != self.owner:
            return
        self._facts.clear()
        if self._status is not None and not self.life.exited:
            self.tell(Fact.EXITED, now, self._status.returncode)
        self.pumps[:] = [pump for pump in self.pumps if not pump.is_over()]
        if self.life.streams != len(self.pumps):
            for act in self.life.recount(len(self.pumps), now):
                perform(self, act, now)

    def _on_exit(self, events: int, now: float) -> None:
        assert self._child is not None
        status = self._child.peek()
        if status is None or self._status is not None:
            hear_refusal(self, now)
            return
        self._status = status
        self._unwatch_exit()
        if self.life.ended_by is not None:  # what came in time has come in time
            for pump in self.pumps[:]:
                pump.catch_up(now)
        self.tell(Fact.EXITED, now, status.returncode)
        if self.tree.lost and not self.finished:
            # Who holds a pipe now is out of reach: nothing to wait for, and nothing to end.
            self._end(now, Reason.CANCELED, "its minder was killed", False)
            self._end(now, Reason.CANCELED, "its minder was killed", True)

    def _context_called(self) -> None:
        """The context was cancelled, on whatever thread."""

        def told(now: float) -> None:
            ended = self.scope.ended()
            if ended is not None and not self.finished:
                self._end(now, *ended, hurry=False)

        self.post(told)

    # ----------------------------------------------------------------- end

    def finish(self, now: float) -> None:
        """Collect the status, close everything, and say how it went."""
        assert self._child is not None
        for pump in self.pumps:
            pump.abandon()
            self.output_complete = self.output_complete and (pump.whole or not pump.incoming)
            self.abandoned.extend(pump.busy())
        status = self._child.reap() or self._status
        if status is None:
            kill(self, now)  # once more, in case an interruption lost the first
            self._child.leave()
        if self.life.leaked:
            self.leaked = self.tree.leaked
        elif self.life.ended_by is None:
            self.tree.let_go()
            self.leaked = self.tree.leaked
        elif self.life.kill_error is not None:
            self.leaked = self.tree.survivors()
        self._close()
        self.result, self.error = report(self, status, now)
        self._tell_finished()

    def _tell_finished(self) -> None:
        self.finished = True
        ended, self.on_finish, self.process = self.on_finish, None, None
        if ended is not None:
            ended()

    def _close(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        for pump in self.pumps:
            if pump.fd is not None:
                self.port.unwatch(pump.fd)
        self._unwatch_exit()
        self.tree.close(self)
        leftover.discard(self._started)
        if self._child is not None:
            self._child.close()
        if self._foreground is not None:
            self._foreground.give_back()
        self.port.close_mailbox()
        self.fds.close_all()
        self.pumps.clear()  # they know us: no cycle is left

    def _unwatch_exit(self) -> None:
        """Before its number is closed: soon it is another run's."""
        if self._exit_fd is not None:
            self.port.unwatch(self._exit_fd)
            self._exit_fd = None

    def slay(self) -> None:
        """The way out when all else failed: SIGKILL, reap, close. Bounded, needs no driver."""
        if self.finished:
            return
        if os.getpid() != self.owner:
            self.finished = True
            return  # a copy made by os.fork(): the command is our parent's
        self._unwatch_exit()
        self.tree.slay(self._started)
        for pump in self.pumps:
            pump.abandon()
        self._close()
        self._tell_finished()  # last: an interrupted slay is begun anew

    def crash(self, error: BaseException) -> None:
        """Something went wrong in our own code: end the command, keep the error for the waiter."""
        self.crashed = error
        self.slay()

    def __del__(self) -> None:
        # A run that was dropped in the middle: a second Ctrl-C in the clean-up,
        # a generator thrown away. Nothing may outlive it.
        if not self.finished:
            self.slay()
