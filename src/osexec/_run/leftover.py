"""What still runs when the interpreter leaves is ended, whoever started it.

The reactor ends its own commands politely before this. What is left then was
started by a daemon thread that is frozen from here on, or by an exit handler.
"""

from __future__ import annotations

import atexit
import os
from time import monotonic, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .minded import MindedTree
    from .tree import Tree

FORK_LIMIT = 0.5
"""Longest wait, at exit, for a start that another thread is in the middle of."""

_running: dict[int, tuple[list[int], Tree | MindedTree]] = {}


def add(started: list[int], tree: Tree | MindedTree) -> None:
    """A command is about to be started, and its pid will be in `started`; later, its tree."""
    _running[id(started)] = (started, tree)


def discard(started: list[int]) -> None:
    """It has ended, or was not started."""
    _running.pop(id(started), None)


@atexit.register
def _end_all() -> None:
    # A thread that is inside of fork has no pid to show yet; the sleep lets it go on.
    until = monotonic() + FORK_LIMIT
    while monotonic() < until and not all(started for started, _ in list(_running.values())):
        sleep(0.001)
    for started, tree in list(_running.values()):
        try:
            tree.kill_at_exit(started)
        except OSError:
            pass  # it runs as somebody else, or is gone


# A copy made by os.fork() did not start them.
os.register_at_fork(after_in_child=_running.clear)
