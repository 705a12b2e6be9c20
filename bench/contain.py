"""What containing costs: everything a command starts, against the command alone.

The commands are tiny static programs, both streams captured. "tree" starts the minder for each
command; "process" starts the command itself. Besides: how soon nothing is left of a tree that is
ended, and what a minder takes of memory.
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

from measure import measure, options, prepare, way
from programs import programs
from tables import LEAST, MEDIAN, print_times

import osexec
from osexec import Canceled, Capture, Cmd

TEN_MS = 10_000
SLEEPERS = "for i in $(seq {0}); do setsid sleep 600 & done; echo ready; sleep 600"


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__, rounds=60, batch=10)
    args = parser.parse_args(argv)
    dice = prepare(args, quick_rounds=8)
    with programs() as made:
        print(f"program: {made.note}; {args.rounds} rounds of {args.batch} runs")
        for title, words, batch in (
            ("A program that does nothing", made.tiny("quick"), args.batch),
            ("A program that runs for 10 ms", made.tiny("linger", TEN_MS), max(1, args.batch // 3)),
        ):
            ways = [
                way(f"osexec Cmd, 2 Captures, {contain}", cmd.run)
                for contain in ("process", "group", "tree")
                for cmd in [Cmd(*words, stdout=Capture(), stderr=Capture(), contain=contain)]
            ]
            bases = {"process": "osexec Cmd, 2 Captures, process"}
            found = measure(ways, args.rounds, batch, dice)
            print_times(title, found, bases, MEDIAN, LEAST)
    print("\nFrom Context.cancel() to the return of the call, with nothing of the tree left")
    for count in (1, 12, 200):
        times = [ended(count) for _ in range(max(3, args.rounds // 6))]
        print(f"  {count + 1:4} processes: {1e3 * statistics.median(times):6.2f} ms")
    print(f"\nMemory of a minder: {minder_kib()} KiB (Pss)")


def ended(count: int) -> float:
    """Seconds; all but the command have left its session."""
    cmd = Cmd("sh", "-c", SLEEPERS.format(count), contain="tree", stdout=osexec.PIPE)
    ctx = osexec.Context()
    with cmd.start(ctx=ctx) as process:
        assert process.stdout is not None
        process.stdout.readline()
        begin = time.perf_counter()
        ctx.cancel("enough")
        try:
            process.wait()
        except Canceled:
            pass
        return time.perf_counter() - begin


def minder_kib() -> int:
    """Its share of what it uses: the program's own pages are shared by all minders."""
    with Cmd("sleep", "600", contain="tree").start() as process:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
        minder = int(stat.rpartition(")")[2].split()[1])
        assert minder != os.getpid()
        for line in Path(f"/proc/{minder}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    raise KeyError("Pss")


if __name__ == "__main__":
    main()
