"""Thousands of commands at once: starting them, waiting for them, and seeing them all end.

Each command writes a byte when it lives and then reads its stdin, the same pipe for all, so
closing that pipe ends them all at once. Each row comes from an interpreter of its own:

    start s      from the first start until every command has written its byte
    exits s      from closing the pipe until every exit has been noticed
    threads      of this process, while all commands run
    KiB each     what this process grew by, for each command
    idle ms/s    CPU time of this process in a second in which nothing happens

The loop around epoll is a lower bound in Python: no streams, no deadlines, no containment. It and
osexec hold a descriptor for each command, and every fork copies the table of descriptors, so
starting costs more with every command that runs; the threads hold none.
"""

from __future__ import annotations

import os
import resource
import select
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from fresh import Figures, answered, ask, rss_kib, thread_count
from measure import options, prepare
from programs import programs
from tables import print_table

import osexec

LIMIT = 600.0  # a deadline that is never reached
HEADS = {
    "start_s": "start s",
    "exits_s": "exits s",
    "threads": "threads",
    "kib_each": "KiB each",
    "idle_ms": "idle ms/s",
}

Finish = Callable[[], None]
"""Waits until every exit has been noticed."""


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__, rounds=3)
    parser.add_argument("--counts", default="1000,5000", help="of commands; default %(default)s")
    parser.add_argument("--idle", type=float, default=5.0, help="seconds; default %(default)s")
    args = parser.parse_args(argv)
    dice = prepare(args, quick_rounds=1)
    counts = [100] if args.quick else [int(count) for count in args.counts.split(",")]
    idle = min(args.idle, 0.5) if args.quick else args.idle
    with programs() as made:
        print(f"program: {made.note}; {args.rounds} rounds, idle for {idle:g} s")
        words = made.tiny("hold")
        for count in counts:
            why_not = too_many(count)
            if why_not:
                print(f"\n{count} commands: not here, {why_not}")
                continue
            ways = [name for name in WAYS if count <= MOST.get(name, count)]
            found: dict[str, list[Figures]] = {name: [] for name in ways}
            for _ in range(args.rounds):
                for name in dice.sample(ways, len(ways)):
                    found[name].append(ask(__file__, name, count, idle, *words))
            print_found(f"{count} commands at once", found)


def print_found(title: str, found: dict[str, list[Figures]]) -> None:
    rows = []
    for name, got in found.items():
        medians = [statistics.median(one[key] for one in got) for key in HEADS]
        start, exits, threads, kib, idle = medians
        cells = f"{start:.2f}", f"{exits:.3f}", f"{threads:.0f}", f"{kib:.1f}", f"{idle:.2f}"
        rows.append([name, *cells])
    print_table(title, ["way", *HEADS.values()], rows)


def too_many(count: int) -> str:
    """Why this machine can not have that many commands of ours, or nothing."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    _, processes = resource.getrlimit(resource.RLIMIT_NPROC)
    pids = int(Path("/proc/sys/kernel/pid_max").read_text())
    for limit, what in (files, "files"), (processes, "processes"), (pids, "process ids"):
        if limit != resource.RLIM_INFINITY and limit < count + 200:
            return f"the limit is {limit} {what}"
    return ""


# ------------------------------------------------------- in the fresh interpreter


def by_osexec(words: list[str], count: int, stdin: int, stdout: int) -> Finish:
    """start() and then wait(), with a deadline that osexec keeps for each."""
    cmd = osexec.Cmd(*words, stdin=stdin, stdout=stdout, timeout=LIMIT)
    started = [cmd.start() for _ in range(count)]

    def finish() -> None:
        for process in started:
            process.wait()

    return finish


def by_epoll(words: list[str], count: int, stdin: int, stdout: int) -> Finish:
    """Popen, and one epoll over a pidfd for each."""
    epoll = select.epoll()
    started = {}
    for _ in range(count):
        process = subprocess.Popen(words, stdin=stdin, stdout=stdout)
        fd = os.pidfd_open(process.pid)
        started[fd] = process
        epoll.register(fd, select.EPOLLIN)

    def finish() -> None:
        while started:
            for fd, _ in epoll.poll():
                epoll.unregister(fd)
                os.close(fd)
                started.pop(fd).wait()

    return finish


def by_threads(words: list[str], count: int, stdin: int, stdout: int) -> Finish:
    """A thread for each, in subprocess.run with a timeout: it polls with sleeps."""

    def run() -> None:
        subprocess.run(words, stdin=stdin, stdout=stdout, timeout=LIMIT, check=True)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()

    def finish() -> None:
        for thread in threads:
            thread.join()

    return finish


WAYS = {
    "Popen, one epoll": by_epoll,
    "subprocess.run(timeout) in threads": by_threads,
    "osexec.start, timeout": by_osexec,
}
MOST = {"subprocess.run(timeout) in threads": 1000}
"""With more threads than this it takes too long to be worth the wait."""


def one(name: str, count_text: str, idle_text: str, *words: str) -> Figures:
    """The figures of one way."""
    count, idle = int(count_text), float(idle_text)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    hold_read, hold_write = os.pipe()
    alive_read, alive_write = os.pipe()

    before = rss_kib()
    begin = time.perf_counter()
    finish = WAYS[name](list(words), count, hold_read, alive_write)
    seen = 0
    while seen < count:
        seen += len(os.read(alive_read, count))
    start_s = time.perf_counter() - begin

    threads = thread_count()
    kib_each = (rss_kib() - before) / count
    idle_ms = cpu_ms_each_second(idle)

    begin = time.perf_counter()
    os.close(hold_write)
    finish()
    exits_s = time.perf_counter() - begin
    return {
        "start_s": start_s,
        "exits_s": exits_s,
        "threads": threads,
        "kib_each": kib_each,
        "idle_ms": idle_ms,
    }


def cpu_ms_each_second(seconds: float) -> float:
    """Our CPU time while this thread sleeps."""
    before = time.process_time()
    time.sleep(seconds)
    return (time.process_time() - before) * 1000 / seconds


if __name__ == "__main__" and not answered(one):
    main()
