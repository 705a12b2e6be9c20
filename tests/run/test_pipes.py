"""The file objects of a Process: written to, read from, and never a reason to hang."""

import io
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import osexec
from osexec import PIPE, Capture, Cmd, DeadlineExceeded
from tests.helpers.alive import Tag
from tests.helpers.limits import DELAY, FOREVER, GRACE, LONG, SHORT, SOON
from tests.helpers.ready import read_ready
from tests.helpers.waiting import wait_until

MIB = 1 << 20
CAT = Cmd("cat", stdin=PIPE, stdout=PIPE)


def test_what_is_written_is_read_back() -> None:
    with CAT.start() as process:
        process.stdin.write(b"hello\n")  # unbuffered: it is on its way
        assert read_ready(process.stdout) == "hello"
        process.stdin.write(b"rest")
        process.stdin.close()
        assert process.stdout.read() == b"rest"
        assert process.wait().ok


def test_the_files_are_as_the_command_says() -> None:
    with osexec.start("cat", stdin=PIPE) as process:
        assert isinstance(process.stdin, io.RawIOBase)
        assert process.stdin.writable()
        assert not process.stdin.readable()
        assert (process.stdout, process.stderr) == (None, None)
    with osexec.start("true", stdout=PIPE, stderr=PIPE) as process:
        assert isinstance(process.stdout, io.BufferedReader)
        assert process.stdout.readable()
        assert not process.stdout.writable()
        assert process.stdin is None
        process.wait()


def test_a_pipe_can_be_read_after_wait() -> None:
    process = osexec.start("sh", "-c", "echo out; echo err >&2", stdout=PIPE, stderr=PIPE)
    with process:
        assert process.wait(LONG).ok
        assert process.stdout.read() == b"out\n"
        assert process.stderr.read() == b"err\n"
        assert process.stdout.read() == b""


def test_a_pipe_can_be_read_after_a_failure() -> None:
    with osexec.start("sh", "-c", "echo out; exit 3", stdout=PIPE) as process:
        with pytest.raises(osexec.ExitError):
            process.wait(LONG)
        assert process.stdout.read() == b"out\n"


def test_a_pipe_can_be_read_after_a_kill() -> None:
    with osexec.start("sh", "-c", f"echo out; exec sleep {FOREVER}", stdout=PIPE) as process:
        wait_until(lambda: process.stdout.peek(1))
        process.cancel()
        with pytest.raises(osexec.Canceled):
            process.wait(LONG)
        assert process.stdout.read() == b"out\n"


def test_lines_of_a_pipe() -> None:
    with osexec.start("seq", "3", stdout=PIPE) as process:
        assert list(process.stdout) == [b"1\n", b"2\n", b"3\n"]
        process.wait()


def test_text_of_a_pipe() -> None:
    with osexec.start("echo", "ä", stdout=PIPE) as process:
        with io.TextIOWrapper(process.stdout, encoding="utf-8") as text:
            assert text.read() == "ä\n"
        process.wait()


def test_much_through_both_pipes() -> None:
    data = os.urandom(MIB) * 3
    with CAT.start() as process, ThreadPoolExecutor(1) as pool:
        writing = pool.submit(process.stdin.write, data)
        writing.add_done_callback(lambda done: process.stdin.close())
        assert process.stdout.read() == data
        assert writing.result(LONG) == len(data)
        assert process.wait().ok


def test_writing_to_a_command_that_has_gone_is_a_broken_pipe() -> None:
    with osexec.start("true", stdin=PIPE) as process:
        process.wait()
        with pytest.raises((BrokenPipeError, ValueError)):
            process.stdin.write(b"late")


def test_writing_to_a_command_that_has_closed_its_input_is_a_broken_pipe() -> None:
    line = f"exec <&-; echo ready; exec sleep {FOREVER}"
    with osexec.start("sh", "-c", line, stdin=PIPE, stdout=PIPE) as process:
        assert read_ready(process.stdout) == "ready"
        with pytest.raises(BrokenPipeError):
            process.stdin.write(b"x")


def test_a_writer_that_is_blocked_comes_back_when_the_command_dies() -> None:
    with osexec.start("sleep", str(FOREVER), stdin=PIPE) as process, ThreadPoolExecutor(1) as pool:
        writing = pool.submit(process.stdin.write, bytes(MIB))
        wait_until(writing.running)
        process.kill()
        assert isinstance(writing.exception(LONG), BrokenPipeError | ValueError)
        with pytest.raises(osexec.ExitError):
            process.wait(LONG)


def test_closing_a_pipe_twice_is_no_matter() -> None:
    with CAT.start() as process:
        for _ in range(2):
            process.stdin.close()
        process.wait()
        for _ in range(2):
            process.stdout.close()
        with pytest.raises(ValueError, match="closed"):
            process.stdout.read()
        with pytest.raises(ValueError, match="closed"):
            process.stdin.write(b"x")


def test_a_command_whose_output_we_close_learns_of_it() -> None:
    with osexec.start("yes", stdout=PIPE) as process:
        process.stdout.close()
        with pytest.raises(osexec.ExitError) as caught:
            process.wait(LONG)
    assert caught.value.result.signal is not None


def test_nobody_reads_and_the_command_is_ended_on_time(tag: Tag) -> None:
    with osexec.start("yes", stdout=PIPE, timeout=SOON) as process:
        begin = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            process.wait()
        assert time.monotonic() - begin < SOON + GRACE
    assert tag.alive() == []


def test_wait_does_not_wait_for_a_pipe_that_we_hold(tag: Tag) -> None:
    """As in Go: reading a PIPE is the caller's business, and ends when it is closed."""
    with osexec.start("sh", "-c", f"sleep {FOREVER} & exit 0", stdout=PIPE) as process:
        begin = time.monotonic()
        assert process.wait(LONG).ok
        assert time.monotonic() - begin < GRACE
    tag.kill()


def read_all(process: osexec.Process) -> tuple[bytes, float]:
    """Everything in its stdout, and how long that took."""
    begin = time.monotonic()
    return process.stdout.read(), time.monotonic() - begin


def test_a_read_ends_with_the_deadline_when_a_stranger_holds_the_pipe(tag: Tag) -> None:
    line = f"echo out; sleep {FOREVER} & exec sleep {FOREVER}"
    cmd = Cmd("sh", "-c", line, stdout=PIPE, contain="process", wait_delay=DELAY)
    with cmd.start(timeout=SHORT) as process:
        data, took = read_all(process)
        assert data == b"out\n"
        assert took < SHORT + DELAY + GRACE
        with pytest.raises(DeadlineExceeded):
            process.wait()
    tag.kill()


def test_a_read_ends_with_the_deadline_also_when_the_command_itself_ended_before(
    tag: Tag,
) -> None:
    cmd = Cmd("sh", "-c", f"echo out; sleep {FOREVER} & exit 0", stdout=PIPE, contain="process")
    with cmd.replace(wait_delay=DELAY).start(timeout=SHORT) as process:
        assert process.wait(LONG).ok
        data, took = read_all(process)
        assert data == b"out\n"
        assert took < SHORT + DELAY + GRACE
    tag.kill()


def test_a_read_ends_when_the_process_is_cancelled(tag: Tag) -> None:
    line = f"echo out; sleep {FOREVER} & exec sleep {FOREVER}"
    cmd = Cmd("sh", "-c", line, stdout=PIPE, contain="process", wait_delay=DELAY)
    with cmd.start() as process, ThreadPoolExecutor(1) as pool:
        reading = pool.submit(process.stdout.read)
        wait_until(lambda: len(tag.alive()) == 2 and reading.running())
        process.cancel()
        assert reading.result(LONG) == b"out\n"
        with pytest.raises(osexec.Canceled):
            process.wait(LONG)
    tag.kill()


def test_a_pipe_and_a_capture_side_by_side() -> None:
    cmd = Cmd("sh", "-c", "echo err >&2; cat", stdin=PIPE, stdout=Capture(), stderr=PIPE)
    with cmd.start() as process:
        assert read_ready(process.stderr) == "err"
        process.stdin.write(b"out")
        process.stdin.close()
        assert process.wait(LONG).stdout == b"out"


def test_stderr_into_the_same_pipe() -> None:
    cmd = Cmd("sh", "-c", "echo out; echo err >&2", stdout=PIPE, stderr=osexec.STDOUT)
    with cmd.start() as process:
        assert process.stdout.read() == b"out\nerr\n"
        assert process.stderr is None
        process.wait()


def test_the_pipe_of_one_command_is_the_input_of_another() -> None:
    with osexec.start("seq", "1000", stdout=PIPE) as first:
        second = osexec.output("tail", "-1", stdin=first.stdout)
        first.wait(LONG)
    assert second == b"1000\n"


def test_a_command_that_reads_the_slow_pipe_of_another_waits_for_it() -> None:
    """A pipe is one thing for both: what we do to ours must not make its reader fail."""
    with osexec.start("sh", "-c", "read x; echo late", stdin=PIPE, stdout=PIPE) as first:
        with osexec.start("cat", stdin=first.stdout, stdout=Capture(), stderr=Capture()) as second:
            with pytest.raises(TimeoutError):
                second.wait(SOON)
            first.stdin.close()
            result = second.wait(LONG)
        first.wait(LONG)
    assert result.stdout == b"late\n"


def test_a_pipe_is_its_own_descriptor() -> None:
    with CAT.start() as process:
        fds = {file.fileno() for file in (process.stdin, process.stdout)}
        assert len(fds) == 2
        assert not any(os.get_inheritable(fd) for fd in fds)
        assert min(fds) > 2


def test_writing_nothing_and_every_kind_of_bytes() -> None:
    with CAT.start() as process:
        assert process.stdin.write(b"") == 0
        assert process.stdin.write(bytearray(b"ab")) == 2
        assert process.stdin.write(memoryview(b"cd")) == 2
        with pytest.raises(TypeError):
            process.stdin.write("text")
        process.stdin.close()
        assert process.stdout.read() == b"abcd"
        process.wait()
