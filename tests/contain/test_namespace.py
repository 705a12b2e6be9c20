"""contain="namespace": every adversary, those who are more than a tree can hold included."""

import os
from time import monotonic

import pytest

from osexec import Capture, Cmd, UsageError
from tests.contain.conftest import LetLoose
from tests.contain.ends import WAYS
from tests.contain.owners import owner
from tests.helpers.alive import Tag
from tests.helpers.limits import VANISH
from tests.helpers.nasty import CONTAINED
from tests.helpers.waiting import look_until

ALL = [*CONTAINED, "assassin", "stops its minder"]

pytestmark = pytest.mark.usefixtures("namespaces")


@pytest.mark.parametrize("kind", ALL)
def test_nothing_is_alive_when_the_call_has_returned(
    kind: str, let_loose: LetLoose, tag: Tag, record_property
) -> None:
    family = let_loose(kind)
    ended = WAYS["cancel, caller"](family, contain="namespace")
    seconds = monotonic() - ended.ordered_at
    left, minders = family.alive(), tag.minders()
    print(f"{ended.count} before, {len(left)} after {1000 * seconds:.1f} ms")
    record_property("milliseconds", round(1000 * seconds, 1))
    assert left == []
    assert minders == []
    assert family.is_gone()
    assert seconds < family.kind.limit
    assert ended.result.contain == "namespace"
    if not family.kind.hops:
        assert ended.count == family.kind.processes


@pytest.mark.parametrize("kind", ALL)
def test_nothing_outlives_the_owner(kind: str, let_loose: LetLoose, tag: Tag) -> None:
    family = let_loose(kind)
    with owner(family, "killed", "namespace") as (python, count):
        if not family.kind.hops:
            assert count == family.kind.processes
        ended_at = monotonic()
        python.kill()
        seconds = family.seconds_until_gone(since=ended_at)
    print(f"{count} before, 0 after {1000 * seconds:.1f} ms")
    look_until(lambda: not tag.minders(), VANISH)
    assert tag.minders() == []


def test_what_a_command_leaves_is_ended_and_named(run, let_loose: LetLoose, tag: Tag) -> None:
    family = let_loose("daemon that holds nothing")
    result = run(Cmd(*family.words, contain="namespace", stdout=Capture()))
    assert result.stdout == b"ready\n"
    assert len(result.leaked) == 1
    assert family.alive() == []
    assert tag.minders() == []


def test_what_a_command_leaves_can_not_be_allowed() -> None:
    with pytest.raises(UsageError, match="leaks"):
        Cmd("true", contain="namespace", leaks="allow")


def test_the_command_is_itself_inside(run) -> None:
    """It sees its namespace's processes alone, runs as who we are, and its status comes out."""
    line = "ls -d /proc/[0-9]* | wc -l; id -u; exit 7"
    result = run(Cmd("sh", "-c", line, contain="namespace", stdout=Capture(), check=False))
    seen, uid = (result.stdout or b"").split()
    assert result.returncode == 7
    assert int(seen) <= 5  # an init, this shell, and its pipeline
    assert int(uid) == os.getuid()
