"""What it costs to run a command: osexec beside subprocess, and beside C and Go.

The command is a tiny program that only exits, so the figures are the overhead of the caller. All
ways in Python are in this one process; C and Go are workers that take their turn in each round
(see measure.py and workers.py). `stdin` and `stdout` of the plain runs are inherited, except that
osexec and Go open /dev/null for `stdin`, as they always do.

"process" and "group" is what osexec contains: only the child (as subprocess and Go do), or a
process group of its own, its default.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass

from measure import Way, measure, options, prepare, way
from programs import Programs, programs
from tables import LEAST, MEDIAN, print_times
from workers import Worker, wanted_peers, workers

import osexec

LIMIT = 60.0  # a deadline that is never reached

# subprocess looks for the exit of a command with a timeout after 0.5, 1.5, 3.5, 7.5, 15.5 ... ms.
# Here the look that finds it comes at 15.5/11 of the time: the mean over all lengths is about that.
LINGER_US = 11_000


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__, rounds=40, batch=30)
    parser.add_argument(
        "--peers", type=wanted_peers, default="c,go", help="which of c,go to run beside; or ''"
    )
    parser.add_argument("--program", help="run this one instead of the tiny one that exits")
    args = parser.parse_args(argv)
    dice = prepare(args, quick_rounds=8)
    with programs() as made, workers(made, args.peers) as found:
        quick = [args.program] if args.program else made.tiny("quick")
        print(f"program: {args.program or made.note}; {args.rounds} rounds of {args.batch} runs")
        bench = Bench(found, dice, args.rounds, args.batch)
        bench.run(quick)
        bench.capture(quick)
        bench.linger(made)


@dataclass(frozen=True, slots=True)
class Bench:
    """The three tables."""

    workers: dict[str, Worker]
    dice: random.Random
    rounds: int
    batch: int

    def run(self, words: list[str]) -> None:
        """No stream is captured."""
        ways = [
            *self._peer("C vfork, exec, waitpid", "c", "run", words),
            *self._peer("Go Run", "go", "run", words),
            *self._peer("Go Run, context", "go", "run-context", words),
            *python_runs(words),
        ]
        bases = {
            "C": "C vfork, exec, waitpid",
            "Go": "Go Run",
            "subprocess.run": "subprocess.run",
            "timeout": "subprocess.run, timeout",
        }
        self._table("Run, nothing captured", ways, bases)

    def capture(self, words: list[str]) -> None:
        """Both streams into memory."""
        ways = [
            *self._peer("C 2 pipes, pidfd, poll", "c", "capture", words),
            *self._peer("Go 2 buffers", "go", "capture", words),
            *self._peer("Go 2 buffers, context", "go", "capture-context", words),
            *self._peer("Go CombinedOutput, context", "go", "combined-context", words),
            *python_captures(words),
        ]
        bases = {
            "C": "C 2 pipes, pidfd, poll",
            "Go, context": "Go 2 buffers, context",
            "capture_output": "run(capture_output)",
            "timeout": "run(capture_output, timeout)",
        }
        self._table("Run, stdout and stderr captured", ways, bases)

    def linger(self, made: Programs) -> None:
        """The exit comes after the end of the output: who polls for it with sleeps is late."""
        words = made.tiny("linger", LINGER_US)
        cmd = osexec.Cmd(*words, stdout=osexec.Capture(), stderr=osexec.Capture())
        ways = [
            *self._peer("C 2 pipes, pidfd, poll", "c", "capture", words),
            way("run(capture_output)", lambda: captured(words)),
            way("run(capture_output, timeout)", lambda: captured(words, LIMIT)),
            way("osexec Cmd, 2 Captures", cmd.run),
            way("osexec Cmd, 2 Captures, timeout", lambda: cmd.run(timeout=LIMIT)),
        ]
        bases = {
            "C": "C 2 pipes, pidfd, poll",
            "capture_output": "run(capture_output)",
            "timeout": "run(capture_output, timeout)",
        }
        title = f"A program that closes its output and exits {LINGER_US / 1e3:g} ms later, captured"
        small = Bench(self.workers, self.dice, max(2, self.rounds // 2), max(1, self.batch // 6))
        small._table(f"{title} (the {LINGER_US / 1e3:g} ms are in the figures)", ways, bases)

    def _peer(self, name: str, peer: str, asked: str, words: list[str]) -> list[Way]:
        worker = self.workers.get(peer)
        return [] if worker is None else [Way(name, lambda n: worker.times(asked, words, n))]

    def _table(self, title: str, ways: list[Way], bases: dict[str, str]) -> None:
        found = measure(ways, self.rounds, self.batch, self.dice)
        print_times(title, found, bases, MEDIAN, LEAST)


def python_runs(words: list[str]) -> list[Way]:
    Popen, run = subprocess.Popen, subprocess.run  # noqa: N806 - their own names
    process = osexec.Cmd(*words, contain="process")
    group = osexec.Cmd(*words, contain="group")
    return [
        way("Popen().wait()", lambda: Popen(words).wait()),
        way("Popen().wait(timeout)", lambda: Popen(words).wait(LIMIT), "polls"),
        way("subprocess.run", lambda: run(words, check=True)),
        way(
            "subprocess.run, stdin=DEVNULL",
            lambda: run(words, check=True, stdin=subprocess.DEVNULL),
        ),
        way("subprocess.run, timeout", lambda: run(words, check=True, timeout=LIMIT), "polls"),
        way("osexec Cmd.run, process", process.run, "goal: 1.15 x subprocess.run"),
        way("osexec Cmd.run, process, timeout", lambda: process.run(timeout=LIMIT)),
        way("osexec Cmd.run, group", group.run),
        way("osexec Cmd.run, group, timeout", lambda: group.run(timeout=LIMIT)),
        way("osexec.run, process", lambda: osexec.run(*words, contain="process")),
        way(
            "osexec.run, group, timeout", lambda: osexec.run(*words, contain="group", timeout=LIMIT)
        ),
    ]


def python_captures(words: list[str]) -> list[Way]:
    both = {"stdout": osexec.Capture(), "stderr": osexec.Capture()}
    process = osexec.Cmd(*words, contain="process", **both)
    group = osexec.Cmd(*words, contain="group", **both)
    plain = osexec.Cmd(*words, contain="group")
    return [
        way("Popen().communicate()", lambda: communicate(words)),
        way("Popen().communicate(timeout)", lambda: communicate(words, LIMIT)),
        way("run(capture_output)", lambda: captured(words)),
        way("run(capture_output, timeout)", lambda: captured(words, LIMIT)),
        way("osexec Cmd.run, process", process.run),
        way(
            "osexec Cmd.run, process, timeout",
            lambda: process.run(timeout=LIMIT),
            "goal: 0.8 x timeout",
        ),
        way("osexec Cmd.run, group, timeout", lambda: group.run(timeout=LIMIT)),
        way("osexec Cmd.output, group, timeout", lambda: plain.output(timeout=LIMIT)),
        way(
            "osexec.run, group, timeout",
            lambda: osexec.run(*words, contain="group", timeout=LIMIT, **both),
        ),
        way(
            "osexec.output, group, timeout",
            lambda: osexec.output(*words, contain="group", timeout=LIMIT),
        ),
    ]


def captured(words: list[str], limit: float | None = None) -> None:
    subprocess.run(words, capture_output=True, check=True, timeout=limit)


def communicate(words: list[str], limit: float | None = None) -> None:
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.communicate(timeout=limit)


if __name__ == "__main__":
    main()
