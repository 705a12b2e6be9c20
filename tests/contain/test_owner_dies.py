"""Every adversary, every way in which the Python that started it dies: nothing outlives it.

The owner is an interpreter of its own. Nobody is left to wait for anything: what ends the family is
the minder alone, so how long that takes is measured from outside.
"""

import os
import signal
import subprocess
from collections.abc import Callable
from time import monotonic

import pytest

from tests.contain.conftest import LetLoose
from tests.contain.owners import owner
from tests.helpers.alive import Tag
from tests.helpers.limits import LONG, SHORT, VANISH
from tests.helpers.nasty import CONTAINED
from tests.helpers.waiting import look_until


def kill(python: subprocess.Popen[bytes]) -> None:
    python.kill()


def let_exit(python: subprocess.Popen[bytes]) -> None:
    assert python.stdin is not None
    python.stdin.close()


WAYS: dict[str, Callable[[subprocess.Popen[bytes]], None]] = {
    "killed": kill,
    "thread": kill,
    "_exit": let_exit,
}


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("kind", list(CONTAINED))
def test_nothing_outlives_the_owner(
    kind: str, way: str, let_loose: LetLoose, tag: Tag, record_property
) -> None:
    family = let_loose(kind)
    with owner(family, way) as (python, count):
        if not family.kind.hops:
            assert count == family.kind.processes
        assert python.poll() is None
        ended_at = monotonic()
        WAYS[way](python)
        seconds = family.seconds_until_gone(since=ended_at)
        status = python.wait(LONG)
    print(f"{count} before, 0 after {1000 * seconds:.1f} ms")
    record_property("milliseconds", round(1000 * seconds, 1))
    assert status == (7 if way == "_exit" else -signal.SIGKILL)
    look_until(lambda: not tag.minders(), VANISH)
    assert tag.minders() == []


def test_the_end_of_the_thread_that_started_it_changes_nothing(let_loose: LetLoose) -> None:
    """A parent's death signal follows the thread: a command would die in the middle of its work."""
    family = let_loose("tree")
    with owner(family, "thread") as (python, count):
        changed, _ = look_until(lambda: len(family.alive()) != count, SHORT)
        assert not changed
        assert python.poll() is None
        python.kill()
        family.seconds_until_gone(since=monotonic())


def test_a_run_ends_with_its_owner_too(let_loose: LetLoose, tag: Tag) -> None:
    family = let_loose("setsid")
    with owner(family, "run") as (python, count):
        assert count == family.kind.processes
        ended_at = monotonic()
        python.kill()
        family.seconds_until_gone(since=ended_at)
    tag.wait_gone()


def test_a_copy_of_the_owner_does_not_hold_the_family(let_loose: LetLoose, tag: Tag) -> None:
    """A copy made by os.fork() has the other end of the minder's socket, and lives on."""
    family = let_loose("tree")
    with owner(family, "copy") as (python, count):
        assert count == family.kind.processes
        ended_at = monotonic()
        python.kill()
        family.seconds_until_gone(since=ended_at)
        assert python.wait(LONG) == -signal.SIGKILL
        (copy,) = tag.alive()
        assert copy.pid != python.pid
        assert tag.minders() == []
    tag.wait_gone()


def test_the_death_of_a_copy_ends_nothing(let_loose: LetLoose, tag: Tag) -> None:
    family = let_loose("tree")
    with owner(family, "copy") as (python, count):
        ours = {seen.pid for seen in family.alive()} | {python.pid}
        (copy,) = [seen.pid for seen in tag.alive() if seen.pid not in ours]
        os.kill(copy, signal.SIGKILL)
        changed, _ = look_until(lambda: len(family.alive()) != count, SHORT)
        assert not changed
        python.kill()
        family.seconds_until_gone(since=monotonic())


@pytest.mark.parametrize("kind", ["tree", "setsid", "200 sessions"])
def test_nothing_outlives_a_signal_to_the_owners_group(
    kind: str, let_loose: LetLoose, tag: Tag
) -> None:
    """`kill -9 -PGID`: the command is in that group, its minder is not."""
    family = let_loose(kind)
    with owner(family, "killed", start_new_session=True) as (python, count):
        assert count == family.kind.processes
        ended_at = monotonic()
        os.killpg(python.pid, signal.SIGKILL)
        family.seconds_until_gone(since=ended_at)
    look_until(lambda: not tag.minders(), VANISH)
    assert tag.minders() == []
