"""Connecting the three streams: which descriptor the child gets, and what moves the rest.

A descriptor or a real file is handed over, never copied. Memory and objects of
the caller's get a pipe and a pump.
"""

from __future__ import annotations

import os
from errno import EBADF
from fcntl import F_DUPFD_CLOEXEC, fcntl
from io import BufferedRandom, BufferedReader, BufferedWriter, FileIO, TextIOWrapper
from os import PathLike
from stat import S_ISREG, S_ISSOCK

from .._core.buffers import HeadTail, Whole, buffer
from .._posix.descriptors import LOWEST
from .._words.errors import UsageError
from .._words.streams import Capture, Stream
from .pipe_files import PipeReader, PipeWriter
from .pump import ReadPump, WritePump
from .sinks import Sink
from .sources import taker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._posix.descriptors import Descriptors

NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
NOT_CHANGED = -1
"""The child keeps what we have under that number."""


class Wiring:
    """What the three streams of one run became.

    `stdio` are the child's descriptors, `childs` those to be closed once it has
    them, `pipes` our ends of PIPE streams by name, `captured` the buffers by name.
    """

    def __init__(self, fds: Descriptors, encoding: str, errors: str) -> None:
        self.stdio = [NOT_CHANGED, NOT_CHANGED, NOT_CHANGED]
        self.pumps: list[ReadPump | WritePump] = []
        self.pipes: dict[str, int] = {}
        self.captured: dict[str, Whole | HeadTail] = {}
        self.files: tuple[int, ...] = ()
        self._fds = fds
        self._encoding = encoding
        self._errors = errors
        self._childs: list[int] = []
        self._null: int | None = None

    def connect(self, stdin: Any, stdout: Any, stderr: Any) -> None:
        """Open what has to be opened.

        Raises:
            OSError: A path could not be opened.
            UsageError: A file object is closed, or not open for its direction.
        """
        self.stdio[0] = self._input(stdin)
        self.stdio[1] = self._output("stdout", stdout)
        if stderr is not None and (stderr is Stream.STDOUT or _same(stdout, stderr)):
            self.stdio[2] = self.stdio[1] if self.stdio[1] != NOT_CHANGED else 1
        else:
            self.stdio[2] = self._output("stderr", stderr)

    def hand_over(self, files: tuple[Any, ...], pass_fds: tuple[int, ...]) -> None:
        """The files that become 3, 4, … in the child, and those that keep their numbers.

        Raises:
            UsageError: One of them is not open.
        """
        if files:
            self._copies: dict[int, int] = {}
            self.files = tuple(-1 if file is None else self._extra(file) for file in files)
        for fd in pass_fds:
            checked("pass_fds", fd)

    def _extra(self, file: Any) -> int:
        fd = _number_of(file)
        if fd >= LOWEST:
            return fd
        # Under that number the child has a stream of its own by then.
        copy = self._copies.get(fd)
        if copy is None:
            copy = self._fds.adopt(fcntl(fd, F_DUPFD_CLOEXEC, LOWEST))
            self._copies[fd] = self._child(copy)
        return copy

    def close_childs(self) -> None:
        """The child has its descriptors: close our copies, or no end of file would come."""
        for fd in self._childs:
            self._fds.close(fd)
        self._childs.clear()

    # ----------------------------------------------------------------- in

    def _input(self, value: Any) -> int:
        if value is None or value is Stream.DEVNULL:
            return self._devnull()
        if value is Stream.INHERIT:
            return NOT_CHANGED
        if isinstance(value, int):
            return checked("stdin", value)
        if isinstance(value, PathLike):
            return self._child(self._file(value, os.O_RDONLY))
        if value is Stream.PIPE:
            read_end, write_end = self._fds.pipe()
            self.pipes["stdin"] = write_end
            return self._child(read_end)
        fd = handed_over("stdin", value)
        if fd is not None:
            return fd
        data, take = b"", None
        if isinstance(value, str):
            try:
                data = value.encode(self._encoding)
            except UnicodeEncodeError as error:
                raise UsageError(f"stdin= cannot be encoded: {error}; write bytes") from None
        elif isinstance(value, bytes):
            data = value
        else:
            take = taker(value, self._encoding)
        read_end, write_end = self._fds.pipe()
        self.pumps.append(WritePump("stdin", write_end, data, take))
        return self._child(read_end)

    # ---------------------------------------------------------------- out

    def _output(self, name: str, value: Any) -> int:
        if type(value) is Capture:  # the common case first: the checks below are slow ones
            kept = buffer(value.head, value.tail)
            self.captured[name] = kept
            return self._pumped(name, [Sink(kept.write, None)])
        if value is None or value is Stream.INHERIT:
            return NOT_CHANGED
        if value is Stream.DEVNULL:
            return self._devnull()
        if isinstance(value, int):
            return checked(name, value)
        if isinstance(value, PathLike):
            return self._child(self._file(value, NEW))
        if value is Stream.PIPE:
            read_end, write_end = self._fds.pipe()
            self.pipes[name] = read_end
            return self._child(write_end)
        targets = value if isinstance(value, tuple) else (value,)
        if len(targets) == 1:
            fd = handed_over(name, targets[0])
            if fd is not None:
                return fd
        goals = [self._goal(name, target) for target in targets if target is not Stream.DEVNULL]
        if not goals:
            return self._devnull()
        return self._pumped(name, goals)

    def _pumped(self, name: str, goals: list[Any]) -> int:
        read_end, write_end = self._fds.pipe()
        self.pumps.append(ReadPump(name, read_end, goals, self._encoding, self._errors))
        return self._child(write_end)

    def _goal(self, name: str, target: Any) -> Any:
        """A target of a pump: a buffer of ours, a descriptor, or the caller's writer."""
        if isinstance(target, Capture):
            kept = self.captured[name] = buffer(target.head, target.tail)
            return Sink(kept.write, None)
        if target is Stream.INHERIT:
            return 1 if name == "stdout" else 2
        if isinstance(target, PathLike):
            return self._file(target, NEW)
        if isinstance(target, int):
            return checked(name, target)
        fd = handed_over(name, target)
        return target if fd is None else fd

    def _file(self, path: Any, flags: int) -> int:
        """A file by its path. It never blocks: a FIFO without a reader is an error (fifo(7))."""
        fd = self._fds.open(path, flags | os.O_NONBLOCK)
        if not S_ISREG(os.fstat(fd).st_mode):
            os.set_blocking(fd, True)
        return fd

    def _devnull(self) -> int:
        if self._null is None:
            self._null = self._child(self._fds.open("/dev/null", os.O_RDWR))
        return self._null

    def _child(self, fd: int) -> int:
        self._childs.append(fd)
        return fd


def _number_of(file: Any) -> int:
    if isinstance(file, int):
        return checked("extra_files", file)
    try:
        if hasattr(file, "flush"):
            file.flush()
        return checked("extra_files", file.fileno())
    except (OSError, ValueError) as error:
        raise UsageError(f"extra_files= has a file without a descriptor: {file!r}") from error


def handed_over(name: str, file: Any) -> int | None:
    """The descriptor of a real file object; None for what has to be copied.

    A socket is copied: its timeout makes it non-blocking for the child too, and
    what Python has read ahead of it would be lost.
    """
    if isinstance(file, str | bytes | Capture | Sink) or not _is_plain(file):
        return None
    try:
        fd = file.fileno()
    except (AttributeError, OSError):
        return None  # no descriptor: io.BytesIO, a captured sys.stdout, …
    except ValueError as error:
        raise UsageError(f"{name}= is a closed file: {file!r}") from error
    if not isinstance(fd, int) or fd < 0 or S_ISSOCK(os.fstat(fd).st_mode):
        return None
    try:
        if name == "stdin":
            if file.seekable():
                os.lseek(fd, _position(file), os.SEEK_SET)
        else:
            file.flush()  # what Python wrote before comes first
    except AttributeError:
        pass
    return fd


def _is_plain(file: Any) -> bool:
    """Whether reading or writing it is reading or writing its descriptor, and nothing more.

    A gzip file has a descriptor too, and a class of the caller's may have one.
    """
    if type(file).__name__ == "_TemporaryFileWrapper":
        file = file.file
    if isinstance(file, TextIOWrapper):
        file = file.buffer
    if isinstance(file, BufferedReader | BufferedWriter | BufferedRandom):
        file = file.raw
    if isinstance(file, FileIO | PipeReader | PipeWriter):
        return True
    return not any(hasattr(file, way) for way in ("read", "recv", "write", "sendall"))


def _position(file: Any) -> int:
    """Where Python is in the file, not where its read-ahead is."""
    try:
        position = int(file.tell())
    except OSError:
        position = -1  # a text file inside of a `for` loop over its lines
    if not 0 <= position < 1 << 63:  # a text file's cookie with a decoder's state
        raise UsageError(f"stdin= is a text file in mid-read: open it in binary mode ({file!r})")
    return position


def checked(name: str, fd: int) -> int:
    try:
        os.fstat(fd)
    except OSError as error:
        if error.errno != EBADF:
            raise
        raise UsageError(f"{name}={fd}: no such descriptor is open") from None
    return fd


def _same(stdout: object, stderr: object) -> bool:
    """One writer for both: one pipe, so that the order of writes is kept (as in Go)."""
    if isinstance(stdout, Stream | int | Capture):
        return False
    if isinstance(stdout, PathLike) and isinstance(stderr, PathLike):
        return bool(os.fspath(stdout) == os.fspath(stderr))
    return stdout is stderr or (isinstance(stdout, tuple) and stdout == stderr)
