"""The machine's stories, one a test: what is told, what is answered, and what the caller gets.

First Go's own (TestWaitInterrupt and TestCancelErrors of os/exec), then those
where a command ends by itself or must be forced. Trees are in test_life_tree.py.
"""

import math
from signal import SIGINT, SIGKILL, SIGQUIT, SIGTERM

import pytest

from osexec._core.deadline import DEATH_LIMIT, GRACE, LAST_MOMENT, SETTLE
from osexec._core.facts import Act, Fact, State
from osexec._core.life import Life
from osexec._words.result import Reason
from tests.core.ending import CANCELED, errors, names, play

FAILED = RuntimeError("the cancel function failed")
GONE = ProcessLookupError("already finished")
REFUSED = PermissionError("not permitted")


# ------------------------------------------------------------ TestWaitInterrupt


def test_a_child_that_exits_0_is_a_success() -> None:
    life = play(Life(), (1, Fact.EXITED, 0, [Act.FINISH]))
    assert names(life) == []
    assert life.troubled is False


def test_without_a_cancel_action_a_child_may_exit_0_within_the_delay() -> None:
    life = play(
        Life(steps=(), wait_delay=1000),
        (1, Fact.CONTEXT_DONE, CANCELED, []),
        (2, Fact.EXITED, 0, [Act.FINISH]),
    )
    assert names(life) == []


def test_a_killed_child_whose_grandchild_holds_a_pipe_is_left_after_the_delay() -> None:
    life = play(
        Life(wait_delay=0.01, streams=1),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.KILL]),
        (1.001, Fact.EXITED, -SIGKILL, []),
        (1.01, Fact.TIMER, None, [Act.CUT]),
        (1.01, Fact.STREAM_ENDED, True, [Act.FINISH]),
    )
    assert names(life) == ["ExitCanceled", "WaitDelayCanceled"]


def test_a_child_that_exits_0_with_an_orphan_on_its_pipe_is_left_after_the_delay() -> None:
    life = play(
        Life(wait_delay=0.01, streams=1),
        (1, Fact.EXITED, 0, []),
        (1.01, Fact.TIMER, None, [Act.CUT]),
        (1.01, Fact.STREAM_ENDED, True, [Act.FINISH]),
    )
    assert names(life) == ["WaitDelayExpired"]


def test_a_child_that_ignores_sigint_is_killed_after_the_delay() -> None:
    life = play(
        Life(steps=((SIGINT, None, False),), wait_delay=0.2),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1.2, Fact.TIMER, None, [Act.KILL]),
        (1.3, Fact.EXITED, -SIGKILL, [Act.FINISH]),
    )
    assert names(life) == ["ExitCanceled"]


def test_a_child_that_exits_0_on_sigint_was_ended_by_the_context() -> None:
    life = play(
        Life(steps=((SIGINT, None, False),)),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1.1, Fact.EXITED, 0, [Act.FINISH]),
    )
    assert names(life) == ["Canceled"]


def test_a_child_that_exits_2_on_sigquit_is_an_exit_error() -> None:
    life = play(
        Life(steps=((SIGQUIT, None, False),)),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1.1, Fact.EXITED, 2, [Act.FINISH]),
    )
    assert names(life) == ["ExitCanceled"]


# ------------------------------------------------------------- TestCancelErrors


def function(**fields: float) -> Life:
    """A life that a function of the caller's ends."""
    return Life(steps=(), calls=True, **fields)  # type: ignore[arg-type]


def test_success_after_an_error_of_the_cancel_function_is_that_error_wrapped() -> None:
    life = play(
        function(),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.CANCEL]),
        (1.1, Fact.CANCEL_RETURNED, FAILED, []),
        (1.2, Fact.EXITED, 0, [Act.FINISH]),
    )
    first = errors(life)[0]
    assert type(first).__name__ == "CancelFailed"
    assert str(first) == "canceling make all: RuntimeError: the cancel function failed"
    assert first.__cause__ is FAILED


def test_success_after_already_finished_is_success() -> None:
    life = play(
        function(),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.CANCEL]),
        (1.1, Fact.CANCEL_RETURNED, GONE, []),
        (1.2, Fact.EXITED, 0, [Act.FINISH]),
    )
    assert names(life) == []


def test_killed_after_an_error_is_an_exit_error_that_keeps_the_other() -> None:
    life = play(
        function(wait_delay=0.2),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.CANCEL]),
        (1.1, Fact.CANCEL_RETURNED, FAILED, []),
        (1.2, Fact.TIMER, None, [Act.KILL]),
        (1.3, Fact.EXITED, -SIGKILL, [Act.FINISH]),
    )
    assert names(life) == ["ExitCanceled", "CancelFailed"]


def test_killed_after_a_false_already_finished_is_an_exit_error() -> None:
    life = play(
        function(wait_delay=0.2),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.CANCEL]),
        (1.1, Fact.CANCEL_RETURNED, GONE, []),
        (1.2, Fact.TIMER, None, [Act.KILL]),
        (1.3, Fact.EXITED, -SIGKILL, [Act.FINISH]),
    )
    assert names(life) == ["ExitCanceled"]


def test_a_false_already_finished_after_our_sigkill_changes_nothing() -> None:
    life = play(
        function(),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.CANCEL]),
        (2, Fact.HURRY, CANCELED, [Act.KILL]),
        (2.1, Fact.CANCEL_RETURNED, GONE, []),
        (2.2, Fact.EXITED, -SIGKILL, [Act.FINISH]),
    )
    assert names(life) == ["ExitCanceled"]


def test_a_non_zero_exit_after_an_error_is_an_exit_error_that_keeps_the_other() -> None:
    life = play(
        function(),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.CANCEL]),
        (1.1, Fact.CANCEL_RETURNED, FAILED, []),
        (1.2, Fact.EXITED, 1, [Act.FINISH]),
    )
    assert names(life) == ["ExitCanceled", "CancelFailed"]


def test_the_end_waits_for_the_cancel_function() -> None:
    life = play(
        function(),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.CANCEL]),
        (1.1, Fact.EXITED, 0, []),
        (1.3, Fact.CANCEL_RETURNED, None, [Act.FINISH]),
    )
    assert names(life) == ["Canceled"]


def test_a_cancel_function_that_does_not_return_is_left_alone() -> None:
    life = play(
        function(wait_delay=0.2),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.CANCEL]),
        (1.1, Fact.EXITED, 0, []),
        (1.2, Fact.TIMER, None, [Act.FINISH]),
    )
    assert names(life) == ["Canceled"]


def test_a_child_whose_cancel_function_does_not_return_is_killed_a_moment_after_the_delay() -> None:
    """What the function did a moment ago gets a moment to show."""
    life = play(
        function(wait_delay=0.25),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.CANCEL]),
        (1.25, Fact.TIMER, None, []),
        (1.25 + LAST_MOMENT, Fact.TIMER, None, [Act.KILL]),
        (2, Fact.EXITED, -SIGKILL, [Act.FINISH]),
    )
    assert names(life) == ["ExitCanceled"]


# ------------------------------------------------------- ends of its own choice


def test_success_in_time_is_success_also_when_the_deadline_has_passed_by_now() -> None:
    """Invariant 9. Go reports this as the context's end (the zombie rows of its table)."""
    life = play(Life(deadline=1.0), (1.5, Fact.EXITED, 0, [Act.FINISH]))
    assert names(life) == []


def test_a_status_of_its_own_choice_was_chosen_before_our_sigkill() -> None:
    """Nobody survives SIGKILL to exit 0: this is how the zombie rows look to our machine."""
    life = play(
        Life(deadline=1.0),
        (1, Fact.TIMER, None, [Act.KILL]),
        (1, Fact.EXITED, 0, [Act.FINISH]),
    )
    assert life.interrupted is False
    assert names(life) == []


def test_pipes_are_read_to_their_end_however_long_it_takes() -> None:
    life = Life(streams=2)
    play(life, (1, Fact.STREAM_ENDED, False, []), (2, Fact.EXITED, 0, []))
    assert life.wake_at() is None
    play(life, (9000, Fact.STREAM_ENDED, False, [Act.FINISH]))
    assert names(life) == []


def test_a_copy_error_counts_when_nothing_else_went_wrong() -> None:
    life = play(
        Life(streams=1), (1, Fact.STREAM_ENDED, False, []), (2, Fact.EXITED, 0, [Act.FINISH])
    )
    assert names(life, [("stdout", OSError("disk full"))]) == ["CopyError"]


def test_a_lost_status_is_no_success() -> None:
    life = play(Life(), (1, Fact.EXITED, None, [Act.FINISH]))
    assert names(life) == ["StatusLostError"]


def test_the_deadline_ends_a_child_as_a_cancellation_does() -> None:
    life = play(
        Life(deadline=1.0),
        (0.9, Fact.TIMER, None, []),
        (1.0, Fact.TIMER, None, [Act.KILL]),
        (1.1, Fact.EXITED, -SIGKILL, [Act.FINISH]),
    )
    assert life.ended_by is Reason.DEADLINE
    assert names(life) == ["ExitDeadlineExceeded"]


# --------------------------------------------------------------------- patience


def test_steps_are_taken_one_by_one_and_sigkill_is_the_last() -> None:
    life = Life(steps=((SIGINT, 1.0, False), (SIGTERM, 2.0, False)), wait_delay=60)
    play(life, (10, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]))
    assert (life.signal, life.wake_at()) == (SIGINT, 11)
    play(life, (11, Fact.TIMER, None, [Act.SIGNAL]))
    assert (life.signal, life.wake_at()) == (SIGTERM, 13)
    play(life, (13, Fact.TIMER, None, [Act.KILL]), (13.1, Fact.EXITED, -SIGKILL, [Act.FINISH]))
    assert names(life) == ["ExitCanceled"]


@pytest.mark.parametrize(
    ("steps", "wait_delay", "patience"),
    [
        (((SIGKILL, None, False),), None, GRACE),
        ((), None, GRACE),
        (((SIGINT, 1.0, False), (SIGTERM, 2.0, False)), None, 3.0),
        (((SIGTERM, None, False),), 0.2, 0.2),
        (((SIGTERM, None, False),), 0.0, 0.0),
        (((SIGTERM, None, False),), math.inf, None),
    ],
    ids=["default", "nothing", "as long as the steps", "given", "none", "for ever"],
)
def test_patience_begins_with_the_end_of_the_context(
    steps: tuple[tuple[int, float | None, bool], ...],
    wait_delay: float | None,
    patience: float | None,
) -> None:
    life = Life(steps=steps, wait_delay=wait_delay)
    life.tell(Fact.CONTEXT_DONE, 100.0, CANCELED)
    while life.state is State.ENDING and (at := life.wake_at()) is not None:
        life.tell(Fact.TIMER, at)
    if patience is None:
        assert life.state is State.ENDING
    else:
        assert life.state is State.FORCING
        assert life.wake_at() == 100.0 + patience + DEATH_LIMIT


def test_a_hurry_skips_the_grace() -> None:
    life = play(
        Life(steps=((SIGTERM, None, False),), wait_delay=60),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (2, Fact.HURRY, CANCELED, [Act.KILL]),
        (2.1, Fact.EXITED, -SIGKILL, [Act.FINISH]),
    )
    assert names(life) == ["ExitCanceled"]


def test_a_deadline_after_the_exit_bounds_the_reading_of_pipes() -> None:
    """Invariant 7. Go forgets the context once the child has exited."""
    life = play(
        Life(deadline=1.0, wait_delay=0.5, streams=1),
        (0.8, Fact.EXITED, 0, []),
        (1.0, Fact.TIMER, None, []),
        (1.3, Fact.TIMER, None, [Act.CUT]),
        (1.3, Fact.STREAM_ENDED, True, [Act.FINISH]),
    )
    assert names(life) == ["WaitDelayDeadlineExceeded"]


# ------------------------------------------------------------------------ force


def test_a_child_that_sigkill_does_not_end_is_given_up_with_a_word() -> None:
    life = play(
        Life(wait_delay=0.5, streams=1),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.KILL]),
        (1.5, Fact.TIMER, None, [Act.KILL]),
        (1.5 + DEATH_LIMIT, Fact.TIMER, None, [Act.CUT, Act.FINISH]),
    )
    assert names(life) == ["KillFailed", "Canceled", "WaitDelayCanceled"]
    assert str(life.kill_error) == "still alive 2 s after SIGKILL"


def test_a_refused_sigkill_is_reported_as_a_failed_cancel() -> None:
    life = play(
        Life(),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.KILL]),
        (1, Fact.KILL_FAILED, REFUSED, []),
        (1.5, Fact.EXITED, 0, [Act.FINISH]),
    )
    assert names(life) == ["CancelFailed"]


def test_a_refused_sigkill_of_force_is_the_end_of_waiting() -> None:
    life = play(
        Life(steps=((SIGTERM, None, False),), wait_delay=0.5),
        (1, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1, Fact.CANCEL_RETURNED, REFUSED, []),
        (1.5, Fact.TIMER, None, [Act.KILL]),
        (1.5, Fact.KILL_FAILED, REFUSED, [Act.FINISH]),
    )
    assert names(life)[:2] == ["KillFailed", "CancelFailed"]


def test_a_writer_that_is_in_a_write_gets_a_moment_and_is_then_left_alone() -> None:
    life = play(
        Life(wait_delay=0.5, streams=1),
        (1.0, Fact.EXITED, 0, []),
        (1.5, Fact.TIMER, None, [Act.CUT]),
        (1.5 + SETTLE / 2, Fact.TIMER, None, []),
        (1.5 + SETTLE, Fact.TIMER, None, [Act.FINISH]),
    )
    assert names(life) == ["WaitDelayExpired"]
