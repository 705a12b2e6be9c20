"""C and Go beside us: processes that stay alive and run commands when they are told to.

A worker is asked for a batch over its stdin and answers on its stdout with the time of each
run, so that it takes its turn within a round like the ways in Python.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from programs import SOURCES, Programs, Unavailable, build

PEERS = ("c", "go")


class Worker:
    """A running peer. Closing its stdin ends it."""

    def __init__(self, name: str, words: list[str]) -> None:
        self.name = name
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def times(self, way: str, words: list[str], count: int) -> list[float]:
        """Run `words` `count` times in the way of that name; the seconds of each."""
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in is not None and pipe_out is not None
        pipe_in.write("\t".join([way, str(count), *words]) + "\n")
        pipe_in.flush()
        took = [int(word) / 1e9 for word in pipe_out.readline().split()]
        if len(took) != count:
            raise RuntimeError(f"the {self.name} worker gave up on {way} of {words}")
        return took

    def close(self) -> None:
        """End it and wait for that."""
        self._process.communicate()


@contextmanager
def workers(made: Programs, wanted: list[str]) -> Iterator[dict[str, Worker]]:
    """The wanted peers that can be built here. What can't be is said, and left out."""
    with ExitStack() as stack:
        found = {}
        for name in wanted:
            try:
                words = _build_c(made) if name == "c" else _build_go(made)
            except Unavailable as why:
                print(f"without {name}: {why}")
                continue
            found[name] = Worker(name, words)
            stack.callback(found[name].close)
        yield found


def wanted_peers(text: str) -> list[str]:
    """The value of --peers: names with commas between, or nothing."""
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in PEERS:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(PEERS)}")
    return names


def _build_c(made: Programs) -> list[str]:
    path = made.folder / "worker-c"
    made.compile("worker.c", path, "-O2")
    return [str(path)]


def _build_go(made: Programs) -> list[str]:
    go = shutil.which("go")
    if go is None:
        raise Unavailable("no go on PATH")
    path = made.folder / "worker-go"
    build([go, "build", "-o", str(path), str(SOURCES / "worker.go")], GO111MODULE="off")
    return [str(path)]
