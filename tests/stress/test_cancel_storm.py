"""Ends that come from everywhere at once: threads, deadlines, signal handlers, Ctrl-C."""

import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import osexec
from osexec import PIPE, Capture, Cmd, Context
from tests.helpers import leaks
from tests.helpers.alive import Tag
from tests.helpers.drivers import DRIVERS
from tests.helpers.limits import FOREVER, GRACE, LONG, SOON
from tests.helpers.stress import TimeBox

pytestmark = pytest.mark.stress

TREE = f"sleep {FOREVER} & sleep {FOREVER}"


class Slow:
    """A writer that is slow, so that ends arrive while it writes."""

    def write(self, data: bytes) -> int:
        time.sleep(0.0005)
        return len(data)


def some_command(box: TimeBox) -> Cmd:
    """A command of any kind, with any way to be ended."""
    line, fields = box.random.choice(
        [
            (TREE, {}),
            ("true", {}),
            ("exit 3", {"check": False}),
            ("cat", {"stdin": bytes(1 << 20), "stdout": Capture()}),
            ("yes", {"stdout": Capture(head=10, tail=10)}),
            ("yes", {"stdout": Slow()}),
            (f"exec >/dev/null; {TREE}", {"stdin": iter([b"x"] * 3)}),
            (f"trap '' TERM; {TREE}", {}),
            ("kill -STOP $$", {}),
            (f"sleep {FOREVER} & exit 0", {"stdout": Capture()}),
        ]
    )
    cancel = box.random.choice(["KILL", "TERM", [("TERM", 0.01)], None, lambda process: None])
    return Cmd(
        *("sh", "-c", line),
        **{"stdout": osexec.DEVNULL, **fields},
        cancel=cancel,
        wait_delay=box.random.choice([0, 0.01, 0.05]),
    )


def ending(cmd: Cmd, driver: str, **bounds: Any) -> str:
    """How a run ended; everything that may happen is an error of ours."""
    try:
        DRIVERS[driver](cmd, **bounds)
    except osexec.Error as error:
        return type(error).__name__
    return "success"


def ending_of(process: osexec.Process) -> str:
    """What a wait says."""
    try:
        process.wait()
    except osexec.Error as error:
        return type(error).__name__
    return "success"


def test_contexts_cancelled_at_any_moment_from_another_thread(box: TimeBox, tag: Tag) -> None:
    before, endings = leaks.Snapshot.take(), Counter[str]()
    for _ in box:
        ctx, cmd, driver = Context(), some_command(box), box.random.choice([*DRIVERS])
        timer = threading.Timer(box.random.uniform(0, SOON), ctx.cancel, ["storm"])
        timer.start()
        begin = time.monotonic()
        how = ending(cmd, driver, ctx=ctx)
        assert time.monotonic() - begin < SOON + cmd.wait_delay + GRACE, (cmd, driver, how)
        endings[how] += 1
        timer.join()
        tag.kill()  # what was left on purpose: an exit before the cancel, with a child behind it
    print(endings)
    assert leaks.check(before, tag) == []


def test_deadlines_at_any_moment(box: TimeBox, tag: Tag) -> None:
    before, endings = leaks.Snapshot.take(), Counter[str]()
    for _ in box:
        cmd, driver = some_command(box), box.random.choice([*DRIVERS])
        limit = box.random.uniform(0, SOON)
        begin = time.monotonic()
        how = ending(cmd, driver, timeout=limit)
        assert time.monotonic() - begin < limit + cmd.wait_delay + GRACE, (cmd, driver, how)
        endings[how] += 1
        tag.kill()
    print(endings)
    assert leaks.check(before, tag) == []


def test_a_signal_handler_that_cancels_at_any_moment(box: TimeBox, tag: Tag) -> None:
    """A handler runs between two bytecodes of ours, wherever that is."""
    before = leaks.Snapshot.take()
    ctx = Context()
    old = signal.signal(signal.SIGALRM, lambda number, frame: ctx.cancel("alarm"))
    try:
        for _ in box:
            ctx = Context(timeout=LONG)
            cmd = Cmd("sh", "-c", TREE, stdin=iter([b"x"]), stdout=Capture())
            signal.setitimer(signal.ITIMER_REAL, box.random.uniform(1e-5, 0.005))
            how = ending(cmd, box.random.choice([*DRIVERS]), ctx=ctx)
            assert how in ("ExitCanceled", "Canceled")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert leaks.check(before, tag) == []


def test_one_process_ended_by_everybody(box: TimeBox, tag: Tag) -> None:
    before = leaks.Snapshot.take()
    with ThreadPoolExecutor(8) as pool:
        for _ in box:
            with osexec.start("cat", stdin=PIPE, cancel="TERM") as process:
                ways = [process.cancel, process.kill, process.terminate, process.poll]
                waits = [pool.submit(ending_of, process) for _ in range(3)]
                ends = [pool.submit(box.random.choice(ways)) for _ in range(4)]
                ends.append(pool.submit(process.cancel))
                assert len({wait.result(LONG) for wait in waits}) == 1
                for end in ends:
                    assert isinstance(end.exception(LONG), ProcessLookupError | None)
    assert leaks.check(before, tag) == []


def test_ctrl_c_at_any_moment_of_any_run(box: TimeBox, tag: Tag, monkeypatch) -> None:
    """A Ctrl-C that arrives in a `__del__` is printed by Python and lost: that is only counted."""
    before = leaks.Snapshot.take()
    ends = Counter[str]()
    monkeypatch.setattr(sys, "unraisablehook", lambda hooked: ends.update(["in a __del__"]))
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)

    def run(turn: int, cmd: Cmd) -> None:
        if turn % 4 == 0:
            cmd.run()
        elif turn % 4 == 1:
            cmd.start().wait()
        elif turn % 4 == 2:
            with cmd.start() as process:
                process.wait()
        else:
            list(cmd.replace(stdout=None).lines())

    try:
        for turn in box:
            cmd = Cmd("sh", "-c", TREE, stdin=b"x", stdout=Capture(), timeout=2 * SOON)
            try:
                signal.setitimer(signal.ITIMER_REAL, box.random.uniform(1e-5, 0.008))
                run(turn, cmd)
            except KeyboardInterrupt:
                ends["interrupted"] += 1
            except osexec.DeadlineExceeded:
                ends["not heard"] += 1
            tag.wait_gone()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    print(ends)
    assert ends["not heard"] <= ends["in a __del__"]
    assert leaks.check(before, tag) == []
