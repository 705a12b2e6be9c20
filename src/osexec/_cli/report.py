"""The JSON of `--report`: what happened, for programs to read."""

from __future__ import annotations

import json
import os
import stat
import sys
from typing import TYPE_CHECKING

import osexec

from .checks import descriptor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ending import Ending

# Nothing is captured, so these say nothing.
UNUSED = ("args", "stdout", "stderr", "omitted", "output_complete", "holders")


def make_report(
    words: Sequence[str], ending: Ending, told: str | None, result: osexec.Result | None
) -> dict[str, object]:
    """The report as values that JSON can hold. Every key is there in every report."""
    known = result.to_dict() if result is not None else {}
    report: dict[str, object] = {
        "osexec": osexec.__version__,
        "command": [_readable(word) for word in words],
        "exit_status": ending.status,
        "reason": ending.reason,
        "timed_out": ending.reason == "deadline",
        "started": result is not None,
        "exit_code": None,
        "signal": None,
        "stopped_by": told,
        "error": _readable(ending.error) if ending.error else None,
        "pid": None,
        "elapsed": None,
        "started_at": None,
        "returncode": None,
        "core_dumped": False,
        "contain": None,
        "leaked": [],
        "swept": 0,
        "memory_peak": None,
        "rusage": None,
        "errors": [],
    }
    report.update((key, known[key]) for key in known if key not in UNUSED and key != "reason")
    if report["signal"] is not None:
        report["exit_code"] = None  # the library's -1 could be taken for a status
    return report


def write_report(path: str, report: dict[str, object]) -> None:
    """Write the report; a file appears complete or not at all.

    Raises:
        OSError: It could not be written; what was there before is still there.
    """
    text = json.dumps(report, indent=2) + "\n"
    descriptor = descriptor_of(path)
    if path == "-":
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    elif descriptor is not None:
        # Not opened anew: the command may have written there, and that must stay.
        with open(os.dup(descriptor), "w", encoding="utf-8") as file:
            file.write(text)
    elif _is_special(path):
        with open(path, "w", encoding="utf-8", opener=_open_without_waiting) as file:
            os.set_blocking(file.fileno(), True)
            file.write(text)
    else:
        _replace(os.path.realpath(path), text)  # a link stays a link


def _is_special(path: str) -> bool:
    """A device or a pipe: renaming a file over it would destroy it."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def _open_without_waiting(path: str, flags: int) -> int:
    """A pipe that nobody reads is an error, not a reason to wait for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _replace(path: str, text: str) -> None:
    folder, name = os.path.split(path)
    new = os.path.join(folder, f".{name[:50]}.{os.getpid()}.new")
    try:
        with open(new, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(new, path)
    except BaseException:
        _remove(new)
        raise


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _readable(text: str) -> str:
    """Bytes that are no text as backslash escapes: JSON cannot hold them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
