"""`Cmd`: what to run, as a value, and the verbs that run it."""

from __future__ import annotations

import os
from collections import deque
from signal import SIGKILL

from ._core.lines import LineSplitter
from ._drive import caller, reactor
from ._posix.lookup import look_path as _look_path
from ._run.job import Job
from ._run.launch import environ
from ._run.sinks import Sink
from ._words.check import seconds
from ._words.errors import UsageError
from ._words.result import shown
from ._words.spec import Spec
from ._words.streams import Capture, Stream
from .context import scope_for
from .process import Process, Run, warn_of_leaks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, Self, TypeAlias, TypedDict, Unpack

    from ._words.attrs import Step, SysAttrs
    from ._words.result import Result
    from ._words.spec import Env, Word
    from .context import Context

    CancelWay: TypeAlias = (
        int | str | Sequence[tuple[int | str, float] | Step] | Callable[["Process"], object] | None
    )

    class Fields(TypedDict, total=False):
        """The keyword arguments of `Cmd`."""

        cwd: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None
        env: Env | None
        extra_env: Mapping[str, str] | Mapping[bytes, bytes] | None
        executable: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None
        stdin: Any
        stdout: Any
        stderr: Any
        pass_fds: Sequence[int]
        extra_files: Sequence[Any]
        timeout: float | None
        cancel: CancelWay
        wait_delay: float | None
        contain: str | None
        leaks: str | None
        check: bool
        encoding: str
        errors: str
        sys: SysAttrs | None


KEPT = Capture(head=32768, tail=32768)
"""What is kept of stderr for the error, when stdout is captured (as in Go's Output)."""


class Cmd(Spec):
    """A command to run: a frozen, picklable value that can be run any number of times.

    Args:
        args: The words of the command, each an argument of its own; nothing is
            split or expanded. The first is the program: a bare name is looked up
            in this process's PATH, one with a slash is relative to `cwd`.
        cwd: Working directory.
        env: The whole environment: a mapping, or a list of "K=V" where the last
            of a key wins. None inherits ours; then PWD follows `cwd`.
        extra_env: Laid over the environment.
        executable: Run this file; the program still sees `args[0]` as its name.
        stdin: The null device by default. `INHERIT`, `PIPE`, bytes or str to be
            read, a path, a file or descriptor (handed over), or a reader, socket
            or iterable of bytes (copied).
        stdout, stderr: `INHERIT` by default; `DEVNULL`, `PIPE`, a path, a file or
            descriptor (handed over), `Capture()`, any object with `write`, or a
            list of those. `stderr=STDOUT`, or the same object for both: one
            pipe, so the order of writes is kept.
        pass_fds: Descriptors that the child keeps under their numbers; besides these
            and `extra_files`, none is open in it.
        extra_files: Files or descriptors that become 3, 4, … in the child (Go's
            ExtraFiles); None leaves its number closed.
        timeout: Seconds until it is ended; a verb's own `timeout` replaces it.
        cancel: What ends it first: a signal (number or name), steps such as
            `[(SIGINT, 2.0), Step(SIGTERM, 5.0, scope="tree")]` with a final SIGKILL, a
            function that takes the Process, or None for nothing. A function that raises
            ProcessLookupError says "already finished"; another exception
            becomes a `CancelFailed`.
        wait_delay: Longest time in seconds from the context's end until what is left is
            killed and the pipes are closed. If the command ends by itself it counts from
            its exit, and then only the pipes are closed. None: 5 s from the context's end
            (or as long as the steps of `cancel` take), and no limit without one.
            `math.inf`: no limit.
        contain: What ends with it. "tree": everything it has started, also when this
            process is killed; not a set-uid program, nor what is left when the minder is
            killed. "namespace": everything, those included. "cgroup": a tree with limits.
            "group": the process group that it leads. "process": the child alone. None:
            "tree" where the minder is built, else "group", or "process" if it shares our
            terminal as its stdin. What cannot be had is a `StartError` (op "contain").
        leaks: What becomes of those that are alive when it has ended by itself. "allow"
            (None): they live on, in `result.leaked`. "warn": the same, with a
            `LeakWarning`. "kill": they are ended after 0.1 s. "error": that, and a
            `LeakError`. In a namespace or a cgroup None is "kill".
        check: False: a non-zero status or a signal of the command's own is no error.
        encoding, errors: For str input, `text()` and `lines()`.
        sys: `SysAttrs`: user, groups, umask, session, process group, terminal, limits,
            niceness, privileges.

    Raises:
        UsageError: A wrong type or value, with what to write instead.

    Example:
        >>> Cmd("printf", "%s", "a b").output()
        b'a b'
    """

    __slots__ = ()

    def __init__(
        self,
        *args: Word,
        cwd: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
        env: Env | None = None,
        extra_env: Mapping[str, str] | Mapping[bytes, bytes] | None = None,
        executable: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
        pass_fds: Sequence[int] = (),
        extra_files: Sequence[Any] = (),
        timeout: float | None = None,
        cancel: CancelWay = SIGKILL,
        wait_delay: float | None = None,
        contain: str | None = None,
        leaks: str | None = None,
        check: bool = True,
        encoding: str = "utf-8",
        errors: str = "backslashreplace",
        sys: SysAttrs | None = None,
    ) -> None:
        fields = dict(locals())
        del fields["self"], fields["args"]
        fields.pop("__class__", None)
        self._describe(args, fields)

    @classmethod
    def sh(cls, script: str, **fields: Unpack[Fields]) -> Self:
        """A command that runs `script` with /bin/sh. Quote what you put into it (`shlex.quote`)."""
        if not isinstance(script, str | bytes):
            raise UsageError(f"sh() takes one script as text, not {script!r}")
        return cls("/bin/sh", "-c", script, **fields)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed; `args=` takes all the words."""
        fields = self._fields()
        args = changes.pop("args", fields.pop("args"))
        fields.pop("args", None)
        unknown = sorted(changes.keys() - fields.keys())
        if unknown:
            raise UsageError(f"Cmd has no field {unknown[0]!r}; it has {', '.join(sorted(fields))}")
        if isinstance(args, str | bytes):
            raise UsageError(f"replace(args=) takes a sequence of words, not {args!r}")
        return type(self)(*args, **{**fields, **changes})

    # --------------------------------------------------------------- verbs

    def run(self, *, ctx: Context | None = None, timeout: float | None = None) -> Result:
        """Run it to its end in this thread and return what happened.

        Output goes where ours goes, unless the fields say otherwise.

        Args:
            ctx: What bounds it, besides `timeout`; the ambient context by default.
            timeout: Seconds until it is ended, instead of the field.

        Raises:
            LookPathError, StartError: Nothing was started.
            ExitError: Non-zero status, or death by a signal; it is also a
                DeadlineExceeded or Canceled if the context ended it.
            DeadlineExceeded, Canceled: The context ended it and it then exited 0,
                or was done before the start.
            CancelFailed, KillFailed: It could not be ended as asked, or what it had
                started runs as somebody else.
            WaitDelayExpired: It exited 0, but a pipe was still open when the time was up.
            CopyError: The caller's reader or writer failed.
            StatusLostError: Its status was collected by somebody else, or the minder
                that held it was killed.
            LeakError: It left processes behind, and has leaks="error".

        Cancellation:
            Ctrl-C or another exception in this thread ends the command's tree,
            within the wait delay, then goes on. A second one skips the grace.

        Leaves behind:
            Nothing of the command's tree once the context ended it, no descriptor, no
            zombie, no minder. A command that ends by itself may leave processes of its
            own (`result.leaked`; see `leaks`). With contain="group" that is said of its
            process group only.
        """
        return self._run((self.stdin, self.stdout, self.stderr), ctx, timeout)

    def output(self, *, ctx: Context | None = None, timeout: float | None = None) -> bytes:
        """Run it and return its stdout, exactly as written.

        The first and last 32 KiB of stderr go into the error, if there is one
        and `stderr` is not set. Arguments, errors and cancellation as in `run()`.
        """
        self._unset("output()", "stdout")
        stderr = KEPT if self.stderr is None else self.stderr
        result = self._run((self.stdin, Capture(), stderr), ctx, timeout)
        return result.stdout or b""

    def text(self, *, ctx: Context | None = None, timeout: float | None = None) -> str:
        """Run it and return its stdout as text, without trailing newlines, like $(…)."""
        self._unset("text()", "stdout")
        return self.output(ctx=ctx, timeout=timeout).decode(self.encoding, self.errors).rstrip("\n")

    def combined_output(self, *, ctx: Context | None = None, timeout: float | None = None) -> bytes:
        """Run it and return stdout and stderr as one, in the order of the writes."""
        self._unset("combined_output()", "stdout", "stderr")
        result = self._run((self.stdin, Capture(), Stream.STDOUT), ctx, timeout)
        return result.stdout or b""

    def lines(self, *, ctx: Context | None = None, timeout: float | None = None) -> Iterator[str]:
        r"""Run it and yield the lines of its stdout as they come, without their "\n".

        It is started by the first step of the iteration. While the loop's body
        works, the command waits when its pipe is full. Leaving the loop early
        ends the command's tree; an error is raised after the last line.
        """
        self._unset("lines()", "stdout")
        self._scope(ctx, timeout)  # a wrong ctx= or timeout= is refused here, not at the first step
        if self._plan.function is not None:
            self._check_cancel(ctx, timeout)
        return self._lines(ctx, timeout)

    def start(self, *, ctx: Context | None = None, timeout: float | None = None) -> Process:
        """Start it and return it as a live process.

        One background thread moves the streams and keeps the deadlines of all
        started commands. Leaving the block of `with cmd.start() as process`
        ends the tree.

        Raises:
            LookPathError, StartError, DeadlineExceeded, Canceled: Nothing was started.

        Leaves behind:
            The command and its minder, until it is waited for, its block is left, or
            this process ends, however that happens (without a minder: unless by a signal
            that nobody handles, or `os._exit`).
        """
        job = Job(self, self._scope(ctx, timeout), (self.stdin, self.stdout, self.stderr))
        run = Run(job)
        process = Process(run)
        job.on_started = lambda: run.open_pipes(process)
        reactor.start(job)
        return process

    def environ(self) -> list[str]:
        """The environment that it would get, as "K=V"."""
        return [os.fsdecode(entry) for entry in environ(self)]

    def __str__(self) -> str:
        """What one could paste into a shell."""
        return shown(self.args, 1 << 20)

    def __hash__(self) -> int:
        return hash((self.args, self.cwd, self.executable))

    def __reduce__(self) -> tuple[object, ...]:
        fields = self._fields()
        return _rebuild, (type(self), fields.pop("args"), fields)

    # ------------------------------------------------------------- private

    def _run(self, streams: tuple[Any, Any, Any], ctx: Context | None, limit: Any) -> Result:
        if self._plan.function is not None:
            self._check_cancel(ctx, limit)
        job = self._job(streams, ctx, limit)
        caller.drive(job)
        error, job.error = job.error, None
        if job.leaks == "warn":
            warn_of_leaks(job)
        if error is not None:
            try:
                raise error
            finally:
                del error, job  # the traceback knows this frame: no cycle through it
        assert job.result is not None
        return job.result

    def _lines(self, ctx: Context | None, limit: float | None) -> Iterator[str]:
        got: deque[bytes] = deque()
        splitter: LineSplitter | None = LineSplitter()

        def write(data: bytes) -> None:
            if splitter is not None:
                got.extend(splitter.feed(data))

        def last() -> None:
            if splitter is not None:
                got.extend(splitter.finish())

        def drop() -> None:
            nonlocal splitter
            splitter = None
            got.clear()

        sink = Sink(write, last)
        stderr = KEPT if self.stderr is None else self.stderr
        job = self._job((self.stdin, sink, stderr), ctx, limit)
        lines = caller.iterate(job, got, drop)
        try:
            for line in lines:
                yield line.decode(self.encoding, self.errors)
        finally:
            lines.close()  # not left to its destructor, which swallows a Ctrl-C
        if job.leaks == "warn":
            warn_of_leaks(job)
        if job.error is not None:
            raise job.error

    def _job(self, streams: tuple[Any, Any, Any], ctx: Context | None, limit: Any) -> Job:
        """A job to be driven by this thread."""
        stdin, stdout, stderr = streams
        if stdout is Stream.PIPE or stderr is Stream.PIPE or stdin is Stream.PIPE:
            self._refuse_pipes(streams)
        job = Job(self, self._scope(ctx, limit), streams)
        if self._plan.function is not None:
            run = job.keeps = Run(job)
            job.on_started = run.open_pipes
        return job

    def _refuse_pipes(self, streams: tuple[Any, Any, Any]) -> None:
        """Nobody has the other end of a pipe, unless a cancel function closes stdin."""
        for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
            if stream is Stream.PIPE and (name != "stdin" or self._plan.function is None):
                raise UsageError(
                    f"{name}=PIPE needs somebody at its other end while it runs: use start()"
                )

    def _scope(self, ctx: Context | None, limit: float | None) -> Any:
        return scope_for(ctx, self.timeout if limit is None else seconds("timeout", limit))

    def _check_cancel(self, ctx: Context | None, limit: float | None) -> None:
        """A cancel function that nothing can call is a mistake (so says Go's Start)."""
        if not self._scope(ctx, limit).is_bounded:
            raise UsageError(
                "cancel= is a function, but nothing can cancel this run: give timeout= or ctx="
            )

    def _unset(self, verb: str, *names: str) -> None:
        for name in names:
            if getattr(self, name) is not None:
                raise UsageError(
                    f"{verb} captures {name}, but the command has {name}={getattr(self, name)!r}: "
                    f"leave {name} out, or use run() with {name}=Capture()"
                )


def _rebuild(cls: type[Cmd], args: tuple[Any, ...], fields: dict[str, Any]) -> Cmd:
    return cls(*args, **fields)


def look_path(name: str) -> str:
    """The path of a program: absolute, unless `name` has a slash.

    Searched in this process's PATH by Go's rules: an empty PATH finds nothing, and
    a program of the current directory is refused.

    Raises:
        NotFoundError, NotExecutableError: No such program.
        DotPathError: Found only relative to the current directory; `.path` is where.
    """
    if not isinstance(name, str):
        raise UsageError(f"look_path() takes a name as str, not {name!r}")
    return _look_path(name)


def run(*args: Word, ctx: Context | None = None, **fields: Unpack[Fields]) -> Result:
    """`Cmd(*args, **fields).run(ctx=ctx)`.

    Example:
        >>> run("true").exit_code
        0
    """
    return Cmd(*args, **fields).run(ctx=ctx)


def output(*args: Word, ctx: Context | None = None, **fields: Unpack[Fields]) -> bytes:
    """`Cmd(*args, **fields).output(ctx=ctx)`."""
    return Cmd(*args, **fields).output(ctx=ctx)


def text(*args: Word, ctx: Context | None = None, **fields: Unpack[Fields]) -> str:
    """`Cmd(*args, **fields).text(ctx=ctx)`."""
    return Cmd(*args, **fields).text(ctx=ctx)


def combined_output(*args: Word, ctx: Context | None = None, **fields: Unpack[Fields]) -> bytes:
    """`Cmd(*args, **fields).combined_output(ctx=ctx)`."""
    return Cmd(*args, **fields).combined_output(ctx=ctx)


def lines(*args: Word, ctx: Context | None = None, **fields: Unpack[Fields]) -> Iterator[str]:
    """`Cmd(*args, **fields).lines(ctx=ctx)`."""
    return Cmd(*args, **fields).lines(ctx=ctx)


def start(*args: Word, ctx: Context | None = None, **fields: Unpack[Fields]) -> Process:
    """`Cmd(*args, **fields).start(ctx=ctx)`."""
    return Cmd(*args, **fields).start(ctx=ctx)
