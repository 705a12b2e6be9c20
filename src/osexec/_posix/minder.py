"""The other end of the minder: starts one, and holds a command and all below it through it.

The minder (minder/minder.c) is our child; the command is the minder's. So the
command's status comes as a message, and is true whatever this process does with
SIGCHLD or waits for. Our end of the socket is the leash: when it is closed, by
whatever, the minder ends all that is left, and leaves.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from errno import E2BIG, ECONNRESET
from select import POLLIN, poll
from time import monotonic, sleep

from .._core.deadline import earlier
from .._words.errors import StartError
from . import leash, probe
from .descriptors import Descriptors
from .failure import explain
from .proc import children_of, parent_of, state_of
from .process import LOST, Child, Status
from .spawn import BRIEF, PAUSES, Request, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# As `signal` has it, but without making an enum of each number.
pthread_sigmask = getattr(sys.modules.get("_signal"), "pthread_sigmask", signal.pthread_sigmask)

HELD_BACK = tuple(
    int(number)
    for number in (
        *(signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGHUP, signal.SIGTERM),
        *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU),
    )
)
"""What a terminal, or somebody who signals our whole group, may send while a minder starts: it
blocks everything itself, but not before its first instruction."""

ANSWER_LIMIT_MS = 1000
"""Longest wait for a minder to answer, or to leave, when it has nothing else to do."""
SLAY_LIMIT_MS = 2000
STOPPED = ("T", "t")
"""The states of a process that is stopped, or traced."""
ROUNDS = 50
PAUSE = 0.002
DEATH_LIMIT = 0.5
"""Longest wait, in seconds, for a command whose minder was killed."""
LONGEST = 3600.0


SLICE = 0.1
"""Seconds between two looks at the context, while the command makes its exec."""


class StartEnded(Exception):
    """The context was done before the command had made its exec."""


class Minder:
    """A command below a minder. For a job it is the child; `exit_fd` is readable when it ends.

    Only the job's owner may read its messages, so only `signal` is for any thread.
    """

    __slots__ = (
        "_again",
        "_fds",
        "_heard",
        "_process",
        "_status",
        "_there",
        "alive",
        "empty",
        "exit_fd",
        "lost",
        "pid",
        "refused",
        "swept",
    )

    def __init__(self, fds: Descriptors) -> None:
        self._fds = fds
        self.pid = 0
        self._process: Child | None = None
        self._status: Status | None = None
        self._heard: deque[bytes] = deque()
        self.empty = False
        """Nothing is left below the minder, which proves itself by ECHILD."""
        self.lost = False
        """It was killed, or has crashed."""
        self.alive: list[tuple[int, str]] = []
        """What lived when it was told to sweep or to let go: (pid, command)."""
        self.swept = 0
        self.refused: tuple[int, int] | None = None
        """A signal or SIGKILL that the kernel refused: (pid, errno)."""
        self.exit_fd: int | None
        self.exit_fd, self._there = fds.socket_pair()

    # --------------------------------------------------------------- start

    def start(self, request: Request, started: list[int], namespace: bool) -> None:
        """Have a minder start the command; `confirm` tells whether it has.

        Args:
            started: The minder's pid is here from the moment it exists.

        Raises:
            StartError: Nothing is left of the attempt.
        """
        assert self.exit_fd is not None
        os.write(self.exit_fd, setup_of(request, True, namespace))
        self._process = spawn_helper(request, self._there, self._fds, started)
        self._close_there()
        self._again = (request, started, namespace)

    def confirm(self, deadline: float | None, ended: Callable[[], object]) -> None:
        """Wait until the command has made its exec.

        Args:
            deadline: On the monotonic clock; it is not waited for any longer.
            ended: Whether the context is done, asked now and then.

        Raises:
            StartError: Nothing is left of the attempt.
            StartEnded: The context is done; the caller must `slay` it.
        """
        for pause in PAUSES:
            failure = self._hear(deadline, ended)
            if failure is None:
                return
            if failure.errno not in BRIEF:
                raise failure
            sleep(pause)
            if ended():
                raise StartEnded
            self._drop()
            self.exit_fd, self._there = self._fds.socket_pair()
            self.start(*self._again)
        failure = self._hear(deadline, ended)
        if failure is not None:
            raise failure

    def _hear(self, deadline: float | None, ended: Callable[[], object]) -> StartError | None:
        assert self.exit_fd is not None and self._process is not None
        while not _readable(self.exit_fd, earlier(deadline, monotonic() + SLICE) or 0.0):
            if ended():
                raise StartEnded
            try:
                self._process.signal(signal.SIGCONT)  # its command may have stopped it
            except OSError:
                pass
        message = os.read(self.exit_fd, 64)
        request, started, _ = self._again
        if message[:1] == b"s":
            self.pid = leash.STARTED.unpack(message)[1]
            os.set_blocking(self.exit_fd, False)
            return None
        failure = failure_of(request, message)
        self._process.reap_failed()
        self._process = None
        started.clear()
        return failure

    # -------------------------------------------------------- what it says

    def peek(self) -> Status | None:
        """How the command ended; None while it runs."""
        if self._status is None:
            self.listen()
        return self._status

    def listen(self) -> None:
        """Take what the minder has to say."""
        while True:
            # Kept until it is understood: a Ctrl-C in between must not lose it.
            while self._heard:
                self._take(self._heard[0])
                self._heard.popleft()
            if self.exit_fd is None or self.is_over:
                return
            try:
                self._heard.extend(map(os.read, (self.exit_fd,), (leash.LIMIT,)))
            except BlockingIOError:
                return
            except ConnectionResetError:
                pass  # it left an order of ours unread; what it said comes after this

    @property
    def is_over(self) -> bool:
        """It has nothing more to say."""
        return self.empty or self.lost

    def _take(self, message: bytes) -> None:
        kind = message[:1]
        if kind == b"x":
            _, empty, raw, *usage = leash.EXITED.unpack(message)
            self._status = Status(
                os.waitstatus_to_exitcode(raw), os.WCOREDUMP(raw), leash.rusage(usage)
            )
            self.empty = bool(empty)
        elif kind == b"e":
            self.swept = leash.EMPTY.unpack(message)[1]
            self.empty = True
        elif kind == b"a":
            self.alive, _ = leash.alive(message)
        elif kind == b"r":
            _, _, number, pid = leash.REFUSED.unpack(message)
            self.refused = (pid, number)
        else:
            self.lost = True
            if self._status is None:
                self._await_death()
                self._status = LOST

    def _await_death(self) -> None:
        """The minder is gone, and the command is on its way (PR_SET_PDEATHSIG)."""
        fds = Descriptors()
        try:
            if self.pid and probe.can("pidfd"):
                # If the number is another's by now, we wait in vain, and harm nobody.
                _readable(fds.pidfd(self.pid), monotonic() + DEATH_LIMIT)
        except OSError:
            pass  # it is gone
        finally:
            fds.close_all()

    # ---------------------------------------------------------- what it does

    def signal(self, number: int) -> None:
        """Send a signal to the command alone; any thread may.

        Raises:
            ProcessLookupError: It has ended.
            PermissionError: It runs as somebody else.
        """
        if self._status is not None or not self.pid:
            raise ProcessLookupError(f"process {self.pid} has already finished")
        if not probe.can("pidfd"):
            self.order(leash.signal(number, False))
            return
        process, fds = self._process, Descriptors()
        try:
            fd = fds.pidfd(self.pid)
            # The minder reaps it, so the number may be another's by now. It is ours if it is
            # below the minder: strangers are not. (In a namespace there is init between them.)
            parent = parent_of(self.pid)
            if process is None or process.pid not in (parent, parent_of(parent)):
                raise ProcessLookupError(f"process {self.pid} has already finished")
            signal.pidfd_send_signal(fd, number)
        finally:
            fds.close_all()

    def order(self, message: bytes) -> None:
        """Tell the minder to do something; if it is gone there is nothing left to do."""
        # It may be closed already, and we were interrupted before we could forget it.
        if self.exit_fd is None or self.exit_fd not in self._fds or self.is_over:
            return
        try:
            os.write(self.exit_fd, message)
        except (BrokenPipeError, ConnectionResetError, BlockingIOError):
            pass

    def sweep(self) -> None:
        """SIGKILL to all; `empty` tells when it is done."""
        if self._process is not None and not self.empty:
            try:
                self._process.signal(signal.SIGCONT)  # in case somebody has stopped it
            except OSError:
                pass  # gone, or we have become another user
        self.order(leash.SWEEP)

    # ----------------------------------------------------------------- end

    def reap(self) -> Status | None:
        """The command's status, once it has ended."""
        return self.peek()

    def let_go(self) -> None:
        """Let what is left live on; `alive` tells what that was."""
        if self.exit_fd is None:
            return
        self.listen()
        if self.empty or self.lost:
            return
        self.order(leash.RELEASE)
        until = monotonic() + ANSWER_LIMIT_MS / 1000
        while not (self.is_over or self.alive) and _readable(self.exit_fd, until):
            self.listen()
        self.lost = False  # it leaves because we said so

    def leave(self) -> None:
        """Nothing to do: what cannot be killed is the minder's, until it can."""

    def close(self) -> None:
        """Drop the leash, which ends what is left, and collect the minder once it is idle."""
        self._drop()
        self._collect(ANSWER_LIMIT_MS)

    def slay(self, started: list[int]) -> None:
        """End everything, without a driver and within a bound, from whatever state it is in."""
        self.sweep()
        self._drop()
        if self._process is None and started:
            self._process = Child(started[-1], self._fds)
        self._collect(SLAY_LIMIT_MS)

    def _drop(self) -> None:
        """Close our end, and the other one if no minder has it yet."""
        # Closed before it is forgotten: an interruption between the two does no harm.
        if self.exit_fd is not None:
            self._fds.close(self.exit_fd)
            self.exit_fd = None
        self._close_there()

    def _close_there(self) -> None:
        self._fds.close(self._there)
        self._there = -1  # its number is soon another descriptor's

    def _collect(self, limit_ms: int) -> None:
        process = self._process
        if process is not None:
            if not process.join(limit_ms):
                if state_of(process.pid) in STOPPED:
                    _sweep_for(process)
                if not process.join(ANSWER_LIMIT_MS // 10):
                    process.leave()
            process.close()
            self._process = None  # last: an interrupted call is made again


def _sweep_for(process: Child) -> None:
    """End the children of a minder that somebody holds still, likely one of them.

    While it is held it reaps nobody, so who is its child cannot become a stranger. Once
    it is free again, it does the rest.
    """
    for _ in range(ROUNDS):
        alive = [pid for pid in children_of(process.pid) if state_of(pid) not in ("Z", "")]
        if not alive or state_of(process.pid) not in STOPPED:
            break
        for pid in alive:
            _kill_child(pid, process.pid)
        sleep(PAUSE)
    try:
        process.signal(signal.SIGCONT)
    except OSError:
        pass


def _kill_child(pid: int, parent: int) -> None:
    if not probe.can("pidfd"):
        return
    fds = Descriptors()
    try:
        fd = fds.pidfd(pid)
        if parent_of(pid) == parent:
            signal.pidfd_send_signal(fd, signal.SIGKILL)
    except OSError:
        pass  # it was quicker, or runs as somebody else
    finally:
        fds.close_all()


def start_in_place(request: Request, fds: Descriptors, started: list[int]) -> Child:
    """Start a child with what only the minder can set up; it then becomes the command.

    Raises:
        StartError: Nothing is left of the attempt.
    """
    ours, theirs = fds.socket_pair()
    try:
        os.write(ours, setup_of(request, False))
        child = spawn_helper(request, theirs, fds, started)
        fds.close(theirs)
        message = os.read(ours, 64)  # end of file: the exec has closed it
    finally:
        fds.close(theirs)
        fds.close(ours)
    if message:
        child.reap_failed()
        started.clear()
        raise failure_of(request, message)
    return child


def setup_of(request: Request, supervise: bool, namespace: bool = False) -> bytes:
    """SETUP for this process as the owner."""
    try:
        return leash.setup(request, os.getpid(), supervise, namespace)
    except ValueError as error:
        name = os.fsdecode(request.path)
        raise StartError(E2BIG, f"cannot set up {name}: {error}", op="setup") from None


def spawn_helper(request: Request, socket: int, fds: Descriptors, started: list[int]) -> Child:
    """Start osexec-minder for what was asked for; SETUP is in its socket already."""
    words = (b"osexec-minder", b"%d" % socket, request.path, *request.argv)
    helper = Request(words, os.fsencode(probe.MINDER), request.stdio)
    helper.env = request.env
    files = (fd for fd in request.files if fd >= 0)
    helper.pass_fds = (*request.pass_fds, *files, socket)
    if request.cgroup is not None:
        helper.pass_fds = (*helper.pass_fds, request.cgroup)
    before = pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # Also: a child that is stopped before its exec would stop us too (vfork(2)).
        pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
        return spawn(helper, fds, started)
    except StartError as error:
        if error.errno == E2BIG:  # the minder's words are the command's
            raise explain(request, E2BIG, "exec") from None
        raise
    finally:
        pthread_sigmask(signal.SIG_SETMASK, before)


def failure_of(request: Request, message: bytes) -> StartError:
    """The error for a FAILED; no message means that the minder was killed in its start."""
    if message[:1] != b"f":
        # The command may have run: this is no case for another attempt.
        name = os.fsdecode(request.path)
        what = f"the minder of {name} was killed in its start, and the command may have run"
        return StartError(ECONNRESET, what, op="contain")
    _, stage, number = leash.FAILED.unpack(message)
    return explain(request, number, leash.STAGES[stage])


def _readable(fd: int, until: float) -> bool:
    poller = poll()
    poller.register(fd, POLLIN)
    # poll(2) takes an int: a longer wait is cut into several.
    while not poller.poll(max(0.0, min(until - monotonic(), LONGEST)) * 1000):
        if monotonic() >= until:
            return False
    return True
