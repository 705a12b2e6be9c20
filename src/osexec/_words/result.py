"""What happened to a command: one shape for success and failure alike."""

from __future__ import annotations

from enum import Enum
from shlex import quote
from signal import Signals

from .value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from resource import struct_rusage
    from typing import Any

    from .errors import Error


class Reason(Enum):
    """Why a command ended. One word, without ambiguity."""

    EXITED = "exited"
    """It ended by itself, with a status of its own choice."""
    SIGNALLED = "signalled"
    """It died of a signal that was not ours."""
    CANCELED = "canceled"
    """Its context was cancelled, its block was left, or Ctrl-C arrived."""
    DEADLINE = "deadline"
    """Its timeout or its context's deadline passed."""
    STATUS_LOST = "status lost"
    """It ended, but somebody else collected the status."""
    MINDER_LOST = "minder lost"
    """The minder that held it was killed, and the command with it. What it had started may
    live on under "tree"."""


class Holder(Value):
    """A process that matters to a finished command: its pid and its command line."""

    __slots__ = ("command", "pid")

    pid: int
    command: str

    def __init__(self, pid: int, command: str) -> None:
        self._fill(pid=pid, command=command)

    def __str__(self) -> str:
        return f"{self.pid} ({self.command})"


class Result(Value):
    """What happened: returned on success, and carried by every error as `.result`.

    Results come from running a `Cmd`; there is no reason to build one.
    """

    # No slots: one is made for every run, and a dict is filled in one call.

    args: tuple[str | bytes, ...]
    """The words of the command, as given."""
    pid: int
    """The process id it had. It may belong to somebody else by now. In a namespace: as seen
    from outside."""
    returncode: int | None
    """Exit status, −N for death by signal N (Python's habit); None if it was lost."""
    core_dumped: bool
    reason: Reason
    stdout: bytes | None
    """What was captured, also on failure; None if stdout was not captured."""
    stderr: bytes | None
    output_complete: bool
    """False if a pipe was closed before its end, or the caller's writer did not take all."""
    omitted: int
    """Bytes that a bounded `Capture` left out, of both streams together."""
    holders: tuple[Holder, ...]
    """Who still held a pipe of ours when it was closed before its end."""
    leaked: tuple[Holder, ...]
    """Who outlived a command that ended by itself. With leaks="kill" or "error" (and in a
    namespace or a cgroup) they were ended; else they live on. Under "group" only who is in
    that group. After a KillFailed: who could not be killed."""
    swept: int
    """How many processes besides the command got SIGKILL in the end; those that obeyed an
    earlier signal are not counted. Without a minder 0."""
    memory_peak: int | None
    """The most memory the whole tree used at once, in bytes; with contain="cgroup" only."""
    started_at: float
    """Seconds since the epoch (`time.time()`)."""
    elapsed: float
    """Seconds from the start until nothing was left to do, on the monotonic clock."""
    contain: str
    """How the command was contained: "process", "group", "tree", "namespace" or "cgroup"."""
    errors: tuple[Error, ...]
    """Everything that went wrong, the one that was raised first."""

    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)

    def _fields(self) -> dict[str, Any]:
        return dict(self.__dict__)

    @property
    def rusage(self) -> struct_rusage | None:
        """The kernel's account of the command and of those below it that were waited for
        (wait4(2)); None if the status was lost.

        Without a minder, `ru_maxrss` is at least what this Python had in memory at the
        start: the kernel counts the moments before exec as the child's.
        """
        usage = self.__dict__["rusage"]
        if usage is None:
            return None
        # Made when it is asked for: the type dies early when the interpreter exits, and
        # an instance of it in a cycle would then complain.
        from resource import struct_rusage

        return struct_rusage(usage)

    @property
    def ok(self) -> bool:
        """Nothing went wrong."""
        return not self.errors

    @property
    def signal(self) -> Signals | int | None:
        """The signal the command died of, if it did (a bare number for a real-time signal)."""
        if self.returncode is None or self.returncode >= 0:
            return None
        try:
            return Signals(-self.returncode)
        except ValueError:
            return -self.returncode

    @property
    def exit_code(self) -> int | None:
        """Exit status, −1 if it died of a signal (Go's habit); None if it was lost."""
        if self.returncode is None:
            return None
        return max(self.returncode, -1)

    @property
    def timed_out(self) -> bool:
        """A timeout or a deadline ended it."""
        return self.reason is Reason.DEADLINE

    def to_dict(self) -> dict[str, Any]:
        """The result as values that JSON can hold; bytes become text with backslash escapes."""
        number = self.signal
        return {
            "args": [readable(word) for word in self.args],
            "pid": self.pid,
            "returncode": self.returncode,
            "exit_code": self.exit_code,
            "signal": signal_name(number) if number is not None else None,
            "core_dumped": self.core_dumped,
            "reason": self.reason.value,
            "timed_out": self.timed_out,
            "stdout": None if self.stdout is None else readable(self.stdout),
            "stderr": None if self.stderr is None else readable(self.stderr),
            "output_complete": self.output_complete,
            "omitted": self.omitted,
            "holders": [{"pid": who.pid, "command": who.command} for who in self.holders],
            "leaked": [{"pid": who.pid, "command": who.command} for who in self.leaked],
            "swept": self.swept,
            "memory_peak": self.memory_peak,
            "started_at": self.started_at,
            "elapsed": self.elapsed,
            "rusage": _rusage(self.rusage),
            "contain": self.contain,
            "errors": [{"type": type(e).__name__, "message": str(e)} for e in self.errors],
        }

    def __repr__(self) -> str:
        parts = [shown(self.args), self.reason.value]
        if self.returncode is not None:
            parts.append(status_text(self.returncode))
        parts.append(f"{self.elapsed:.3f} s")
        for name in ("stdout", "stderr"):
            data = getattr(self, name)
            if data is not None:
                parts.append(f"{name} {len(data)} bytes")
        if not self.output_complete:
            parts.append("output incomplete")
        return f"<Result: {', '.join(parts)}>"

    def __hash__(self) -> int:
        return hash((self.args, self.pid, self.started_at))


def _rusage(rusage: struct_rusage | None) -> dict[str, float] | None:
    if rusage is None:
        return None
    names = ("ru_utime", "ru_stime", "ru_maxrss", "ru_minflt", "ru_majflt", "ru_nvcsw", "ru_nivcsw")
    return {name: getattr(rusage, name) for name in names}


def readable(text: str | bytes) -> str:
    """Text as it is; undecodable bytes as backslash escapes."""
    if isinstance(text, bytes):
        return text.decode("utf-8", "backslashreplace")
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(args: Sequence[str | bytes], limit: int = 300) -> str:
    """The command as one could paste it into a shell, cut if it is long."""
    text = " ".join(quote(readable(word)) for word in args)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def signal_name(number: int) -> str:
    """ "SIGTERM" for 15; "signal 40" for a number without a name."""
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


def status_text(returncode: int) -> str:
    """ "status 3" or "SIGKILL", from Python's signed number."""
    return f"status {returncode}" if returncode >= 0 else signal_name(-returncode)
