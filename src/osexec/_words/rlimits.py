"""Resource limits as people write them, and as the kernel takes them."""

from __future__ import annotations

import math

from .errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UNLIMITED = (1 << 64) - 1
"""RLIM_INFINITY, as prlimit64(2) has it."""


def limits(rlimits: Any) -> tuple[tuple[int, int, int], ...]:
    """Resource limits as the kernel takes them: (resource, soft, hard)."""
    if not hasattr(rlimits, "items"):
        raise UsageError(f'rlimits= takes a mapping such as {{"NOFILE": 64}}, not {rlimits!r}')
    return tuple(_limit(name, value) for name, value in rlimits.items())


def copied(rlimits: Any) -> dict[str | int, Any]:
    """As it was written, but nobody else's."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in rlimits.items()
    }


def _limit(name: Any, value: Any) -> tuple[int, int, int]:
    import resource

    number = name
    if isinstance(name, str):
        number = getattr(resource, f"RLIMIT_{name.upper().removeprefix('RLIMIT_')}", None)
    if type(number) is not int or not 0 <= number < 32:  # Linux has 16
        raise UsageError(
            f"rlimits= has {name!r}, which is no limit of this system: write a "
            "name such as 'NOFILE' (resource.RLIMIT_NOFILE)"
        )
    pair = value if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise UsageError(f"rlimits[{name!r}]= takes a number or (soft, hard), not {value!r}")
    soft, hard = (_bound(name, bound) for bound in pair)
    if soft > hard:
        raise UsageError(f"rlimits[{name!r}]={value!r}: the soft limit is above the hard one")
    return number, soft, hard


def _bound(name: Any, value: Any) -> int:
    if value == math.inf or (type(value) is int and value == -1):  # resource.RLIM_INFINITY
        return UNLIMITED
    if type(value) is not int or not 0 <= value < UNLIMITED:
        raise UsageError(f"rlimits[{name!r}] takes numbers or math.inf, not {value!r}")
    return value
