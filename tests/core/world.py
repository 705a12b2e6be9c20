"""A small world around the machine: what has happened so far, and what may happen next.

A world is copied at every fork of the road and compared by value, so that two
roads to the same place are walked on once.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from signal import SIGKILL
from typing import Any, Self

from osexec._core.facts import Act, Fact, State
from osexec._words.result import Reason
from tests.core import machine
from tests.core.machine import Config

GONE = ProcessLookupError("already finished")
REFUSED = PermissionError("not permitted")
BROKEN = RuntimeError("the cancel function failed")
STOP = (Reason.CANCELED, "somebody stopped it")
LATE = 10.0
"""How long a driver may oversleep: every other time has passed by then."""

Told = tuple[Fact, object]


class World:
    """One life and all that is known around it."""

    __slots__ = (
        "alive_at_stop",  # the context was done before the exit was seen
        "bound",  # when force is due, None while nothing bounds the run
        "broken",  # the cancel function failed
        "cancels",  # CANCEL acts
        "code",
        "config",
        "cuts",  # CUT acts
        "emptied",  # TREE_EMPTY after the last LOOK
        "exited",
        "failed_at",  # it failed by itself, and what it left waits for whoever is to cancel
        "forced_at",
        "gone",  # a signal or the cancel function said that the child had ended before
        "hurried",
        "killed_at",  # when who may not outlive the child was sent SIGKILL
        "late",  # by how much the driver overslept
        "life",
        "looking",  # LOOK without its TREE_EMPTY
        "left_at",  # it ended by itself, and somebody may be there who may not outlive it
        "lost",  # a stream ended before its end
        "named",  # NAME acts
        "next",  # a fact that comes of an act itself: nothing can come between
        "now",
        "open",  # streams that have not ended
        "paused",
        "pending",  # CANCEL without its CANCEL_RETURNED
        "refused",  # a signal was refused
        "rest",  # signals to what was left of the tree once the child had ended
        "sent",  # signals to the child
        "severed",  # what was left of the tree was signalled while it held a stream
        "stepped",  # when the steps of the plan were taken
        "stops",  # how often somebody asked for the end
        "told",  # which of "each fact once" were told (a bit for each)
        "trail",
    )

    def __init__(self, config: Config) -> None:
        self.config = config
        self.life = config.life()
        self.now = self.late = 0.0
        self.open = config.streams
        self.code: int | None = None
        self.bound: float | None = None
        self.failed_at: float | None = None
        self.forced_at: float | None = None
        self.left_at: float | None = None
        self.killed_at: float | None = None
        self.next: Told | None = None
        self.severed = False
        self.exited = self.alive_at_stop = self.hurried = self.looking = self.lost = False
        self.pending = self.broken = self.gone = self.refused = self.paused = self.emptied = False
        self.cancels = self.cuts = self.named = self.stops = self.told = 0
        self.sent: tuple[int, ...] = ()
        self.rest: tuple[int, ...] = ()
        self.stepped: tuple[float, ...] = ()
        self.trail: Any = None

    def copy(self) -> Self:
        twin = type(self).__new__(type(self))
        _copy(self, twin)
        twin.life = machine.copy(self.life)
        return twin

    def key(self) -> object:
        return known(self), machine.take(self.life)

    @property
    def done(self) -> bool:
        return self.life.state is State.DONE

    def tell(self, fact: Fact, value: object = None) -> list[Act]:
        """Tell the machine one fact, and note what it answers."""
        self.trail = (self.trail, f"{self.now:g} {fact.name} {value!r}")
        life, now = self.life, self.now
        asked_before = life.ended_by is not None
        drained_before = life.state is State.DRAINING
        acts = life.tell(fact, now, value)
        if fact is Fact.EXITED and not self.exited:
            self.exited, self.code = True, value  # type: ignore[assignment]
            if self.config.ends_leaks and life.state is State.DRAINING:
                self.left_at = now
            elif self.config.contained and value != 0 and life.state is State.DRAINING:
                self.failed_at = now
        elif fact is Fact.STREAM_ENDED:
            self.open, self.lost = max(0, self.open - 1), self.lost or bool(value)
        elif fact is Fact.TREE_EMPTY:
            self.looking, self.emptied = False, True
            if self.forced_at is None:
                self.left_at = None
        elif fact is Fact.CANCEL_RETURNED:
            self.pending = False
            self.gone = self.gone or value is GONE
            self.broken = self.broken or value is BROKEN
        elif fact is Fact.HURRY:
            self.hurried = True
        if life.state is State.DRAINING and not drained_before:
            self._bound_by(self.config.wait_delay)
        if life.ended_by is not None and not asked_before:
            self.alive_at_stop = not self.exited
            self._bound_by(self.config.patience)
        if life.state is State.FORCING and self.forced_at is None:
            self.forced_at = now
        if life.state is not State.DRAINING or not life.tree_open:
            self.failed_at = None
        for act in acts:
            forced = self.forced_at is not None or Act.NAME in acts
            self._note(act, is_step=fact is not Fact.EXITED and not forced)
        return acts

    def _bound_by(self, delay: float | None) -> None:
        if delay is not None:
            due = self.now + delay
            self.bound = due if self.bound is None else min(due, self.bound)

    def _note(self, act: Act, *, is_step: bool) -> None:
        if act is Act.CANCEL:
            self.cancels += 1
            self.pending = True
        elif act is Act.CUT:
            self.cuts += 1
        elif act is Act.NAME:
            self.named += 1
            self.killed_at = self.now
        elif act is Act.LOOK:
            self.looking, self.emptied = True, False
        elif act in (Act.KILL, Act.SIGNAL, Act.SIGNAL_REST):
            number = SIGKILL if act is Act.KILL else self.life.signal
            if is_step:
                self.stepped += (self.now,)
            if self.exited:
                self.rest += (number,)
                # Who holds a pipe and may not outlive the child cuts nothing by being ended.
                self.severed = self.severed or (self.open > 0 and self.life.ended_by is not None)
            else:
                self.sent += (number,)
                self.severed = self.severed or (self.open > 0 and self.life.whole_tree)
            if self.config.refused and act is not Act.SIGNAL_REST:
                self.refused = True
                failed = Fact.KILL_FAILED if act is Act.KILL else Fact.CANCEL_RETURNED
                self.next = (failed, REFUSED)


_copy = machine.copier(World.__slots__)
known = attrgetter(*(name for name in World.__slots__ if name not in ("life", "trail", "config")))

Next = Callable[[World], Iterable[tuple[Fact, object, World]]]
CheckStep = Callable[[World, Fact, State, list[Act]], None]
CheckPlace = Callable[[World], None]


def possible(world: World) -> Iterator[tuple[Fact, object, World]]:
    """What a real child, its pipes, its tree and its driver can bring next."""
    if world.next is not None:
        twin = world.copy()
        twin.next = None
        yield *world.next, twin
        return
    if not world.exited:
        for code in (0, -SIGKILL, None):
            yield Fact.EXITED, code, world.copy()
    if world.stops < 2:
        # As in Job.cancel: who asks a second time is out of patience.
        again = world.life.ended_by is not None
        twin = world.copy()
        twin.stops += 1
        yield Fact.HURRY if again else Fact.CONTEXT_DONE, STOP, twin
    if world.open:
        yield Fact.STREAM_ENDED, False, world.copy()
        if world.cuts:
            yield Fact.STREAM_ENDED, True, world.copy()
    if world.looking:
        yield Fact.TREE_EMPTY, None, world.copy()
    if world.pending:
        for error in (None, GONE, BROKEN):
            yield Fact.CANCEL_RETURNED, error, world.copy()
    yield from timers(world)


EACH_ONCE: tuple[tuple[Fact, tuple[object, ...]], ...] = (
    (Fact.EXITED, (0, -SIGKILL)),
    (Fact.CONTEXT_DONE, (STOP,)),
    (Fact.HURRY, (STOP,)),
    (Fact.CANCEL_RETURNED, (GONE, BROKEN)),
    (Fact.KILL_FAILED, (REFUSED,)),
    (Fact.STREAM_ENDED, (False, True)),
    (Fact.TREE_EMPTY, (None,)),
)


def anything(world: World) -> Iterator[tuple[Fact, object, World]]:
    """Every fact once, whether it makes sense or not: late, early, about what never was."""
    for place, (fact, values) in enumerate(EACH_ONCE):
        if not world.told >> place & 1:
            for value in values:
                twin = world.copy()
                twin.told |= 1 << place
                twin.next = None
                yield fact, value, twin
    if (at := world.life.wake_at()) is not None:
        twin = world.copy()
        twin.now = max(at, world.now)
        yield Fact.TIMER, None, twin


def timers(world: World) -> Iterator[tuple[Fact, object, World]]:
    """The time that was asked for comes: when it is due, or much too late; or half of it passes."""
    at = world.life.wake_at()
    if at is None:
        return
    at = max(at, world.now)
    twin = world.copy()
    twin.now = at
    yield Fact.TIMER, None, twin
    if not world.late:
        twin = world.copy()
        twin.now, twin.late = at + LATE, LATE
        yield Fact.TIMER, None, twin
    if not world.paused and at > world.now:
        twin = world.copy()
        twin.now, twin.paused = (world.now + at) / 2, True
        yield Fact.TIMER, None, twin


def explore(
    config: Config, what_next: Next, check_step: CheckStep, check_place: CheckPlace
) -> set[tuple[State, Fact, State]]:
    """Walk every road breadth-first and check each step and each place; answers the steps."""
    start = World(config)
    places = {start.key()}
    queue = deque([start])
    steps = set()
    while queue:
        world = queue.popleft()
        state = world.life.state
        for fact, value, twin in what_next(world):
            acts = twin.tell(fact, value)
            steps.add((state, fact, twin.life.state))
            try:
                check_step(twin, fact, state, acts)
                for place in ways(twin, acts):
                    key = machine.take(place.life) if place.done else place.key()
                    if key not in places:
                        places.add(key)
                        check_place(place)
                        if not place.done:
                            queue.append(place)
            except AssertionError as error:
                error.add_note(story(twin, acts))
                raise
    return steps


def ways(world: World, acts: list[Act]) -> Iterator[World]:
    """Where a step leads: a signal arrives, or misses a child that has just been reaped."""
    yield world
    if Act.SIGNAL in acts and world.next is None:
        missed = world.copy()
        missed.next = (Fact.CANCEL_RETURNED, GONE)
        yield missed


def story(world: World, acts: list[Act]) -> str:
    """How a world came to be."""
    lines: list[str] = []
    trail = world.trail
    while trail is not None:
        trail, line = trail
        lines.append(line)
    answer = ", ".join(act.name for act in acts) or "nothing"
    return "\n".join(
        [repr(world.config), *reversed(lines), f"-> {answer}, {world.life.state.name}"]
    )
