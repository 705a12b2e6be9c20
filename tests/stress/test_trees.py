"""Ten thousand contained commands in a row, a thousand at once: nothing is left of them."""

import resource
from time import monotonic

import pytest

from tests.contain.test_many_trees import cancelled_at_once, in_a_row
from tests.helpers.alive import Tag
from tests.helpers.drivers import DRIVERS

IN_A_ROW = 10_000
AT_ONCE = 1_000
ROOM = 8 * AT_ONCE
"""Descriptors: each command needs some."""

pytestmark = pytest.mark.stress


@pytest.mark.parametrize("driver", list(DRIVERS))
def test_ten_thousand_trees_in_a_row(driver: str, tag: Tag) -> None:
    begin = monotonic()
    in_a_row(driver, IN_A_ROW)
    print(f"{1000 * (monotonic() - begin) / IN_A_ROW:.2f} ms each")
    assert tag.alive() == []
    assert tag.minders() == []


@pytest.mark.skipif(
    0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[0] < ROOM,
    reason="the limit on descriptors is too low",
)
def test_a_thousand_trees_at_once(tag: Tag) -> None:
    cancelled_at_once(AT_ONCE, tag)
    assert tag.alive() == []
    assert tag.minders() == []
