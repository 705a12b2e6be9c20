"""Ctrl-C at any moment, hundreds of times: no process, no descriptor, no thread is left.

Two and three of them, too: a user hits the keys again when nothing seems to happen.
"""

import json
import secrets
import subprocess
from contextlib import ExitStack
from itertools import product
from typing import Any

import pytest

from tests.helpers.alive import Tag
from tests.helpers.fresh import begin, environment
from tests.helpers.limits import LONG
from tests.helpers.pythons import pythons
from tests.helpers.stress import TimeBox

pytestmark = pytest.mark.stress

INTERRUPTED = """
    import faulthandler, gc, json, random, sys, time, warnings
    import osexec
    from osexec import Capture, Cmd, DEVNULL, PIPE
    from osexec._posix import probe
    from tests.helpers.interrupts import CtrlC, Traces

    spawner, times, seed, seconds = sys.argv[1], *map(int, sys.argv[2:])
    faulthandler.dump_traceback_later(seconds + 20, exit=True)  # where it hangs
    probe.ANSWERS["fork_exec"] = spawner == "fork_exec"
    warnings.simplefilter("ignore", ResourceWarning)  # a start that is interrupted is dropped
    sys.unraisablehook = lambda args: None  # Ctrl-C inside a callback of the collector: Python's

    # None of them holds our own stdout open: a child that is lost must not hide that it is.
    quiet = {"stdout": DEVNULL, "stderr": DEVNULL}
    SLOW = Cmd("sleep", "1000", timeout=0.004, **quiet)
    TREE = SLOW.replace(args=("sh", "-c", "sleep 1000 & sleep 1000"), stdout=Capture())
    POLITE = SLOW.replace(cancel="TERM", wait_delay=0.002)

    def run(cmd):
        cmd.run()

    def started(cmd):
        cmd.start().wait()

    def dropped(cmd):
        cmd.start()

    def block(cmd):
        with cmd.start() as process:
            time.sleep(0.002)

    def lines(cmd):
        for line in cmd.replace(stdout=None).lines():
            pass

    def text(cmd):
        cmd.replace(stdout=None).text()

    def piped(cmd):
        with cmd.replace(stdin=PIPE, stdout=PIPE).start() as process:
            try:
                process.stdin.write(b"x" * 1000)
                process.stdin.close()
            except ValueError:  # it was closed: the command had ended
                pass
            process.stdout.read()

    ways = (run, started, dropped, block, lines, text, piped)
    cmds = (
        SLOW, TREE, POLITE, Cmd("true", **quiet), Cmd("/nothing", **quiet),
        Cmd("cat", stdin=b"x" * 100000, stdout=Capture(), stderr=DEVNULL),
    )

    def attempt(way, cmd):
        try:
            way(cmd)
        except (osexec.Error, BrokenPipeError):
            pass

    for way in ways:
        for cmd in cmds:
            attempt(way, cmd)
    gc.collect()
    ctrl_c, draw, traces, found = CtrlC(), random.Random(seed), Traces(), []
    turns = hits = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(found) < 3:
        way, cmd = draw.choice(ways), draw.choice(cmds)
        moment = draw.expovariate(1 / 0.003)
        hits += ctrl_c.hits(lambda: attempt(way, cmd), moment, times)
        turns += 1
        told = f"turn {turns}, {way.__name__} {cmd}, Ctrl-C after {1000 * moment:.2f} ms: "
        found += [told + line for line in traces.take_new()]
    Cmd("true").run()
    Cmd("true").start().wait()
    print(json.dumps([turns, hits, found]))
"""

CASES = list(product(pythons(), ("fork_exec", "popen"), (1, 2, 3)))


def outcome(child: subprocess.Popen[bytes], tag: Tag, seconds: float) -> tuple[int, list[str]]:
    """How many were interrupted, and what went wrong."""
    try:
        out, err = child.communicate(timeout=seconds + LONG)
    except subprocess.TimeoutExpired:
        tag.kill()
        return 0, ["it hangs"]
    survivors = tag.alive()
    tag.kill()
    if child.returncode:
        return 0, [f"status {child.returncode}", *err.decode().splitlines()]
    _, hits, found = json.loads(out.splitlines()[-1])
    return hits, found + [f"alive at the end: {seen}" for seen in survivors]


@pytest.mark.parametrize(("version", "spawner", "times"), CASES)
def test_ctrl_c_at_random_moments(version: str, spawner: str, times: int, box: TimeBox) -> None:
    # Two at a time, from two seeds: the interpreters mostly wait.
    tags = [Tag(secrets.token_hex(8)) for _ in range(2)]
    with ExitStack() as stack:
        children = []
        for number, tag in enumerate(tags):
            arguments = (spawner, times, box.seed + number, round(box.seconds))
            options: dict[str, Any] = {"python": pythons()[version], "env": environment(**tag.env)}
            child = stack.enter_context(begin(INTERRUPTED, *arguments, **options))
            stack.callback(child.kill)
            children.append(child)
        outcomes = [
            outcome(child, tag, box.seconds) for child, tag in zip(children, tags, strict=True)
        ]
    print(f"{sum(hits for hits, _ in outcomes)} interrupted")
    assert [line for _, found in outcomes for line in found] == []
