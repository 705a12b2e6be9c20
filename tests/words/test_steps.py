"""The steps of `cancel=`: a value, and how they become the plan that the machine takes."""

import copy
import math
import pickle
from signal import SIGINT, SIGKILL, SIGTERM
from typing import Any

import pytest

from osexec import Cmd, Step
from osexec._words.attrs import Cancel
from tests.words.refusing import refusal, shown

A_STEP = "a step of cancel= is Step(signal, seconds) or Step(signal, seconds, scope='tree')"
"""What is said instead of a step that is none."""


def plan(*steps: Any) -> tuple[Any, ...]:
    """What the machine is given."""
    return Cmd("x", cancel=list(steps))._plan.steps


def test_a_step_is_a_value() -> None:
    step = Step("TERM", 2.0, scope="tree")
    assert (step.signal, step.delay, step.scope) == ("TERM", 2.0, "tree")
    assert step == Step("TERM", 2, "tree")
    assert hash(step) == hash(Step("TERM", 2, "tree"))
    assert len({step, Step("TERM", 2.0, "tree"), Step("TERM", 2.0)}) == 2
    assert step != ("TERM", 2.0, "tree")
    with pytest.raises(AttributeError, match="Step is frozen: delay cannot be set"):
        step.delay = 3.0


@pytest.mark.parametrize(
    "other", [Step("INT", 2.0, "tree"), Step("TERM", 1.0, "tree"), Step("TERM", 2.0)], ids=repr
)
def test_steps_are_equal_when_all_of_them_is(other: Step) -> None:
    assert Step("TERM", 2.0, "tree") != other


def test_a_step_goes_to_the_command_alone_unless_it_says_otherwise() -> None:
    assert Step("TERM", 1.0).scope == "child"


def test_a_repr_of_a_step_can_be_read_back() -> None:
    step = Step("TERM", 2.5, scope="tree")
    assert eval(repr(step)) == step
    assert "scope='tree'" in repr(step)


def test_a_step_survives_pickling() -> None:
    step = Step(SIGTERM, math.inf, scope="tree")
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(step, protocol))
        assert type(twin) is Step
        assert twin == step
    assert copy.copy(step) is step
    assert copy.deepcopy(step) == step


def test_tuples_and_steps_may_be_mixed() -> None:
    steps = (("INT", 1), Step("TERM", 2.5, scope="tree"), [15, math.inf], Step(SIGKILL, 0))
    expected = (
        (SIGINT, 1.0, False),
        (SIGTERM, 2.5, True),
        (SIGTERM, math.inf, False),
        (SIGKILL, 0.0, False),
    )
    assert plan(*steps) == expected
    assert Cmd("x", cancel=steps)._plan == Cancel(expected, None)  # type: ignore[arg-type]


def test_a_command_keeps_the_steps_as_they_were_written() -> None:
    step = Step("TERM", 2.5, scope="tree")
    steps: list[Any] = [["INT", 1], step]
    cmd = Cmd("x", cancel=steps)
    steps[0][1] = 5
    steps.clear()
    assert cmd.cancel == (("INT", 1), step)
    assert cmd.replace(cwd="/")._plan == cmd._plan
    twin = pickle.loads(pickle.dumps(cmd))
    assert twin == cmd
    assert twin._plan == cmd._plan


def test_a_plan_is_what_the_machine_takes_and_the_field_is_what_was_written() -> None:
    assert plan(Step("TERM", 1.0)) == plan(("TERM", 1.0)) == plan(Step(15, 1))
    assert Cmd("x", cancel=[Step("TERM", 1.0)]) != Cmd("x", cancel=[("TERM", 1.0)])


@pytest.mark.parametrize("scope", ["all", "group", "", "Tree", None, True, ["tree"]])
def test_a_wrong_scope_is_refused(scope: Any) -> None:
    message = refusal(lambda: Step("TERM", 1.0, scope=scope))
    assert message == f"a step's scope is 'child' or 'tree', not {scope!r}"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (15, f"{A_STEP}, not 15"),
        ("TERM", f"{A_STEP}, not 'TERM'"),
        (None, f"{A_STEP}, not None"),
        ((), f"{A_STEP}, not ()"),
        (("TERM",), f"{A_STEP}, not ('TERM',)"),
        (("TERM", 1, "tree"), f"{A_STEP}, not ('TERM', 1, 'tree')"),
        (["TERM"], f"{A_STEP}, not ['TERM']"),
        (("TERM", None), "needs its seconds"),
        (Step("TERM", None), "needs its seconds"),  # type: ignore[arg-type]
        (("TERM", "1"), "takes seconds, not str '1'"),
        (Step("TERM", True), "takes seconds, not bool True"),
        (("TERM", -1), "seconds cannot be negative or NaN"),
        (Step("TERM", -0.5), "seconds cannot be negative or NaN"),
        (Step("TERM", math.nan), "seconds cannot be negative or NaN"),
        (("TREM", 1), "there is no signal 'TREM': write a name such as 'SIGTERM'"),
        (Step("TREM", 1), "there is no signal 'TREM': write a name such as 'SIGTERM'"),
        (Step(0, 1), "0 is no signal: write a name such as 'SIGTERM', or its number"),
        (Step(65, 1), "65 is no signal"),
        (Step(True, 1), "True is no signal"),
        ((None, 1), "None is no signal"),
    ],
    ids=shown,
)
def test_a_wrong_step_is_refused_with_its_command(step: Any, message: str) -> None:
    assert message in refusal(lambda: Cmd("x", cancel=[step]))
    assert message in refusal(lambda: Cmd("x", cancel=[("INT", 1), step]))


def test_a_step_by_itself_is_no_plan() -> None:
    message = refusal(lambda: Cmd("x", cancel=Step("TERM", 1.0)))  # type: ignore[arg-type]
    assert message.startswith("cancel= takes a signal, steps, a function or None, not Step(")
