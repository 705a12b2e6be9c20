"""Ctrl-C, wherever the main thread is: the tree ends, and KeyboardInterrupt goes on."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from osexec import PIPE, Capture, Cmd, Process, Reason
from tests.helpers.alive import Tag
from tests.helpers.fresh import begin
from tests.helpers.limits import FOREVER, GRACE, LONG
from tests.helpers.ready import read_ready
from tests.helpers.roles import role

# The command says "ready" on stderr, which is what the test reads; TREE is two processes.
BEFORE = """
    import json, math, os, signal, sys, threading, time
    from contextlib import closing
    import osexec
    from osexec import Capture, Cmd, INHERIT, PIPE
    from tests.helpers.interrupts import Traces
    from tests.helpers.roles import role

    TREE = "echo ready >&2; sleep 1000 & sleep 1000"
    STUBBORN = role("tell-signals")
    polite = {"cancel": "TERM", "wait_delay": 1000, "stderr": INHERIT}

    def stubborn(**fields):
        # It says on stderr which signals it is sent, and goes on.
        return Cmd.sh('exec "$@" >&2', **polite, **fields).replace(
            args=("/bin/sh", "-c", 'exec "$@" >&2', "sh", *STUBBORN)
        )

    Cmd("true").start().wait()
    list(Cmd("true").lines())
    traces = Traces()
    said = {"raised": None}
    try:
"""
AFTER = """
    except BaseException as error:
        said["raised"] = type(error).__name__
        del error
    said["left"] = traces.take_new()
    said["then"] = [Cmd("true").run().exit_code, Cmd("true").start().wait().exit_code]
    print(json.dumps(said), flush=True)
"""


def code_of(body: str) -> str:
    lines = [" " * 8 + line.strip("\n") for line in body.strip("\n").splitlines()]
    return BEFORE + "\n".join(lines) + AFTER


@contextmanager
def interpreter(body: str) -> Iterator[subprocess.Popen[bytes]]:
    """An interpreter of its own that runs `body` and says in JSON how that ended."""
    with begin(code_of(body), stderr=subprocess.STDOUT) as child:
        try:
            yield child
        finally:
            child.kill()


def answer(child: subprocess.Popen[bytes]) -> tuple[dict[str, Any], float]:
    """What it says in the end, and how long that took."""
    start = time.monotonic()
    assert child.stdout is not None
    line = read_ready(child.stdout)
    took = time.monotonic() - start
    while not line.startswith("{"):
        line = read_ready(child.stdout)
    return json.loads(line), took


def expect(child: subprocess.Popen[bytes], line: str) -> None:
    assert child.stdout is not None
    said = read_ready(child.stdout)
    while said == f"signal {signal.SIGCONT:d}":  # it comes with each polite one
        said = read_ready(child.stdout)
    assert said == line


INTERRUPTED = {"raised": "KeyboardInterrupt", "left": [], "then": [0, 0]}

PLACES = {
    "run": "Cmd.sh(TREE).run()",
    "run with a timeout": "Cmd.sh(TREE).run(timeout=1000)",
    "run with input": "Cmd.sh(TREE, stdin=b'x' * 10000000).run()",
    "output": "Cmd.sh(TREE, stderr=INHERIT).output()",
    "text": "Cmd.sh(TREE, stderr=INHERIT).text()",
    "lines": "for line in Cmd.sh(TREE, stderr=INHERIT).lines(): pass",
    "the body of lines": """
for line in Cmd.sh("echo first; " + TREE, stderr=INHERIT).lines():
    threading.Event().wait()
""",
    "wait": "Cmd.sh(TREE).start().wait()",
    "wait with a timeout": "Cmd.sh(TREE).start().wait(timeout=1000)",
    "the body of a block": """
with Cmd.sh(TREE).start():
    threading.Event().wait()
""",
    "wait in a block": """
with Cmd.sh(TREE, stdin=PIPE, stdout=PIPE).start() as process:
    process.wait()
""",
    "a read": """
with Cmd.sh(TREE, stdout=PIPE).start() as process:
    process.stdout.read()
""",
    "a write": """
with Cmd.sh(TREE, stdin=PIPE).start() as process:
    process.stdin.write(b"x" * 10000000)
""",
    "a context": """
with osexec.Context(timeout=1000):
    Cmd.sh(TREE).run()
""",
}


@pytest.mark.parametrize("place", list(PLACES))
def test_ctrl_c_ends_the_tree_and_goes_on(place: str, tag: Tag) -> None:
    with interpreter(PLACES[place]) as child:
        expect(child, "ready")
        child.send_signal(signal.SIGINT)
        said, took = answer(child)
    assert said == INTERRUPTED
    assert took < GRACE
    tag.wait_gone(GRACE)


STUBBORN = {
    "run": "stubborn().run()",
    "lines": "for line in stubborn().lines(): pass",
    "wait": "stubborn().start().wait()",
    "the body of a block": """
with stubborn().start():
    threading.Event().wait()
""",
}


@pytest.mark.parametrize("place", list(STUBBORN))
def test_the_second_ctrl_c_skips_the_grace(place: str, tag: Tag) -> None:
    with interpreter(STUBBORN[place]) as child:
        expect(child, "ready")
        child.send_signal(signal.SIGINT)
        expect(child, f"signal {signal.SIGTERM:d}")
        child.send_signal(signal.SIGINT)
        said, took = answer(child)
    assert said == INTERRUPTED
    assert took < GRACE
    tag.wait_gone(GRACE)


IN_A_GRACE = {
    "run with a timeout": "stubborn().run(timeout=0.3)",
    "lines with a timeout": "for line in stubborn().lines(timeout=0.3): pass",
    "wait with a timeout": "stubborn().start(timeout=0.3).wait()",
    "wait after a cancel": """
process = stubborn().start()
threading.Timer(0.3, process.cancel).start()
process.wait()
""",
    "leaving a block": """
with stubborn().start():
    time.sleep(0.3)
""",
    "leaving a block by an error": """
with stubborn().start():
    time.sleep(0.3)
    raise LookupError
""",
    "closing lines": """
with closing(stubborn(stdin=iter([b"x"])).replace(
    args=("/bin/sh", "-c", 'echo first; exec "$@" >&2', "sh", *STUBBORN)
).lines()) as lines:
    next(lines)
    time.sleep(0.3)
""",
}


@pytest.mark.parametrize("place", list(IN_A_GRACE))
def test_ctrl_c_in_the_grace_skips_it_and_goes_on(place: str, tag: Tag) -> None:
    with interpreter(IN_A_GRACE[place]) as child:
        expect(child, "ready")
        expect(child, f"signal {signal.SIGTERM:d}")
        child.send_signal(signal.SIGINT)
        said, took = answer(child)
    assert said == INTERRUPTED
    assert took < GRACE
    tag.wait_gone(GRACE)


def test_an_error_of_the_programs_own_handler_goes_on(tag: Tag) -> None:
    body = """
class Hangup(Exception):
    pass

def handler(number, frame):
    raise Hangup

signal.signal(signal.SIGHUP, handler)
Cmd.sh(TREE).run()
"""
    with interpreter(body) as child:
        expect(child, "ready")
        child.send_signal(signal.SIGHUP)
        said, took = answer(child)
    assert said == {**INTERRUPTED, "raised": "Hangup"}
    assert took < GRACE
    tag.wait_gone(GRACE)


@pytest.mark.parametrize("verb", ["run()", "start().wait()", "start().wait(timeout=1000)"])
def test_a_handler_that_raises_nothing_disturbs_nothing(verb: str, tag: Tag) -> None:
    body = f"""
got = []
signal.signal(signal.SIGUSR1, lambda number, frame: got.append(number))
result = Cmd.sh("echo ready >&2; read x; exit 0", stdin=INHERIT).{verb}
said["raised"] = result.reason.value + str(len(got))
"""
    with begin(code_of(body), stdin=subprocess.PIPE, stderr=subprocess.STDOUT) as it:
        expect(it, "ready")
        it.send_signal(signal.SIGUSR1)
        assert it.stdin is not None
        it.stdin.write(b"go on\n")
        said, _ = answer(it)
        it.stdin.close()
    assert said["raised"] == "exited1" and said["left"] == []


class Mine(Exception):
    """An error of the program's own."""


@pytest.mark.parametrize("kind", [Mine, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_exception_in_the_block_ends_the_tree_and_goes_on(
    kind: type[BaseException], tag: Tag
) -> None:
    error = kind("of the body")
    begin = time.monotonic()
    with pytest.raises(kind) as caught:  # noqa: PT012, SIM117  the block is what is tested
        with Cmd.sh(f"sleep {FOREVER} & sleep {FOREVER}", stdout=PIPE).start() as process:
            tag.wait_count(3)
            raise error
    assert caught.value is error and error.__cause__ is None and error.__context__ is None
    assert time.monotonic() - begin < 2 * GRACE
    assert tag.alive() == []
    assert process.result is not None and process.result.reason is Reason.CANCELED


def test_an_exception_in_the_block_wins_over_the_commands_failure() -> None:
    error = Mine()
    with pytest.raises(Mine) as caught, Cmd.sh("exit 3").start() as process:  # noqa: PT012
        with pytest.raises(Exception, match="status 3"):
            process.wait(LONG)
        raise error
    assert caught.value is error


def test_an_exception_in_the_block_names_itself_as_the_cause(tag: Tag) -> None:
    error = Mine("why")
    process: Process | None = None
    with pytest.raises(Mine):  # noqa: SIM117
        with Cmd(*role("ignore-term"), stdout=Capture()).start() as process:
            raise error
    assert process is not None and process.result is not None
    assert process.result.reason is Reason.CANCELED
    assert getattr(process.result.errors[0], "cause", None) is error
