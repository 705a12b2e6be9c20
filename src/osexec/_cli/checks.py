"""Values of options, read and checked before anything starts.

Each function takes the word that was written and gives the value, or raises a
ValueError that says what is wrong and what to write instead.
"""

from __future__ import annotations

import os
import re
import signal

from .durations import parse_duration as read_duration

__all__ = [
    "descriptor_of",
    "read_contain",
    "read_cwd",
    "read_duration",
    "read_env",
    "read_leaks",
    "read_report",
    "read_signal",
]

DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,6})", re.ASCII)


def read_signal(text: str) -> int:
    """A signal from its name ("TERM", "sigterm") or number."""
    name = text.upper()
    if not name.isdecimal():
        known = signal.Signals.__members__
        found = known.get(name) or known.get(f"SIG{name}")
        if found is not None:
            return int(found)
        raise ValueError(f"{text!r} is not a signal: write TERM, INT, KILL or a number")
    if name.isascii() and len(name) < 4 and int(name) in signal.valid_signals():
        return int(name)
    raise ValueError(f"{text!r} is not a signal: numbers go from 1 to {signal.NSIG - 1}")


def read_contain(text: str) -> str:
    """How far the command's descendants are held together."""
    return _one_of(text, ("process", "group", "tree", "namespace", "cgroup"))


def read_leaks(text: str) -> str:
    """What to do with those that outlive the command."""
    return _one_of(text, ("allow", "warn", "kill", "error"))


def _one_of(text: str, words: tuple[str, ...]) -> str:
    if text not in words:
        raise ValueError(f"{text!r} is not known: write one of {', '.join(words)}")
    return text


def read_cwd(text: str) -> str:
    """A directory that is there."""
    if not text:
        raise ValueError("the name is empty: write '.' for the current directory")
    if not os.path.lexists(text):
        raise ValueError(f"there is no directory {text!r}")
    if not os.path.isdir(text):
        raise ValueError(f"{text!r} is not a directory")
    if not os.access(text, os.X_OK):
        raise ValueError(f"the directory {text!r} may not be entered")
    return text


def read_env(text: str) -> tuple[str, str]:
    """A name and its value. The word is never repeated in a message: it may be a secret."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError("no '=' in what was given: write NAME=VALUE, as in LANG=C")
    if not name:
        raise ValueError("no name before the '=': write NAME=VALUE, as in LANG=C")
    return name, value


def read_report(text: str) -> str:
    """A file that can be written, or `-` for stderr. Nothing is written yet."""
    if text == "-":
        return text
    if not text:
        raise ValueError("the name is empty: write a file name, or - for stderr")
    descriptor = descriptor_of(text)
    if descriptor is not None:
        if not _is_open(descriptor):
            raise ValueError(
                f"descriptor {descriptor} is not open: write {descriptor}>FILE as well"
            )
        return text
    if os.path.isdir(text):
        raise ValueError(f"{text!r} is a directory: write the name of a file")
    folder, name = os.path.split(os.path.realpath(text))
    if not os.path.isdir(folder):
        raise ValueError(f"there is no directory {folder!r} to write {name!r} in")
    if os.path.exists(text) and not os.path.isfile(text):
        folder = text  # a device or a pipe: written in place
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{folder!r} may not be written")
    return text


def descriptor_of(path: str) -> int | None:
    """The number, if the path names a descriptor of ours: `/dev/stdout`, `/dev/fd/3`."""
    if path in ("/dev/stdout", "/dev/stderr"):
        return 1 if path == "/dev/stdout" else 2
    found = DESCRIPTOR.fullmatch(path)
    return int(found[1]) if found else None


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
