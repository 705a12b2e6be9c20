"""Bounded memory for captured output: all of it, or its head and its tail."""

from __future__ import annotations

from io import BytesIO


class Whole:
    """Keeps everything.

    A BytesIO because its getvalue() hands out the buffer it filled, without a
    copy: a list of chunks joined at the end needs twice the output's size.
    """

    __slots__ = ("_file", "write")

    omitted = 0

    def __init__(self) -> None:
        self._file = BytesIO()
        self.write = self._file.write

    def getvalue(self) -> bytes:
        """All that was written."""
        return self._file.getvalue()


class HeadTail:
    """Keeps the first `head` and last `tail` bytes, counts the rest (Go's prefixSuffixSaver)."""

    __slots__ = ("_head", "_head_size", "_tail", "_tail_size", "total")

    def __init__(self, head: int, tail: int) -> None:
        self._head_size = head
        self._tail_size = tail
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def write(self, data: bytes) -> int:
        """Take all of `data`."""
        size = len(data)
        self.total += size
        room = self._head_size - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail += data[-self._tail_size :] if self._tail_size else b""
            # Trimmed at twice the size, so that a byte is moved once, not at every write.
            if len(self._tail) > 2 * self._tail_size:
                del self._tail[: -self._tail_size]
        return size

    @property
    def omitted(self) -> int:
        """How many bytes are in neither end."""
        return max(0, self.total - self._head_size - self._tail_size)

    def getvalue(self) -> bytes:
        """Head, a line that says how much is missing if something is, and tail."""
        tail = bytes(self._tail[-self._tail_size :] if self._tail_size else b"")
        if not self.omitted:
            return bytes(self._head) + tail
        return b"%b\n... omitting %d bytes ...\n%b" % (bytes(self._head), self.omitted, tail)


def buffer(head: int | None, tail: int | None) -> Whole | HeadTail:
    """The buffer for a capture: everything if neither end is bounded."""
    if head is None and tail is None:
        return Whole()
    return HeadTail(head or 0, tail or 0)
