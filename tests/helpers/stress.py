"""A time box with a printed seed, for what was ever flaky."""

import os
import random
import time
from collections.abc import Iterator

import pytest

from tests.helpers.limits import STRESS


class TimeBox:
    """`for turn in box:` goes on until the time is over; `box.random` repeats with the seed."""

    def __init__(self, seed: int, seconds: float = STRESS) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.seconds = seconds

    def __iter__(self) -> Iterator[int]:
        end = time.monotonic() + self.seconds
        turn = 0
        while turn == 0 or time.monotonic() < end:
            yield turn
            turn += 1


@pytest.fixture
def box() -> TimeBox:
    """A time box of OSEXEC_STRESS_SECONDS; OSEXEC_STRESS_SEED repeats an earlier run."""
    seed = int(os.environ.get("OSEXEC_STRESS_SEED") or random.SystemRandom().randrange(2**32))
    print(f"repeat with OSEXEC_STRESS_SEED={seed}")
    return TimeBox(seed)
