"""How a run ended, in the words and numbers of the command line. Pure: nothing is done here.

This is the only place that knows the exit statuses.
"""

from __future__ import annotations

import errno
import os
from signal import SIGINT, SIGPIPE, Signals
from typing import TYPE_CHECKING, NamedTuple

import osexec

from .durations import show_duration

if TYPE_CHECKING:
    from .run import Plan

TIMED_OUT = 124
FAILED = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127
BY_SIGNAL = 128


class Ending(NamedTuple):
    """What osexec does at the end.

    `reason` is the word in the report. `message` is said on stderr. `die_of` is
    the signal to die of, so that the calling shell sees it too.
    """

    status: int
    reason: str
    message: str = ""
    error: str | None = None
    die_of: int | None = None


def ending_of(plan: Plan, result: osexec.Result, told: int | None) -> Ending:
    """The ending of a command that was started.

    Args:
        told: The signal that told osexec to stop, if one did.
    """
    name, reason = plan.words[0], result.reason.value.replace(" ", "_")
    error = str(result.errors[0]) if result.errors else None
    if result.returncode is None:
        return Ending(FAILED, reason, _lost(name, result), error)
    how = how_ended(result)
    if result.reason is osexec.Reason.CANCELED and told is not None:
        message = f"stopped by {signal_name(told)}: {name} {how}"
        return Ending(BY_SIGNAL + told, reason, message, error, _fatal(told))
    if result.reason is osexec.Reason.DEADLINE:
        message = f"{name} timed out after {show_duration(plan.timeout)}: it {how}"
        status = TIMED_OUT if told is None else BY_SIGNAL + told
        return Ending(status, reason, message, error, _fatal(told))
    if any(isinstance(found, osexec.LeakError) for found in result.errors[:1]):
        return Ending(FAILED, "leaked", error or "", error)
    left = _left(name, plan, result)
    if result.returncode >= 0:
        return Ending(result.returncode, reason, left, error)
    number = -result.returncode
    # A reader that went away is the end that `yes | head` is meant to have: no
    # shell mentions it. Nor Ctrl-C on a terminal, which reached us both.
    died = "" if number in (SIGPIPE, _fatal(told)) else f"{name} {how}"
    message = "; ".join(filter(None, (died, left)))
    die_of = _fatal(told) if number == told else None
    return Ending(BY_SIGNAL + number, reason, message, error, die_of)


def ending_of_error(plan: Plan, error: Exception) -> Ending:
    """The ending of a command that was not started."""
    text = str(error)
    if isinstance(error, osexec.NotExecutableError):
        return Ending(NOT_EXECUTABLE, "not_executable", text, text)
    if isinstance(error, osexec.LookPathError):
        return _not_found(error)
    if isinstance(error, osexec.UsageError):
        return Ending(FAILED, "refused", text, text)
    if isinstance(error, osexec.StartError):
        if error.op != "exec":
            return Ending(FAILED, "not_started", text, text)
        if error.errno == errno.ENOENT and error.filename == plan.words[0]:
            return Ending(NOT_FOUND, "not_found", text, text)
        return Ending(NOT_EXECUTABLE, "not_executable", text, text)
    if isinstance(error, osexec.DeadlineExceeded):
        message = (
            f"{plan.words[0]} timed out after {show_duration(plan.timeout)}: it was not started"
        )
        return Ending(TIMED_OUT, "deadline", message, text)
    if isinstance(error, osexec.Error):
        return Ending(FAILED, "not_started", text, text)
    text = f"internal error: {type(error).__name__}: {error}"
    return Ending(FAILED, "internal_error", text, text)


def how_ended(result: osexec.Result) -> str:
    """ "exited with status 3", "died of SIGSEGV (core dumped)"."""
    assert result.returncode is not None
    if result.returncode >= 0:
        return f"exited with status {result.returncode}"
    core = " (core dumped)" if result.core_dumped else ""
    return f"died of {signal_name(-result.returncode)}{core}"


def signal_name(number: int) -> str:
    """ "SIGTERM"; "signal 40" for a number without a name."""
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


def _not_found(error: osexec.LookPathError) -> Ending:
    """Not found, or found in PATH as a file that nobody may execute."""
    from shutil import which  # not at import: only this mistake needs it

    name, text = error.name, str(error)
    if isinstance(error, osexec.NotFoundError) and " " in name:
        text = f"{name!r} is not found; as a command, write its words without the quotes: {name}"
    if "/" not in name and which(name, os.F_OK) and not isinstance(error, osexec.DotPathError):
        return Ending(NOT_EXECUTABLE, "not_executable", text, text)
    return Ending(NOT_FOUND, "not_found", text, text)


def _left(name: str, plan: Plan, result: osexec.Result) -> str:
    """For --leaks warn: who lives on. For error: who was ended, if that is not the worst."""
    for error in result.errors[1:]:
        if isinstance(error, osexec.LeakError):
            return str(error)
    if plan.leaks != "warn" or not result.leaked:
        return ""
    return f"{name} left running: {', '.join(map(str, result.leaked))}"


def _lost(name: str, result: osexec.Result) -> str:
    """Nobody knows how it ended; or it would not end at all."""
    if any(isinstance(error, osexec.KillFailed) for error in result.errors):
        return f"{name} could not be ended and may still run as process {result.pid}"
    if result.reason is osexec.Reason.MINDER_LOST:
        return f"{name} was ended: the minder that contained it was killed"
    return f"{name} ended, but its exit status was lost: somebody else collected it"


def _fatal(told: int | None) -> int | None:
    """Only SIGINT: the shell stops its script if we die of it, not if we exit with 130."""
    return told if told == SIGINT else None
