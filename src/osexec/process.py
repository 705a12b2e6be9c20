"""A started command: its pid, its streams, signals, and the wait for its end."""

from __future__ import annotations

import os
import sys
import warnings
from _thread import TIMEOUT_MAX, LockType, allocate_lock
from functools import partial
from io import BufferedReader
from signal import SIGKILL, SIGTERM
from weakref import ref

from ._core.deadline import after, patience
from ._drive import reactor
from ._run.pipe_files import PIPE_BUFFER, PipeReader, PipeWriter
from ._words.check import seconds, signal_number
from ._words.errors import Error, LeakWarning, UsageError
from ._words.result import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from ._run.job import Job
    from ._words.result import Result


class Run:
    """What a Process, and the views of it that cancel functions get, have in common."""

    __slots__ = ("__weakref__", "_ended", "delivered", "job", "stderr", "stdin", "stdout")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.delivered = False
        self.stdin: PipeWriter | None = None
        self.stdout: BufferedReader | None = None
        self.stderr: BufferedReader | None = None
        # A lock and not an Event: thousands of threads may wait, each on its own.
        self._ended = allocate_lock()
        self._ended.acquire()
        # Weakly: a run whose Process nobody has any more is to be noticed.
        job.on_finish = partial(_finished, self._ended, ref(self))
        job.process = partial(_view, job, ref(self))

    def open_pipes(self, process: Process | None = None) -> None:
        """Take over our ends of the PIPE streams; they keep `process` alive."""
        job = self.job
        until = job.scope.deadline
        if until is not None:
            until = after(until, patience(job.spec._plan.steps, job.spec.wait_delay))
        for name, fd in job.wiring.pipes.items():
            raw: PipeWriter | PipeReader
            if name == "stdin":
                raw = self.stdin = PipeWriter(fd, job.fds)
            else:
                raw = PipeReader(fd, job.fds, until)
                setattr(self, name, BufferedReader(raw, PIPE_BUFFER))
            raw.keeps = process

    def wait_done(self, limit: float | None) -> bool:
        """Wait until everything has ended; False if `limit` seconds pass before."""
        try:
            return self._ended.acquire(timeout=-1 if limit is None else min(limit, TIMEOUT_MAX))
        finally:
            if self.job.finished:
                _unlock(self._ended)  # for the next who waits, also if we were interrupted

    def close_pipes(self) -> None:
        """Close what is left open of our ends."""
        for file in (self.stdin, self.stdout, self.stderr):
            if file is not None:
                # Released first: closing a buffered file waits for a read that is
                # blocked in another thread.
                raw = file.raw if isinstance(file, BufferedReader) else file
                assert isinstance(raw, PipeReader | PipeWriter)
                raw.release()
                file.close()

    def finish(self) -> None:
        """Everything has ended; on the thread that owns the job."""
        job = self.job
        if self.stdin is not None:
            self.stdin.end()  # nobody reads it any more
            self.stdin.keeps = None
        for file in (self.stdout, self.stderr):
            if file is not None:
                raw = file.raw
                assert isinstance(raw, PipeReader)
                raw.keeps = None
                if job.result is None or not job.ended_by_itself:
                    raw.release()


def warn_of_leaks(job: Job) -> None:
    """For leaks="warn", in the thread that gets the result, at the line that asked for it."""
    if job.leaked:
        left = ", ".join(map(str, job.leaked))
        said = f"{shown(job.spec.args)} left processes behind: {left}"
        frame, level = sys._getframe(1), 2
        while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
            frame, level = frame.f_back, level + 1
        warnings.warn(LeakWarning(said), stacklevel=level)


def _finished(ended: LockType, weak: ref[Run]) -> None:
    run = weak()
    try:
        if run is not None:
            run.finish()
    finally:
        _unlock(ended)


def _unlock(lock: LockType) -> None:
    try:
        lock.release()
    except RuntimeError:
        pass  # another waiter has just done it


def _view(job: Job, weak: ref[Run]) -> Process:
    """What a cancel function gets: it may signal, and does not own."""
    return Process(weak() or Run(job), owns=False)


class Process:
    """A started command. `Cmd.start()` makes one; there is no other way.

    The background thread moves its streams and keeps its deadlines, whether
    anybody waits or not. Any thread may call any method.

    `stdin`, `stdout` and `stderr` are binary file objects where the Cmd says
    `PIPE`, else None. `stdin` is unbuffered: what is written is on its way.
    `stdout` and `stderr` stay readable after `wait()`; a read ends at the
    latest when the deadline and the wait delay have passed.

    Leaves behind:
        Nothing: a Process that is dropped while its command runs ends the command, as
        does the exit of the interpreter, and with a minder any death of this process.
        A file object of its streams keeps it alive.
    """

    _owns = False

    def __init__(self, run: Run, *, owns: bool = True) -> None:
        if not isinstance(run, Run):
            raise TypeError("a Process is made by Cmd.start()")
        self._run = run
        self._owns = owns

    @property
    def stdin(self) -> PipeWriter | None:
        """The writing end of its stdin, if that is PIPE."""
        return self._run.stdin

    @property
    def stdout(self) -> BufferedReader | None:
        """The reading end of its stdout, if that is PIPE."""
        return self._run.stdout

    @property
    def stderr(self) -> BufferedReader | None:
        """The reading end of its stderr, if that is PIPE."""
        return self._run.stderr

    @property
    def pid(self) -> int:
        """The process id. It may belong to somebody else once the command has ended.

        In a namespace the command itself sees another number.
        """
        return self._run.job.pid

    @property
    def args(self) -> tuple[str | bytes, ...]:
        """The words of the command."""
        return self._run.job.spec.args

    @property
    def result(self) -> Result | None:
        """What happened; None until everything has ended."""
        return self._run.job.result

    def wait(self, timeout: float | None = None) -> Result:
        """Wait until the command and its streams have ended, and return what happened.

        Does not close `stdin`: a command that reads to the end of its input
        waits for that. A second call gives the same answer.

        Args:
            timeout: Longest time to wait here, in seconds. The command goes on.

        Raises:
            TimeoutError: (the builtin) `timeout` passed first.
            ExitError, DeadlineExceeded, Canceled, WaitDelayExpired, …: As `Cmd.run()`.

        Cancellation:
            Ctrl-C ends the command's tree, then goes on; a second one skips the grace.
        """
        limit = seconds("timeout", timeout)
        self._check_owner()
        try:
            ended = self._wait_done(limit)
        except BaseException as error:
            self._end(error)
            raise
        if not ended:
            raise TimeoutError(f"{shown(self.args)} is still running after {limit:g} s")
        return self._answer()

    def poll(self) -> Result | None:
        """What happened, or None while anything goes on. Never blocks, never raises for it."""
        return self._run.job.result

    def signal(self, sig: int | str) -> None:
        """Send a signal to the command itself, by number or name.

        Raises:
            ProcessLookupError: It has ended. Nobody else is ever hit.
            PermissionError: It runs as somebody else.
        """
        number = signal_number(sig)
        self._check_owner()
        self._run.job.signal(number)

    def terminate(self) -> None:
        """Send SIGTERM; see `signal`."""
        self.signal(SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the command itself, not to its tree; see `cancel`."""
        self.signal(SIGKILL)

    def cancel(self, cause: BaseException | str | None = None) -> None:
        """End the command's tree the way its Cmd says (`cancel=`, `wait_delay=`).

        Returns at once; `wait()` tells the outcome, a `Canceled`. A second call skips
        the grace. After the end it does nothing.
        """
        if cause is not None and not isinstance(cause, BaseException | str):
            raise UsageError(f"a cause is an exception or text, not {cause!r}")
        self._check_owner()
        job = self._run.job
        if not job.finished:
            job.post(lambda now: job.cancel(now, cause, hurry=True))

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        by_itself = self._run.job.finished
        try:
            if not by_itself and os.getpid() == self._run.job.owner:
                self._end(error if error is not None else "its block was left")
        finally:
            self._run.close_pipes()
        if by_itself and error is None and not self._run.delivered:
            self._answer()  # it failed while nobody looked

    def __repr__(self) -> str:
        state = repr(self._run.job.result) if self._run.job.result is not None else "running"
        return f"<Process {self.pid}: {shown(self.args, 80)}, {state}>"

    def __del__(self) -> None:
        if not self._owns or sys.is_finalizing():
            return
        job = self._run.job
        if not job.finished and job.has_child and os.getpid() == job.owner:
            said = f"{self!r} was dropped while it ran"
            job.post(lambda now: job.cancel(now, "its Process was dropped"))
            # No stack level: the line that dropped it is not the one that runs now.
            warnings.warn(said, ResourceWarning, 1, source=self)

    # ------------------------------------------------------------- private

    def _answer(self) -> Result:
        job = self._run.job
        if job.leaks == "warn" and not self._run.delivered:
            warn_of_leaks(job)
        self._run.delivered = True
        if job.crashed is not None:
            raise Error(f"osexec failed while running {shown(self.args)}") from job.crashed
        if job.error is not None:
            raise job.error.with_traceback(None)
        assert job.result is not None
        return job.result

    def _wait_done(self, limit: float | None) -> bool:
        if self._run.job.finished:
            return True
        if reactor.is_reactor():
            raise UsageError("wait() on the background thread would wait for itself")
        return self._run.wait_done(limit)

    def _end(self, cause: BaseException | str) -> None:
        """End the tree and wait for that. Ctrl-C meanwhile skips the grace, and then goes on."""
        job = self._run.job
        interrupted: KeyboardInterrupt | None = None
        hurry = isinstance(cause, BaseException)  # if it is being ended already
        while not job.finished:
            try:
                job.post(partial(job.cancel, cause=cause, hurry=hurry))
                self._wait_done(None)
            except KeyboardInterrupt as error:
                interrupted, hurry = interrupted or error, True
        if interrupted is not None and not isinstance(cause, KeyboardInterrupt):
            raise interrupted

    def _check_owner(self) -> None:
        if os.getpid() != self._run.job.owner:
            raise UsageError(
                f"{shown(self.args)} was started by process {self._run.job.owner}, and this is a "
                "copy made by os.fork(): only that process can wait for it or signal it"
            )
