"""What a caller would get for a life that has ended."""

from collections.abc import Sequence

from osexec._core.facts import Act, Fact, State
from osexec._core.life import Life
from osexec._run.outcome import errors_of, reason_of
from osexec._words.errors import Error
from osexec._words.result import Holder, Reason, Result

Moment = tuple[float, Fact, object, list[Act]]
"""(now, fact, value, the acts that must be answered)"""

CANCELED = (Reason.CANCELED, "enough")


def play(life: Life, *moments: Moment) -> Life:
    """Tell a story, and compare every answer."""
    for now, fact, value, acts in moments:
        assert life.tell(fact, now, value) == acts, f"{now} {fact.name} {value!r}"
    return life


def result_of(life: Life, reason: Reason = Reason.EXITED) -> Result:
    return Result(
        args=("make", "all"),
        pid=4711,
        returncode=life.returncode,
        core_dumped=False,
        reason=reason,
        stdout=None,
        stderr=None,
        output_complete=not life.cut,
        omitted=0,
        holders=(),
        leaked=(Holder(4712, "sleep 60"),) if life.leaked else (),
        swept=0,
        memory_peak=None,
        started_at=0.0,
        elapsed=1.0,
        rusage=None,
        contain="process",
        errors=(),
    )


def errors(
    life: Life,
    copy_errors: Sequence[tuple[str, BaseException]] = (),
    *,
    leaks: str = "allow",
    minder_lost: bool = False,
) -> tuple[Error, ...]:
    """Everything that went wrong, the winner first."""
    assert life.state is State.DONE
    lost = life.exited and life.returncode is None
    return errors_of(
        result_of(life, reason_of(life, lost, minder_lost)),
        life,
        status_lost=lost,
        copy_errors=copy_errors,
        abandoned=(),
        leak_fails=life.leaked and leaks == "error",
        cause=life.cause,
    )


def names(
    life: Life,
    copy_errors: Sequence[tuple[str, BaseException]] = (),
    *,
    leaks: str = "allow",
    minder_lost: bool = False,
) -> list[str]:
    found = errors(life, copy_errors, leaks=leaks, minder_lost=minder_lost)
    return [type(error).__name__ for error in found]
