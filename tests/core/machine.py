"""The machine as a value, and the configurations it is tried in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from signal import SIGINT, SIGKILL, SIGTERM
from typing import TYPE_CHECKING, Any

from osexec._core.deadline import GRACE, LEAK_GRACE
from osexec._core.life import Life

if TYPE_CHECKING:
    from osexec._core.deadline import Step


def fields(life: Life) -> list[str]:
    """The names of everything a life knows, wherever it keeps it."""
    names = (name for name in dir(life) if not name.startswith("__"))
    names = (name for name in names if not isinstance(getattr(Life, name, None), property))
    return [name for name in names if not callable(getattr(life, name))]


NAMES = fields(Life())
take = attrgetter(*NAMES)
"""Everything a life knows, as a tuple: two lives with the same are the same."""


def copier(names: Iterable[str]) -> Callable[[Any, Any], None]:
    """A function that copies attributes; written out, because it is called millions of times."""
    lines = ["def copy(old, new):", *(f"    new.{name} = old.{name}" for name in names)]
    space: dict[str, Any] = {}
    exec("\n".join(lines), space)
    return space["copy"]  # type: ignore[no-any-return]


_copy = copier(NAMES)


def copy(life: Life) -> Life:
    """Another life at the same point."""
    twin = Life.__new__(Life)
    _copy(life, twin)
    return twin


# What ends a command: the signals of `cancel=`, each with the seconds until the next and
# whether the whole tree gets it.
PLANS: dict[str, tuple[Step, ...]] = {
    "kill": ((SIGKILL, None, False),),
    "term": ((SIGTERM, None, False),),
    "all": ((SIGTERM, None, True),),
    "steps": ((SIGINT, 0.1, False), (SIGTERM, 0.3, True)),
    "nothing": (),
    "function": (),
}
# What is to become of whoever is below the child: (contained, ends_leaks).
HELD: dict[str, tuple[bool, bool]] = {
    "child": (False, False),
    "tree": (True, False),
    "no leaks": (True, True),
}
DEADLINE = 1.0
SOON = 0.15
"""A deadline that can pass before what outlives the child has had its grace."""


@dataclass(frozen=True)
class Config:
    """One way to set the machine up."""

    plan: str
    wait_delay: float | None = None
    deadline: float | None = None
    contained: bool = False
    streams: int = 0
    ends_leaks: bool = False
    refused: bool = False
    """The system refuses our signals (EPERM): the child runs as somebody else."""

    def life(self) -> Life:
        return Life(
            steps=self.steps,
            calls=self.calls,
            wait_delay=self.wait_delay,
            deadline=self.deadline,
            contained=self.contained,
            ends_leaks=self.ends_leaks,
            streams=self.streams,
        )

    @property
    def steps(self) -> tuple[Step, ...]:
        return PLANS[self.plan]

    @property
    def calls(self) -> bool:
        return self.plan == "function"

    @property
    def leak_grace(self) -> float:
        """Seconds that whoever outlives the child has, where nobody may."""
        return LEAK_GRACE if self.wait_delay is None else min(LEAK_GRACE, self.wait_delay)

    @property
    def patience(self) -> float:
        """Seconds from the context's end to force."""
        if self.wait_delay is not None:
            return self.wait_delay
        return sum(delay or 0.0 for _, delay, _ in self.steps) or GRACE

    @property
    def signals(self) -> tuple[int, ...]:
        """The plan: its signals, and the SIGKILL that follows the last timed one."""
        planned = tuple(number for number, _, _ in self.steps)
        return (*planned, SIGKILL) if self.steps and self.steps[-1][1] is not None else planned


def configs(plan: str, wait_delay: float | None, held: str) -> list[Config]:
    """The rest of what matters, but not each with each.

    A deadline is one more way for the context to be done, so refusals need none;
    two streams only add an order among equals, so they come plain.
    """
    contained, ends_leaks = HELD[held]
    rest: list[tuple[float | None, int, bool]] = [
        (None, 0, False),
        (None, 1, False),
        (None, 2, False),
        (None, 0, True),
        (None, 1, True),
        (DEADLINE, 0, False),
        (DEADLINE, 1, False),
    ]
    if ends_leaks:
        # Until the child ends by itself these are the roads of "tree"; so the plainest of them,
        # and those on which a deadline passes in the grace.
        rest = [(None, 0, False), (None, 1, False), (None, 1, True), (SOON, 1, False)]
    return [
        Config(plan, wait_delay, deadline, contained, streams, ends_leaks, refused)
        for deadline, streams, refused in rest
    ]
