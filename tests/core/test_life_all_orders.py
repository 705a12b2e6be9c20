"""Every order of facts, tried on the machine. Nothing is sampled.

Two worlds: one where only what is possible is told, and one where each fact is
told once, also late, early, or about what never was. `invariants.py` says what
must hold after each step, and `world.py` what may come next.
"""

import gc
import math
from collections.abc import Iterator

import pytest

from osexec._core.facts import Act, Fact, State
from osexec._core.life import TABLE
from tests.core import invariants
from tests.core.machine import HELD, PLANS, Config, configs
from tests.core.world import World, anything, explore, possible


@pytest.fixture(autouse=True)
def no_garbage_collection() -> Iterator[None]:
    """Hundreds of thousands of live tuples and no cycle: looking at them is half of the time."""
    gc.disable()
    yield
    gc.enable()


DELAYS = [(held, delay) for held in HELD for delay in (None, 0.2, math.inf)]
DELAYS.append(("no leaks", 0.05))
"""The last is shorter than the grace of those who may not outlive the child."""


@pytest.mark.parametrize(("held", "wait_delay"), DELAYS, ids=lambda value: f"{value}")
@pytest.mark.parametrize("plan", PLANS)
def test_every_possible_order_keeps_every_promise(
    plan: str, held: str, wait_delay: float | None
) -> None:
    for config in configs(plan, wait_delay, held):
        explore(config, possible, invariants.in_this_world, invariants.everywhere)


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("plan", PLANS)
def test_every_fact_once_in_every_order_also_the_impossible(plan: str, held: str) -> None:
    for wait_delay, deadline, streams in ((0.2, 1.0, 1), (math.inf, None, 1), (0.2, None, 0)):
        config = Config(plan, wait_delay, deadline, HELD[held][0], streams, HELD[held][1])
        explore(config, anything, invariants.always, invariants.everywhere)


def no_step(world: World, fact: Fact, before: State, acts: list[Act]) -> None:
    """Only the steps are wanted."""


def no_place(world: World) -> None:
    """Only the steps are wanted."""


def test_the_table_lists_exactly_the_steps_there_are() -> None:
    """The diagram is drawn from the table: an arrow that nobody can take would be a lie."""
    steps = set()
    for plan in ("steps", "function"):
        for contained, streams in ((False, 0), (True, 2)):
            config = Config(plan, 0.2, 1.0, contained, streams)
            steps |= explore(config, possible, no_step, no_place)
    for streams, refused in ((0, False), (1, False), (1, True)):
        config = Config("kill", 0.2, 1.0, True, streams, ends_leaks=True, refused=refused)
        steps |= explore(config, possible, no_step, no_place)
    steps |= explore(Config("kill", 0.2, 1.0, True, 1), anything, no_step, no_place)
    taken = {step for step in steps if step[:2] in TABLE}
    assert {step for step in steps - taken if step[0] is not step[2]} == set()
    listed = {(state, fact, to) for (state, fact), (_, tos) in TABLE.items() for to in tos}
    assert {names(step) for step in listed} == {names(step) for step in taken}


def names(step: tuple[State, Fact, State]) -> str:
    state, fact, to = step
    return f"{state.name} {fact.name} -> {to.name}"
