"""What a stream can be connected to, besides files and the caller's own objects."""

from __future__ import annotations

from enum import Enum

from .errors import UsageError
from .value import Value


class Stream(Enum):
    """What a stream can be connected to, besides files and the caller's objects."""

    DEVNULL = "DEVNULL"
    INHERIT = "INHERIT"
    PIPE = "PIPE"
    STDOUT = "STDOUT"

    def __repr__(self) -> str:
        return self.value


class Capture(Value):
    """Keep a stream in memory: all of it, or its first `head` and last `tail` bytes.

    With a bound, a line "... omitting N bytes ..." stands between the two ends, and
    `result.omitted` counts them.

    Args:
        head: Bytes to keep from the beginning. None with `tail` given: none.
        tail: Bytes to keep from the end. None with `head` given: none.
    """

    __slots__ = ("head", "tail")

    head: int | None
    tail: int | None

    def __init__(self, *, head: int | None = None, tail: int | None = None) -> None:
        for name, value in (("head", head), ("tail", tail)):
            if value is not None and (type(value) is not int or value < 0):
                raise UsageError(f"Capture({name}=) takes a number of bytes, not {value!r}")
        self._fill(head=head, tail=tail)
