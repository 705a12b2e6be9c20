"""What outlives a child that has ended by itself, where nobody may (`leaks="kill"`, "error").

The stories; every order of facts is tried in test_life_leaks_orders.py.
"""

import math
from signal import SIGTERM

import pytest

from osexec._core.deadline import DEATH_LIMIT, LEAK_GRACE, SETTLE
from osexec._core.facts import Act, Fact
from osexec._core.life import Life
from osexec._words.result import Reason
from tests.core.ending import CANCELED, errors, names, play

ENDED = [Act.NAME, Act.KILL, Act.LOOK]
"""The answer to those who are still there after the grace."""
OVER = 1.0 + LEAK_GRACE
"""When the grace is over after an exit at 1.0."""


def life(
    *, streams: int = 0, wait_delay: float | None = None, deadline: float | None = None
) -> Life:
    """A life that may leave nobody behind."""
    return Life(
        contained=True, ends_leaks=True, streams=streams, wait_delay=wait_delay, deadline=deadline
    )


# ------------------------------------------------------------------- in the grace


def test_the_end_waits_until_the_tree_was_looked_at() -> None:
    alone = play(
        life(),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (1.0, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert alone.leaked is False
    assert names(alone, leaks="error") == []


def test_who_ends_within_the_grace_is_no_leak() -> None:
    brief = life()
    play(brief, (1.0, Fact.EXITED, 0, [Act.LOOK]))
    assert brief.wake_at() == OVER
    play(
        brief,
        (1.0 + LEAK_GRACE / 2, Fact.TIMER, None, []),
        (1.0 + LEAK_GRACE / 2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert brief.leaked is False
    assert names(brief, leaks="error") == []


def test_an_empty_tree_ends_the_grace_and_the_pipes_are_read_to_their_end() -> None:
    """A pipe may be held by somebody who is not below the child: that is no leak."""
    outside = play(
        life(streams=1, wait_delay=0.5),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (1.0, Fact.TREE_EMPTY, None, []),
        (OVER, Fact.TIMER, None, []),
        (1.5, Fact.TIMER, None, [Act.CUT]),
        (1.5, Fact.STREAM_ENDED, True, [Act.FINISH]),
    )
    assert outside.leaked is False
    assert names(outside, leaks="error") == ["WaitDelayExpired"]


def test_the_end_of_the_pipes_is_not_the_end_of_the_tree() -> None:
    play(
        life(streams=1),
        (0.9, Fact.STREAM_ENDED, False, []),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )


def test_without_a_limit_an_empty_tree_needs_no_time() -> None:
    reading = life(streams=1)
    play(reading, (1.0, Fact.EXITED, 0, [Act.LOOK]), (1.0, Fact.TREE_EMPTY, None, []))
    assert reading.wake_at() is None


# ---------------------------------------------------------------- after the grace


@pytest.mark.parametrize(("leaks", "expected"), [("kill", []), ("error", ["LeakError"])])
def test_who_stays_longer_is_named_and_killed(leaks: str, expected: list[str]) -> None:
    left = play(
        life(),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert left.leaked is True
    assert left.troubled is False, "it is for the caller to say whether a leak is an error"
    assert names(left, leaks=leaks) == expected


def test_the_error_names_who_was_left_behind() -> None:
    left = play(
        life(),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    (error,) = errors(left, leaks="error")
    assert str(error) == "make all left processes behind, which were ended: 4712 (sleep 60)"


def test_a_failure_of_the_commands_own_comes_before_the_leak() -> None:
    left = play(
        life(),
        (1.0, Fact.EXITED, 3, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    first, second = errors(left, [("stdout", OSError("full"))], leaks="error")[::2]
    assert [type(first).__name__, type(second).__name__] == ["ExitError", "LeakError"]
    assert first.__notes__[-1].startswith("also: LeakError: make all left processes behind")


def test_a_lost_status_is_an_exit_too() -> None:
    left = play(
        life(),
        (1.0, Fact.EXITED, None, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert names(left, leaks="error") == ["StatusLostError", "LeakError"]


def test_who_held_a_pipe_and_was_killed_has_cut_nothing() -> None:
    """The pipe comes to its end when its last holder is gone: what it wrote is kept."""
    holder = play(
        life(streams=1),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (1.2, Fact.STREAM_ENDED, False, []),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert (holder.cut, holder.severed) == (False, False)
    assert names(holder, leaks="kill") == []


def test_what_is_in_a_pipe_is_read_after_its_holder_is_gone() -> None:
    holder = play(
        life(streams=1),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (1.2, Fact.TREE_EMPTY, None, []),
        (1.2, Fact.STREAM_ENDED, False, [Act.FINISH]),
    )
    assert names(holder, leaks="kill") == []


def test_a_pipe_that_is_held_outside_is_read_on_as_if_there_had_been_no_leak() -> None:
    outside = life(streams=1)
    play(
        outside,
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (1.2, Fact.TREE_EMPTY, None, []),
    )
    assert outside.wake_at() is None
    play(outside, (9.0, Fact.STREAM_ENDED, False, [Act.FINISH]))
    assert names(outside, leaks="error") == ["LeakError"]


def test_the_wait_delay_bounds_that_too() -> None:
    outside = play(
        life(streams=1, wait_delay=0.5),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (1.2, Fact.TREE_EMPTY, None, []),
        (1.5, Fact.TIMER, None, [Act.CUT]),
        (1.5, Fact.STREAM_ENDED, True, [Act.FINISH]),
    )
    assert names(outside, leaks="error") == ["WaitDelayExpired", "LeakError"]


@pytest.mark.parametrize(("streams", "expected"), [(0, []), (1, ["WaitDelayExpired"])])
def test_a_tree_that_sigkill_does_not_empty_is_left_after_the_limit(
    streams: int, expected: list[str]
) -> None:
    stuck = play(
        life(streams=streams),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (OVER + DEATH_LIMIT / 2, Fact.TIMER, None, []),
    )
    acts: list[Act] = []
    while (at := stuck.wake_at()) is not None:
        assert OVER + DEATH_LIMIT <= at <= OVER + DEATH_LIMIT + SETTLE
        acts += stuck.tell(Fact.TIMER, at)
    assert acts[0] is Act.KILL, "once more, before it is left"
    assert acts.count(Act.CUT) == streams
    assert names(stuck, leaks="error") == [*expected, "LeakError"]


def test_a_refused_sigkill_is_told_and_the_end_of_waiting() -> None:
    refused = play(
        life(),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (OVER, Fact.KILL_FAILED, PermissionError("not permitted"), [Act.FINISH]),
    )
    assert names(refused, leaks="kill") == ["KillFailed"]


def test_the_rest_may_end_before_the_child() -> None:
    """The tree is looked at once the child has ended; what was told before counts for nothing."""
    play(
        life(),
        (0.5, Fact.TREE_EMPTY, None, []),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
    )


# ------------------------------------------------------------- what comes meanwhile


@pytest.mark.parametrize("wait_delay", [0.0, LEAK_GRACE / 2])
def test_a_shorter_wait_delay_shortens_the_grace(wait_delay: float) -> None:
    left = life(wait_delay=wait_delay)
    play(left, (1.0, Fact.EXITED, 0, [Act.LOOK]))
    assert left.wake_at() == 1.0 + wait_delay
    play(
        left,
        (1.0 + wait_delay, Fact.TIMER, None, ENDED),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert left.leaked is True


def test_a_longer_wait_delay_does_not_make_it_longer() -> None:
    play(
        life(streams=1, wait_delay=math.inf),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
    )


def test_the_contexts_end_kills_who_is_left_and_is_no_leak() -> None:
    left = play(
        life(),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (1.05, Fact.CONTEXT_DONE, CANCELED, [Act.KILL, Act.LOOK]),
        (1.06, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert left.leaked is False
    assert names(left, leaks="error") == [], "success in time is success"


def test_a_deadline_in_the_grace_does_the_same() -> None:
    left = play(
        life(deadline=1.05, streams=1),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (1.05, Fact.TIMER, None, [Act.KILL, Act.LOOK]),
        (1.06, Fact.STREAM_ENDED, False, []),
        (1.06, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert left.ended_by is Reason.DEADLINE
    assert names(left, leaks="error") == ["WaitDelayDeadlineExceeded"]


def test_a_context_that_ends_after_the_grace_changes_nothing_about_the_leak() -> None:
    left = play(
        life(),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (OVER, Fact.TIMER, None, ENDED),
        (OVER, Fact.CONTEXT_DONE, CANCELED, [Act.KILL, Act.LOOK]),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert left.leaked is True
    assert names(left, leaks="error") == ["LeakError"]


def test_a_context_that_ends_in_the_grace_does_not_make_it_longer() -> None:
    left = Life(
        steps=((SIGTERM, None, False),), wait_delay=math.inf, contained=True, ends_leaks=True
    )
    play(
        left,
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (1.05, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL_REST, Act.LOOK]),
        (OVER, Fact.TIMER, None, [Act.KILL, Act.LOOK]),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert left.leaked is False


def test_a_hurry_ends_the_grace() -> None:
    left = play(
        life(),
        (1.0, Fact.EXITED, 0, [Act.LOOK]),
        (1.05, Fact.HURRY, CANCELED, [Act.KILL, Act.LOOK]),
        (1.06, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert left.leaked is False


def test_what_a_cancelled_child_leaves_is_ended_by_the_plan_and_no_leak() -> None:
    cancelled = Life(steps=((SIGTERM, 0.5, False),), contained=True, ends_leaks=True)
    play(
        cancelled,
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1.1, Fact.EXITED, 0, [Act.SIGNAL_REST, Act.LOOK]),
        (1.5, Fact.TIMER, None, [Act.KILL, Act.LOOK]),
        (1.6, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert cancelled.leaked is False
    assert names(cancelled, leaks="error") == ["Canceled"]


def test_who_may_live_on_is_not_even_looked_at() -> None:
    play(Life(contained=True, ends_leaks=False), (1.0, Fact.EXITED, 0, [Act.FINISH]))
