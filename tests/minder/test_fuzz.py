"""Random messages to the program that complains; tests/stress/test_minder_fuzz.py has more."""

import random
from functools import partial

import pytest

from tests.helpers.threads import at_once
from tests.minder import fuzz
from tests.minder.builds import Build

PIECES = 8


@pytest.mark.parametrize("piece", range(PIECES))
def test_odd_setups(sanitized: Build, piece: int) -> None:
    draw = random.Random(piece)
    messages = [fuzz.odd_setup(draw) for _ in range(100)]
    at_once(partial(fuzz.try_setup, sanitized), messages)


@pytest.mark.parametrize("piece", range(PIECES))
def test_odd_orders(sanitized: Build, piece: int) -> None:
    draw = random.Random(piece)
    fuzz.try_orders(sanitized, [fuzz.odd_order(draw) for _ in range(100)])


def test_the_odd_setups_are_of_every_kind() -> None:
    # Else they would all be refused for one reason, and try nothing.
    draw = random.Random(0)
    found = [fuzz.is_well_formed(fuzz.odd_setup(draw)) for _ in range(1000)]
    assert all(found.count(answer) > 50 for answer in (True, False, None))
