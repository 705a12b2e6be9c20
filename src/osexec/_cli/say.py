"""Writing to the standard streams, which may be closed, full or nobody's any more."""

from __future__ import annotations

import os
import sys


def say(message: str) -> None:
    """Write one line to stderr that starts with `osexec: `. Nobody listening is no error.

    Not to descriptor 2 itself: if it was closed when we were started, the
    number may belong to another file by now. Python looked before that.
    """
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"osexec: {one_line(message)}\n")
        sys.stderr.flush()
    except OSError:
        pass


def put(text: str) -> None:
    """Write lines to stdout; file names that are no text come out as the bytes they are.

    Raises:
        OSError: Nobody reads any more, or the disk is full.
    """
    if sys.stdout is None:
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(text + "\n"))
    sys.stdout.buffer.flush()


def one_line(text: str) -> str:
    """Text without line breaks and control characters, so that it stays one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
