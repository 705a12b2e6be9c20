"""Points in time that may be never, and how long the machine waits for what."""

from __future__ import annotations

from math import inf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Step: TypeAlias = tuple[int, float | None, bool]
    """A signal, the seconds until the next one, and whether the whole tree gets it."""

GRACE = 5.0
"""Longest wait for a command whose context is done, if the caller names none."""
DEATH_LIMIT = 2.0
"""Longest wait for a child to vanish after SIGKILL; the kernel is past hurrying."""
SETTLE = 0.3
"""Longest wait, after the pipes are cut, for a caller's writer that is in a write."""
LEAK_GRACE = 0.1
"""How long what outlives its command may take to end by itself, where it must not live on."""
LAST_MOMENT = 0.1
"""How long SIGKILL is put off for a cancel function of the caller's that is late."""


def after(now: float, delay: float | None) -> float | None:
    """`delay` seconds from `now`; never, if that is for ever."""
    return None if delay is None or delay == inf else now + delay


def patience(steps: tuple[Step, ...], wait_delay: float | None) -> float:
    """How long an ending may take: the wait delay, else as long as timed steps take, else GRACE."""
    if wait_delay is not None:
        return wait_delay
    timed = [delay for _, delay, _ in steps if delay is not None]
    return sum(timed) if timed else GRACE


def earlier(one: float | None, other: float | None) -> float | None:
    if one is None:
        return other
    return one if other is None or one <= other else other
