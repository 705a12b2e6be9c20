"""Large outputs in memory: the time they take, and the most memory in use meanwhile.

Each figure comes from an interpreter of its own. "peak / size" is what the process grew by at the
highest point (VmHWM), in sizes of the output: 1.00 is the least that one `bytes` can take. In the
echo the input is there before, and is not in the peak.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import time
from collections.abc import Callable

from fresh import Figures, answered, ask, forget_peak, peak_kib, rss_kib
from measure import options, prepare
from programs import programs
from tables import print_table

import osexec

ECHO_MIB = 64
KEPT_KIB = 32

Call = Callable[[list[str], bytes], "bytes | None"]
"""Runs the words, with the data as their input if there is any, and gives back the output."""


# The first of each is what the others are compared with.
CAPTURES: dict[str, Call] = {
    "run(capture_output)": lambda words, _: (
        subprocess.run(words, capture_output=True, check=True).stdout
    ),
    "run(stdout=PIPE)": lambda words, _: (
        subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout
    ),
    "osexec Cmd.output": lambda words, _: osexec.Cmd(*words).output(),
}
ECHOES: dict[str, Call] = {
    "run(input, capture_output)": lambda words, data: (
        subprocess.run(words, input=data, capture_output=True, check=True).stdout
    ),
    "run(input, stdout=PIPE)": lambda words, data: (
        subprocess.run(words, input=data, stdout=subprocess.PIPE, check=True).stdout
    ),
    "osexec Cmd(stdin=data).output": lambda words, data: osexec.Cmd(*words, stdin=data).output(),
}
ENDS: dict[str, Call] = {
    f"osexec Capture, {KEPT_KIB} KiB of head and of tail": lambda words, _: (
        osexec.Cmd(*words, stdout=osexec.Capture(head=KEPT_KIB << 10, tail=KEPT_KIB << 10))
        .run()
        .stdout
    ),
}


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__, rounds=5)
    parser.add_argument("--mib", type=int, default=1024, help="of output; default %(default)s")
    args = parser.parse_args(argv)
    dice = prepare(args, quick_rounds=2)
    size, echo = (min(args.mib, 64), 16) if args.quick else (args.mib, ECHO_MIB)
    with programs() as made:
        print(f"program: {made.note}; {args.rounds} rounds")
        words = made.tiny("fill", size)
        found = figures(CAPTURES, size, words, args.rounds, dice)
        print_compared(f"{size} MiB of output to bytes", found, size)
        found = figures(ECHOES, echo, ["cat"], args.rounds, dice)
        print_compared(f"{echo} MiB through cat and back", found, echo)
        found = figures(ENDS, size, words, args.rounds, dice)
        print_ends(f"{size} MiB of output, of which the ends are kept", found, size)


Found = dict[str, list[Figures]]


def figures(
    ways: dict[str, Call], mib: int, words: list[str], rounds: int, dice: random.Random
) -> Found:
    """Every way once a round, in random order."""
    found: Found = {name: [] for name in ways}
    for _ in range(rounds):
        for name in dice.sample(list(ways), len(ways)):
            found[name].append(ask(__file__, name, mib, *words))
    return found


def print_compared(title: str, found: Found, mib: int) -> None:
    """Times as ratios inside the rounds; of the peaks the highest."""
    base_name, base = next(iter(found.items()))
    rows = []
    for name, got in found.items():
        seconds = [one["seconds"] for one in got]
        ratios = [mine["seconds"] / its["seconds"] for mine, its in zip(got, base, strict=True)]
        rows.append(
            [
                name,
                f"{statistics.median(seconds):.3f}",
                f"{mib / 1024 / min(seconds):.2f}",
                f"{statistics.median(ratios):.2f}",
                f"{max(one['peak_kib'] for one in got) / 1024 / mib:.2f}",
            ]
        )
    print_table(title, ["way", "median s", "best GiB/s", f"x {base_name}", "peak / size"], rows)


def print_ends(title: str, found: Found, mib: int) -> None:
    """What is not kept takes no memory: the peak in KiB."""
    rows = []
    for name, got in found.items():
        seconds = [one["seconds"] for one in got]
        rows.append(
            [
                name,
                f"{statistics.median(seconds):.3f}",
                f"{mib / 1024 / min(seconds):.2f}",
                f"{max(one['peak_kib'] for one in got):.0f}",
            ]
        )
    print_table(title, ["way", "median s", "best GiB/s", "peak KiB"], rows)


def one(name: str, mib: str, *words: str) -> Figures:
    """In the fresh interpreter: the time and the memory of one call."""
    size = int(mib) << 20
    call = (CAPTURES | ECHOES | ENDS)[name]
    data = bytes(range(256)) * (size // 256) if name in ECHOES else b""
    forget_peak()
    before = rss_kib()
    start = time.perf_counter()
    output = call(list(words), data)
    seconds = time.perf_counter() - start
    peak = peak_kib() - before
    assert output is not None
    assert name in ENDS or len(output) == size, "this is not the whole output"
    return {"seconds": seconds, "peak_kib": peak}


if __name__ == "__main__" and not answered(one):
    main()
