"""The stories of a tree that can be found and killed (invariant 8)."""

from signal import SIGINT, SIGKILL, SIGTERM

import pytest

from osexec._core.deadline import LEAK_GRACE, SETTLE
from osexec._core.facts import Act, Fact
from osexec._core.life import Life
from osexec._words.result import Reason
from tests.core.ending import CANCELED, errors, names, play

FAST = 0.2
"""The wait delay of the tests."""
FAILURES = [3, -SIGINT, -SIGKILL, None]
"""A status, a signal, and a status that was lost."""


def test_a_child_that_ends_by_itself_leaves_its_tree_alone() -> None:
    life = play(Life(contained=True), (1, Fact.EXITED, 0, [Act.FINISH]))
    assert names(life) == []


@pytest.mark.parametrize("code", FAILURES)
def test_what_a_failed_child_left_is_let_go_after_a_moment(code: int | None) -> None:
    """A Ctrl-C may have ended it, and reaches whoever is to cancel a moment later."""
    life = Life(contained=True)
    play(life, (1.0, Fact.EXITED, code, [Act.LOOK]))
    assert life.wake_at() == 1.0 + LEAK_GRACE
    play(
        life,
        (1.0 + LEAK_GRACE / 2, Fact.TIMER, None, []),
        (1.0 + LEAK_GRACE, Fact.TIMER, None, [Act.FINISH]),
    )
    assert life.leaked is False, "it may live on"
    assert life.ended_by is None


@pytest.mark.parametrize("code", FAILURES)
def test_a_failed_child_that_left_nobody_is_not_waited_for(code: int | None) -> None:
    play(
        Life(contained=True),
        (1.0, Fact.EXITED, code, [Act.LOOK]),
        (1.0, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )


@pytest.mark.parametrize("code", FAILURES)
def test_a_cancel_in_that_moment_ends_what_the_child_left(code: int | None) -> None:
    life = play(
        Life(contained=True),
        (1.0, Fact.EXITED, code, [Act.LOOK]),
        (1.0 + LEAK_GRACE / 2, Fact.CONTEXT_DONE, CANCELED, [Act.KILL, Act.LOOK]),
        (1.0 + LEAK_GRACE, Fact.TIMER, None, []),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert life.ended_by is Reason.CANCELED
    assert life.interrupted is False, "it had ended before"
    assert names(life) == ["StatusLostError" if code is None else "ExitError"]


def test_the_steps_of_that_cancel_are_for_what_the_child_left() -> None:
    play(
        Life(steps=((SIGTERM, 0.5, False),), contained=True),
        (1.0, Fact.EXITED, -SIGINT, [Act.LOOK]),
        (1.05, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL_REST, Act.LOOK]),
        (1.0 + LEAK_GRACE, Fact.TIMER, None, []),
        (1.55, Fact.TIMER, None, [Act.KILL, Act.LOOK]),
        (1.6, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )


def test_a_hurry_in_that_moment_kills_what_the_child_left() -> None:
    play(
        Life(contained=True),
        (1.0, Fact.EXITED, 3, [Act.LOOK]),
        (1.05, Fact.HURRY, CANCELED, [Act.KILL, Act.LOOK]),
        (1.06, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )


@pytest.mark.parametrize("wait_delay", [0.0, LEAK_GRACE / 2])
def test_a_shorter_wait_delay_shortens_that_moment(wait_delay: float) -> None:
    life = Life(contained=True, wait_delay=wait_delay)
    play(life, (1.0, Fact.EXITED, 3, [Act.LOOK]))
    assert life.wake_at() == 1.0 + wait_delay
    play(life, (1.0 + wait_delay, Fact.TIMER, None, [Act.FINISH]))


def test_the_pipes_are_read_on_after_that_moment() -> None:
    life = play(
        Life(contained=True, wait_delay=FAST, streams=1),
        (1.0, Fact.EXITED, 3, [Act.LOOK]),
        (1.0 + LEAK_GRACE, Fact.TIMER, None, []),
        (1.0 + FAST, Fact.TIMER, None, [Act.CUT]),
        (1.0 + FAST, Fact.STREAM_ENDED, True, [Act.FINISH]),
    )
    assert names(life) == ["ExitError", "WaitDelayExpired"]


def test_a_child_alone_leaves_nobody_to_wait_for() -> None:
    play(Life(contained=False), (1.0, Fact.EXITED, 3, [Act.FINISH]))


def test_what_outlives_a_killed_child_is_killed_before_the_end() -> None:
    play(
        Life(contained=True),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.KILL]),
        (1.1, Fact.EXITED, -SIGKILL, [Act.KILL, Act.LOOK]),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )


def test_the_grace_counts_until_the_tree_is_empty() -> None:
    life = play(
        Life(steps=((SIGTERM, None, False),), wait_delay=FAST, contained=True),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1.1, Fact.EXITED, 0, [Act.SIGNAL_REST, Act.LOOK]),
        (1.0 + FAST, Fact.TIMER, None, [Act.KILL, Act.LOOK]),
        (1.3, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert names(life) == ["Canceled"]


def test_the_steps_go_on_for_the_rest_of_the_tree() -> None:
    life = play(
        Life(steps=((SIGTERM, 0.1, False),), wait_delay=60, contained=True),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1.05, Fact.EXITED, -SIGTERM, [Act.SIGNAL_REST, Act.LOOK]),
        (1.1, Fact.TIMER, None, [Act.KILL, Act.LOOK]),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert names(life) == ["ExitCanceled"]


def test_a_context_that_is_done_after_the_exit_ends_who_holds_the_pipe() -> None:
    """Go never cancels once the leader has exited, so the orphan survives there."""
    life = play(
        Life(deadline=1.0, contained=True, streams=1),
        (0.5, Fact.EXITED, 0, []),
        (1.0, Fact.TIMER, None, [Act.KILL, Act.LOOK]),
        (1.1, Fact.STREAM_ENDED, False, []),
        (1.1, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert names(life) == ["WaitDelayDeadlineExceeded"]


def test_who_holds_a_pipe_may_live_on_when_only_the_delay_is_over() -> None:
    life = play(
        Life(wait_delay=FAST, contained=True, streams=1),
        (1.0, Fact.EXITED, 0, []),
        (1.0 + FAST, Fact.TIMER, None, [Act.CUT]),
        (1.0 + FAST, Fact.STREAM_ENDED, True, [Act.FINISH]),
    )
    assert names(life) == ["WaitDelayExpired"]


def test_the_pipes_are_closed_after_the_tree_is_gone() -> None:
    """What the dying wrote is still read."""
    play(
        Life(wait_delay=FAST, contained=True, streams=1),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.KILL]),
        (1.0 + FAST, Fact.TIMER, None, [Act.KILL]),
        (1.3, Fact.EXITED, -SIGKILL, [Act.LOOK]),
        (1.4, Fact.TREE_EMPTY, None, [Act.CUT]),
        (1.4, Fact.STREAM_ENDED, True, [Act.FINISH]),
    )


def test_a_tree_that_sigkill_does_not_empty_is_left_after_a_moment() -> None:
    play(
        Life(wait_delay=FAST, contained=True, streams=1),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.KILL]),
        (1.1, Fact.EXITED, -SIGKILL, [Act.KILL, Act.LOOK]),
        (1.0 + FAST, Fact.TIMER, None, [Act.KILL, Act.LOOK]),
        (1.0 + FAST + SETTLE, Fact.TIMER, None, [Act.CUT, Act.FINISH]),
    )


def test_a_hurry_kills_the_rest_of_the_tree() -> None:
    play(
        Life(steps=((SIGTERM, None, False),), wait_delay=60, contained=True),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1.1, Fact.EXITED, 0, [Act.SIGNAL_REST, Act.LOOK]),
        (1.2, Fact.HURRY, CANCELED, [Act.KILL, Act.LOOK]),
        (1.3, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )


def test_a_cancel_function_ends_the_child_and_force_the_rest() -> None:
    life = play(
        Life(steps=(), calls=True, wait_delay=FAST, contained=True),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.CANCEL]),
        (1.05, Fact.CANCEL_RETURNED, None, []),
        (1.1, Fact.EXITED, 0, [Act.LOOK]),
        (1.0 + FAST, Fact.TIMER, None, [Act.KILL, Act.LOOK]),
        (1.3, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert names(life) == ["Canceled"]


def test_without_containment_only_the_child_is_signalled() -> None:
    play(
        Life(steps=((SIGTERM, 0.1, False),), wait_delay=FAST, streams=1),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1.05, Fact.EXITED, 0, []),
        (1.1, Fact.TIMER, None, []),
        (1.0 + FAST, Fact.TIMER, None, [Act.CUT]),
        (1.0 + FAST, Fact.STREAM_ENDED, True, [Act.FINISH]),
    )


def test_a_step_says_whether_the_whole_tree_gets_its_signal() -> None:
    life = Life(steps=((SIGTERM, 0.1, True), (SIGTERM, 0.1, False)), contained=True)
    assert life.whole_tree is False
    play(life, (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]))
    assert (life.signal, life.whole_tree) == (SIGTERM, True)
    play(life, (1.1, Fact.TIMER, None, [Act.SIGNAL]))
    assert (life.signal, life.whole_tree) == (SIGTERM, False)


def test_a_sigkill_is_for_the_whole_tree_whatever_its_step_says() -> None:
    for whole_tree in (False, True):
        play(
            Life(steps=((SIGKILL, None, whole_tree),), contained=True),
            (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.KILL]),
            (1.1, Fact.EXITED, -SIGKILL, [Act.KILL, Act.LOOK]),
            (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
        )


def test_the_next_step_goes_to_the_rest_once_the_child_has_ended() -> None:
    life = play(
        Life(steps=((SIGINT, 0.1, True), (SIGTERM, 0.1, False)), contained=True),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1.05, Fact.EXITED, 0, [Act.LOOK]),
        (1.1, Fact.TIMER, None, [Act.SIGNAL_REST, Act.LOOK]),
    )
    assert life.signal == SIGTERM
    play(life, (1.2, Fact.TIMER, None, [Act.KILL, Act.LOOK]))


def test_who_has_had_the_signal_already_does_not_get_it_twice() -> None:
    """A second SIGINT means "at once" to many a program."""
    for whole_tree in (False, True):
        again = [] if whole_tree else [Act.SIGNAL_REST]
        play(
            Life(steps=((SIGINT, None, whole_tree),), contained=True),
            (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
            (1.1, Fact.EXITED, -SIGINT, [*again, Act.LOOK]),
            (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
        )


def test_who_holds_the_pipe_of_a_child_that_was_in_time_is_ended_and_that_is_told() -> None:
    """It exited 0 before our SIGKILL came, so it is no failure; but its output is cut."""
    life = play(
        Life(contained=True, streams=1),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.KILL]),
        (1.0, Fact.EXITED, 0, [Act.KILL, Act.LOOK]),
        (1.1, Fact.STREAM_ENDED, False, []),
        (1.1, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert names(life) == ["WaitDelayCanceled"]


def test_a_refused_sigkill_to_the_rest_is_told_and_the_end_of_waiting() -> None:
    life = play(
        Life(contained=True, streams=1),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.KILL]),
        (1.1, Fact.EXITED, -SIGKILL, [Act.KILL, Act.LOOK]),
        (1.1, Fact.KILL_FAILED, PermissionError("not permitted"), [Act.CUT, Act.FINISH]),
    )
    assert names(life) == ["ExitCanceled", "KillFailed", "WaitDelayCanceled"]


def test_a_lost_minder_is_no_success_and_says_so() -> None:
    life = play(Life(), (1, Fact.EXITED, None, [Act.FINISH]))
    (error,) = errors(life, minder_lost=True)
    assert type(error).__name__ == "StatusLostError"
    assert error.result is not None
    assert error.result.reason is Reason.MINDER_LOST
    assert "the minder that contained it was killed" in str(error)
    (other,) = errors(life)
    assert other.result is not None
    assert other.result.reason is Reason.STATUS_LOST
    assert "minder" not in str(other)
