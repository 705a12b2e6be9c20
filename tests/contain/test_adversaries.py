"""Every adversary, every way in which we end it: nothing is alive when the call has returned.

How many were alive before is part of each test: one that starts nothing proves nothing.
"""

from time import monotonic

import pytest

from tests.contain.conftest import LetLoose
from tests.contain.ends import WAYS, command
from tests.helpers.alive import Tag
from tests.helpers.nasty import CONTAINED, pipe
from tests.helpers.proc import PROC


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("kind", list(CONTAINED))
def test_nothing_is_alive_when_the_call_has_returned(
    kind: str, way: str, let_loose: LetLoose, tag: Tag, record_property
) -> None:
    family = let_loose(kind)
    ended = WAYS[way](family)
    seconds = monotonic() - ended.ordered_at
    left, minders = family.alive(), tag.minders()
    print(f"{ended.count} before, {len(left)} after {1000 * seconds:.1f} ms")
    record_property("milliseconds", round(1000 * seconds, 1))
    assert left == []
    assert minders == []
    assert family.is_gone()
    assert seconds < family.kind.limit
    assert ended.result.contain == "tree"
    if not family.kind.hops:
        assert ended.count == family.kind.processes


@pytest.mark.parametrize("kind", ["tree", "200 sessions", "daemon", "subreaper", "in vfork"])
def test_the_result_says_how_many_were_swept(kind: str, let_loose: LetLoose) -> None:
    family = let_loose(kind)
    ended = WAYS["cancel, caller"](family)
    assert ended.result.swept == family.kind.processes - 1  # besides the command


def test_the_minder_is_the_commands_parent(let_loose: LetLoose, tag: Tag) -> None:
    """What the other tests count as a minder is one."""
    family = let_loose("tree")
    with pipe() as (read_end, write_end), command(family, write_end).start() as process:
        family.wait_complete(read_end)
        (minder,) = tag.minders()
        status = (PROC / str(process.pid) / "status").read_text()
        assert f"PPid:\t{minder.pid}\n" in status
    assert tag.minders() == []
