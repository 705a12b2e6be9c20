"""Waiting for something to become true, with a bound: the only place in the tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.helpers.limits import LONG, POLL

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], limit: float = LONG, what: str = "") -> T:
    """The first true answer of `predicate`; fails if there is none within `limit` seconds."""
    answer, is_in_time = look_until(predicate, limit)
    assert is_in_time, f"not within {limit:g} s: {what or predicate}"
    return answer


def look_until(predicate: Callable[[], T], limit: float) -> tuple[T, bool]:
    """The last answer of `predicate`, and whether it was true within `limit` seconds."""
    end = time.monotonic() + limit
    while not (answer := predicate()):
        if time.monotonic() >= end:
            return answer, False
        time.sleep(POLL)
    return answer, True
