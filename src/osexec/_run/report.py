"""The result of a finished job, and the error to raise, if any."""

from __future__ import annotations

from .._words.errors import ContextError, ExitError
from .._words.result import Result
from .outcome import errors_of, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._posix.process import Status
    from .._words.errors import Error
    from .job import Job


def report(job: Job, status: Status | None, now: float) -> tuple[Result, Error | None]:
    """What happened, and what is raised for it."""
    life, tree = job.life, job.tree
    lost = status is not None and status.returncode is None
    captured = job.wiring.captured
    result = Result(
        args=job.spec.args,
        pid=job.pid,
        returncode=None if status is None else status.returncode,
        core_dumped=status is not None and status.core_dumped,
        reason=reason_of(life, lost, tree.lost),
        stdout=captured["stdout"].getvalue() if "stdout" in captured else None,
        stderr=captured["stderr"].getvalue() if "stderr" in captured else None,
        output_complete=job.output_complete and not life.severed,
        omitted=sum(kept.omitted for kept in captured.values()) if captured else 0,
        holders=job.holders if life.cut else (),
        leaked=job.leaked,
        swept=tree.swept,
        memory_peak=tree.memory_peak,
        started_at=job.started_at,
        elapsed=now - job.began,
        rusage=None if status is None else status.rusage,
        contain=job.contain,
        errors=(),
    )
    leak_fails = life.leaked and job.leaks == "error"
    troubled = life.troubled or leak_fails or job.copy_errors
    if life.returncode == 0 and not lost and not troubled:
        return result, None
    cause = life.cause if life.cause is not None else job.scope.deadline_cause
    errors = errors_of(
        result,
        life,
        status_lost=lost,
        copy_errors=job.copy_errors,
        abandoned=job.abandoned,
        leak_fails=leak_fails,
        cause=cause,
    )
    object.__setattr__(result, "errors", errors)
    return result, _raised(errors, job.spec.check)


def _raised(errors: tuple[Error, ...], check: bool) -> Error | None:
    """The first error, but with `check=False` none for a status of the command's own choice."""
    for error in errors:
        if check or not isinstance(error, ExitError) or isinstance(error, ContextError):
            return error
    return None
