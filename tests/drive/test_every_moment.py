"""Ctrl-C at every single moment of a run: nothing is left, and nothing else is raised.

Python runs a signal handler where a function is entered and where a call of a C function returns.
A profile function is told of the same moments, so it can interrupt at the first, the second, and
so on, until the run ends by itself.
"""

import contextvars
import gc
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

import osexec
from osexec import PIPE, Capture, Cmd, Context
from tests.helpers import proc
from tests.helpers.limits import FOREVER, GRACE, LONG, VANISH
from tests.helpers.waiting import look_until

PACKAGE = str(Path(osexec.__file__).parent)
DELAY = 0.02
PATIENCE = 6 * GRACE
STEP = 7
CAT = Cmd("cat", stdin=b"x", stdout=Capture(), stderr=Capture(), wait_delay=DELAY, timeout=LONG)
SLEEP = Cmd("sleep", str(FOREVER), wait_delay=DELAY)
PIPED = Cmd("cat", stdin=PIPE, stdout=PIPE, wait_delay=DELAY)


def run() -> None:
    CAT.run()


def output() -> None:
    CAT.replace(stdout=None, stderr=None).output()


def time_out() -> None:
    SLEEP.run(timeout=0.002)


def end_politely() -> None:
    SLEEP.replace(args=("sh", "-c", f"sleep {FOREVER} & wait"), cancel="TERM").run(timeout=0.004)


def fail_to_start() -> None:
    CAT.replace(args=("/no/such/program",)).run()


def lines() -> None:
    list(Cmd("seq", "3", wait_delay=DELAY).lines())


def leave_lines() -> None:
    for _ in Cmd("sh", "-c", f"echo; exec sleep {FOREVER}", wait_delay=DELAY).lines():
        break


def in_a_context() -> None:
    with Context(timeout=LONG):
        Cmd("true", wait_delay=DELAY).run()


def start_and_wait() -> None:
    CAT.start().wait()


def leave_the_block() -> None:
    with SLEEP.start():
        pass


def through_pipes() -> None:
    with PIPED.start() as process:
        process.stdin.write(b"x")
        process.stdin.close()
        process.stdout.read()
        process.wait()


WAYS = [run, output, time_out, end_politely, fail_to_start, lines, leave_lines, in_a_context]
WAYS += [start_and_wait, leave_the_block, through_pipes]


class Stuck(BaseException):
    """It took so long that only this ended it."""


class Interruption:
    """A Ctrl-C at the moment with a number, in the calling thread and in our own code."""

    def __init__(self, moment: int) -> None:
        self.moment = moment
        self.where = ""

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        if event in ("call", "c_return") and frame.f_code.co_filename.startswith(PACKAGE):
            self.moment -= 1
            if self.moment == 0:
                sys.setprofile(None)
                line = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                self.where = f"{line} {event} {getattr(arg, '__name__', frame.f_code.co_name)}"
                raise KeyboardInterrupt


def ending(way: Callable[[], None], interruption: Interruption) -> str:
    """How it ended, by the name of what it raised."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stuck

    inside = contextvars.copy_context()  # so that an ambient context left behind is ours alone
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    sys.setprofile(interruption)
    how = "success"
    try:
        inside.run(way)
    except BaseException as error:  # noqa: BLE001  whatever it is, it is the answer
        sys.setprofile(None)
        how = type(error).__name__
    finally:
        sys.setprofile(None)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    # At the entry of a Python-level __exit__ nothing has been left yet, and nothing can be done.
    if inside.run(Context.current) is None or interruption.where.endswith("call __exit__"):
        return how
    return f"{how}, with a context left ambient"


def left(before: set[str], threads: set[threading.Thread]) -> list[str]:
    """What is there now and was not before."""
    found = [str(proc.look(pid)) for pid in proc.children()]
    found += [f"thread {one.name}" for one in set(threading.enumerate()) - threads]
    for name in set(os.listdir("/proc/self/fd")) - before:
        try:
            found.append(f"{name} -> {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:
            pass  # the descriptor that listed the folder
    return found


def complaint(way: Callable[[], None], moment: int, swallowed: list[str]) -> str | None:
    """What went wrong with an interruption at that moment; None if the run ended before it."""
    before, threads = set(os.listdir("/proc/self/fd")), set(threading.enumerate())
    interruption, begin = Interruption(moment), time.monotonic()
    how = ending(way, interruption)
    took = time.monotonic() - begin
    if not interruption.where:
        return None
    wrong = [] if how == "KeyboardInterrupt" or swallowed else [f"raised {how}"]
    wrong += [said for said in swallowed if not said.startswith("KeyboardInterrupt")]
    wrong += [f"took {took:.2f} s"] if took > GRACE else []
    if not look_until(lambda: not left(before, threads), DELAY)[1]:
        gc.collect()
        look_until(lambda: not left(before, threads), VANISH)
        wrong += left(before, threads)
    for pid in proc.children():
        proc.kill_quietly(pid)
        proc.reap_quietly(pid)
    for name in set(os.listdir("/proc/self/fd")) - before:
        close_quietly(int(name))
    return f"{moment}: {interruption.where}: {'; '.join(wrong)}" if wrong else ""


def close_quietly(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:
        pass  # the descriptor that listed the folder


@pytest.fixture
def swallowed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was raised in a `__del__` since the list was cleared: Python prints it and goes on."""
    said: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda hooked: said.append(repr(hooked.exc_value)))
    return said


def interrupt(way: Callable[[], None], swallowed: list[str], first: int, step: int) -> None:
    """Interrupt at the first moment and each `step` later, until it ends by itself."""
    complaints = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # an interrupted start drops its Process
        ending(way, Interruption(0))  # what is imported late is imported now
        gc.collect()
        for moment in range(first, 5000, step):
            swallowed.clear()
            said = complaint(way, moment, swallowed)
            if said is None:
                break
            if said:
                complaints.append(said)
            if "Stuck" in said:
                break
    print(f"{moment} moments")
    assert moment > 10
    assert not complaints, f"of {moment} moments:\n" + "\n".join(complaints)


EACH_WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@EACH_WAY
def test_ctrl_c_at_some_moments_leaves_nothing(way: Callable[[], None], swallowed) -> None:
    """An interruption in a `__del__` is lost, as Python will have it; it must not lose more."""
    first = random.SystemRandom().randint(1, STEP)
    print(f"begins with moment {first}")
    interrupt(way, swallowed, first, STEP)


@pytest.mark.stress
@EACH_WAY
def test_ctrl_c_at_every_moment_leaves_nothing(way: Callable[[], None], swallowed) -> None:
    interrupt(way, swallowed, 1, 1)
