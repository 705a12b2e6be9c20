"""The check after each test finds what it must find, and ends it."""

import os
import subprocess
import threading

from tests.helpers import leaks, limits, proc
from tests.helpers.alive import Tag
from tests.helpers.ready import read_ready


def found(before: leaks.Snapshot, tag: Tag) -> str:
    return "\n".join(leaks.check(before, tag))


def test_nothing_left_is_nothing_found(tag: Tag) -> None:
    assert leaks.check(leaks.Snapshot.take(), tag) == []


def test_an_open_descriptor_is_named(tag: Tag, monkeypatch) -> None:
    monkeypatch.setattr(leaks, "VANISH", limits.SHORT)
    before = leaks.Snapshot.take()
    fd = os.open("/dev/null", os.O_RDONLY)
    try:
        assert found(before, tag) == f"descriptor left open: {fd} -> /dev/null"
    finally:
        os.close(fd)


def test_a_descriptor_closed_for_someone_else_is_named(tag: Tag, monkeypatch) -> None:
    monkeypatch.setattr(leaks, "VANISH", limits.SHORT)
    fd = os.open("/dev/null", os.O_RDONLY)
    before = leaks.Snapshot.take()
    os.close(fd)
    assert found(before, tag) == f"descriptor of someone else closed: {fd} -> /dev/null"


def test_a_child_is_named_and_ended(tag: Tag, monkeypatch) -> None:
    monkeypatch.setattr(leaks, "VANISH", limits.SHORT)
    before = leaks.Snapshot.take()
    pid = subprocess_pid("sleep", str(limits.FOREVER))
    assert f"child left: {pid} (S) sleep {limits.FOREVER}" in found(before, tag)
    assert not proc.look(pid)


def test_a_zombie_is_named_and_reaped(tag: Tag, monkeypatch) -> None:
    monkeypatch.setattr(leaks, "VANISH", limits.SHORT)
    before = leaks.Snapshot.take()
    pid = subprocess_pid("true")
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert f"child left: {pid} (Z)" in found(before, tag)
    assert not proc.look(pid)


def test_a_process_that_ran_away_is_found_by_its_tag(tag: Tag, monkeypatch) -> None:
    monkeypatch.setattr(leaks, "VANISH", limits.SHORT)
    before = leaks.Snapshot.take()
    line = f"(setsid sleep {limits.FOREVER} >/dev/null 2>&1 & echo $!)"
    subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, check=True)
    tag.wait_count(1)
    assert f"sleep {limits.FOREVER}" in found(before, tag)
    assert tag.alive() == []


def test_a_thread_is_named(tag: Tag, monkeypatch, gate: threading.Event) -> None:
    monkeypatch.setattr(leaks, "VANISH", limits.SHORT)
    before = leaks.Snapshot.take()
    threading.Thread(target=gate.wait, name="left-over").start()
    assert found(before, tag) == "thread left: left-over"


def test_a_ready_line_leaves_the_rest_in_the_pipe() -> None:
    with subprocess.Popen(["sh", "-c", "echo ready; echo rest"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert read_ready(child.stdout) == "ready"
        assert child.stdout.read() == b"rest\n"


def subprocess_pid(*args: str) -> int:
    """Start a child that nobody waits for, behind the back of every library."""
    return os.posix_spawnp(args[0], args, os.environ)
