"""After each test: the same descriptors, no children, no new threads, nothing alive with its tag.

The guilty test is the one that fails. What it left is ended, so that the next one is not blamed.
"""

import gc
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.helpers import proc
from tests.helpers.alive import NAME, Tag
from tests.helpers.limits import VANISH
from tests.helpers.waiting import look_until


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What this process holds."""

    fds: frozenset[tuple[int, str]]
    children: frozenset[int]
    threads: frozenset[threading.Thread]

    @classmethod
    def take(cls) -> "Snapshot":
        return cls(
            frozenset(open_descriptors()),
            frozenset(proc.children()),
            frozenset(threading.enumerate()),
        )


def open_descriptors() -> Iterator[tuple[int, str]]:
    """Each open descriptor and what it points at, for example `(3, "pipe:[4711]")`."""
    for name in os.listdir("/proc/self/fd"):
        try:
            yield int(name), os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            pass  # the descriptor that listed the folder


def differences(before: Snapshot, tag: Tag, threads_may_stay: bool) -> list[str]:
    """What is there now and was not before, or the other way round, one line each."""
    after = Snapshot.take()
    found = [f"descriptor left open: {fd} -> {to}" for fd, to in after.fds - before.fds]
    found += [
        f"descriptor of someone else closed: {fd} -> {to}" for fd, to in before.fds - after.fds
    ]
    new_children = after.children - before.children
    found += [f"child left: {proc.look(pid) or pid}" for pid in new_children]
    found += [f"left alive: {seen}" for seen in tag.everyone() if seen.pid not in new_children]
    for thread in after.threads - before.threads:
        if not (threads_may_stay and thread.name.startswith("osexec-")):
            found.append(f"thread left: {thread.name}")
    return sorted(found)


def end_leftovers(before: Snapshot, tag: Tag) -> None:
    """Kill and reap our new descendants, and kill what carries the tag."""
    new_children = proc.children() - before.children
    for pid in new_children:
        for descendant in proc.descendants(pid):
            proc.kill_quietly(descendant)
    for pid in new_children:
        proc.reap_quietly(pid)
    tag.kill()


def check(before: Snapshot, tag: Tag, threads_may_stay: bool = False) -> list[str]:
    """What a test left behind, after the time that threads and children need to vanish."""
    found = differences(before, tag, threads_may_stay)
    if found:
        gc.collect()  # slow, so only now: an exception kept by the test may hold a process
        look_until(lambda: not differences(before, tag, threads_may_stay), VANISH)
        found = differences(before, tag, threads_may_stay)
    if found:
        end_leftovers(before, tag)
    return found


@pytest.fixture(autouse=True)
def tag(request: pytest.FixtureRequest, _reactor: None) -> Iterator[Tag]:
    """The tag of this test; whatever the test leaves behind is its failure."""
    tag = Tag(secrets.token_hex(8))
    outer = os.environ.get(NAME)
    os.environ[NAME] = tag.value
    before = Snapshot.take()
    try:
        yield tag
    finally:
        if outer is None:
            os.environ.pop(NAME, None)
        else:
            os.environ[NAME] = outer
        threads_may_stay = request.node.get_closest_marker("allow_threads") is not None
        found = check(before, tag, threads_may_stay)
    if found:
        pytest.fail("left behind:\n  " + "\n  ".join(found), pytrace=False)
