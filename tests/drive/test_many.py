"""Many commands, one after the other and all at once: nothing is left, and one thread is enough.

The stress tests do the same in thousands. Descriptors, zombies and threads are counted after each
test of the suite; here also while the commands run.
"""

import os
import time

import pytest

from osexec import PIPE, Canceled, Capture, Cmd, Context, DeadlineExceeded, ExitError
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, LONG, SHORT, TIMEOUT
from tests.helpers.threads import at_once
from tests.helpers.waiting import wait_until

IN_A_ROW = 300
AT_ONCE = 200


def count(folder: str) -> int:
    return len(os.listdir(f"/proc/self/{folder}"))


def test_many_failures_in_a_row() -> None:
    fds = count("fd")
    for _ in range(IN_A_ROW // 3):
        with pytest.raises(ExitError):
            Cmd("false").run()
        with pytest.raises(OSError, match="no-such-program"):
            Cmd("/no-such-program").run()
        with pytest.raises(OSError, match="no-such-program"):
            Cmd("/no-such-program", stdin=PIPE, stdout=PIPE).start()
        assert count("fd") == fds


def test_many_timeouts_in_a_row(tag: Tag) -> None:
    for turn in range(IN_A_ROW // 10):
        cmd = Cmd("sleep", str(FOREVER), stdout=Capture())
        with pytest.raises(DeadlineExceeded):
            cmd.run(timeout=0.001 * turn)
        with pytest.raises(DeadlineExceeded):
            cmd.start(timeout=0.001 * turn).wait()
    assert tag.alive() == []


def test_many_at_once_each_with_its_own_end(tag: Tag) -> None:
    threads = count("task")
    processes = [
        Cmd.sh(f"read x; exit {number % 100}", stdin=PIPE, stdout=Capture()).start()
        for number in range(AT_ONCE)
    ]
    assert count("task") <= threads
    tag.wait_count(AT_ONCE)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"now\n")
    for number, process in enumerate(processes):
        if number % 100:
            with pytest.raises(ExitError) as caught:
                process.wait(LONG)
            assert caught.value.returncode == number % 100
        else:
            assert process.wait(LONG).ok


def test_many_at_once_are_cancelled_at_once(tag: Tag) -> None:
    ctx = Context()
    cmd = Cmd.sh(f"sleep {FOREVER} & sleep {FOREVER}", stdout=Capture())
    processes = [cmd.start(ctx=ctx) for _ in range(AT_ONCE // 2)]
    tag.wait_count(AT_ONCE // 2 * 3)
    ctx.cancel("all")
    for process in processes:
        with pytest.raises(Canceled):
            process.wait(LONG)
    assert tag.alive() == []


def test_many_deadlines_at_once(tag: Tag) -> None:
    begin = time.monotonic()
    cmd = Cmd("sleep", str(FOREVER))
    processes = [cmd.start(timeout=SHORT + 0.001 * number) for number in range(AT_ONCE)]
    for process in processes:
        wait_until(process.poll, LONG)
        with pytest.raises(DeadlineExceeded):
            process.wait()
    took = time.monotonic() - begin
    # Also 200 starts must fit into this; each by itself is on time (test_parity.py).
    assert took < SHORT + 0.001 * AT_ONCE + 4 * TIMEOUT
    assert tag.alive() == []


def test_many_threads_at_once() -> None:
    def work(number: int) -> object:
        return Cmd("cat", stdin=b"%d" % number).output(timeout=LONG)

    assert at_once(work, range(AT_ONCE // 2)) == [b"%d" % number for number in range(AT_ONCE // 2)]
