"""However a command or its caller misbehaves: back by timeout + wait delay, with the output so far.

Every misbehaviour against both drivers. That nothing is alive afterwards is asked of the kernel.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import osexec
from osexec import Capture, Cmd, DeadlineExceeded, Result
from tests.helpers.alive import Tag
from tests.helpers.limits import DELAY, FOREVER, GRACE, TIMEOUT
from tests.helpers.roles import role

MIB = 1 << 20


class Blocked:
    """A caller's reader, writer, iterable and cancel function that blocks for ever."""

    def __init__(self, gate: threading.Event) -> None:
        self.gate = gate
        self.got = b""

    def read(self, size: int = -1) -> bytes:
        self.gate.wait()
        return b""

    def write(self, data: bytes) -> int:
        self.got += bytes(data)
        self.gate.wait()
        return len(data)

    def cancel(self, process: osexec.Process) -> None:
        self.gate.wait()

    def pieces(self) -> Iterator[bytes]:
        yield b"first\n"
        self.gate.wait()


class Discard:
    """A caller's writer that is quick."""

    def write(self, data: bytes) -> int:
        return len(data)


def run_by_caller(cmd: Cmd) -> Result:
    return cmd.run(timeout=TIMEOUT)


def run_by_reactor(cmd: Cmd) -> Result:
    return cmd.start(timeout=TIMEOUT).wait()


@pytest.fixture(params=[run_by_caller, run_by_reactor], ids=["caller", "reactor"])
def end_late(request: pytest.FixtureRequest, tag: Tag) -> Callable[..., DeadlineExceeded]:
    """Runs a command to its deadline; gives the error, if it came on time and left nothing."""

    def run(*args: object, late: float = DELAY, **fields: Any) -> DeadlineExceeded:
        cmd = Cmd(*args, **{"wait_delay": DELAY, "stdout": Capture()} | fields)
        begin = time.monotonic()
        with pytest.raises(osexec.Error) as caught:
            request.param(cmd)
        elapsed = time.monotonic() - begin
        # GRACE is the promise; as much again is left to a busy machine.
        assert TIMEOUT <= elapsed < TIMEOUT + late + 2 * GRACE
        assert isinstance(caught.value, DeadlineExceeded)
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.result.timed_out
        tag.wait_gone()
        return caught.value

    return run


SLEEP = f"sleep {FOREVER}"


def test_a_command_that_sleeps(end_late) -> None:
    error = end_late("sh", "-c", f"echo first; exec {SLEEP}", late=0)
    assert error.result.stdout == b"first\n"
    assert error.result.returncode == -9


def test_a_grandchild_that_holds_stdout(end_late) -> None:
    error = end_late("sh", "-c", f"echo first; {SLEEP} & exit 0", wait_delay=None, late=0)
    assert error.result.stdout == b"first\n"
    assert error.result.returncode == 0
    assert isinstance(error, osexec.WaitDelayExpired)
    assert not error.result.output_complete


def test_a_grandchild_that_holds_stdout_while_its_parent_waits(end_late) -> None:
    error = end_late("sh", "-c", f"echo first; {SLEEP} & wait", late=0)
    assert error.result.stdout == b"first\n"


def test_a_command_that_ignores_term(end_late) -> None:
    error = end_late(*role("ignore-term"), cancel="TERM")
    assert error.result.stdout == b"ready\n"
    assert error.result.returncode == -9


def test_a_grandchild_that_ignores_term(end_late) -> None:
    line = f"trap '' TERM; (echo first; exec {SLEEP}) & trap - TERM; wait"
    error = end_late("sh", "-c", line, cancel="TERM")
    assert error.result.stdout == b"first\n"
    assert error.result.returncode == -15


def test_a_stopped_command(end_late) -> None:
    error = end_late(*role("stop-self"), cancel="TERM", late=0)
    assert error.result.stdout == b"ready\n"
    assert error.result.returncode == -15


def test_a_stopped_command_with_a_stopped_grandchild(end_late) -> None:
    line = "sh -c 'echo first; kill -STOP $$; echo never' & wait $!; kill -STOP $$"
    error = end_late("sh", "-c", line, cancel="TERM", late=0)
    assert error.result.stdout is not None
    assert error.result.stdout.startswith(b"first\n")


def test_endless_output_into_a_discarding_writer(end_late) -> None:
    end_late("yes", stdout=Discard())


def test_endless_output_into_a_bounded_capture(end_late) -> None:
    error = end_late("yes", stdout=Capture(head=100, tail=100))
    assert error.result.stdout.startswith(b"y\ny\n")
    assert error.result.omitted > MIB


def test_endless_output_of_a_command_that_ignores_term(end_late) -> None:
    error = end_late("sh", "-c", "trap '' TERM; yes", stdout=Capture(head=4), cancel="TERM")
    assert error.result.stdout.startswith(b"y\ny\n")


def test_ten_mib_of_input_that_nobody_reads(end_late) -> None:
    error = end_late(*role("reads-nothing"), stdin=bytes(10 * MIB))
    assert error.result.stdout == b"ready\n"


def test_a_reader_that_blocks(end_late, gate: threading.Event) -> None:
    error = end_late("sh", "-c", "echo first; cat", stdin=Blocked(gate))
    assert error.result.stdout == b"first\n"


def test_an_iterable_that_blocks(end_late, gate: threading.Event) -> None:
    error = end_late("cat", stdin=Blocked(gate).pieces())
    assert error.result.stdout == b"first\n"


def test_a_reader_that_blocks_after_the_command_has_exited(end_late, gate) -> None:
    line = f"echo first; {SLEEP} & exit 0"
    error = end_late("sh", "-c", line, stdin=Blocked(gate), wait_delay=None, late=0)
    assert error.result.stdout == b"first\n"


def test_a_writer_that_blocks(end_late, gate: threading.Event) -> None:
    writer = Blocked(gate)
    error = end_late("sh", "-c", f"echo first; {SLEEP}", stdout=[writer, Capture()])
    assert error.result.stdout == b"first\n"
    assert writer.got == b"first\n"
    assert not error.result.output_complete


def test_a_writer_that_blocks_under_endless_output(end_late, gate: threading.Event) -> None:
    end_late("yes", stdout=Blocked(gate))


def test_a_writer_that_blocks_after_the_command_has_exited(end_late, gate) -> None:
    writer = Blocked(gate)
    error = end_late("echo", "first", stdout=writer, wait_delay=2 * TIMEOUT, late=2 * TIMEOUT)
    assert isinstance(error, osexec.WaitDelayExpired)
    assert "writer of stdout" in str(error)
    assert not error.result.output_complete


def test_a_cancel_function_that_blocks(end_late, gate: threading.Event) -> None:
    error = end_late("sh", "-c", f"echo first; exec {SLEEP}", cancel=Blocked(gate).cancel)
    assert error.result.stdout == b"first\n"


def test_everything_at_once(end_late, gate: threading.Event) -> None:
    line = f"trap '' TERM INT; echo first; (kill -STOP $$) & {SLEEP} & yes >&2"
    blocked = Blocked(gate)
    error = end_late(
        *("sh", "-c", line),
        stdin=blocked,
        stderr=[blocked, Capture(head=10)],
        cancel=blocked.cancel,
    )
    assert error.result.stdout == b"first\n"


def test_no_time_at_all(end_late) -> None:
    error = end_late("sh", "-c", f"trap '' TERM; echo first; {SLEEP}", cancel="TERM", wait_delay=0)
    assert error.result.returncode == -9


BOTH = pytest.mark.parametrize("run", [run_by_caller, run_by_reactor], ids=["caller", "reactor"])


@BOTH
def test_a_runaway_in_a_session_of_its_own_that_holds_stdout(run, tag: Tag) -> None:
    """Nobody ended the command that it comes from, so it may live on; the call is back on time."""
    begin = time.monotonic()
    with pytest.raises(osexec.WaitDelayExpired) as caught:
        run(Cmd(*role("daemon"), stdout=Capture(), wait_delay=DELAY))
    assert time.monotonic() - begin < TIMEOUT + DELAY + 2 * GRACE
    assert caught.value.result.stdout == b"ready\n"
    (runaway,) = tag.alive()
    assert [holder.pid for holder in caught.value.result.holders] == [runaway.pid]
    # A group does not know who has left it; a tree does.
    left = [runaway.pid] if caught.value.result.contain == "tree" else []
    assert [who.pid for who in caught.value.result.leaked] == left
    tag.kill()


@BOTH
def test_the_wait_delay_counts_from_the_exit_when_that_comes_first(run, tag: Tag) -> None:
    """As in Go: nobody ended this command, so what it left behind lives on, and is named."""
    begin = time.monotonic()
    line = f"echo first; {SLEEP} & exit 0"
    with pytest.raises(osexec.WaitDelayExpired) as caught:
        run(Cmd("sh", "-c", line, stdout=Capture(), wait_delay=0))
    assert time.monotonic() - begin < TIMEOUT
    assert not isinstance(caught.value, DeadlineExceeded)
    assert caught.value.result.stdout == b"first\n"
    (left,) = tag.alive()
    assert [holder.pid for holder in caught.value.result.holders] == [left.pid]
    assert [holder.pid for holder in caught.value.result.leaked] == [left.pid]
    tag.kill()


@BOTH
def test_a_command_that_chooses_its_status_too_late_is_no_success(run) -> None:
    with pytest.raises(DeadlineExceeded) as caught:
        run(Cmd("sh", "-c", f"trap 'exit 0' TERM; {SLEEP} & wait", cancel="TERM"))
    assert caught.value.result.returncode == 0
