"""One of each: a result, and every error with the fields it carries."""

import errno
from signal import SIGKILL
from typing import Any

from osexec._words.errors import (
    Canceled,
    CancelFailed,
    CopyError,
    DeadlineExceeded,
    DotPathError,
    Error,
    ExitCanceled,
    ExitDeadlineExceeded,
    ExitError,
    KillFailed,
    LeakError,
    LookPathError,
    NotExecutableError,
    NotFoundError,
    NulError,
    StartError,
    StatusLostError,
    UsageError,
    WaitDelayCanceled,
    WaitDelayDeadlineExceeded,
    WaitDelayExpired,
)
from osexec._words.result import Holder, Reason, Result


def result(**changes: Any) -> Result:
    """A result of `make all` that exited 0, but for `changes`."""
    fields: dict[str, Any] = {
        "args": ("make", "all"),
        "pid": 4711,
        "returncode": 0,
        "core_dumped": False,
        "reason": Reason.EXITED,
        "stdout": None,
        "stderr": None,
        "output_complete": True,
        "omitted": 0,
        "holders": (),
        "leaked": (),
        "swept": 0,
        "memory_peak": None,
        "started_at": 1700000000.5,
        "elapsed": 0.25,
        "rusage": None,
        "contain": "process",
        "errors": (),
    }
    return Result(**{**fields, **changes})


FAILED = result(returncode=3, stdout=b"out", stderr=b"cc: no input\n")
KILLED = result(returncode=-SIGKILL, reason=Reason.DEADLINE)
LEFT = result(leaked=(Holder(4713, "sleep 61"),), swept=1)
CUT = result(output_complete=False, holders=(Holder(4712, "sleep 60"),))

ERRORS: dict[str, Error] = {
    "Error": Error("something"),
    "UsageError": UsageError("no command"),
    "StartError": StartError(errno.ENOENT, "no such directory", op="chdir", filename="/nowhere"),
    "NulError": NulError("argument 1"),
    "LookPathError": LookPathError("cannot look up 'x'", name="x"),
    "NotFoundError": NotFoundError("'x' was not found", name="x"),
    "NotExecutableError": NotExecutableError("'x' is not executable", name="x"),
    "DotPathError": DotPathError("'x' is in the current directory", name="x", path="./x"),
    "Canceled": Canceled("canceled: enough", cause="enough"),
    "DeadlineExceeded": DeadlineExceeded("timeout of 1 s", cause="timeout of 1 s", result=KILLED),
    "ExitError": ExitError(FAILED),
    "ExitDeadlineExceeded": ExitDeadlineExceeded(KILLED, cause="timeout of 1 s"),
    "ExitCanceled": ExitCanceled(
        result(returncode=-15, reason=Reason.CANCELED), cause=KeyError("a key")
    ),
    "CancelFailed": CancelFailed("canceling make all: refused", result=FAILED),
    "KillFailed": KillFailed("killing make all: refused", result=FAILED),
    "WaitDelayExpired": WaitDelayExpired("its output is incomplete", result=CUT),
    "WaitDelayDeadlineExceeded": WaitDelayDeadlineExceeded(
        "its output is incomplete", cause="timeout of 1 s", result=CUT
    ),
    "WaitDelayCanceled": WaitDelayCanceled(
        "its output is incomplete", cause=ValueError("why"), result=CUT
    ),
    "CopyError": CopyError("the writer of stdout failed", result=CUT),
    "LeakError": LeakError("make all left processes behind", result=LEFT),
    "StatusLostError": StatusLostError("status lost", result=result(returncode=None)),
}
