"""Many commands, in a row and at once: nothing is left of them, and one thread serves them all."""

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

import osexec
from osexec import PIPE, Capture, Cmd
from tests.helpers import leaks, proc
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, LONG
from tests.helpers.stress import TimeBox

CAT = Cmd("cat", stdin=b"some data", stdout=Capture(), stderr=Capture(), timeout=10 * LONG)


def nothing_left(before: leaks.Snapshot, tag: Tag) -> None:
    assert leaks.check(before, tag) == []


def run_one(turn: int) -> None:
    """One of several ways to run a command, in turn."""
    way = turn % 6
    if way == 0:
        assert osexec.run("true").ok
    elif way == 1:
        assert CAT.run().stdout == b"some data"
    elif way == 2:
        assert CAT.start().wait(LONG).stdout == b"some data"
    elif way == 3:
        with osexec.start("cat", stdin=PIPE, stdout=PIPE) as process:
            process.stdin.write(b"x")
            process.stdin.close()
            assert process.stdout.read() == b"x"
            process.wait(LONG)
    elif way == 4:
        with pytest.raises(osexec.ExitError):
            osexec.output("sh", "-c", "exit 3", timeout=LONG)
    else:
        with pytest.raises(osexec.StartError):
            osexec.run("/no/such/program", stdin=b"x", stdout=Capture())


def test_three_hundred_in_a_row(tag: Tag) -> None:
    before, descriptors = leaks.Snapshot.take(), len(os.listdir("/proc/self/fd"))
    for turn in range(300):
        run_one(turn)
        assert len(os.listdir("/proc/self/fd")) == descriptors
    nothing_left(before, tag)


def at_once(number: int) -> None:
    """So many commands, alive together, each with its own data."""
    threads = threading.active_count()
    cmd = Cmd("cat", stdin=PIPE, stdout=Capture(), timeout=10 * LONG)
    processes = [cmd.start() for _ in range(number)]
    assert threading.active_count() == threads
    for process in reversed(processes):
        process.stdin.write(str(process.pid).encode())
        process.stdin.close()
    for process in processes:
        assert process.wait(10 * LONG).stdout == str(process.pid).encode()
    assert threading.active_count() == threads


def test_two_hundred_at_once(tag: Tag) -> None:
    before = leaks.Snapshot.take()
    at_once(200)
    nothing_left(before, tag)


def test_sixty_four_commands_from_eight_threads(tag: Tag) -> None:
    before = leaks.Snapshot.take()

    def eight(thread: int) -> list[bytes | None]:
        words = [f"{thread} {turn}" for turn in range(8)]
        if thread % 2:
            return [osexec.run("echo", word, stdout=Capture()).stdout for word in words]
        started = [osexec.start("echo", word, stdout=Capture()) for word in words]
        return [process.wait(LONG).stdout for process in started]

    with ThreadPoolExecutor(8) as pool:
        for thread, got in enumerate(pool.map(eight, range(8), timeout=LONG)):
            assert got == [f"{thread} {turn}\n".encode() for turn in range(8)]
    nothing_left(before, tag)


def test_a_hundred_ended_at_once(tag: Tag) -> None:
    with osexec.Context() as ctx:
        processes = [osexec.start("sleep", str(FOREVER)) for _ in range(100)]
        ctx.cancel("all of them")
        reasons = Counter(type(failed(process)).__name__ for process in processes)
    assert reasons == {"ExitCanceled": 100}
    assert tag.alive() == []


def failed(process: osexec.Process) -> osexec.Error:
    with pytest.raises(osexec.Error) as caught:
        process.wait(LONG)
    return caught.value


@pytest.mark.stress
def test_ten_thousand_in_a_row(box: TimeBox, tag: Tag) -> None:
    before, descriptors = leaks.Snapshot.take(), len(os.listdir("/proc/self/fd"))
    memory = []
    turn = 0
    for turn in box:
        run_one(box.random.randrange(6))
        assert len(os.listdir("/proc/self/fd")) == descriptors
        if turn % 500 == 0:
            with open("/proc/self/statm") as file:
                memory.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        if turn >= 10_000:
            break
    print(f"{turn} runs; memory {[round(size / 1e6, 1) for size in memory]}")
    assert max(memory[1:], default=0) - min(memory[1:], default=0) < 8 << 20
    nothing_left(before, tag)


@pytest.mark.stress
def test_a_thousand_at_once(tag: Tag) -> None:
    before = leaks.Snapshot.take()
    at_once(1000)
    nothing_left(before, tag)


@pytest.mark.stress
def test_threads_that_run_everything_at_once(box: TimeBox, tag: Tag) -> None:
    before = leaks.Snapshot.take()
    turns = count()
    end = threading.Event()

    def work(thread: int) -> int:
        done = 0
        while not end.is_set():
            run_one(next(turns))
            done += 1
        return done

    with ThreadPoolExecutor(16) as pool:
        working = [pool.submit(work, thread) for thread in range(16)]
        end.wait(box.seconds)
        end.set()
        print(sum(future.result(LONG) for future in working), "runs")
    nothing_left(before, tag)
    assert not proc.children() - before.children
