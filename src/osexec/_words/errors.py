"""Everything that can go wrong, as a tree of exceptions.

An error says what failed, of which command, and how things are now. It knows
the `Result` and nothing of how the result came about. Which error is raised
when several are true is decided in `_core/verdict.py`.
"""

from __future__ import annotations

from errno import EINVAL, errorcode
from os import strerror
from subprocess import CalledProcessError

from .result import Reason, shown, status_text
from .value import _blank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .result import Result

STDERR_LINES = 20
STDERR_BYTES = 2000
_OS_FIELDS = ("errno", "strerror", "filename")


class Error(Exception):
    """Base of every error of osexec. `result` is None if nothing was started."""

    result: Result | None = None

    def __init__(self, message: str = "", *, result: Result | None = None) -> None:
        # Not super().__init__: with OSError among the bases it would take the
        # words for errno and strerror, and pickle would call it with the wrong ones.
        self.args = (message,)
        self.result = result

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        state = dict(self.__dict__, args=self.args)
        if isinstance(self, OSError):
            state.update((name, getattr(self, name)) for name in _OS_FIELDS)
        return _blank, (type(self),), state

    def __setstate__(self, state: dict[str, object] | None) -> None:
        for name, value in (state or {}).items():
            setattr(self, name, value)


class UsageError(Error, ValueError):
    """Refused before anything was started; the message says what to write instead."""


class StartError(Error, OSError):
    """The system refused to start the command; nothing is left of the attempt.

    `errno` is the system's number, `filename` the thing that was missing or
    refused (program, interpreter or directory), `op` what was being done:
    "open", "fork", "contain", "setup", "chdir" or "exec".
    """

    op: str = "exec"

    def __init__(
        self, number: int, what: str, *, op: str = "exec", filename: str | None = None
    ) -> None:
        name = errorcode.get(number, str(number))
        super().__init__(f"{what}: {strerror(number)} [{name}]")
        self.errno = number
        self.strerror = strerror(number)
        self.filename = filename
        self.op = op


class NulError(StartError, UsageError):
    """A NUL byte in a word of the command: no system call can carry it (EINVAL)."""

    def __init__(self, what: str) -> None:
        Error.__init__(self, f"{what} contains a NUL byte; the system cannot pass it on")
        self.errno = EINVAL
        self.strerror = strerror(EINVAL)
        self.filename = None
        self.op = "exec"


class LookPathError(Error):
    """The program could not be found (Go's exec.Error). `name` is what was looked up."""

    name: str

    def __init__(self, message: str, *, name: str, number: int | None = None) -> None:
        super().__init__(message)
        self.name = name
        if number is not None and isinstance(self, OSError):
            for field, value in zip(_OS_FIELDS, (number, strerror(number), name), strict=True):
                setattr(self, field, value)


class NotFoundError(LookPathError, FileNotFoundError):
    """No such program in PATH. Nothing was started."""


class NotExecutableError(LookPathError, PermissionError):
    """The file is there but may not be executed. Nothing was started."""


class DotPathError(LookPathError):
    """Found only relative to the current directory, and refused (Go's ErrDot).

    `path` is the relative path; run `./name` or give `executable=Path(error.path)`
    to mean it.
    """

    path: str

    def __init__(self, message: str, *, name: str, path: str) -> None:
        super().__init__(message, name=name)
        self.path = path


class ContextError(Error):
    """The context was done: base of `Canceled` and `DeadlineExceeded`."""

    cause: BaseException | str | None = None

    def __init__(
        self,
        message: str = "",
        *,
        cause: BaseException | str | None = None,
        result: Result | None = None,
    ) -> None:
        super().__init__(message, result=result)
        self.cause = cause
        if isinstance(cause, BaseException):
            self.__cause__ = cause


class Canceled(ContextError):
    """The context was cancelled; `cause` is what was given to `cancel()`."""


class DeadlineExceeded(ContextError, TimeoutError):
    """The timeout or deadline passed. `except TimeoutError` catches it."""


class ExitError(Error, CalledProcessError):
    """The command failed: non-zero status, or death by a signal.

    If the context ended it, the error is also a `DeadlineExceeded` (so a
    `TimeoutError`) or a `Canceled`. `returncode`, `cmd`, `stdout`, `stderr` as
    in `subprocess.CalledProcessError`.
    """

    result: Result

    def __init__(self, result: Result, *, cause: BaseException | str | None = None) -> None:
        Error.__init__(self, "", result=result)
        self.returncode = result.returncode if result.returncode is not None else 0
        self.cmd = result.args
        self.output = result.stdout
        self.stderr = result.stderr
        self.cause = cause
        if isinstance(cause, BaseException):
            self.__cause__ = cause

    def __str__(self) -> str:
        return f"{shown(self.result.args)} {_ending(self.result, self.cause)}{_tail(self.result)}"


class ExitDeadlineExceeded(ExitError, DeadlineExceeded):
    """It failed because its timeout or deadline ended it."""


class ExitCanceled(ExitError, Canceled):
    """It failed because it was cancelled."""


class CancelFailed(Error):
    """Cancelling went wrong ("canceling Cmd: …"); `__cause__` is the original error."""


class KillFailed(Error):
    """Killing went wrong ("killing Cmd: …").

    The command, or what it had started, may still be running; `result.leaked` names
    who of those.
    """


class WaitDelayExpired(Error):
    """The command exited 0, but a pipe was still open when the time was up.

    Its output is incomplete; `result.holders` names who held the pipe. If the
    context's end cut it, the error is also a `DeadlineExceeded` or `Canceled`.
    """


class WaitDelayDeadlineExceeded(WaitDelayExpired, DeadlineExceeded):
    """The deadline passed after the exit, with a pipe still open."""


class WaitDelayCanceled(WaitDelayExpired, Canceled):
    """Cancelled after the exit, with a pipe still open."""


class CopyError(Error):
    """The caller's reader or writer failed; `__cause__` is the original error."""


class StatusLostError(Error):
    """The command ended, but its status is unknown, which is not 0.

    Somebody else collected it, or the minder that held the command was killed.
    """


class LeakError(Error):
    """The command ended by itself but left processes behind, and has leaks="error".

    They were killed; `result.leaked` tells who they were.
    """


class LeakWarning(ResourceWarning):
    """The command left processes behind, and has leaks="warn". They live on."""


def _ending(result: Result, cause: BaseException | str | None) -> str:
    """ "exited with status 3 after 0.2 s", and why if that was our doing."""
    after = f"after {result.elapsed:.2f} s"
    code = result.returncode
    if code is None:
        how = f"ended {after}"
    elif code < 0:
        how = f"died of {status_text(code)} {after}"
    else:
        how = f"exited with status {code} {after}"
    core = " (core dumped)" if result.core_dumped else ""
    if result.reason in (Reason.DEADLINE, Reason.CANCELED):
        return f"{how}{core}: {why(result.reason, cause)}"
    return f"{how}{core}"


def why(reason: Reason, cause: BaseException | str | None) -> str:
    """The context's end in words: "timeout of 1 s" or "canceled: shutting down"."""
    if reason is Reason.DEADLINE:
        return str(cause) if cause else "deadline exceeded"
    return f"canceled: {caused(cause)}" if cause else "canceled"


def caused(cause: BaseException | str) -> str:
    """A cause in words: text as it is, an exception with its type."""
    if isinstance(cause, BaseException):
        text = str(cause)
        return f"{type(cause).__name__}: {text}" if text else type(cause).__name__
    return cause


def _tail(result: Result) -> str:
    """The end of stderr, as further lines of the message."""
    if not result.stderr:
        return ""
    text = result.stderr[-STDERR_BYTES:].decode("utf-8", "backslashreplace")
    lines: Sequence[str] = text.rstrip().splitlines()[-STDERR_LINES:]
    if not lines:
        return ""
    return "; stderr ends with:\n" + "\n".join(f"  {line}" for line in lines)
