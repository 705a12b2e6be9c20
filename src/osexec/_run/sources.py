"""Where a child's input comes from when it is not a file: memory, or the caller's code."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

CHUNK = 65536


def taker(source: Any, encoding: str) -> Callable[[], bytes]:
    """A function that gives the next piece of a reader, socket or iterable; empty at the end."""
    for name in ("recv", "read1", "read"):
        method = getattr(source, name, None)
        if callable(method):
            return _from_reader(method, encoding)
    return _from_iterable(source, encoding)


def _from_reader(read: Callable[[int], Any], encoding: str) -> Callable[[], bytes]:
    def take() -> bytes:
        piece = read(CHUNK)
        if piece is None:
            raise BlockingIOError("the reader is non-blocking and has nothing yet")
        return _encoded(piece, encoding)

    return take


def _from_iterable(source: Iterable[Any], encoding: str) -> Callable[[], bytes]:
    iterator = iter(source)

    def take() -> bytes:
        for piece in iterator:
            data = _encoded(piece, encoding)
            if data:  # an empty piece is not the end
                return data
        return b""

    return take


def _encoded(piece: Any, encoding: str) -> bytes:
    if isinstance(piece, str):
        return piece.encode(encoding)
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, bytearray | memoryview):
        return bytes(piece)
    raise TypeError(f"input must come as bytes or str, not {type(piece).__name__}")
