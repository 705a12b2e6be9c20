"""One pipe end being moved without blocking. Decides nothing but when its stream has ended.

A pump ends once: it closes its descriptor and tells its job. `was_cut` says that
the pipe was closed before its end, `whole` that nothing was left behind. Errors of
the caller's reader or writer go to `copy_failed`. EPIPE on the way in is an end like
any other: a child need not read what it was given.
"""

from __future__ import annotations

import os
from fcntl import ioctl
from select import POLLERR, POLLHUP, POLLIN, POLLOUT, poll
from termios import FIONREAD

from .._posix.worker import ReadWorker
from .sinks import BACKLOG, ThreadSink, sink_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    from .sinks import Sink

    class Owner(Protocol):
        """What a pump needs of its job."""

        def watch(self, fd: int, events: int, handler: Callable[[int, float], None]) -> None: ...
        def unwatch(self, fd: int) -> None: ...
        def post(self, function: Callable[[float], None]) -> None: ...
        def close_fd(self, fd: int) -> None: ...
        def stream_ended(self, pump: ReadPump | WritePump, now: float) -> None: ...
        def copy_failed(self, error: BaseException, stream: str) -> None: ...


CHUNK = 65536
"""A pipe's size. Larger reads gain nothing and touch fresh memory every time."""


class ReadPump:
    """From the child's output to sinks."""

    incoming = True

    def __init__(
        self, name: str, fd: int, targets: Sequence[Any], encoding: str, errors: str
    ) -> None:
        self.name = name
        self.fd: int | None = fd
        self.sinks = [sink_for(target, encoding, errors, self.changed) for target in targets]
        self.whole = True
        self.was_cut = False
        self.ended = False
        self.threaded = any(isinstance(sink, ThreadSink) for sink in self.sinks)
        # The usual case, a single target that takes bytes at once, needs no loop over sinks.
        self._only = self.sinks[0].write if len(targets) == 1 and not self.threaded else None
        self._paused = False

    def start(self, owner: Owner) -> None:
        """Begin to move bytes."""
        self._owner = owner
        assert self.fd is not None
        owner.watch(self.fd, POLLIN, self.ready)

    def ready(self, events: int, now: float) -> None:
        """There is something to read, or the last writer is gone."""
        if self.fd is None:
            return
        data = os.read(self.fd, CHUNK)
        if not data:
            self._end_of_file(now)
        elif self._only is not None:
            try:
                self._only(data)
            except Exception as error:  # noqa: BLE001  the caller's writer may raise anything
                self._drop(self.sinks[0], error, now)
        else:
            self._spread(data, now)

    def changed(self, sink: ThreadSink, tell: Callable[[], BaseException | None]) -> None:
        """A caller's writer took something or failed; on its own thread."""

        def told(now: float) -> None:
            error = tell()
            if self.ended:
                if error is not None:
                    self._owner.copy_failed(error, self.name)
            elif error is not None:
                self._drop(sink, error, now)
            else:
                self._go_on(now)

        self._owner.post(told)

    def cut(self, now: float) -> None:
        """Read what is in the pipe, close it, and end as soon as the sinks let us."""
        self._empty(now)
        if self.fd is not None:
            if not self._at_end():
                self.was_cut, self.whole = True, False
            self._end_of_file(now)

    def catch_up(self, now: float) -> None:
        """Read what is in the pipe, and see its end if that is there."""
        self._empty(now)
        if self.fd is not None and self._at_end():
            self._end_of_file(now)

    def abandon(self) -> None:
        """The time is up: leave the writers alone, and say if they had not taken all."""
        for sink in self.sinks:
            if not sink.done:
                self.whole = False
            sink.abandon()

    def is_over(self) -> bool:
        """Nothing will come of it any more."""
        return self.fd is None and all(sink.done for sink in self.sinks)

    def busy(self) -> list[str]:
        """The caller's writers that have not taken all, for people."""
        return [
            f"the writer of {self.name} ({sink.target!r:.80})"
            for sink in self.sinks
            if isinstance(sink, ThreadSink) and not sink.done
        ]

    def _empty(self, now: float) -> None:
        """Read as much as is in the pipe now."""
        left = self._in_pipe() if self.fd is not None else 0
        while left > 0 and self.fd is not None:
            data = os.read(self.fd, min(left, CHUNK))
            left -= len(data)
            self._spread(data, now)

    def _spread(self, data: bytes, now: float) -> None:
        for sink in self.sinks[:]:
            try:
                sink.write(data)
            except Exception as error:  # noqa: BLE001  the caller's writer
                self._drop(sink, error, now)
        if not self._paused and self.fd is not None and self._backlog() > BACKLOG:
            self._paused = True
            self._owner.unwatch(self.fd)

    def _go_on(self, now: float) -> None:
        if self.fd is None:
            self._end_if_done(now)
        elif self._paused and self._backlog() <= BACKLOG // 2:
            self._paused = False
            self._owner.watch(self.fd, POLLIN, self.ready)

    def _drop(self, sink: Sink | ThreadSink, error: BaseException, now: float) -> None:
        """A sink failed. The last one takes the pipe with it, so that the child learns of it."""
        self._owner.copy_failed(error, self.name)
        if sink in self.sinks:
            self.sinks.remove(sink)
        self._only = None
        if not self.sinks:
            self.whole = False
            self._close()
            self._end_if_done(now)
        else:
            self._go_on(now)

    def _end_of_file(self, now: float) -> None:
        self._close()
        for sink in self.sinks[:]:
            try:
                sink.finish()
            except Exception as error:  # noqa: BLE001  the caller's flush
                self._owner.copy_failed(error, self.name)
        self._end_if_done(now)

    def _end_if_done(self, now: float) -> None:
        if not self.ended and self.fd is None and all(sink.done for sink in self.sinks):
            self.ended = True
            self._owner.stream_ended(self, now)

    def _close(self) -> None:
        if self.fd is not None:
            fd, self.fd = self.fd, None
            if not self._paused:
                self._owner.unwatch(fd)
            self._owner.close_fd(fd)

    def _backlog(self) -> int:
        return max((sink.backlog for sink in self.sinks), default=0)

    def _in_pipe(self) -> int:
        """How many bytes are in the pipe now: an endless writer must not keep us (pipe(7))."""
        size = bytearray(4)
        ioctl(self.fd or 0, FIONREAD, size)
        return int.from_bytes(size, "little")

    def _at_end(self) -> bool:
        """Whether the pipe has no writer left: then nothing was lost by closing it."""
        poller = poll()
        poller.register(self.fd or 0, POLLIN)
        return any(events & POLLHUP and not events & POLLIN for _, events in poller.poll(0))


class WritePump:
    """From memory, or from a caller's source, to the child's input."""

    incoming = False

    def __init__(self, name: str, fd: int, data: bytes, take: Callable[[], bytes] | None) -> None:
        self.name = name
        self.fd: int | None = fd
        self.whole = True
        self.was_cut = False
        self.ended = False
        self.threaded = take is not None
        self._data = memoryview(data)
        self._take = take
        self._worker: ReadWorker | None = None
        self._waiting = False

    def start(self, owner: Owner) -> None:
        """Begin to move bytes."""
        self._owner = owner
        assert self.fd is not None
        os.set_blocking(self.fd, False)
        if self._take is not None:
            self._worker = ReadWorker(self._take, self._given)
            self._ask(0)
        elif self._data:
            owner.watch(self.fd, POLLOUT, self.ready)
        else:
            self._end(0.0)

    def ready(self, events: int, now: float) -> None:
        """There is room in the pipe, or no reader is left."""
        if self.fd is None:
            return
        if events & POLLERR or not self._data:
            self._end(now)
            return
        try:
            written = os.write(self.fd, self._data[:CHUNK])
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._end(now)
            return
        self._data = self._data[written:]
        if not self._data:
            if self._worker is None:
                self._end(now)
            else:
                self._ask(now)

    def cut(self, now: float) -> None:
        """Close the pipe; what was not taken by now is not wanted."""
        self.was_cut, self.whole = True, False
        self._end(now)

    def catch_up(self, now: float) -> None:
        """Nothing to see: a child that stops reading is told by the poller."""

    def abandon(self) -> None:
        """Leave the caller's reader alone."""
        if self._worker is not None:
            self._worker.abandon()

    def is_over(self) -> bool:
        """Nothing will come of it any more."""
        return self.fd is None

    def busy(self) -> list[str]:
        """The caller's reader, if it is still being waited for."""
        return [f"the reader for {self.name}"] if self._worker is not None else []

    def _ask(self, now: float) -> None:
        """Wait for the caller's next piece, but see it when the child stops reading."""
        assert self.fd is not None and self._worker is not None
        if not self._waiting:
            self._waiting = True
            self._owner.watch(self.fd, 0, self.ready)
        self._worker.ask()

    def _given(self, piece: bytes | None, error: BaseException | None) -> None:
        """The caller's source gave something; on its own thread."""

        def told(now: float) -> None:
            if error is not None:
                # Also when the pipe is closed already: an error is not lost
                # because the child was quicker.
                self._owner.copy_failed(error, self.name)
            if self.fd is None:
                return
            if not piece:
                self._end(now)
                return
            self._data = memoryview(piece)
            self._waiting = False
            self._owner.watch(self.fd, POLLOUT, self.ready)

        self._owner.post(told)

    def _end(self, now: float) -> None:
        if self.fd is None:
            return
        fd, self.fd = self.fd, None
        self._owner.unwatch(fd)
        self._owner.close_fd(fd)
        self._data = memoryview(b"")
        self.abandon()
        self.ended = True
        self._owner.stream_ended(self, now)
