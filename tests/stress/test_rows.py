"""Thousands of commands, one after the other and all at once: nothing is left of them."""

import os
import resource
import time

import pytest

from osexec import PIPE, Canceled, Capture, Cmd, Context, DeadlineExceeded, ExitError
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, LONG
from tests.helpers.stress import TimeBox

pytestmark = pytest.mark.stress

IN_A_ROW = 10_000
AT_ONCE = 1_000


def count(folder: str) -> int:
    return len(os.listdir(f"/proc/self/{folder}"))


def run() -> None:
    Cmd("true").run()


def output() -> None:
    assert Cmd("cat", stdin=b"x").output(timeout=LONG) == b"x"


def start() -> None:
    assert Cmd("cat", stdin=b"y", stdout=Capture()).start(timeout=LONG).wait().stdout == b"y"


def pipes() -> None:
    with Cmd("cat", stdin=PIPE, stdout=PIPE).start() as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(b"z\n")
        assert process.stdout.readline() == b"z\n"


def lines() -> None:
    for line in Cmd("yes").lines():
        assert line == "y"
        break


def fail() -> None:
    with pytest.raises(ExitError):
        Cmd("false").run()


def late() -> None:
    with pytest.raises(DeadlineExceeded):
        Cmd("sleep", str(FOREVER)).run(timeout=0.0005)


WAYS = (run, output, start, pipes, lines, fail, late)


def test_thousands_in_a_row(box: TimeBox) -> None:
    fds, threads = count("fd"), count("task")
    done = 0
    for _ in box:
        for way in WAYS:
            way()
        done += len(WAYS)
        assert count("fd") == fds
        assert count("task") <= threads
        if done >= IN_A_ROW:
            break
    print(f"{done} in a row")


@pytest.fixture
def room() -> None:
    """Enough descriptors for all, or no test."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 8 * AT_ONCE:
        pytest.skip(f"the limit on descriptors is {soft}")


def test_a_thousand_at_once(tag: Tag, room: None) -> None:
    threads, begin = count("task"), time.monotonic()
    processes = [Cmd("cat", stdin=PIPE, stdout=Capture()).start() for _ in range(AT_ONCE)]
    started = time.monotonic()
    assert count("task") <= threads
    assert len(tag.alive()) == AT_ONCE
    for number, process in enumerate(processes):
        assert process.stdin is not None
        process.stdin.write(b"%d" % number)
        process.stdin.close()
    for number, process in enumerate(processes):
        assert process.wait(LONG).stdout == b"%d" % number
    print(f"started in {started - begin:.2f} s, ended in {time.monotonic() - started:.2f} s")


def test_a_thousand_at_once_are_cancelled_at_once(tag: Tag, room: None) -> None:
    ctx = Context()
    cmd = Cmd("sleep", str(FOREVER), stdout=Capture())
    processes = [cmd.start(ctx=ctx) for _ in range(AT_ONCE)]
    begin = time.monotonic()
    ctx.cancel("all of you")
    for process in processes:
        with pytest.raises(Canceled):
            process.wait(LONG)
    print(f"ended in {time.monotonic() - begin:.2f} s")
    assert tag.alive() == []


def test_a_thousand_deadlines_at_once(tag: Tag, room: None, box: TimeBox) -> None:
    cmd = Cmd("sleep", str(FOREVER))
    processes = [cmd.start(timeout=box.random.uniform(0.5, 2)) for _ in range(AT_ONCE)]
    late = []
    for process in processes:
        with pytest.raises(DeadlineExceeded) as caught:
            process.wait(LONG)
        result = caught.value.result
        if result is not None:  # it may have been over before its start, on a slow machine
            late.append(result.elapsed)
    print(f"the longest took {max(late):.2f} s")
    assert tag.alive() == []
