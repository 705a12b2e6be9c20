"""The drivers against each other: whoever waits, the same comes of a command.

What that is, other tests say, each with every driver (`run` of tests/helpers/drivers.py). Here the
whole of it is compared: the result, every error with its message, what is in the files.
"""

import io
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from osexec import DEVNULL, STDOUT, Canceled, Capture, Cmd, Context, Error, Process, SysAttrs
from tests.helpers.alive import Tag
from tests.helpers.drivers import DRIVERS, Run
from tests.helpers.limits import DELAY, FOREVER, LONG, SHORT, TIMEOUT
from tests.helpers.roles import role
from tests.helpers.threads import at_once

SLEEP = ("sleep", str(FOREVER))
# What differs from run to run.
VOLATILE = ("pid", "started_at", "elapsed", "rusage", "swept")
Planned = tuple[Cmd, dict[str, Any]]


class Failing:
    """A reader and writer that fails."""

    def read(self, size: int) -> bytes:
        raise LookupError("no more ink")

    def write(self, data: bytes) -> int:
        raise LookupError("no more paper")


class Canceling:
    """A writer that cancels once something was written."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    def write(self, data: bytes) -> int:
        self.ctx.cancel("seen")
        return len(data)


def pieces() -> Iterator[bytes | str]:
    yield b"a"
    yield "ä"
    yield b"x" * 200_000


def say_finished(process: Process) -> None:
    raise ProcessLookupError


def say_no(process: Process) -> None:
    raise LookupError("no way")


def done() -> Context:
    ctx = Context()
    ctx.cancel("too late")
    return ctx


def with_socket(folder: Path) -> Planned:
    ours, theirs = socket.socketpair()
    with ours:
        ours.sendall(b"of the socket")
    return Cmd("cat", stdin=theirs, stdout=Capture()), {"theirs": theirs}


def canceled_by_its_writer(folder: Path) -> Planned:
    ctx = Context(timeout=LONG)
    cmd = Cmd.sh(f"echo x; sleep {FOREVER} & sleep {FOREVER}", stdout=[Canceling(ctx), Capture()])
    return cmd, {"ctx": ctx}


def sh(script: str, /, bounds: dict[str, Any] | None = None, **fields: Any) -> Any:
    """A plan for a script that captures both streams."""
    kept = {"stdout": Capture(), "stderr": Capture(), **fields}
    return lambda folder: (Cmd.sh(script, cwd=folder, **kept), bounds or {})


BRIEF = {"timeout": SHORT}
# For a command that has something to say first.
LONGER = {"timeout": TIMEOUT}

PLANS: dict[str, Callable[[Path], Planned]] = {
    "success": sh("echo out; echo err >&2"),
    "status 3": sh("echo why >&2; exit 3"),
    "status 3 unchecked": sh("exit 3", check=False),
    "a signal": sh("kill -TERM $$"),
    "much output": sh("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"),
    "nothing open": sh("exec >&- 2>&-; exit 4"),
    "output of a grandchild": sh("(sleep 0.05; echo late) & echo early"),
    "one pipe": sh("for i in 1 2 3; do echo o$i; echo e$i >&2; done", stderr=STDOUT),
    "bounded capture": sh("seq 100000", stdout=Capture(head=10, tail=10)),
    "to a path": sh("echo x; echo y >&2", stdout=Path("/dev/null"), stderr=DEVNULL),
    "a tee": lambda folder: (
        Cmd("seq", "100000", stdout=[Capture(), folder / "a", folder / "b", io.BytesIO()]),
        {},
    ),
    "a tee that fails in part": sh("echo x", stdout=[Failing(), Capture()]),
    "bytes": sh("cat", stdin=b"x" * 3_000_000),
    "text": sh("cat", stdin="ä"),
    "an iterable": sh("cat", stdin=[b"a", b"", "b"]),
    "a generator": lambda folder: (Cmd("cat", stdin=pieces(), stdout=Capture()), {}),
    "a reader": sh("cat", stdin=io.BytesIO(b"")),
    "a socket": with_socket,
    "unread bytes": sh("exit 0", stdin=b"x" * 3_000_000),
    "an unread reader": lambda folder: (Cmd("true", stdin=io.BytesIO(b"x" * 3_000_000)), {}),
    "a failing reader": sh("cat", stdin=Failing()),
    "a failing writer": sh("echo x", stdout=Failing()),
    "a failing writer and status 5": sh("echo x; exit 5", stdout=Failing()),
    "a failing writer of endless output": sh("yes", stdout=Failing()),
    "no such program": lambda folder: (Cmd("no-such-program"), {}),
    "no such directory": lambda folder: (Cmd("true", cwd="/nowhere"), {}),
    "no such input": lambda folder: (Cmd("cat", stdin=Path("/nowhere")), {}),
    "no such interpreter": lambda folder: (Cmd(script_of_nothing(folder)), {}),
    "attributes": sh("umask; pwd -P | tail -c 1", sys=SysAttrs(umask=0o077, new_session=True)),
    "environment": sh('echo "$A$B"', env={"A": "1", "PATH": "/bin"}, extra_env={"B": "2"}),
    "done before": sh("touch started", {"ctx": done()}),
    "no time": sh("touch started", {"timeout": 0}),
    "timeout": sh(f"echo so far; sleep {FOREVER}", LONGER),
    "timeout of the command": sh(f"sleep {FOREVER}", timeout=SHORT),
    "timeout of a tree": sh(f"sleep {FOREVER} & sleep {FOREVER} & wait", BRIEF),
    "timeout of one process": sh(f"exec sleep {FOREVER}", BRIEF, contain="process"),
    "timeout that is not reached": sh("echo x", {"timeout": LONG}),
    "canceled": canceled_by_its_writer,
    "canceled politely": sh(f"exec sleep {FOREVER}", BRIEF, cancel="TERM"),
    "canceled in steps": lambda folder: (
        Cmd(*role("ignore-term"), stdout=Capture(), cancel=[("INT", 0.05), ("TERM", 0.05)]),
        LONGER,
    ),
    "a polite end that is ignored": lambda folder: (
        Cmd(*role("ignore-term"), stdout=Capture(), cancel="TERM", wait_delay=DELAY),
        LONGER,
    ),
    "an answer to the signal": sh(
        f"trap 'exit 9' TERM; sleep {FOREVER} & wait", BRIEF, cancel="TERM"
    ),
    "a success after the signal": sh(
        f"trap 'exit 0' TERM; sleep {FOREVER} & wait", BRIEF, cancel="TERM"
    ),
    "a cancel function": sh(f"exec sleep {FOREVER}", BRIEF, cancel=lambda it: it.terminate()),
    "a cancel function that fails": sh(
        f"exec sleep {FOREVER}", BRIEF, cancel=say_no, wait_delay=DELAY
    ),
    "a cancel function that says finished": sh(
        f"sleep {2 * SHORT}; exit 0", BRIEF, cancel=say_finished, wait_delay=LONG
    ),
    "no cancel": sh(f"exec sleep {FOREVER}", BRIEF, cancel=None, wait_delay=DELAY),
    "an orphan on the pipe": lambda folder: (
        Cmd(*role("orphan"), stdout=Capture(), wait_delay=TIMEOUT),
        {},
    ),
    "an orphan on the pipe and status 6": lambda folder: (
        Cmd(*role("orphan", "6"), stdout=Capture(), wait_delay=TIMEOUT),
        {},
    ),
    "an orphan on the pipe at the deadline": lambda folder: (
        Cmd(*role("orphan"), stdout=Capture()),
        LONGER,
    ),
    "an orphan elsewhere": sh(f"sleep {FOREVER} >/dev/null 2>&1 & exit 0"),
    "a stopped child": lambda folder: (
        Cmd(*role("stop-self"), stdout=Capture(), cancel="TERM"),
        LONGER,
    ),
    "unread input at the deadline": lambda folder: (
        Cmd(*role("reads-nothing"), stdin=b"x" * 3_000_000, stdout=Capture()),
        LONGER,
    ),
}
# Those that need no time are also compared on older kernels.
QUICK = [name for name in PLANS if list(PLANS).index(name) < list(PLANS).index("timeout")]


def script_of_nothing(folder: Path) -> Path:
    path = folder / "script"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    return path


def outcome(drive: Run, plan: Callable[[Path], Planned], folder: Path) -> dict[str, Any]:
    """All that came of a command, without what differs each time."""
    folder.mkdir()
    cmd, bounds = plan(folder)
    theirs = bounds.get("theirs")
    raised = None
    try:
        result = drive(cmd, **{key: value for key, value in bounds.items() if key != "theirs"})
    except Error as error:
        raised, result = error, error.result
    finally:
        if theirs is not None:
            theirs.close()
    told = result.to_dict() if result is not None else {}
    for name in VOLATILE:
        told.pop(name, None)
    for name in ("holders", "leaked"):
        # Whether one that is dying is still seen is chance. It has no command line any more, so
        # it is told by its name alone, a single word; those that live have arguments here.
        told[name] = [one["command"] for one in told.get(name, ()) if " " in one["command"]]
    told["raised"] = None if raised is None else f"{type(raised).__name__}: {raised}"
    told["notes"] = getattr(raised, "__notes__", [])
    told["cause"] = repr(raised.__cause__) if raised is not None else None
    told["files"] = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {key: without_numbers(value, folder) for key, value in told.items()}


def without_numbers(value: Any, folder: Path) -> Any:
    """Pids and seconds in messages differ."""
    if isinstance(value, str) and len(value) < 2000:
        return re.sub(r"\d+(\.\d+)?", "N", value.replace(folder.name, "FOLDER"))
    if isinstance(value, list):
        return [without_numbers(one, folder) for one in value]
    if isinstance(value, dict):
        return {key: without_numbers(one, folder) for key, one in value.items()}
    return value


def compare(name: str, tmp_path: Path) -> None:
    def drive(which: str) -> object:
        return outcome(DRIVERS[which], PLANS[name], tmp_path / which)

    first, *others = at_once(drive, DRIVERS)
    for other in others:
        assert other == first


@pytest.mark.parametrize("name", list(PLANS))
def test_every_driver_says_the_same(name: str, tmp_path: Path, tag: Tag) -> None:
    try:
        compare(name, tmp_path)
    finally:
        if "orphan" in name:  # nobody wanted the command to end, so what it left may live
            tag.kill()


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.usefixtures("kernel")
def test_every_driver_says_the_same_on_an_older_kernel(name: str, tmp_path: Path) -> None:
    compare(name, tmp_path)


def test_a_cancel_by_another_thread_is_the_same(tag: Tag) -> None:
    def drive(run: Run) -> object:
        with pytest.raises(Canceled) as caught:
            run(Cmd(*SLEEP), ctx=ctx)
        return type(caught.value), caught.value.cause, caught.value.result.reason

    def cancel() -> None:
        tag.wait_count(len(DRIVERS))
        ctx.cancel(LookupError("lights out"))

    ctx = Context()
    thread = threading.Thread(target=cancel)
    thread.start()
    first, *others = at_once(drive, DRIVERS.values())
    thread.join(LONG)
    assert others == [first] * len(others)
