"""Finding what a test started, however far it has run away.

Each test has a tag of its own in its environment, and every process below it inherits the tag,
through double forks and new sessions; so "nothing is alive" can be asked of the kernel.
"""

import os

from tests.helpers import proc
from tests.helpers.limits import LONG, VANISH
from tests.helpers.waiting import look_until, wait_until

NAME = "OSEXEC_TEST_TAG"


class Tag:
    """The mark in the environment of everything one test starts."""

    def __init__(self, value: str) -> None:
        self.value = value

    @property
    def env(self) -> dict[str, str]:
        """For a child that does not inherit the environment: lay this over its own."""
        return {NAME: self.value}

    def alive(self) -> list[proc.Seen]:
        """Who carries the tag and is alive now: the commands, and what they started."""
        return [seen for seen in self.everyone() if not _is_minder(seen)]

    def minders(self) -> list[proc.Seen]:
        """The minders that are alive now; each has the environment of its command."""
        return [seen for seen in self.everyone() if _is_minder(seen)]

    def everyone(self) -> list[proc.Seen]:
        """Commands and minders."""
        return [seen for seen in proc.carrying(f"{NAME}={self.value}") if seen.pid != os.getpid()]

    def wait_gone(self, limit: float = VANISH) -> None:
        """Fail, naming the survivors, unless nothing is alive within `limit` seconds."""
        look_until(lambda: not self.alive(), limit)
        survivors = self.alive()
        assert not survivors, "still alive: " + "; ".join(map(str, survivors))

    def wait_count(self, count: int, limit: float = LONG) -> list[proc.Seen]:
        """Who is alive, once there are `count` of them."""
        wait_until(lambda: len(self.alive()) == count, limit, f"{count} tagged processes")
        return self.alive()

    def kill(self) -> None:
        """End everything that carries the tag: for tests that leave something on purpose."""

        def kill_all() -> bool:
            for seen in self.everyone():
                proc.kill_quietly(seen.pid)
            return not self.everyone()

        wait_until(kill_all, LONG, "killed processes vanish")


def _is_minder(seen: proc.Seen) -> bool:
    return seen.command.startswith("osexec-minder")
