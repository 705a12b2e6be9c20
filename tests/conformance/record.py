"""What came of a scenario, in the words of the schema: kinds of errors, digests, classes."""

import errno
import hashlib
from typing import Any

import osexec
from tests.conformance.compare import Record
from tests.conformance.scene import Scene
from tests.conformance.streams import UnsupportedError

FAST_MS, MID_MS = 800, 2200
LONGEST_TEXT = 4096
HEAD = 32
NOTICE = b"\n... omitting "

# The first class that fits names the kind: an ExitError that is also a TimeoutError is an exit.
KINDS: list[tuple[type[BaseException], str]] = [
    (osexec.ExitError, "exit"),
    (osexec.StatusLostError, "wait_lost"),
    (osexec.CancelFailed, "cancel_failed"),
    (osexec.KillFailed, "kill_failed"),
    (osexec.WaitDelayExpired, "wait_delay"),
    (osexec.Canceled, "canceled"),
    (osexec.DeadlineExceeded, "deadline"),
    (osexec.CopyError, "copy"),
    (osexec.DotPathError, "dot"),
    (osexec.NotFoundError, "not_found"),
    (osexec.LookPathError, "lookup"),
    (osexec.StartError, "start"),
    (osexec.UsageError, "usage"),
    (UnsupportedError, "unsupported"),
    (ProcessLookupError, "process_done"),
    (BrokenPipeError, "copy_epipe"),
]
OPS = {"chdir": "chdir", "exec": "fork/exec", "fork": "fork/exec"}


def kind_of(error: BaseException | None) -> str:
    """The schema's word for what was raised."""
    if error is None:
        return "none"
    text = str(error)
    for type_, kind in KINDS:
        if isinstance(error, type_):
            if kind == "usage" and "NUL" in text and "environment" in text:
                return "env_nul"
            # Go's ErrNotFound is the outcome of a search; a name with a slash is not searched.
            if isinstance(error, osexec.NotFoundError) and "/" in error.name:
                return "lookup"
            return kind
    if isinstance(error, RepeatedFieldError):
        return "usage"
    is_closed = isinstance(error, ValueError) and "closed" in text
    if is_closed or (isinstance(error, OSError) and error.errno == errno.EBADF):
        return "closed"
    return "other"


class RepeatedFieldError(TypeError):
    """A stream was given twice; Python itself refuses a keyword that is repeated."""


def describe(error: BaseException | None, scene: Scene) -> dict[str, Any]:
    """The `err` of a record or of a call."""
    kind = kind_of(error)
    if error is None:
        return {"kind": kind}
    told: dict[str, Any] = {"kind": kind}
    number = errno_of(error)
    if number is not None:
        told["errno"] = errno.errorcode.get(number, str(number))
    if isinstance(error, osexec.StartError):
        told["op"] = OPS.get(error.op, error.op)
    told["msg"] = scene.hide(str(error) if str(error) else repr(error))
    if kind == "other":
        told["msg"] = f"{type(error).__name__}: {told['msg']}"
    return told


def errno_of(error: BaseException | None) -> int | None:
    """The system's number, of the error or of what caused it."""
    while error is not None:
        number = getattr(error, "errno", None)
        if isinstance(number, int):
            return number
        error = error.__cause__
    return None


def digest(data: bytes | None, scene: Scene) -> dict[str, Any] | None:
    """Captured bytes as the schema records them."""
    if data is None:
        return None
    data = scene.hide_bytes(data)
    told: dict[str, Any] = {"len": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    if len(data) <= LONGEST_TEXT:
        told["text"] = data.decode("utf-8", "replace")
    else:
        told |= {"text": None, "head": data[:HEAD].decode("utf-8", "replace")}
    if NOTICE in data:
        told["omitted_notice"] = True
    return told


def status(result: osexec.Result | None, is_success: bool) -> dict[str, Any]:
    """Exit code and signal; without a result, a verb that returned stands for exit 0."""
    if result is None or result.returncode is None:
        return {"exit_code": 0 if is_success and result is None else None, "signal": ""}
    number = result.signal
    name = "" if number is None else getattr(number, "name", f"signal {number}")
    return {"exit_code": result.exit_code, "signal": name}


def beyond_go(error: BaseException | None, result: osexec.Result | None) -> Record:
    """What osexec can tell and Go can not."""
    return {
        "timed_out": isinstance(error, TimeoutError),
        "output_complete": None if result is None else result.output_complete,
        "also": [] if result is None else [kind_of(each) for each in result.errors[1:]],
    }


def elapsed(seconds: float) -> Record:
    elapsed_ms = round(seconds * 1000)
    name = "fast" if elapsed_ms < FAST_MS else "mid" if elapsed_ms < MID_MS else "slow"
    return {"elapsed_ms": elapsed_ms, "elapsed_class": name}
