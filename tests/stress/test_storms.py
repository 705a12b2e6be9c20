"""Many threads do everything to each other's commands: each call comes back, nothing is left."""

import random
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from osexec import PIPE, Capture, Cmd, Context, Error, Process, UsageError
from tests.helpers.alive import Tag
from tests.helpers.copies import Copy
from tests.helpers.drivers import DRIVERS
from tests.helpers.fresh import fresh
from tests.helpers.limits import FOREVER, GRACE, LONG
from tests.helpers.stress import TimeBox
from tests.helpers.threads import at_once

pytestmark = pytest.mark.stress

TREE = Cmd.sh(f"sleep {FOREVER} & sleep {FOREVER}", stdout=Capture())
SLEEP = Cmd("sleep", str(FOREVER))
POLITE = Cmd.sh(
    f"trap '' TERM; sleep {FOREVER} & wait", cancel="TERM", wait_delay=0.01, stdout=Capture()
)
BRIEF = Cmd("cat", stdin=b"x" * 100_000, stdout=Capture())
CMDS = (TREE, SLEEP, POLITE, BRIEF, Cmd("true"))


def quietly(call: Callable[[], object]) -> None:
    """What the library may say to this: an error of its own, or that the command has ended."""
    try:
        call()
    except UsageError:
        raise
    except (Error, ProcessLookupError, TimeoutError):
        pass


def pause(draw: random.Random) -> None:
    time.sleep(draw.expovariate(1 / 0.002))


def test_cancels_from_everywhere(box: TimeBox, tag: Tag) -> None:
    def attack(process: Process, ctx: Context, seed: int) -> None:
        draw = random.Random(seed)
        pause(draw)
        ways = (
            process.cancel,
            process.cancel,
            process.terminate,
            process.kill,
            lambda: process.signal("STOP"),
            lambda: process.wait(timeout=0.001),
            lambda: ctx.cancel("storm"),
        )
        quietly(draw.choice(ways))
        pause(draw)
        process.cancel()

    def one(seed: int) -> None:
        draw = random.Random(seed)
        with Context(timeout=draw.choice([None, 0.005, LONG])) as ctx:
            process = None
            try:
                process = draw.choice(CMDS).start()
            except Error:
                return  # the context was quicker
            attacks = [draw.randrange(2**32) for _ in range(3)]
            at_once(lambda seed: attack(process, ctx, seed), attacks)
            quietly(lambda: process.wait(LONG))
            assert process.result is not None
            assert process.result is process.poll()

    rounds = 0
    for _ in box:
        at_once(one, [box.random.randrange(2**32) for _ in range(8)])
        rounds += 1
    print(f"{8 * rounds} commands")
    assert tag.alive() == []


def test_one_context_for_runs_that_come_and_go(box: TimeBox, tag: Tag) -> None:
    def work(seed: int) -> None:
        draw = random.Random(seed)
        while not ctx.done:
            quietly(partial(draw.choice(list(DRIVERS.values())), draw.choice(CMDS), ctx=ctx))

    rounds = 0
    for _ in box:
        ctx = Context(timeout=LONG)
        timer = threading.Timer(box.random.expovariate(1 / 0.02), ctx.cancel)
        timer.start()
        at_once(work, [box.random.randrange(2**32) for _ in range(6)])
        timer.join()
        rounds += 1
    print(f"{rounds} contexts")
    assert tag.alive() == []


def test_writers_and_readers_of_the_callers(box: TimeBox) -> None:
    # Each piece is a letter to the background thread: none may be lost.
    class Count:
        def __init__(self) -> None:
            self.size = 0

        def write(self, data: bytes) -> int:
            self.size += len(data)
            return len(data)

    def work(seed: int) -> None:
        draw = random.Random(seed)
        pieces = [b"x" * draw.randrange(1, 70_000) for _ in range(draw.randrange(20))]
        out = Count()
        assert Cmd("cat", stdin=iter(pieces), stdout=out).start().wait(LONG).ok
        assert out.size == sum(map(len, pieces))

    rounds = 0
    for _ in box:
        at_once(work, [box.random.randrange(2**32) for _ in range(8)])
        rounds += 1
    print(f"{8 * rounds} commands")


@pytest.mark.allow_threads
def test_forks_in_the_middle_of_everything(box: TimeBox, tag: Tag) -> None:
    def work(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(10):
            begin, way = time.monotonic(), draw.choice(("run", "start"))
            if way == "run":
                assert Cmd("cat", stdin=b"x" * 1000).output() == b"x" * 1000
            else:
                with Cmd("cat", stdin=PIPE, stdout=PIPE).start() as process:
                    assert process.stdin is not None and process.stdout is not None
                    process.stdin.write(b"y")
                    process.stdin.close()
                    assert process.stdout.read() == b"y"
                    assert process.wait(LONG).ok
            longest.append((time.monotonic() - begin, way))

    def live() -> None:
        time.sleep(life)
        assert Cmd("echo", "z").text() == "z"
        assert Cmd("echo", "z", stdout=Capture()).start().wait(LONG).stdout == b"z\n"

    # A copy that held a pipe open would make a command last as long as the copy.
    life = 2 * GRACE
    longest: list[tuple[float, str]] = []
    copies = 0
    for _ in box:
        threads = [
            threading.Thread(target=work, args=(box.random.randrange(2**32),)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        some = []
        while any(thread.is_alive() for thread in threads) and len(some) < 30:
            time.sleep(box.random.expovariate(1 / 0.004))
            some.append(Copy(live))
        for thread in threads:
            thread.join(LONG)
            assert not thread.is_alive()
        for copy in some:
            copy.wait()
        copies += len(some)
    print(f"{len(longest)} commands, {copies} copies; the longest: {max(longest)}")
    assert max(longest)[0] < life
    assert tag.alive() == []


EXIT = """
    import random, sys, threading, time, warnings
    import osexec
    from osexec import Capture, Cmd

    draw = random.Random(int(sys.argv[1]))
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda args: None
    threading.excepthook = lambda args: None
    cmds = (
        Cmd("sleep", "1000"), Cmd("sh", "-c", "sleep 1000 & sleep 1000", stdout=Capture()),
        Cmd("true"), Cmd("cat", stdin=iter([b"x"]), stdout=Capture()),
    )
    kept = []

    def work(seed):
        draw = random.Random(seed)
        while True:
            cmd = draw.choice(cmds)
            try:
                if draw.random() < 0.5:
                    kept.append(cmd.start())
                else:
                    cmd.run(timeout=0.01)
            except osexec.Error:
                pass

    for _ in range(3):
        threading.Thread(target=work, args=(draw.randrange(2**32),), daemon=True).start()
    time.sleep(draw.uniform(0, 0.1))
"""


def test_exits_while_everything_runs(box: TimeBox, tag: Tag) -> None:
    slowest = 0.0
    rounds = 0
    for _ in box:
        seed = box.random.randrange(2**32)
        begin = time.monotonic()
        fresh(EXIT, seed, stdout=None)
        slowest = max(slowest, time.monotonic() - begin)
        rounds += 1
        tag.wait_gone(GRACE)
    print(f"{rounds} exits; the slowest interpreter took {slowest:.2f} s")
    assert slowest < 6 * GRACE
