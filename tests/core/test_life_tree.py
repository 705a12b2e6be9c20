"""The stories of a tree that can be found and killed (invariant 8)."""

from signal import SIGKILL, SIGTERM

from osexec._core.deadline import SETTLE
from osexec._core.facts import Act, Fact
from osexec._core.life import Life
from tests.core.ending import CANCELED, names, play

FAST = 0.2
"""The wait delay of the tests."""


def test_a_child_that_ends_by_itself_leaves_its_tree_alone() -> None:
    life = play(Life(contained=True), (1, Fact.EXITED, 0, [Act.FINISH]))
    assert names(life) == []


def test_what_outlives_a_killed_child_is_killed_before_the_end() -> None:
    play(
        Life(contained=True),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.KILL]),
        (1.1, Fact.EXITED, -SIGKILL, [Act.KILL, Act.LOOK]),
        (1.2, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )


def test_the_grace_counts_until_the_tree_is_empty() -> None:
    life = play(
        Life(steps=((SIGTERM, None),), wait_delay=FAST, contained=True),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1.1, Fact.EXITED, 0, [Act.SIGNAL_REST, Act.LOOK]),
        (1.0 + FAST, Fact.TIMER, None, [Act.KILL, Act.LOOK]),
        (1.3, Fact.TREE_EMPTY, None, [Act.FINISH]),
    )
    assert names(life) == ["Canceled"]


def test_the_steps_go_on_for_the_rest_of_the_tree() -> None:
    life = play(
        Life(steps=((SIGTERM, 0.1),), wait_delay=60, contained=True),
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
        Life(steps=((SIGTERM, None),), wait_delay=60, contained=True),
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
        Life(steps=((SIGTERM, 0.1),), wait_delay=FAST, streams=1),
        (1.0, Fact.CONTEXT_DONE, CANCELED, [Act.SIGNAL]),
        (1.05, Fact.EXITED, 0, []),
        (1.1, Fact.TIMER, None, []),
        (1.0 + FAST, Fact.TIMER, None, [Act.CUT]),
        (1.0 + FAST, Fact.STREAM_ENDED, True, [Act.FINISH]),
    )
