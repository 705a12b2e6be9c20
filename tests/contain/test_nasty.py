"""The adversaries themselves: as many as they have to be, and hard to end for anybody else."""

import subprocess
from pathlib import Path

import pytest

from tests.contain.conftest import LetLoose
from tests.helpers.limits import LONG
from tests.helpers.nasty import CONTAINED, Family, build, pipe
from tests.helpers.waiting import wait_until

# Those who make brothers of the command would be children of ours.
ALONE = {name: kind for name, kind in CONTAINED.items() if kind.name != "siblings"}


@pytest.mark.parametrize("kind", list(ALONE))
def test_they_outlive_the_end_of_their_leader(kind: str, let_loose: LetLoose) -> None:
    """What `subprocess` leaves when it kills a command."""
    family = let_loose(kind)
    with pipe() as (stdout, write_end), subprocess.Popen(family.words, stdout=write_end) as leader:
        before = len(family.wait_complete(stdout))
        leader.kill()
        leader.wait(LONG)
    if family.kind.hops:
        assert not family.is_gone()
    else:
        assert before == family.kind.processes
        is_over = family.kind.name == "leader-exits"
        assert len(family.alive()) == before - (not is_over)
    family.end()


def test_they_end_by_themselves(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    """A test that fails to end them leaves nothing for ever: the stopped and the deaf included."""
    program = build(tmp_path_factory.mktemp("short"), "-DLIFETIME=1")
    families = [Family(program, kind, tmp_path) for kind in ALONE.values()]
    try:
        started = [subprocess.Popen(one.words, stdout=subprocess.DEVNULL) for one in families]
        wait_until(lambda: any(one.alive() for one in families))
        for process in started:
            process.wait(LONG)
        wait_until(lambda: not any(one.alive() for one in families), LONG, "all end")
    finally:
        for one in families:
            one.end()


@pytest.mark.parametrize("kind", ["assassin", "stops its minder"])
def test_they_do_it_to_minders_only(kind: str, let_loose: LetLoose) -> None:
    family = let_loose(kind)
    done = subprocess.run(family.words, stderr=subprocess.PIPE, check=False, timeout=LONG)
    assert b"the parent is no minder" in done.stderr
    assert done.returncode == 3
