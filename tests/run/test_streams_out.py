"""Every kind of stdout and stderr, with each driver: where the bytes go, and what goes wrong."""

import io
import os
import socket
import threading
from pathlib import Path

import pytest

import osexec
from osexec import (
    DEVNULL,
    INHERIT,
    STDOUT,
    Capture,
    Cmd,
    StartError,
    UsageError,
)
from tests.helpers.drivers import error_of
from tests.helpers.limits import LONG
from tests.helpers.roles import role

OUT = Cmd("sh", "-c", "echo out")
BOTH = Cmd("sh", "-c", "echo out; echo err >&2")
ORDERED = Cmd("sh", "-c", "for i in 1 2 3; do echo $i; echo e$i >&2; done")
IN_ORDER = b"1\ne1\n2\ne2\n3\ne3\n"
MIB = 1 << 20


class Writer:
    """A writer of the caller's that takes all."""

    def __init__(self) -> None:
        self.got = b""
        self.flushed = 0
        self.threads: set[threading.Thread] = set()

    def write(self, data: bytes) -> object:
        self.threads.add(threading.current_thread())
        self.got += bytes(data)
        return None

    def flush(self) -> None:
        self.flushed += 1


class Partial(Writer):
    """A raw writer that takes a few bytes at a time."""

    def write(self, data: bytes) -> int:
        super().write(data[:3])
        return min(len(data), 3)


def test_we_print_what_it_prints_by_default(run, capfd) -> None:
    run(BOTH)
    assert capfd.readouterr() == ("out\n", "err\n")
    run(BOTH.replace(stdout=INHERIT, stderr=INHERIT))
    assert capfd.readouterr() == ("out\n", "err\n")


def test_nowhere(run, capfd) -> None:
    result = run(BOTH.replace(stdout=DEVNULL, stderr=DEVNULL))
    assert (result.stdout, result.stderr) == (None, None)
    assert capfd.readouterr() == ("", "")


def test_a_capture_of_each(run) -> None:
    result = run(BOTH.replace(stdout=Capture(), stderr=Capture()))
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")
    assert run(Cmd("true", stdout=Capture())).stdout == b""


def test_one_capture_value_for_both_is_two_captures(run) -> None:
    capture = Capture()
    result = run(BOTH.replace(stdout=capture, stderr=capture))
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")


def test_a_path_is_made_and_emptied(run, tmp_path: Path) -> None:
    path = tmp_path / "out"
    for _ in range(2):
        run(OUT.replace(stdout=path))
        assert path.read_bytes() == b"out\n"
    fds = run(Cmd(*role("fds"), stdout=path))
    assert fds.stdout is None
    assert f"1 {path}" in path.read_text().splitlines()


def test_one_path_for_both_is_opened_once(run, tmp_path: Path) -> None:
    path = tmp_path / "out"
    run(ORDERED.replace(stdout=path, stderr=path))
    assert path.read_bytes() == IN_ORDER


def test_a_path_that_can_not_be_made(run, tmp_path: Path) -> None:
    error = error_of(run, OUT.replace(stdout=tmp_path / "no" / "out"))
    assert isinstance(error, StartError)
    assert error.filename == str(tmp_path / "no" / "out")


def test_a_file_is_handed_over_after_what_python_wrote(run, tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("wb") as file:
        file.write(b"python\n")  # still in Python's buffer
        run(Cmd(*role("fds"), stdout=file))
        file.write(b"again\n")
    lines = path.read_text().splitlines()
    assert lines[0] == "python"
    assert f"1 {path}" in lines
    assert lines[-1] == "again"


def test_a_text_file_is_handed_over_after_what_python_wrote(run, tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("w") as file:
        file.write("python\n")
        run(OUT.replace(stdout=file))
    assert path.read_bytes() == b"python\nout\n"


def test_a_descriptor_is_handed_over(run, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        run(BOTH.replace(stdout=file.fileno(), stderr=file.fileno()))
    assert (tmp_path / "out").read_bytes() == b"out\nerr\n"


def test_stderr_to_stdout_keeps_the_order(run, tmp_path: Path) -> None:
    assert run(ORDERED.replace(stdout=Capture(), stderr=STDOUT)).stdout == IN_ORDER
    run(ORDERED.replace(stdout=tmp_path / "out", stderr=STDOUT))
    assert (tmp_path / "out").read_bytes() == IN_ORDER
    writer = Writer()
    run(ORDERED.replace(stdout=writer, stderr=STDOUT))
    assert writer.got == IN_ORDER


def test_stderr_to_an_inherited_stdout(run, capfd) -> None:
    run(BOTH.replace(stderr=STDOUT))
    assert capfd.readouterr() == ("out\nerr\n", "")


def test_the_result_says_where_stderr_went(run) -> None:
    result = run(BOTH.replace(stdout=Capture(), stderr=STDOUT))
    assert result.stdout == b"out\nerr\n"
    assert result.stderr is None


def test_the_same_writer_for_both_is_one_pipe(run) -> None:
    for target in (Writer(), io.BytesIO()):
        run(ORDERED.replace(stdout=target, stderr=target))
        assert (target.got if isinstance(target, Writer) else target.getvalue()) == IN_ORDER


def test_equal_writers_that_are_not_the_same_are_two(run) -> None:
    class Equal(Writer):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    one, other = Equal(), Equal()
    run(BOTH.replace(stdout=one, stderr=other))
    assert (one.got, other.got) == (b"out\n", b"err\n")


def test_a_writer_takes_all_in_order_on_a_thread_of_its_own(run) -> None:
    writer = Writer()
    run(Cmd("seq", "100000", stdout=writer))
    assert writer.got == b"".join(b"%d\n" % number for number in range(1, 100_001))
    assert [thread.name for thread in writer.threads] == ["osexec-writer"]
    assert writer.flushed == 1


def test_memory_needs_no_thread(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osexec._posix.worker.Thread", None)
    memory = io.BytesIO()
    run(Cmd("echo", "x", stdout=memory))
    assert memory.getvalue() == b"x\n"


def test_a_subclass_of_memory_may_block_and_holds_nothing_up(run) -> None:
    class Slow(io.BytesIO):
        def write(self, data: object) -> int:
            written.wait(LONG)
            return 0

    written = threading.Event()
    with pytest.raises(osexec.WaitDelayExpired):
        run(Cmd("echo", "x", stdout=Slow(), wait_delay=0))
    written.set()


def test_a_writer_that_takes_a_part_gets_the_rest(run) -> None:
    writer = Partial()
    run(Cmd("seq", "1000", stdout=writer))
    assert writer.got == b"".join(b"%d\n" % number for number in range(1, 1001))


def test_a_raw_file_that_takes_a_part_gets_the_rest(run, tmp_path: Path) -> None:
    class Raw(io.RawIOBase):
        def __init__(self) -> None:
            self.got = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            piece = bytes(memoryview(data)[:7])
            self.got += piece
            return len(piece)

    raw = Raw()
    run(Cmd("seq", "1000", stdout=raw))
    assert len(raw.got) == 3893


def test_a_text_writer_gets_text(run) -> None:
    text = io.StringIO()
    run(Cmd("printf", r"\303" r"\244\n\377", stdout=text))
    assert text.getvalue() == "ä\n\\xff"
    wrapped = io.TextIOWrapper(io.BytesIO(), encoding="utf-16")
    run(Cmd("printf", r"\344", stdout=wrapped, encoding="latin-1"))
    assert wrapped.buffer.getvalue().decode("utf-16") == "ä"


def test_a_character_in_two_pieces_is_one_character(run) -> None:
    text = io.StringIO()
    run(Cmd("sh", "-c", r"printf '\303'; sleep 0.02; printf '\244'", stdout=text))
    assert text.getvalue() == "ä"


def test_an_error_handler_of_the_command_counts_for_a_text_writer(run) -> None:
    text = io.StringIO()
    run(Cmd("printf", r"a\377", stdout=text, errors="replace"))
    assert text.getvalue() == "a\ufffd"


def test_a_socket(run) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        run(Cmd("seq", "1000", stdout=theirs))
        theirs.shutdown(socket.SHUT_WR)
        got = b"".join(iter(lambda: ours.recv(65536), b""))
    assert got == b"".join(b"%d\n" % number for number in range(1, 1001))


def test_several_targets_each_get_all(run, tmp_path: Path, capfd) -> None:
    writer, memory, text = Writer(), io.BytesIO(), io.StringIO()
    with (tmp_path / "file").open("wb") as file, (tmp_path / "fd").open("wb") as other:
        targets = [Capture(), writer, memory, text, tmp_path / "path", file, other.fileno()]
        result = run(OUT.replace(stdout=[*targets, INHERIT, DEVNULL]))
    assert result.stdout == b"out\n"
    assert writer.got == memory.getvalue() == b"out\n"
    assert text.getvalue() == "out\n"
    for name in ("path", "file", "fd"):
        assert (tmp_path / name).read_bytes() == b"out\n"
    assert capfd.readouterr() == ("out\n", "")


def test_a_list_of_one_is_that_one(run, tmp_path: Path) -> None:
    assert run(OUT.replace(stdout=[Capture()])).stdout == b"out\n"
    assert run(OUT.replace(stdout=[DEVNULL])).stdout is None
    run(OUT.replace(stdout=[tmp_path / "out"]))
    assert (tmp_path / "out").read_bytes() == b"out\n"


def test_two_captures_of_one_stream_are_refused() -> None:
    with pytest.raises(UsageError, match="Capture"):
        Cmd("true", stdout=[Capture(head=4), Capture()]).run()


def test_a_slow_writer_gets_all_before_the_end(run) -> None:
    class Slow(Writer):
        def write(self, data: bytes) -> int:
            threading.Event().wait(0.01)
            super().write(data)
            return len(data)

    slow = Slow()
    run(Cmd("head", "-c", str(3 * MIB), "/dev/zero", stdout=slow))
    assert len(slow.got) == 3 * MIB


def test_what_the_caller_gave_is_left_open(run, tmp_path: Path) -> None:
    memory, writer = io.BytesIO(), Writer()
    with (tmp_path / "file").open("wb") as file:
        run(OUT.replace(stdout=[memory, writer, file], stderr=file))
        assert not file.closed
        assert os.fstat(file.fileno())
    assert not memory.closed
