"""The one background thread behind `start()`: one for all, never blocked, never in the way."""

import io
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import osexec
from osexec import PIPE, Capture, Cmd, ExitError
from tests.helpers.alive import Tag
from tests.helpers.fresh import ask
from tests.helpers.limits import DELAY, FOREVER, GRACE, LONG, SHORT, TIMEOUT
from tests.helpers.ready import read_ready
from tests.helpers.threads import Call, at_once
from tests.helpers.waiting import wait_until

SLEEP = Cmd("sleep", str(FOREVER))


class Blocked(io.RawIOBase):
    """A writer that blocks until the gate opens."""

    def __init__(self, gate: threading.Event) -> None:
        self.gate = gate
        self.entered = threading.Event()

    def write(self, data: Any) -> int:
        self.entered.set()
        self.gate.wait()
        return len(data)


def test_one_thread_serves_however_many_commands() -> None:
    said = ask("""
        import os, osexec

        def threads():
            return len(os.listdir("/proc/self/task"))

        before = threads()
        running = [osexec.start("sleep", "1000", stdout=osexec.Capture()) for _ in range(100)]
        during = threads()
        for process in running:
            process.cancel()
        for process in running:
            try:
                process.wait()
            except osexec.Canceled:
                pass
        print([before, during, threads()])
    """)
    assert said == [1, 2, 2]


def test_an_import_starts_no_thread() -> None:
    said = ask("import os, osexec; print(len(os.listdir('/proc/self/task')))")
    assert said == 1


def test_commands_end_in_any_order() -> None:
    with Cmd("cat", stdin=PIPE).start() as first, Cmd("cat", stdin=PIPE).start() as second:
        assert first.stdin is not None and second.stdin is not None
        second.stdin.close()
        assert second.wait(LONG).ok
        assert first.poll() is None
        first.stdin.close()
        assert first.wait(LONG).ok


def test_many_threads_wait_for_one_process() -> None:
    process = Cmd("cat", stdin=PIPE, stdout=Capture()).start()

    def wait(number: int) -> object:
        return process.wait(LONG)

    waiters = [Call(process.wait) for _ in range(50)]
    assert process.stdin is not None
    process.stdin.write(b"for all")
    process.stdin.close()
    results = [waiter.result() for waiter in waiters]
    assert results == [process.result] * 50
    assert at_once(wait, range(5)) == results[:5]


def test_many_threads_wait_for_one_failure() -> None:
    process = Cmd("sleep", str(FOREVER)).start()

    def wait() -> object:
        with pytest.raises(ExitError) as caught:
            process.wait()
        return caught.value

    waiters = [Call(wait) for _ in range(50)]
    process.kill()
    errors = {id(waiter.result()) for waiter in waiters}
    assert process.result is not None and errors == {id(process.result.errors[0])}


def test_a_deadline_is_kept_though_nobody_waits(tag: Tag) -> None:
    process = SLEEP.start(timeout=SHORT)
    result = wait_until(process.poll, SHORT + GRACE, "the deadline")
    assert result.reason is osexec.Reason.DEADLINE
    assert tag.alive() == []


def test_output_is_read_though_nobody_waits() -> None:
    process = Cmd("head", "-c", "3000000", "/dev/zero", stdout=Capture()).start()
    result = wait_until(process.poll, LONG, "all is read")
    assert result.stdout == bytes(3000000)


def test_a_blocked_writer_delays_nobody_else(gate: threading.Event) -> None:
    writer = Blocked(gate)
    with Cmd("echo", "x", stdout=writer, wait_delay=LONG).start() as blocked:
        assert writer.entered.wait(LONG)
        begin = time.monotonic()
        assert Cmd("echo", "y", stdout=Capture()).start().wait().stdout == b"y\n"
        with pytest.raises(osexec.DeadlineExceeded):
            SLEEP.start(timeout=SHORT).wait()
        assert time.monotonic() - begin < SHORT + GRACE
        assert blocked.poll() is None
        gate.set()
        assert blocked.wait(LONG).ok


def test_a_flood_delays_nobody_else() -> None:
    with Cmd("yes", stdout=Capture(tail=10)).start():
        begin = time.monotonic()
        for _ in range(10):
            assert Cmd("echo", "y", stdout=Capture()).start().wait().ok
        assert time.monotonic() - begin < 2 * GRACE


def test_a_wait_may_be_given_up_and_taken_up_again() -> None:
    process = Cmd("cat", stdin=PIPE).start()
    begin = time.monotonic()
    with pytest.raises(TimeoutError) as caught:
        process.wait(timeout=SHORT)
    assert not isinstance(caught.value, osexec.Error)
    assert SHORT <= time.monotonic() - begin < SHORT + GRACE
    with pytest.raises(TimeoutError):
        process.wait(timeout=0)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait().ok


def test_leaving_the_block_ends_the_tree_and_is_no_error(tag: Tag) -> None:
    with Cmd.sh(f"sleep {FOREVER} & sleep {FOREVER}").start() as process:
        tag.wait_count(3)
    assert tag.alive() == []
    assert process.result is not None and process.result.reason is osexec.Reason.CANCELED


def test_a_server_is_stopped_by_leaving_the_block(tag: Tag) -> None:
    script = f"trap 'echo bye; exit 0' TERM; echo ready; sleep {FOREVER} & wait"
    with Cmd.sh(script, stdout=PIPE, cancel="TERM").start() as server:
        assert server.stdout is not None
        assert read_ready(server.stdout) == "ready"
    assert server.result is not None and server.result.exit_code == 0
    assert tag.alive() == []


def test_a_cancel_while_a_reader_is_blocked_ends_the_read(tag: Tag) -> None:
    process = SLEEP.replace(stdout=PIPE).start()
    assert process.stdout is not None
    reader = Call(process.stdout.read)
    process.cancel("enough")
    assert reader.result() == b""
    with pytest.raises(osexec.Canceled):
        process.wait()


def test_an_orphan_does_not_block_a_read_beyond_the_deadline(tag: Tag) -> None:
    script = f"echo out; sleep {FOREVER} & exit 0"
    with Cmd.sh(script, stdout=PIPE, wait_delay=DELAY, contain="process").start(
        timeout=TIMEOUT
    ) as process:
        assert process.stdout is not None
        begin = time.monotonic()
        assert process.stdout.read() == b"out\n"
        assert time.monotonic() - begin < TIMEOUT + DELAY + GRACE
    tag.kill()


def test_a_path_is_written_without_anybody_waiting(tmp_path: Path) -> None:
    process = Cmd("echo", "x", stdout=[tmp_path / "a", tmp_path / "b"]).start()
    wait_until(process.poll, LONG, "it ends")
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "x\n"
