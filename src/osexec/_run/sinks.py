"""Where captured bytes go: memory and files at once, a caller's writer through a thread.

A sink's `write` never blocks. One that works through a thread says how much is
waiting there (`backlog`), so that its pump stops reading when it is slow.
"""

from __future__ import annotations

import codecs
import os
from io import BytesIO, TextIOBase
from stat import S_ISREG

from .._posix.worker import WriteWorker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Tell = Callable[[], BaseException | None]
    Changed = Callable[["ThreadSink", Tell], None]

BACKLOG = 1 << 20
"""Bytes that may wait for a caller's writer before reading stops."""


class Sink:
    """A target that takes bytes at once; `done` when it needs nothing more."""

    backlog = 0
    done = True

    def __init__(self, write: Callable[[bytes], object], last: Callable[[], object] | None) -> None:
        self.write = write
        self._last = last

    def finish(self) -> None:
        """The stream has ended."""
        if self._last is not None:
            self._last()

    def abandon(self) -> None:
        """The time is up; nothing is waited for."""


class ThreadSink:
    """A caller's writer that may block, on a thread of its own.

    Args:
        changed: Told on the worker's thread whenever the backlog shrank; calls
            the function it is given where the pump lives, for the error or None.
    """

    def __init__(self, target: Any, encoding: str, errors: str, changed: Changed) -> None:
        self.target = target
        self.backlog = 0
        self.done = False
        self._changed = changed
        if isinstance(target, TextIOBase):
            self._put, self._last = _put_text(target, encoding, errors)
        else:
            self._put, self._last = _put(target), _flush(target)
        self._worker: WriteWorker | None = None

    def write(self, data: bytes) -> None:
        """Hand the bytes to the thread."""
        self.backlog += len(data)
        self._started().give(data)

    def finish(self) -> None:
        """Nothing more comes; done when the writer has taken all."""
        if self._worker is None:
            self.done = True
        else:
            self._worker.finish()

    def abandon(self) -> None:
        """Leave the thread where it is."""
        if self._worker is not None:
            self._worker.abandon()

    def _started(self) -> WriteWorker:
        if self._worker is None:
            self._worker = WriteWorker(self._put, self._taken, self._last)
        return self._worker

    def _taken(self, size: int, error: BaseException | None) -> None:
        def tell() -> BaseException | None:
            self.backlog -= size
            if error is not None or size == 0:
                self.done = True
            return error

        self._changed(self, tell)


def sink_for(target: Any, encoding: str, errors: str, changed: Changed) -> Sink | ThreadSink:
    """The sink for a buffer of ours, a file descriptor or an object with `write`."""
    if isinstance(target, Sink):
        return target
    if isinstance(target, int):
        return _descriptor_sink(target, encoding, errors, changed)
    if type(target) is BytesIO:  # a subclass may do what it likes in its write()
        return Sink(target.write, None)
    return ThreadSink(target, encoding, errors, changed)


def _descriptor_sink(fd: int, encoding: str, errors: str, changed: Changed) -> Sink | ThreadSink:
    target = _Descriptor(fd)
    if S_ISREG(os.fstat(fd).st_mode):
        return Sink(_put(target), None)
    return ThreadSink(target, encoding, errors, changed)


class _Descriptor:
    """A descriptor of the caller's, as a writer."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __repr__(self) -> str:
        return f"descriptor {self._fd}"

    def write(self, data: bytes) -> int:
        return os.write(self._fd, data)


def _put(target: Any) -> Callable[[bytes], None]:
    """Writing all of a piece to a binary writer; a raw one may take a part only."""
    if hasattr(target, "sendall"):
        return target.sendall  # type: ignore[no-any-return]  # a socket
    write = target.write

    def put(piece: bytes) -> None:
        taken = write(piece)
        while isinstance(taken, int) and taken < len(piece):
            if taken <= 0:
                raise BlockingIOError("the writer took nothing")
            piece = piece[taken:]
            taken = write(piece)

    return put


def _put_text(
    target: Any, encoding: str, errors: str
) -> tuple[Callable[[bytes], None], Callable[[], None]]:
    """Writing to a text writer, and its end; a character may come in two pieces."""
    decode = codecs.getincrementaldecoder(encoding)(errors).decode
    flush = _flush(target)

    def put(piece: bytes) -> None:
        target.write(decode(piece))

    def last() -> None:
        rest = decode(b"", True)
        if rest:
            target.write(rest)
        flush()

    return put, last


def _flush(target: Any) -> Callable[[], None]:
    flush = getattr(target, "flush", None)
    return flush if callable(flush) else _nothing  # pyright: ignore[reportReturnType]  any


def _nothing() -> None:
    pass
