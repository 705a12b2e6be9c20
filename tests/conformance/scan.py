"""What is there that was not there before: descriptors, tagged processes, zombies."""

import os

from tests.helpers import proc

TAG = "XTAG"


def count_descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))  # one more than there are, every time


def tagged(tag: str) -> list[proc.Seen]:
    """The living processes that carry the tag, without us."""
    return [seen for seen in proc.carrying(f"{TAG}={tag}") if seen.pid != os.getpid()]


def kill_tagged(tag: str) -> None:
    """End what carries the tag."""
    for seen in tagged(tag):
        proc.kill_quietly(seen.pid)


def count_zombies() -> int:
    """Our children that have ended and were not reaped."""
    states = [seen.state for pid in proc.children() if (seen := proc.look(pid))]
    return states.count("Z")


def has_ended(pid: int) -> bool:
    """The child has ended: it is a zombie, or reaped already. Reaps nothing."""
    return not proc.is_alive(pid)
