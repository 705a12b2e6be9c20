"""Waiting for a child that says when it is ready, so that no test has to guess with a sleep."""

import os
import select
import time
from pathlib import Path
from typing import Protocol

from tests.helpers.limits import LONG
from tests.helpers.waiting import wait_until


class HasFileno(Protocol):
    def fileno(self) -> int: ...


def read_ready(stream: int | HasFileno, limit: float = LONG) -> str:
    """The next line of a pipe, without its newline.

    Reads byte by byte from the descriptor itself: what follows the line stays in the pipe for
    the test, also when `stream` is a buffered reader that nobody has read from yet.
    """
    fd = stream if isinstance(stream, int) else stream.fileno()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    end = time.monotonic() + limit
    line = b""
    while not line.endswith(b"\n"):
        left = end - time.monotonic()
        assert left > 0 and poll.poll(left * 1000), f"not ready within {limit:g} s, after {line!r}"
        byte = os.read(fd, 1)
        assert byte, f"ended before it was ready, after {line!r}"
        line += byte
    return os.fsdecode(line[:-1])


def read_ready_file(path: Path, limit: float = LONG) -> str:
    """What a child wrote to `path`, once its last line is complete, without the last newline."""

    def complete() -> str | None:
        try:
            text = path.read_text()
        except FileNotFoundError:
            return None
        return text if text.endswith("\n") else None

    text = wait_until(complete, limit, f"a child writes {path.name}")
    assert text is not None
    return text[:-1]
