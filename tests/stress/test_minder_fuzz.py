"""Random messages to the minder, for as long as the time box lasts; each run has its own seed."""

import random
from functools import partial

import pytest

from tests.helpers.alive import Tag
from tests.helpers.limits import GRACE
from tests.helpers.stress import TimeBox
from tests.helpers.threads import at_once
from tests.minder import conftest, fuzz
from tests.minder.builds import HAS_COMPILER, KINDS, Build

pytestmark = [
    pytest.mark.stress,
    pytest.mark.skipif(not HAS_COMPILER, reason="there is no C compiler here"),
]
# The fixtures of its own tests.
place, builds, build = conftest.place, conftest.builds, conftest.build
assert "sanitized" in KINDS


def test_odd_setups(build: Build, box: TimeBox, tag: Tag) -> None:
    rounds = 0
    for _ in box:
        messages = [fuzz.odd_setup(box.random) for _ in range(20)]
        at_once(partial(fuzz.try_setup, build), messages)
        rounds += 1
    print(f"{20 * rounds} messages")
    tag.wait_gone(GRACE)


def test_odd_orders(build: Build, box: TimeBox, tag: Tag) -> None:
    def one(seed: int) -> None:
        draw = random.Random(seed)
        fuzz.try_orders(build, [fuzz.odd_order(draw) for _ in range(200)])

    rounds = 0
    for _ in box:
        at_once(one, [box.random.randrange(2**32) for _ in range(4)])
        rounds += 1
    print(f"{4 * 200 * rounds} orders")
    tag.wait_gone(GRACE)


def test_odd_orders_without_an_answer_read(build: Build, box: TimeBox, tag: Tag) -> None:
    # Orders as fast as they go, right and wrong, and then the end of file at any moment.
    def one(seed: int) -> None:
        draw = random.Random(seed)
        with build.role(draw.choice(["signals", "reaper", "daemon", "threads"])) as client:
            orders = [fuzz.odd_order(draw) for _ in range(draw.randrange(300))]
            sweeps = draw.random() < 0.5
            try:
                for order in orders:
                    client.send(order)
                if sweeps:
                    client.sweep()
            except OSError:
                sweeps = True  # it has gone, or what it said was all
            if sweeps:
                client.rest()
        assert client.popen.returncode == 0

    rounds = 0
    for _ in box:
        at_once(one, [box.random.randrange(2**32) for _ in range(4)])
        rounds += 1
    print(f"{4 * rounds} minders")
    tag.kill()
