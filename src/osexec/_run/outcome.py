"""From what happened to what the caller gets: the result and its errors.

The order of errors is the verdict's; here each claim only gets its words.
"""

from __future__ import annotations

from .._core.verdict import Claim, verdict
from .._words.errors import (
    Canceled,
    CancelFailed,
    ContextError,
    CopyError,
    DeadlineExceeded,
    Error,
    ExitCanceled,
    ExitDeadlineExceeded,
    ExitError,
    KillFailed,
    LeakError,
    StatusLostError,
    WaitDelayCanceled,
    WaitDelayDeadlineExceeded,
    WaitDelayExpired,
    caused,
)
from .._words.result import Reason, Result, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._core.life import Life

    Cause = BaseException | str | None


def reason_of(life: Life, status_lost: bool, minder_lost: bool) -> Reason:
    """Why it ended, in one word."""
    if status_lost and minder_lost:
        return Reason.MINDER_LOST
    if status_lost:
        return Reason.STATUS_LOST
    if life.ended_by is not None and (life.interrupted or life.cut):
        return life.ended_by
    if life.returncode is not None and life.returncode < 0:
        return Reason.SIGNALLED
    return Reason.EXITED


def errors_of(
    result: Result,
    life: Life,
    *,
    status_lost: bool,
    copy_errors: Sequence[tuple[str, BaseException]],
    abandoned: Sequence[str],
    leak_fails: bool,
    cause: Cause,
) -> tuple[Error, ...]:
    """Everything that went wrong, the winner first."""
    claims = verdict(
        status_lost=status_lost,
        returncode=life.returncode,
        kill_failed=life.kill_error is not None,
        cancel_failed=life.cancel_error is not None,
        context_ended=life.interrupted and not life.returncode,
        pipes_cut=life.cut,
        copy_failed=bool(copy_errors),
        leaked=leak_fails,
    )
    errors: list[Error] = []
    for claim in claims:
        if claim is Claim.COPY:
            errors.extend(_copy(result, stream, error) for stream, error in copy_errors)
        else:
            errors.append(_error(claim, result, life, abandoned, cause))
    if len(errors) > 1:
        for loser in errors[1:]:
            errors[0].add_note(f"also: {type(loser).__name__}: {loser}")
    return tuple(errors)


def _error(
    claim: Claim, result: Result, life: Life, abandoned: Sequence[str], cause: Cause
) -> Error:
    command = shown(result.args)
    ended_by = life.ended_by
    if claim is Claim.LEAK:
        left = ", ".join(map(str, result.leaked))
        text = f"{command} left processes behind, which were ended{left and ': '}{left}"
        return LeakError(text, result=result)
    if claim is Claim.STATUS_LOST and result.reason is Reason.MINDER_LOST:
        return StatusLostError(
            f"{command} was ended: the minder that contained it was killed; what the command had "
            "started may live on",
            result=result,
        )
    if claim is Claim.STATUS_LOST:
        return StatusLostError(
            f"{command} ended, but its status was collected by somebody else "
            "(SIGCHLD is ignored in this process, or another thread waits for any child)",
            result=result,
        )
    if claim is Claim.EXIT:
        exit_class = {Reason.DEADLINE: ExitDeadlineExceeded, Reason.CANCELED: ExitCanceled}
        if life.interrupted and ended_by is not None:
            return exit_class[ended_by](result, cause=cause)
        return ExitError(result)
    if claim is Claim.KILL_FAILED:
        return _wrapped(KillFailed, "killing", command, life.kill_error, result)
    if claim is Claim.CANCEL_FAILED:
        return _wrapped(CancelFailed, "canceling", command, life.cancel_error, result)
    if claim is Claim.CONTEXT:
        return context_error(ended_by, cause, command, result)
    return _wait_delay(result, life, abandoned, cause)


def context_error(
    reason: Reason | None, cause: Cause, command: str, result: Result | None = None
) -> ContextError:
    """The context's end as an error: it ended the command, or came before its start."""
    if result is None:
        how = "was not started"
    else:
        how = f"was ended after {result.elapsed:.2f} s"
    if reason is Reason.DEADLINE:
        said = cause or "deadline exceeded"
        return DeadlineExceeded(f"{command} {how}: {said}", cause=cause, result=result)
    said = f": {caused(cause)}" if cause else ""
    return Canceled(f"{command} {how}: canceled{said}", cause=cause, result=result)


def _wait_delay(
    result: Result, life: Life, abandoned: Sequence[str], cause: Cause
) -> WaitDelayExpired:
    text = f"{shown(result.args)} exited, but its output is incomplete: a pipe was still open"
    text += f" after {result.elapsed:.2f} s"
    if life.ended_by is Reason.DEADLINE:
        text += f" ({cause or 'deadline exceeded'})"
    elif life.ended_by is Reason.CANCELED:
        text += f" (canceled{f': {caused(cause)}' if cause else ''})"
    if result.holders:
        text += f"; held by {', '.join(map(str, result.holders))}"
    if abandoned:
        text += f"; still busy and left alone: {', '.join(abandoned)}"
    if life.ended_by is None:
        return WaitDelayExpired(text, result=result)
    if life.ended_by is Reason.DEADLINE:
        error: ContextError = WaitDelayDeadlineExceeded(text, cause=cause, result=result)
    else:
        error = WaitDelayCanceled(text, cause=cause, result=result)
    assert isinstance(error, WaitDelayExpired)
    return error


def _wrapped(
    kind: type[Error], doing: str, command: str, cause: BaseException | None, result: Result
) -> Error:
    error = kind(f"{doing} {command}: {caused(cause) if cause else 'refused'}", result=result)
    error.__cause__ = cause
    return error


def _copy(result: Result, stream: str, cause: BaseException) -> CopyError:
    way = "the reader for" if stream == "stdin" else "the writer of"
    text = f"{shown(result.args)}: {way} {stream} failed: {caused(cause)}"
    error = CopyError(text, result=result)
    error.__cause__ = cause
    return error
