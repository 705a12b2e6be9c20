"""The owner is gone, in an unusual way or at an unusual moment: nothing outlives it.

tests/contain/test_owner_dies.py asks it of each adversary.
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.helpers.alive import Tag
from tests.helpers.fresh import begin
from tests.helpers.limits import LONG, SHORT
from tests.helpers.ready import read_ready
from tests.helpers.waiting import look_until, wait_until
from tests.host.look import everyone, is_gone, needs_minder, running

pytestmark = needs_minder

TRIES = 30
LATEST = 0.005

OWNER = """
    import ctypes, faulthandler, os, resource, sys, threading
    import osexec
    from osexec import Capture, Cmd

    way, end = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cmd = Cmd("sh", "-c", "setsid sleep 1000 & (sleep 1000 &) ; sleep 1000", stdout=Capture())
    kept = []
    go = {
        "start": lambda: kept.append(cmd.start()),
        "run": cmd.run,
        "lines": lambda: list(cmd.replace(stdout=None).lines()),
    }[way]
    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    if way == "start":
        thread.join()
    os.write(1, b"ready\\n")
    os.read(0, 1)
    if end == "_exit":
        os._exit(7)
    elif end == "abort":
        os.abort()
    elif end == "segfault":
        ctypes.string_at(0)
    elif end == "execv":
        os.execvp("sleep", ["sleep", "77"])
"""

WAYS = pytest.mark.parametrize("way", ["start", "run", "lines"])
ENDS: dict[str, int] = {
    "_exit": 7,
    "abort": -signal.SIGABRT,
    "segfault": -signal.SIGSEGV,
    "SIGTERM": -signal.SIGTERM,
    "SIGKILL": -signal.SIGKILL,
}


@contextmanager
def begun(way: str, end: str, tag: Tag, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A program with a tree of three sleeps."""
    options |= {"stdin": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with begin(OWNER, way, end, **options) as program:
        try:
            assert program.stdout is not None
            read_ready(program.stdout)
            wait_until(lambda: len(running(tag, "sleep")) == 3, LONG, "the tree is there")
            yield program
        finally:
            program.kill()


def bring_about(end: str, program: subprocess.Popen[bytes]) -> None:
    """The end of the program."""
    if end.startswith("SIG"):
        program.send_signal(signal.Signals[end])
    else:
        assert program.stdin is not None
        program.stdin.close()


@WAYS
@pytest.mark.parametrize("end", list(ENDS))
def test_the_end_of_the_owner_ends_the_tree(end: str, way: str, tag: Tag) -> None:
    with begun(way, end, tag) as program:
        bring_about(end, program)
        assert program.wait(LONG) == ENDS[end]
        is_gone(tag)


@WAYS
def test_an_owner_that_becomes_another_program_ends_its_tree(way: str, tag: Tag) -> None:
    """The process lives on, so nobody's death tells: its descriptors are closed by the exec."""
    with begun(way, "execv", tag) as program:
        bring_about("execv", program)
        is_gone(tag, program.pid)
        assert program.poll() is None
        (left,) = everyone(tag)
        assert (left.pid, left.command) == (program.pid, "sleep 77")


def test_a_thread_that_ended_long_ago_takes_nothing_with_it(tag: Tag) -> None:
    """A death signal (PR_SET_PDEATHSIG) would follow the thread, and not the process."""
    with begun("start", "SIGKILL", tag) as program:
        before = everyone(tag)
        changed, _ = look_until(lambda: everyone(tag) != before, SHORT)
        assert not changed
        program.kill()
        program.wait(LONG)
        is_gone(tag)


STARTING = """
    import os, sys, threading
    import osexec
    from osexec import Capture, Cmd

    verb, is_warm = sys.argv[1], sys.argv[2] == "warm"
    cmd = Cmd("sh", "-c", "setsid sleep 1000 & sleep 1000", stdout=Capture())
    if is_warm:
        osexec.start("true").wait()
    os.write(1, b"ready\\n")
    os.read(0, 1)
    if verb == "run":
        cmd.run()
    process = cmd.start()
    threading.Event().wait()
"""


@pytest.mark.parametrize("state", ["warm", "cold"])
@pytest.mark.parametrize("verb", ["run", "start"])
def test_an_owner_that_is_killed_while_it_starts_a_command_leaves_nothing(
    verb: str, state: str, tag: Tag
) -> None:
    """At random moments of the first milliseconds; the tree would sleep for a long time."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    count: list[int] = []
    for _ in range(TRIES // 2):
        with begin(STARTING, verb, state, stdin=subprocess.PIPE) as program:
            assert program.stdin is not None and program.stdout is not None
            read_ready(program.stdout)
            moment = draw.uniform(0, LATEST)
            program.stdin.write(b"g")
            spin(moment)
            program.kill()
            program.wait(LONG)
        count.append(len(everyone(tag)))
        is_gone(tag)
    print(f"alive when the owner had just died: {count}")


def spin(seconds: float) -> None:
    """Shorter than a sleep can be trusted to be."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


STOPPED: dict[str, Callable[[int], None]] = {
    "stopped": lambda pid: os.kill(pid, signal.SIGSTOP),
    "stopped as a group": lambda pid: os.killpg(pid, signal.SIGSTOP),
}


@pytest.mark.parametrize("how", list(STOPPED))
def test_an_owner_that_is_stopped_keeps_its_tree_until_it_is_killed(how: str, tag: Tag) -> None:
    with begun("start", "", tag, process_group=0) as program:
        STOPPED[how](program.pid)
        look_until(lambda: len(running(tag, "sleep")) != 3, SHORT)
        assert len(running(tag, "sleep")) == 3
        program.kill()
        program.wait(LONG)
        is_gone(tag)
