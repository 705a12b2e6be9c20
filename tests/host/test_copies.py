"""Somebody forks our process in the middle: no run lasts as long as the copy, or ends with it.

A copy holds every descriptor of ours: the other end of a minder's socket, and of pipes.
(tests/drive/test_fork.py asks what a copy itself may do.)
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.fresh import ask, begin
from tests.helpers.limits import GRACE, LONG, SHORT
from tests.helpers.ready import read_ready
from tests.helpers.waiting import look_until, wait_until
from tests.host.look import everyone, is_gone, needs_minder, running

pytestmark = needs_minder

FORKING = """
    import json, os, signal, sys, threading, time, warnings
    import osexec
    from osexec import PIPE, Capture, Cmd

    warnings.simplefilter("ignore", DeprecationWarning)  # of fork() with threads
    copies, stop = [], threading.Event()

    def fork():
        # By itself: fork() waits for no lock of ours, and nothing waits for it.
        while not stop.wait(0.002) and len(copies) < 200:
            pid = os.fork()
            if pid == 0:
                signal.pause()
            copies.append(pid)

    osexec.start("true").wait()
    forker = threading.Thread(target=fork)
    forker.start()
    wrong = []

    def look(way, go):
        begin = time.monotonic()
        try:
            result = go()
            if result.contain != "tree" or result.returncode != 3 or result.stdout != b"through\\n":
                wrong.append(f"{way}: {result!r}")
        except osexec.Error as error:
            wrong.append(f"{way}: {error!r}")
        took = time.monotonic() - begin
        if took > float(sys.argv[1]):
            wrong.append(f"{way}: {took:.3f} s")

    cmd = Cmd("sh", "-c", "cat; exit 3", stdin=b"through\\n", stdout=Capture(), check=False)
    slow = cmd.replace(args=("sleep", "1000"), timeout=0.02)

    def ended():
        try:
            slow.run()
        except osexec.DeadlineExceeded as error:
            return cmd.run()

    while len(copies) < 60:
        look("run", cmd.run)
        look("start", lambda: cmd.start().wait())
        look("time-out", ended)
    stop.set()
    forker.join()
    for pid in copies:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    print(json.dumps(wrong))
"""


def test_no_run_lasts_as_long_as_a_copy() -> None:
    assert ask(FORKING, GRACE) == []


OWNER = """
    import ctypes, os, signal, subprocess, sys, warnings
    import osexec
    from osexec import PIPE, Cmd

    warnings.simplefilter("ignore")
    process = osexec.start("sh", "-c", "setsid sleep 1000 & sleep 1000 & wait", stdout=PIPE)
    if sys.argv[1] == "os.fork":
        pid = os.fork()
    elif sys.argv[1] == "fork":
        # As a C extension does it: Python's hooks are not called, so every descriptor stays.
        pid = ctypes.PyDLL(None).fork()
    else:
        other = subprocess.Popen(["sleep", "999"], close_fds=False)
        pid = other.pid
    if pid == 0:
        signal.pause()
    os.write(1, b"%d\\n" % pid)
    sys.stdin.read()
"""

COPIES = pytest.mark.parametrize("copy", ["os.fork", "fork", "another child"])


@contextmanager
def owner(copy: str, tag: Tag) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A program with a tree, and the pid of its copy; the copy is ended in the end."""
    with begin(OWNER, copy, stdin=subprocess.PIPE, stderr=None) as program:
        try:
            assert program.stdout is not None
            pid = int(read_ready(program.stdout))
            try:
                wait_until(lambda: len(running(tag, "sleep")) >= 2, LONG, "the tree is there")
                yield program, pid
            finally:
                proc.kill_quietly(pid)
        finally:
            program.kill()


@COPIES
def test_the_death_of_the_owner_ends_the_tree_though_its_copy_lives(copy: str, tag: Tag) -> None:
    with owner(copy, tag) as (program, pid):
        program.kill()
        program.wait(LONG)
        is_gone(tag, pid)
        assert proc.is_alive(pid)
    is_gone(tag)


@COPIES
def test_the_exit_of_the_owner_ends_the_tree_though_its_copy_lives(copy: str, tag: Tag) -> None:
    with owner(copy, tag) as (program, pid):
        assert program.stdin is not None
        program.stdin.close()
        assert program.wait(LONG) == 0
        is_gone(tag, pid)
        assert proc.is_alive(pid)
    is_gone(tag)


@COPIES
def test_the_death_of_a_copy_ends_nothing(copy: str, tag: Tag) -> None:
    with owner(copy, tag) as (program, pid):
        before = {seen.pid for seen in everyone(tag)} - {pid}
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not proc.is_alive(pid), LONG, "the copy has ended")
        look_until(lambda: {seen.pid for seen in everyone(tag)} != before, SHORT)
        assert {seen.pid for seen in everyone(tag)} == before
        program.kill()
        is_gone(tag)
