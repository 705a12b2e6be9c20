"""The machine under facts that come late, early, twice or never, at any times.

`test_life_all_orders.py` tries every order of facts that come once; here they
repeat, and time passes as it likes. A driver tells a time that has come before
anything else, but it may have overslept.
"""

import math
from signal import SIGKILL

from hypothesis import given, note, settings
from hypothesis import strategies as st

from osexec._core.deadline import DEATH_LIMIT, SETTLE
from osexec._core.facts import Fact, State
from tests.core import invariants
from tests.core.machine import DEADLINE, HELD, PLANS, SOON, Config
from tests.core.world import BROKEN, GONE, REFUSED, STOP, World, story

MOST_TIMES = 10
"""More timers in a row than any plan has."""

FACTS = st.one_of(
    st.tuples(st.just(Fact.EXITED), st.sampled_from([0, 3, -9, -15, None])),
    st.tuples(st.sampled_from([Fact.CONTEXT_DONE, Fact.HURRY]), st.just(STOP)),
    st.tuples(st.just(Fact.CANCEL_RETURNED), st.sampled_from([None, GONE, BROKEN])),
    st.tuples(st.just(Fact.KILL_FAILED), st.just(REFUSED)),
    st.tuples(st.just(Fact.STREAM_ENDED), st.booleans()),
    st.tuples(st.sampled_from([Fact.TREE_EMPTY, Fact.TIMER]), st.none()),
)
PAUSES = st.one_of(st.just(0.0), st.floats(0.0, 8.0, allow_subnormal=False))


def configs(held: tuple[bool, bool]) -> st.SearchStrategy[Config]:
    contained, ends_leaks = held
    return st.builds(
        Config,
        plan=st.sampled_from(sorted(PLANS)),
        wait_delay=st.sampled_from([None, 0.0, 0.05, 0.2, 3.0, math.inf]),
        deadline=st.sampled_from([None, 0.0, SOON, DEADLINE]),
        contained=st.just(contained),
        streams=st.integers(0, 3),
        ends_leaks=st.just(ends_leaks),
    )


CONFIGS = st.sampled_from(sorted(HELD.values())).flatmap(configs)


def tell(world: World, fact: Fact, value: object = None) -> None:
    """Tell one fact, and look at everything that must hold whatever is told."""
    before = world.life.state
    acts = world.tell(fact, value)
    note(f"{world.now:g} {fact.name} {value!r} -> {[act.name for act in acts]}")
    try:
        invariants.always(world, fact, before, acts)
        invariants.everywhere(world)
    except AssertionError as error:
        error.add_note(story(world, acts))
        raise


def tick(world: World) -> None:
    """What a driver does when it wakes: tell the time, until the next is in the future."""
    for _ in range(MOST_TIMES):
        at = world.life.wake_at()
        if at is None or at > world.now:
            return
        world.late = max(world.late, world.now - at)
        tell(world, Fact.TIMER)
    raise AssertionError("time is told again and again")


@settings(max_examples=300)
@given(CONFIGS, st.lists(st.tuples(PAUSES, FACTS), max_size=20))
def test_no_order_of_facts_breaks_a_promise(
    config: Config, events: list[tuple[float, tuple[Fact, object]]]
) -> None:
    world = World(config)
    for pause, (fact, value) in events:
        if world.done:
            break
        world.now += pause
        tick(world)
        if not world.done:
            tell(world, fact, value)


@settings(max_examples=200)
@given(CONFIGS, st.lists(st.tuples(PAUSES, FACTS), max_size=10), PAUSES)
def test_the_end_comes_by_the_clock_alone(
    config: Config, events: list[tuple[float, tuple[Fact, object]]], pause: float
) -> None:
    """7: once the context is done and a wait delay is finite, no fact is needed any more."""
    world = World(config)
    for wait, (fact, value) in [*events, (pause, (Fact.CONTEXT_DONE, STOP))]:
        if not world.done:
            world.now += wait
            tick(world)
            tell(world, fact, value)
    for _ in range(MOST_TIMES):
        at = world.life.wake_at()
        if at is None:
            break
        world.now = max(world.now, at)
        tell(world, Fact.TIMER)
    if not world.done:
        assert world.bound == math.inf
        assert world.life.state in (State.ENDING, State.SWEEPING)
    elif world.forced_at is not None:
        limit = world.forced_at + DEATH_LIMIT + SETTLE + world.late + invariants.ROUNDING
        assert world.now <= limit


@settings(max_examples=100)
@given(
    configs(HELD["no leaks"]),
    st.lists(st.tuples(PAUSES, FACTS), max_size=10),
    st.sampled_from([0, 3, None]),
)
def test_who_may_not_stay_is_gone_by_the_clock_alone(
    config: Config, events: list[tuple[float, tuple[Fact, object]]], code: int | None
) -> None:
    """Once a child has ended by itself, no fact is needed to end what it left."""
    world = World(config)
    for wait, (fact, value) in [*events, (0.0, (Fact.EXITED, code))]:
        if world.life.state is State.RUNNING:
            world.now += wait
            tick(world)
        if world.life.state is State.RUNNING:
            tell(world, fact, value)
    if world.left_at is None:
        return  # somebody wanted it to end first
    for _ in range(MOST_TIMES):
        at = world.life.wake_at()
        if at is not None:
            world.now = max(world.now, at)
            tell(world, Fact.TIMER)
    if world.life.ended_by is None:
        assert world.done
        assert world.life.leaked
        assert set(world.rest) == {SIGKILL}
