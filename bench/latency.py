"""How late it is: from an exit to the return, past a deadline, and from a cancel to its effect.

exit      The program lives for 0 to 40 ms, writes the time and exits: from there to the
          return of the call. Nothing is captured; the time comes through a pipe of ours.
timeout   A program that does not end by itself, under a time-out of 50 ms: from the
          end of the 50 ms to the exception.
cancel    One that does not end by itself; another thread cancels after 10 ms: from that
          call to the exception in the thread that waits.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from measure import Way, measure, options, prepare
from programs import Programs, Unavailable, programs
from tables import percentile, print_times
from workers import Worker, wanted_peers, workers

import osexec

LIFE_US = 40_000
TIMEOUT = 0.05
CANCEL_AFTER = 0.01
LIMIT = 60.0  # a deadline that is never reached

COLUMNS = (percentile(10), percentile(50), percentile(99))


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__, rounds=20, batch=10)
    parser.add_argument("--peers", type=wanted_peers, default="c", help="'c' beside us, or ''")
    args = parser.parse_args(argv)
    dice = prepare(args, quick_rounds=4, quick_batch=5)
    with programs() as made, workers(made, args.peers) as peers:
        print(f"program: {made.note}; {args.rounds} rounds of {args.batch} runs")
        for title, ways, base in (
            ("From the exit to the return", lambda: exits(made, peers), "C waitpid"),
            ("Past the time-out", lambda: timeouts(made), "subprocess.run"),
            ("From cancel to its effect", lambda: cancels(made), "Popen.kill, Popen.wait"),
        ):
            try:
                found = measure(ways(), args.rounds, args.batch, dice)
            except Unavailable as why:
                print(f"\n{title}: not here, {why}")
                continue
            print_times(title, found, {base: base}, *COLUMNS)


def late(name: str, once: Callable[[], float], note: str = "") -> Way:
    """The way that measures itself: `once` gives the seconds."""
    return Way(name, lambda count: [once() for _ in range(count)], note)


# ---------------------------------------------------------------------- exit


def exits(made: Programs, peers: dict[str, Worker]) -> list[Way]:
    words = made.tiny("stamp", LIFE_US)
    c = peers.get("c")
    return [
        *([Way("C waitpid", lambda count: c.times("latency", words, count))] if c else []),
        after_exit("subprocess.run", lambda out: subprocess.run(words, stdout=out, check=True)),
        after_exit(
            "subprocess.run, timeout",
            lambda out: subprocess.run(words, stdout=out, check=True, timeout=LIMIT),
            "polls",
        ),
        after_exit("osexec.run", lambda out: osexec.run(*words, stdout=out)),
        after_exit(
            "osexec.run, timeout", lambda out: osexec.run(*words, stdout=out, timeout=LIMIT)
        ),
        after_exit("osexec.start, wait", lambda out: osexec.start(*words, stdout=out).wait()),
    ]


def after_exit(name: str, run: Callable[[int], object], note: str = "") -> Way:
    """Run it with a pipe as its stdout; what it wrote is the time of its last act."""

    def once() -> float:
        read_end, write_end = os.pipe()
        run(write_end)
        returned = time.monotonic_ns()
        wrote = int.from_bytes(os.read(read_end, 8), sys.byteorder)
        os.close(read_end)
        os.close(write_end)
        return (returned - wrote) / 1e9

    return late(name, once, note)


# ------------------------------------------------------------------- timeout


def timeouts(made: Programs) -> list[Way]:
    words = made.tiny("stay")
    both = {"stdout": osexec.Capture(), "stderr": osexec.Capture()}
    return [
        past_timeout("subprocess.run", lambda: subprocess.run(words, check=False, timeout=TIMEOUT)),
        past_timeout(
            "run(capture_output)",
            lambda: subprocess.run(words, check=False, capture_output=True, timeout=TIMEOUT),
        ),
        past_timeout("osexec.run", lambda: osexec.run(*words, timeout=TIMEOUT)),
        past_timeout("osexec.run, 2 Captures", lambda: osexec.run(*words, timeout=TIMEOUT, **both)),
        past_timeout("osexec.start, wait", lambda: osexec.start(*words, timeout=TIMEOUT).wait()),
    ]


def past_timeout(name: str, run: Callable[[], object]) -> Way:
    def once() -> float:
        begin = time.perf_counter()
        try:
            run()
        except (subprocess.TimeoutExpired, osexec.DeadlineExceeded):
            return time.perf_counter() - begin - TIMEOUT
        raise AssertionError(f"{name} came back without its timeout")

    return late(name, once)


# -------------------------------------------------------------------- cancel


def cancels(made: Programs) -> list[Way]:
    words = made.tiny("stay")
    both = {"stdout": osexec.Capture(), "stderr": osexec.Capture()}
    return [
        late("Popen.kill, Popen.wait", lambda: by_popen(words)),
        late("Context.cancel, osexec.run", lambda: by_context(osexec.Cmd(*words))),
        late("Context.cancel, 2 Captures", lambda: by_context(osexec.Cmd(*words, **both))),
        late("Process.cancel, wait", lambda: by_process(osexec.Cmd(*words))),
    ]


def by_popen(words: list[str]) -> float:
    with subprocess.Popen(words) as process:
        return after_cancel(process.kill, process.wait)


def by_context(cmd: osexec.Cmd) -> float:
    context = osexec.Context()
    return after_cancel(context.cancel, lambda: cmd.run(ctx=context))


def by_process(cmd: osexec.Cmd) -> float:
    process = cmd.start()
    return after_cancel(process.cancel, process.wait)


def after_cancel(cancel: Callable[[], object], wait: Callable[[], object]) -> float:
    """Wait here while another thread cancels."""
    called: list[float] = []

    def canceller() -> None:
        time.sleep(CANCEL_AFTER)
        called.append(time.perf_counter())
        cancel()

    thread = threading.Thread(target=canceller)
    thread.start()
    try:
        wait()
    except osexec.Canceled:
        pass
    returned = time.perf_counter()
    thread.join()
    return returned - called[0]


if __name__ == "__main__":
    main()
