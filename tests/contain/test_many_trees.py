"""Contained commands in a row and at once: no descriptor, process, zombie or minder is left."""

import os
from time import monotonic

import pytest

from osexec import Canceled, Capture, Cmd, Context
from tests.contain.conftest import LetLoose
from tests.helpers.alive import Tag
from tests.helpers.drivers import DRIVERS
from tests.helpers.limits import FOREVER, LONG
from tests.helpers.threads import at_once

IN_A_ROW = 300
AT_ONCE = 100


def in_a_row(driver: str, times: int) -> None:
    """So many small commands, one after the other, each with its own answer."""
    run = DRIVERS[driver]
    for turn in range(times):
        cmd = Cmd("sh", "-c", 'echo "$0"', str(turn), contain="tree", stdout=Capture())
        result = run(cmd)
        assert result.stdout == b"%d\n" % turn
        assert result.leaked == ()


def cancelled_at_once(times: int, tag: Tag) -> None:
    """So many trees of three, which live at the same time and are cancelled together."""
    ctx = Context()
    line = f"sleep {FOREVER} & sleep {FOREVER} & echo ready; wait"
    cmd = Cmd("sh", "-c", line, contain="tree", stdout=Capture())
    begin = monotonic()
    processes = [cmd.start(ctx=ctx) for _ in range(times)]
    started = monotonic() - begin
    tag.wait_count(3 * times, 2 * LONG)
    assert len(tag.minders()) == times
    begin = monotonic()
    ctx.cancel("all of you")
    for process in processes:
        with pytest.raises(Canceled) as caught:
            process.wait(2 * LONG)
        assert caught.value.result is not None
        assert caught.value.result.stdout == b"ready\n"
        assert caught.value.result.swept == 2
    ended = monotonic() - begin
    print(f"{times} trees: started in {started:.2f} s, ended in {ended:.2f} s")


@pytest.mark.parametrize("driver", list(DRIVERS))
def test_in_a_row(driver: str, tag: Tag) -> None:
    begin = monotonic()
    in_a_row(driver, IN_A_ROW)
    print(f"{1000 * (monotonic() - begin) / IN_A_ROW:.2f} ms each")
    assert tag.alive() == []
    assert tag.minders() == []


def test_at_once(tag: Tag) -> None:
    cancelled_at_once(AT_ONCE, tag)
    assert tag.alive() == []
    assert tag.minders() == []


def test_by_many_threads_at_once(tag: Tag) -> None:
    """Each thread with its own commands, some of which fail to start."""

    def work(number: int) -> None:
        for turn in range(5):
            cmd = Cmd("sh", "-c", f"exit {number}", contain="tree", check=False)
            assert cmd.run().returncode == number
            assert cmd.start().wait(LONG).returncode == number
            if turn == 2:
                with pytest.raises(OSError, match="ENOENT"):
                    cmd.replace(cwd="/no/such/directory").run()

    at_once(work, range(16))
    assert tag.alive() == []
    assert tag.minders() == []


def test_families_at_once(let_loose: LetLoose, tag: Tag) -> None:
    """Different adversaries side by side, each with a minder of its own; each ends alone."""
    kinds = ["tree", "setsid", "daemon", "stopped", "subreaper", "in vfork"]
    families = [let_loose(kind) for kind in kinds]
    processes = [Cmd(*family.words, contain="tree").start() for family in families]
    for family in families:
        family.wait_count(family.kind.processes)
    for place, process in enumerate(processes):
        process.cancel("your turn")
        with pytest.raises(Canceled):
            process.wait(LONG)
        assert families[place].alive() == []
        for other in families[place + 1 :]:
            assert len(other.alive()) == other.kind.processes
    assert tag.minders() == []
    assert os.getpid() not in [seen.pid for seen in tag.alive()]
