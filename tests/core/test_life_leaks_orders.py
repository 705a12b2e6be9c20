"""Every order of facts against what is promised where nobody may outlive the child.

The grace is short, nothing that comes meanwhile makes it longer, and who is killed
after it is waited for. What holds for every life is in invariants.py.
"""

import math
from signal import SIGKILL

import pytest

from osexec._core.deadline import LEAK_GRACE, SETTLE
from osexec._core.facts import Act, Fact, State
from tests.core.invariants import ROUNDING
from tests.core.machine import HELD, PLANS, SOON, Config
from tests.core.world import World, explore, possible


def within_the_grace(world: World) -> None:
    """Who may not stay is sent SIGKILL when the grace is over, whatever came meanwhile."""
    if world.done or world.left_at is None or not world.looking or SIGKILL in world.rest:
        return
    at = world.life.wake_at()
    assert at is not None, "nothing will ever end who was left behind"
    # A cancel function is not waited for: the child it could end has ended.
    assert at <= world.left_at + LEAK_GRACE + world.late + ROUNDING, "the grace became longer"


def a_moment_for_writers(world: World, fact: Fact, before: State, acts: list[Act]) -> None:
    """Once the pipes are closed, a writer that is in a write has only a moment."""
    if Act.CUT in acts and not world.done:
        at = world.life.wake_at()
        assert at is not None
        assert at <= world.now + SETTLE, "a writer is waited for as if it had to die"


def sigkill_has_its_time(world: World, fact: Fact, before: State, acts: list[Act]) -> None:
    """A tree that is not empty is left only a while after SIGKILL, or when that was refused."""
    if not world.done or world.killed_at is None or world.life.kill_error is not None:
        return
    assert world.emptied or world.now >= world.killed_at + SETTLE, "killed, and left at once"


def any_step(world: World, fact: Fact, before: State, acts: list[Act]) -> None:
    """Only the places are looked at."""


def any_place(world: World) -> None:
    """Only the steps are looked at."""


@pytest.mark.parametrize("wait_delay", [None, 0.05, math.inf], ids=lambda delay: f"delay {delay}")
@pytest.mark.parametrize("plan", PLANS)
def test_nothing_that_comes_meanwhile_makes_the_grace_longer(
    plan: str, wait_delay: float | None
) -> None:
    for deadline in (None, SOON):
        config = Config(plan, wait_delay, deadline, contained=True, ends_leaks=True)
        explore(config, possible, any_step, within_the_grace)


@pytest.mark.parametrize("wait_delay", [None, 0.05, 0.2], ids=lambda delay: f"delay {delay}")
@pytest.mark.parametrize("streams", [0, 1])
def test_who_was_killed_is_waited_for(streams: int, wait_delay: float | None) -> None:
    config = Config("kill", wait_delay, None, contained=True, streams=streams, ends_leaks=True)
    explore(config, possible, sigkill_has_its_time, any_place)


@pytest.mark.parametrize("held", HELD)
def test_a_writer_in_a_write_gets_the_same_moment_on_every_road(held: str) -> None:
    contained, ends_leaks = HELD[held]
    config = Config("steps", 0.2, None, contained, 1, ends_leaks)
    explore(config, possible, a_moment_for_writers, any_place)
