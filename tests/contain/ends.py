"""The ways in which a family ends while we live: by its context, its timeout, or an exception."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from osexec import Canceled, Capture, Cmd, Context, ContextError, DeadlineExceeded, Result
from tests.helpers import nasty
from tests.helpers.drivers import DRIVERS, Run
from tests.helpers.limits import LONG, SHORT
from tests.helpers.nasty import Family
from tests.helpers.threads import Call


@dataclass(frozen=True, slots=True)
class Ended:
    """What an end was like: how many there were, when it was ordered, and what came of it."""

    count: int
    ordered_at: float
    result: Result

    def __post_init__(self) -> None:
        assert self.result.leaked == ()


class Boom(Exception):
    """The body of a block fails."""


def command(family: Family, stdout: Any, **fields: Any) -> Cmd:
    """The family as a command. One whose leader exits is not over while it holds our pipe."""
    fields = {"contain": "tree", "stdout": stdout, "stderr": Capture(), **fields}
    return Cmd(*family.words, **fields)


def by_cancel(run: Run, family: Family, **fields: Any) -> Ended:
    """Its context is cancelled, by another thread, when it is complete."""
    ctx = Context()
    with nasty.pipe() as (read_end, write_end):

        def cancel_when_complete() -> tuple[int, float]:
            try:
                return len(family.wait_complete(read_end)), monotonic()
            finally:
                ctx.cancel("enough")

        call = Call(cancel_when_complete)
        result = _result_of(Canceled, run, family, command(family, write_end, **fields), ctx=ctx)
        count, ordered_at = call.result()  # type: ignore[misc]
    return Ended(count, ordered_at, result)


def by_timeout(run: Run, family: Family, **fields: Any) -> Ended:
    """Its time is up; that has to be after it was complete, so it may get more time."""
    seconds = SHORT / 2
    while True:
        with nasty.pipe() as (read_end, write_end):
            ordered_at = monotonic() + seconds
            call = Call(partial(_count_by, family, read_end, seconds))
            cmd = command(family, write_end, **fields)
            result = _result_of(DeadlineExceeded, run, family, cmd, timeout=seconds)
            count, complete_at = call.result()  # type: ignore[misc]
        if complete_at < ordered_at:
            return Ended(count, ordered_at, result)
        seconds *= 4
        assert seconds < LONG, f"never complete, {count} at last"


def _result_of(
    expected: type[ContextError], run: Run, family: Family, cmd: Cmd, **bounds: Any
) -> Result:
    """The result of a run that the context ends, with that error."""
    try:
        result = run(cmd, **bounds)
    except expected as error:
        return error.result  # type: ignore[return-value]
    # Its status was there before the end came, and may be seen after it: then it was in time.
    assert family.kind.name == "leader-exits", f"it was not ended: {result}"
    return result


def _count_by(family: Family, stdout: int, limit: float) -> tuple[int, float]:
    try:
        return len(family.wait_complete(stdout, limit)), monotonic()
    except AssertionError:
        return len(family.alive()), math.inf


def by_exception(family: Family, **fields: Any) -> Ended:
    """The body of its block fails."""
    with nasty.pipe() as (read_end, write_end):
        process = command(family, write_end, **fields).start()
        try:
            with process:
                count, ordered_at = len(family.wait_complete(read_end)), monotonic()
                raise Boom
        except Boom:
            pass
    assert process.result is not None
    return Ended(count, ordered_at, process.result)


WAYS: dict[str, Callable[..., Ended]] = {
    "cancel, caller": partial(by_cancel, DRIVERS["caller"]),
    "cancel, reactor": partial(by_cancel, DRIVERS["reactor"]),
    "timeout": partial(by_timeout, DRIVERS["caller"]),
    "exception in the block": by_exception,
}
