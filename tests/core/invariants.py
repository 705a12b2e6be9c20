"""What must hold on every road (DESIGN.md, section 3), after every step.

The numbers are those of the design: 1-6 are Go's own, 7-12 are where Go falls short.
"""

import math
from signal import SIGKILL

from osexec._core.deadline import DEATH_LIMIT, LAST_MOMENT, LEAK_GRACE, SETTLE
from osexec._core.facts import Act, Fact, State
from osexec._core.life import TABLE
from tests.core import machine
from tests.core.world import STOP, World

ROUNDING = 1e-9
"""Sums of the same times in another order."""
SIGNALS = (Act.KILL, Act.SIGNAL, Act.SIGNAL_REST)
EVERY_FACT = [
    (Fact.EXITED, 0),
    (Fact.CONTEXT_DONE, STOP),
    (Fact.HURRY, STOP),
    (Fact.CANCEL_RETURNED, OSError()),
    (Fact.KILL_FAILED, OSError()),
    (Fact.STREAM_ENDED, True),
    (Fact.TREE_EMPTY, None),
    (Fact.TIMER, None),
]


def always(world: World, fact: Fact, before: State, acts: list[Act]) -> None:
    """Whatever is told, also what cannot be."""
    life = world.life
    if before is State.DONE:
        assert acts == [], "an act after FINISH"
        return
    # The table is the machine: nothing happens that it does not list.
    if life.state is not before:
        assert life.state in TABLE[before, fact][1], "the table does not list this step"
    # FINISH comes once and last, and is the end.
    assert (Act.FINISH in acts) == (life.state is State.DONE), "DONE without FINISH"
    assert acts.count(Act.FINISH) <= 1, "FINISH twice in one answer"
    assert Act.FINISH not in acts[:-1], "an act after FINISH"
    # 7: a time that has come moves something, or the driver would spin.
    if fact is Fact.TIMER and life.state is before and not acts:
        at = life.wake_at()
        assert at is None or at > world.now, "the time came, and nothing moved"
    # 7: once the child has ended, force only waits for the writers to settle.
    entered = before is not State.FORCING or fact is Fact.EXITED
    if life.state is State.FORCING and world.exited and entered:
        at = life.wake_at()
        assert at is not None
        assert at <= world.now + SETTLE, "writers are waited for too long"
    # The cancel function is called once, and the pipes are closed once.
    assert world.cancels <= 1, "the cancel function was called twice"
    assert world.cuts <= 1, "CUT twice"
    # A context that lives ends nothing but what outlives the child where nobody may.
    if life.ended_by is None and not life.leaked:
        assert not any(act in SIGNALS or act is Act.CANCEL for act in acts), "ended in peace"
    assert life.leaked == (world.named == 1), "leaked is what was named, once"
    if Act.NAME in acts:
        leaks_are_killed(world, fact, before, acts)


def leaks_are_killed(world: World, fact: Fact, before: State, acts: list[Act]) -> None:
    """The answer to those who outlived a child that ended by itself, and may not."""
    assert acts == [Act.NAME, Act.KILL, Act.LOOK], "named first, then killed, then watched"
    assert (before, fact) == (State.DRAINING, Fact.TIMER)
    assert world.left_at is not None, "it may leave whom it likes"
    assert world.life.ended_by is None, "a context's end needs no names"
    assert world.rest == (SIGKILL,), "asked to go before"
    assert world.now >= world.left_at + world.config.leak_grace - ROUNDING, "killed early"


def everywhere(world: World) -> None:
    """Wherever the facts have led."""
    if world.life.state is State.DONE:
        nothing_after_the_end(world)
    else:
        there_is_a_time(world)


def nothing_after_the_end(world: World) -> None:
    """1: FINISH reaps, so an act after it could meet a stranger."""
    twin = machine.copy(world.life)
    before = machine.take(twin)
    for fact, value in EVERY_FACT:
        assert twin.tell(fact, world.now + 100, value) == [], f"{fact.name} acts after FINISH"
    assert machine.take(twin) == before, "a fact after FINISH changed something"
    assert twin.wake_at() is None, "DONE still waits for a time"


def there_is_a_time(world: World) -> None:
    """7: what is bounded has a time to be told, and none later than the bound."""
    life, config = world.life, world.config
    at = life.wake_at()
    if life.state is State.RUNNING:
        assert at == config.deadline
        return
    if world.forced_at is not None:
        assert at is not None, "force without an end"
        limit = world.forced_at + DEATH_LIMIT + SETTLE + world.late + ROUNDING
        assert at <= limit, "force takes too long"
    elif world.bound is not None and world.bound < math.inf:
        assert at is not None, "nothing watches the bound"
        # A cancel function that has not returned by then gets a moment more.
        limit = world.bound + (LAST_MOMENT if config.calls else 0.0) + world.late + ROUNDING
        assert at <= limit, "the time comes after the bound"
        assert world.now <= limit, "the bound has passed, and there is no force"
    if life.state is State.DRAINING and world.left_at is not None and world.looking:
        assert at is not None, "nothing watches those who may not stay"
        killed = world.killed_at
        due = world.left_at + LEAK_GRACE if killed is None else killed + DEATH_LIMIT
        assert at <= due + ROUNDING, "their grace is slept through"
    if life.state is State.DRAINING and not config.ends_leaks:
        only_a_moment_after_a_failure(world, at)
    if life.state is State.ENDING and len(world.stepped) <= len(config.steps):
        # The plan goes on: the next signal comes when the grace of the last is over.
        for (_, delay, _), when in list(zip(config.steps, world.stepped, strict=False))[-1:]:
            due = math.inf if delay is None else when + delay
            assert at is None or at <= due + ROUNDING, "a step was slept through"
            assert at is not None or due == math.inf, "a step was forgotten"
    if life.ended_by is None and config.deadline is not None and world.forced_at is None:
        assert at is not None
        assert at <= config.deadline, "the deadline is slept through"
    if at is None or at > world.now + ROUNDING:
        # A time told early changes nothing: drivers may wake when they like.
        twin = machine.copy(life)
        before = machine.take(life)
        early = world.now if at is None else (world.now + at) / 2
        assert twin.tell(Fact.TIMER, early) == [], "an early timer acts"
        assert machine.take(twin) == before, "an early timer changes something"


def only_a_moment_after_a_failure(world: World, at: float | None) -> None:
    """What a child left behind may live on; only a failure is held back for who is to cancel."""
    if world.failed_at is None:
        assert world.open, "nothing is waited for"
        return
    assert world.code != 0, "success waits for nobody"
    due = world.failed_at + world.config.leak_grace
    assert at is not None, "the end is never told"
    assert at <= due + ROUNDING, "more than a moment"


def in_this_world(world: World, fact: Fact, before: State, acts: list[Act]) -> None:
    """What must hold besides, when only what is possible is told."""
    always(world, fact, before, acts)
    life = world.life
    if any(act in SIGNALS for act in acts):
        signals_follow_the_plan(world, acts)
    if world.forced_at is not None:
        # Force has its time: the context's end plus the wait delay, or somebody's hurry.
        # A cancel function that is late gets a moment more.
        extra = LAST_MOMENT if world.pending else 0.0
        due = math.inf if world.bound is None else world.bound + extra
        if world.left_at is not None:
            due = min(due, world.left_at + world.config.leak_grace)
        assert world.hurried or world.now >= due, "force came early"
    if world.exited:
        # 1: the child is reaped when its tree is swept, so it is never signalled again.
        assert Act.SIGNAL not in acts, "a signal to a child that had ended"
        assert world.config.contained or Act.KILL not in acts, "SIGKILL to a child that had ended"
    if life.state is State.DONE:
        the_end(world)
    elif not any(
        (not world.exited, world.stops < 2, world.open, world.looking, world.pending, world.next)
    ):
        assert life.wake_at() is not None, "everything has happened, and it does not end"


def signals_follow_the_plan(world: World, acts: list[Act]) -> None:
    config = world.config
    planned, sent, rest = config.signals, world.sent, world.rest
    # One signal at a time, in the plan's order, and at most one SIGKILL of force after it.
    assert len([act for act in acts if act in SIGNALS]) == 1
    forced = world.forced_at is not None
    said = sent[:-1] if forced and not world.exited else sent
    assert said == planned[: len(said)], f"the child was sent {sent}, planned was {planned}"
    assert not forced or world.exited or sent[-1] == SIGKILL
    if Act.SIGNAL in acts or Act.SIGNAL_REST in acts:
        _, _, whole_tree = config.steps[len(world.stepped) - 1]
        assert world.life.whole_tree == whole_tree, "sent to more, or to fewer, than planned"
    # Each step has its grace before the next.
    for (_, delay, _), one, other in zip(
        config.steps, world.stepped, world.stepped[1:], strict=False
    ):
        assert delay is not None, "a step without an end was ended"
        assert other >= one + delay, "a step was cut short"
    # The rest of the tree gets the step that the child had last, then the further ones.
    if world.killed_at is not None:
        rest = rest[1:]  # not of the plan
    left = iter((*planned[max(0, len(sent) - 1) :], SIGKILL))
    assert all(number in left for number in rest), f"{rest} is not in the plan's order"


def the_end(world: World) -> None:
    life, config = world.life, world.config
    # 2: what went wrong with cancelling reaches the waiter; "already finished" does not.
    if world.refused:
        assert life.cancel_error is not None or life.kill_error is not None, "refusal was lost"
    assert (life.cancel_error is not None) <= (world.broken or world.refused)
    if world.broken:
        assert life.cancel_error is not None, "the cancel function's error was lost"
    # 5: no pipe is open unnoticed: what is still open is closed, and said to be incomplete.
    if world.open:
        assert world.cuts == 1, "a pipe was left open"
        assert life.cut
    assert life.cut or not world.lost
    # A child that was not seen to end is given up only after force, and never silently.
    if not world.exited:
        assert SIGKILL in world.sent
        assert life.kill_error is not None, "gave up without a word"
    # 8: the tree is empty, or SIGKILL was sent to it and had its time, or was refused.
    watched = config.contained and (life.ended_by is not None or config.ends_leaks)
    refused = life.kill_error is not None
    if watched and world.exited and not world.emptied and not refused:
        assert world.looking, "nobody looked at the tree"
        assert SIGKILL in world.rest + world.sent
        if not life.leaked:  # else its time is measured in test_life_leaks_orders.py
            assert world.forced_at is not None
            assert world.now >= world.forced_at + SETTLE, "the tree was left early"
    # Only who was still there when a child that ended by itself had been gone for its grace.
    assert not (life.leaked and life.interrupted)
    the_blame(world)


def the_blame(world: World) -> None:
    """Whether the context ended the child."""
    life = world.life
    if life.interrupted:
        assert life.ended_by is not None
        # 9: success in time is success, and so is every end before the context's.
        assert world.alive_at_stop, "ended before the context, and blamed on it"
        # 1: who is said to have been ended was signalled, before FINISH.
        assert world.sent or world.cancels, "blamed on a context that did nothing"
    # 9: nobody survives SIGKILL to choose a status, so that child had been in time.
    only_killed = set(world.sent) <= {SIGKILL} and not world.cancels
    if only_killed and world.exited and world.code not in (None, -SIGKILL):
        assert not life.interrupted, "a status of its own choice, and blamed on SIGKILL"
    # The other way round: it was asked to go, and went.
    asked = world.cancels or (set(world.sent) - {SIGKILL} and not world.config.refused)
    if asked and not world.gone and world.exited:
        assert life.interrupted, "it went as it was asked, and the context is not named"
    if world.cancels and world.gone and world.forced_at is None:
        assert not life.interrupted, "it had ended before, and the context is named"
    # And a pipe whose holder was ended after the exit is not forgotten.
    if world.severed and not world.alive_at_stop:
        assert life.cut, "the context's end cut a pipe, and nobody is told"
    if not (world.severed or world.lost or world.open):
        assert not life.cut, "every pipe was read to its end, and somebody is told otherwise"
    # Our SIGKILL was sent, and it died of SIGKILL.
    if SIGKILL in world.sent and not world.refused and world.code == -SIGKILL:
        assert life.interrupted, "our SIGKILL is not blamed on the context"
