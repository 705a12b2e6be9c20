"""How the benchmarks measure: paired rounds, ratios inside each round, medians over rounds.

A shared machine is fast one second and slow the next. So every way takes its turn in every
round, in an order drawn anew; a way is compared with another inside each round, where both met
the same machine; and the figure is the median of those ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do the thing that is measured."""

    name: str
    times: Callable[[int], list[float]]
    """Does it that many times; the seconds of each."""
    note: str = ""
    """Printed in the last column of its row."""


def way(name: str, call: Callable[[], object], note: str = "") -> Way:
    """The way that calls this function and measures from before the call to after it."""

    def times(count: int) -> list[float]:
        clock = time.perf_counter
        took = []
        for _ in range(count):
            begin = clock()
            call()
            took.append(clock() - begin)
        return took

    return Way(name, times, note)


@dataclass(slots=True)
class Series:
    """What one way took: a list for each round."""

    way: Way
    rounds: list[list[float]] = field(default_factory=list)

    @property
    def means(self) -> list[float]:
        return [statistics.fmean(batch) for batch in self.rounds]

    @property
    def median(self) -> float:
        """The median over the rounds of the mean of a batch: what a loop of calls costs."""
        return statistics.median(self.means)

    @property
    def least(self) -> float:
        """The quickest single run."""
        return min(min(batch) for batch in self.rounds)

    def ratio(self, base: Series) -> float:
        """The median over the rounds of the ratio to `base` inside the round."""
        return statistics.median(a / b for a, b in zip(self.means, base.means, strict=True))

    def percentile(self, percent: int) -> float:
        """Of the single runs of all rounds."""
        ordered = sorted(took for batch in self.rounds for took in batch)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


Measured = dict[str, Series]


def measure(ways: Sequence[Way], rounds: int, batch: int, dice: random.Random) -> Measured:
    """Every way once in each round, `batch` times in a row, in random order."""
    found = {way.name: Series(way) for way in ways}
    assert len(found) == len(ways), "two ways of one name"
    for way in ways:
        way.times(1)  # what is loaded or looked up only once is not part of the figure
    for _ in range(rounds):
        for way in dice.sample(ways, len(ways)):
            found[way.name].rounds.append(way.times(batch))
    return found


def options(what: str | None, *, rounds: int, batch: int = 0) -> argparse.ArgumentParser:
    """The options that the benchmarks share. `batch` 0: it has no batches."""
    parser = argparse.ArgumentParser(description=(what or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=rounds, help="default %(default)s")
    if batch:
        parser.add_argument("--batch", type=int, default=batch, help="runs in a row; %(default)s")
    parser.add_argument("--seed", type=int, help="of the order within the rounds")
    parser.add_argument("--quick", action="store_true", help="a few seconds; figures are rough")
    return parser


def prepare(args: argparse.Namespace, *, quick_rounds: int, quick_batch: int = 10) -> random.Random:
    """Print what machine this is, shrink to the quick sizes if asked, and return the dice."""
    if args.quick:
        args.rounds = min(args.rounds, quick_rounds)
        if "batch" in args:
            args.batch = min(args.batch, quick_batch)
    if args.seed is None:
        args.seed = random.randrange(10**6)
    load = " ".join(f"{number:.1f}" for number in os.getloadavg())
    print(
        f"CPython {platform.python_version()}, {platform.system()} {platform.release()} "
        f"{platform.machine()}, {os.cpu_count()} CPUs, load {load}, seed {args.seed}"
    )
    return random.Random(args.seed)
