"""Families of processes that are hard to end: `nasty.c`, how many there are, and who is alive.

Who belongs to a family is read from the words of each process, not from its environment: that is
readable also for one that is not to be looked into, or has become root.
"""

import mmap
import os
import secrets
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers import proc
from tests.helpers.limits import FACTOR, LONG, VANISH
from tests.helpers.proc import PROC, Seen
from tests.helpers.ready import read_ready
from tests.helpers.waiting import look_until, wait_until

SOURCE = Path(__file__).with_name("nasty.c")
BOARD = struct.Struct("=II")  # struct board
# A chain without a new generation for so long has ended: the slowest needs 0.04 s for one.
STANDSTILL = 0.12 * FACTOR


@dataclass(frozen=True, slots=True)
class Kind:
    """One adversary: its name in `nasty.c`, its number, and how many processes it is."""

    name: str
    processes: int
    number: int = 0
    hops: bool = False
    """Its processes are new ones all the time: a look at /proc may miss them."""
    limit: float = VANISH
    """Within how many seconds all have to be gone."""


CONTAINED = {
    "tree": Kind("tree", 12),
    "setsid": Kind("setsid", 3),
    "daemon": Kind("daemon", 2),
    "stopped": Kind("stopped", 4),
    "deaf to every signal": Kind("ignterm", 3),
    "200 sessions": Kind("many", 201, number=200),
    "25 generations a second": Kind("chain", 2, number=25, hops=True),
    "generations without a pause": Kind("chain", 1, hops=True),
    "8 chains at once": Kind("chains", 1, number=8, hops=True),
    "in vfork": Kind("vfork", 3),
    "threads that fork": Kind("threads", 4),
    "main thread ended": Kind("headless", 4),
    "subreaper": Kind("subreaper", 4),
    "not dumpable": Kind("nodump", 3),
    "stopped by a tracer": Kind("traced", 3),
    "brothers of the command": Kind("siblings", 3),
    "pid namespace of its own": Kind("userns", 4),
    "leader exits": Kind("leader-exits", 4),
}

"""Those of which nothing survives under contain="tree"."""

KINDS = {
    **CONTAINED,
    "daemon that holds nothing": Kind("leave-daemon", 1),
    "daemon that holds its streams": Kind("leave-daemon", 1, number=1),
    "assassin": Kind("assassin", 2),
    "assassin that waits": Kind("assassin", 2, number=1),
    "stops its minder": Kind("stopper", 2),
    "freezes its minder": Kind("freezer", 2, number=1),
    "stops its minder, later": Kind("stopper", 2, number=1),
    "set-uid": Kind("setuid", 2),
}


def compiler() -> str:
    """The C compiler; without one there is neither an adversary nor a minder to test."""
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if found is None:
        pytest.skip("no C compiler here: the adversaries can not be built")
    return found


def build(folder: Path, *options: str) -> Path:
    """The program, compiled into `folder`."""
    program = folder / "nasty"
    words = [compiler(), "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", *options]
    subprocess.run([*words, "-o", program, SOURCE], check=True)
    return program


class Family:
    """One adversary of one test: the words that start it, and who of it is alive."""

    def __init__(self, program: Path, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self._board_path = folder / f"board-{secrets.token_hex(8)}"
        self._board_path.write_bytes(bytes(mmap.PAGESIZE))
        self._board_path.chmod(0o666)  # the set-uid test runs as somebody else
        with self._board_path.open("r+b") as file:
            self._board = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.words = (str(program), kind.name, str(kind.number), str(self._board_path))
        self._mark = os.fsencode(self._board_path)

    @property
    def generations(self) -> int:
        """How many links its chains have had."""
        return BOARD.unpack_from(self._board)[1]

    def alive(self) -> list[Seen]:
        """Who of the family is alive now."""
        pids = [int(folder.name) for folder in PROC.iterdir() if folder.name.isdecimal()]
        return [seen for pid in pids if (seen := self._look(pid)) is not None]

    def _look(self, pid: int) -> Seen | None:
        said = words_of(pid)
        # The minder has these words too, after its own.
        if self._mark not in said or not said[0].endswith(b"/nasty"):
            return None
        seen = proc.look(pid)
        return seen and Seen(pid, seen.state, os.fsdecode(b" ".join(said)))

    def wait_complete(self, stdout: int, limit: float = LONG) -> list[Seen]:
        """Who is alive, once the family has said "ready" and is as large as it has to be."""
        self.hear(read_ready(stdout, limit))
        return self.wait_settled(limit)

    def hear(self, said: str) -> None:
        """What the family says for itself: "ready", or what the machine does not have."""
        if said != "ready":
            self.end()
            pytest.skip(f"this adversary says: {said}")

    def wait_settled(self, limit: float = LONG) -> list[Seen]:
        """Who is alive, once those who only came and went while it was built are gone."""
        if self.kind.hops:
            wait_until(lambda: self.generations >= 3, limit, "generations of a chain")
            before = self.generations
            wait_until(lambda: self.generations > before, limit, "further generations")
        return self.wait_count(self.kind.processes, limit)

    def wait_count(self, count: int, limit: float = LONG) -> list[Seen]:
        """Who is alive, once there are `count` of them; of those who hop, at least so many."""
        seen: list[Seen] = []

        def arrived() -> bool:
            seen[:] = self.alive()
            return len(seen) == count or (self.kind.hops and len(seen) > count)

        _, in_time = look_until(arrived, limit)
        assert in_time, f"not {count} processes but {len(seen)}:\n" + "\n".join(map(str, seen))
        return seen

    def is_gone(self) -> bool:
        """Nobody is alive, and no chain goes on unseen."""
        if self.alive():
            return False
        return not self.kind.hops or (self._stands_still() and not self.alive())

    def _stands_still(self) -> bool:
        before = self.generations
        _, moves = look_until(lambda: self.generations != before, STANDSTILL)
        return not moves

    def seconds_until_gone(self, since: float, limit: float | None = None) -> float:
        """When nobody was alive any more, in seconds after `since`; fails after the limit."""
        end = time.monotonic() + (self.kind.limit if limit is None else limit)
        while True:
            at = time.monotonic()
            if self.is_gone():
                return at - since
            left = self.alive()
            assert at < end, f"{len(left)} still alive:\n" + "\n".join(map(str, left))

    def kill(self) -> list[Seen]:
        """Whoever was still alive; nobody is after it."""
        BOARD.pack_into(self._board, 0, 1, self.generations)
        left = self.alive()
        if self.kind.hops:  # a number that we saw may be a stranger's by now
            wait_until(self._stands_still, LONG, "a chain obeys")

        def kill_all() -> bool:
            alive = self.alive()
            for seen in alive:
                proc.kill_quietly(seen.pid)
            return not alive

        wait_until(kill_all, LONG, "killed processes vanish")
        return left

    def end(self) -> list[Seen]:
        """As `kill`, and close the board. The second time there is nothing to do."""
        if self._board.closed:
            return []
        left = self.kill()
        self._board.close()
        self._board_path.unlink()
        return left


def words_of(pid: int) -> list[bytes]:
    """The words of a process that lives, also when its main thread has ended; else none."""
    said = _read(PROC / str(pid) / "cmdline")
    if not said:
        try:
            tasks = os.listdir(PROC / str(pid) / "task")
        except OSError:
            return []
        others = (task for task in tasks if task != str(pid))
        said = next(filter(None, (_read(PROC / task / "cmdline") for task in others)), b"")
    return said.split(b"\0")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: its reading end, and its writing end to give away."""
    read_end, write_end = os.pipe()
    try:
        yield read_end, write_end
    finally:
        os.close(write_end)
        os.close(read_end)
