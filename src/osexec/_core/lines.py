"""Bytes that come in pieces, cut into lines at "\\n" and nowhere else."""

from __future__ import annotations


class LineSplitter:
    """Cuts pieces into lines of any length; `finish()` gives an unended last one.

    A piece without a line end is only kept, not searched again: a line of 100 MB
    that comes in 64 KiB pieces costs what it weighs.
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their line ends."""
        lines = data.split(b"\n")
        if len(lines) > 1 and self._rest:
            self._rest.append(lines[0])
            lines[0] = b"".join(self._rest)
            self._rest.clear()
        last = lines.pop()
        if last:
            self._rest.append(last)
        return lines

    def finish(self) -> list[bytes]:
        """What was left without a line end: one line, or none."""
        rest = b"".join(self._rest)
        self._rest.clear()
        return [rest] if rest else []
