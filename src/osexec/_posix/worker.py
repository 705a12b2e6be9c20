"""Threads for code of the caller's that may block: its reader, its writer, its cancel.

Such code cannot be interrupted, only left alone. So a worker owns no descriptor
and no lock that anyone else waits for: it talks by `post`, and once abandoned
it ends at its next step, whenever that is. Daemon threads: a blocked one does
not keep the interpreter from leaving.
"""

from __future__ import annotations

from collections import deque
from threading import Condition, Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Post = Callable[[Callable[[float], None]], None]


class CallWorker:
    """Runs one function of the caller's, once, and says how it ended."""

    def __init__(
        self, function: Callable[[], object], done: Callable[[BaseException | None], None]
    ) -> None:
        self._function = function
        self._done = done
        _start(self._run, "osexec-cancel")

    def _run(self) -> None:
        try:
            self._function()
        except BaseException as error:  # noqa: BLE001  it goes on as a CancelFailed
            self._done(error)
        else:
            self._done(None)


class ReadWorker:
    """Takes pieces from a caller's source, one for each `ask()`.

    Args:
        take: Gives the next piece; empty at the end. May block.
        given: Told (piece or None, error or None), on the worker's thread.
    """

    def __init__(
        self,
        take: Callable[[], bytes],
        given: Callable[[bytes | None, BaseException | None], None],
    ) -> None:
        self._take = take
        self._given = given
        self._asked = False
        self._abandoned = False
        self._changed = Condition()
        _start(self._run, "osexec-reader")

    def ask(self) -> None:
        """Want the next piece."""
        with self._changed:
            self._asked = True
            self._changed.notify()

    def abandon(self) -> None:
        """Want no more; the thread ends after the call it is in."""
        with self._changed:
            self._abandoned = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._asked or self._abandoned):
                    self._changed.wait()
                if not self._asked:
                    return
                self._asked = False  # what was asked for is taken: its failure is an answer too
            try:
                piece = self._take()
            except BaseException as error:  # noqa: BLE001  it goes on as a CopyError
                self._given(None, error)
                return
            self._given(piece, None)
            if not piece:
                return


class WriteWorker:
    """Gives pieces to a caller's writer in order; several that wait become one.

    Args:
        put: Takes all of a piece. May block.
        taken: Told (bytes taken, error or None), on the worker's thread;
            (0, None) when everything is written after `finish()`.
    """

    def __init__(
        self,
        put: Callable[[bytes], None],
        taken: Callable[[int, BaseException | None], None],
        last: Callable[[], None],
    ) -> None:
        self._put = put
        self._last = last
        self._taken = taken
        self._waiting: deque[bytes] = deque()
        self._finished = False
        self._abandoned = False
        self._changed = Condition()
        _start(self._run, "osexec-writer")

    def give(self, piece: bytes) -> None:
        """Hand over a piece."""
        with self._changed:
            self._waiting.append(piece)
            self._changed.notify()

    def finish(self) -> None:
        """Nothing comes after what was given."""
        with self._changed:
            self._finished = True
            self._changed.notify()

    def abandon(self) -> None:
        """Want nothing more written; the thread ends after the call it is in."""
        with self._changed:
            self._abandoned = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._finished or self._abandoned):
                    self._changed.wait()
                if self._abandoned:
                    return
                piece = b"".join(self._waiting)
                self._waiting.clear()
            try:
                if piece:
                    self._put(piece)
                else:
                    self._last()
            except BaseException as error:  # noqa: BLE001  it goes on as a CopyError
                self._taken(0, error)
                return
            self._taken(len(piece), None)
            if not piece:
                return


def _start(target: Callable[[], None], name: str) -> None:
    Thread(target=target, name=name, daemon=True).start()
