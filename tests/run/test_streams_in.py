"""Every kind of stdin, with each driver: what arrives, and what goes wrong."""

import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import osexec
from osexec import DEVNULL, INHERIT, Capture, Cmd, CopyError, ExitError, StartError, UsageError
from tests.helpers.drivers import error_of
from tests.helpers.limits import FOREVER, GRACE, LONG, SHORT
from tests.helpers.ready import read_ready_file
from tests.helpers.roles import role

MIB = 1 << 20
CAT = Cmd("cat", stdout=Capture())
BIG = os.urandom(MIB // 4) * 12 + b"the end"


def got(run, stdin: object, cmd: Cmd = CAT) -> bytes:
    """What `cat` reads from it."""
    return run(cmd.replace(stdin=stdin)).stdout


@pytest.mark.parametrize("stdin", [None, DEVNULL], ids=["default", "null device"])
def test_nothing(run, stdin: object) -> None:
    assert got(run, stdin) == b""
    fds = run(Cmd(*role("fds"), stdin=stdin, stdout=Capture())).stdout.decode()
    assert "0 /dev/null" in fds.splitlines()


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\0\xff\n", BIG], ids=["empty", "a byte", "binary", "big"]
)
def test_bytes(run, data: bytes) -> None:
    assert got(run, data) == data
    assert got(run, bytearray(data)) == data
    assert got(run, memoryview(data)) == data


def test_text_in_the_encoding_of_the_command(run) -> None:
    assert got(run, "ä\n") == "ä\n".encode()
    assert got(run, "ä", CAT.replace(encoding="latin-1")) == b"\xe4"


def test_a_path(run, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(BIG)
    assert got(run, tmp_path / "in") == BIG
    fds = run(Cmd(*role("fds"), stdin=tmp_path / "in", stdout=Capture())).stdout.decode()
    assert f"0 {tmp_path}/in" in fds.splitlines()


def test_a_descriptor_is_handed_over(run, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"0123456789")
    fd = os.open(tmp_path / "in", os.O_RDONLY)
    os.lseek(fd, 4, os.SEEK_SET)
    try:
        assert got(run, fd) == b"456789"
        assert os.lseek(fd, 0, os.SEEK_CUR) == 10  # one file, one position
    finally:
        os.close(fd)


def test_a_file_is_handed_over_and_not_copied(run, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"x")
    with (tmp_path / "in").open("rb") as file:
        fds = run(Cmd(*role("fds"), stdin=file, stdout=Capture())).stdout.decode()
    assert f"0 {tmp_path}/in" in fds.splitlines()


def test_a_file_that_was_read_from_is_handed_over_where_python_is(run, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"first\nsecond\nthird\n")
    with (tmp_path / "in").open("rb") as file:
        assert file.readline() == b"first\n"
        assert got(run, file) == b"second\nthird\n"
    with (tmp_path / "in").open() as file:
        assert file.readline() == "first\n"
        assert got(run, file).endswith(b"third\n")


def test_our_own_stdin(run, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"ours")
    fd = os.open(tmp_path / "in", os.O_RDONLY)
    before = os.dup(0)
    os.dup2(fd, 0)
    try:
        assert got(run, INHERIT) == b"ours"
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(fd)


def test_a_pipe_of_the_callers_is_handed_over(run) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"piped")
    os.close(write_end)
    with open(read_end, "rb") as file:
        assert got(run, file) == b"piped"


class Reader:
    """A reader of the caller's; gives what it was made of, piece by piece."""

    def __init__(self, *pieces: object) -> None:
        self.pieces = list(pieces)
        self.threads: set[threading.Thread] = set()

    def read(self, size: int = -1) -> object:
        assert size > 0
        self.threads.add(threading.current_thread())
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece


def test_a_reader(run) -> None:
    assert got(run, Reader(b"a", b"b", BIG)) == b"ab" + BIG
    assert got(run, Reader()) == b""
    assert got(run, Reader(bytearray(b"a"), memoryview(b"b"), "ä")) == "abä".encode()
    assert got(run, io.BytesIO(BIG)) == BIG
    assert got(run, io.StringIO("ä\n")) == "ä\n".encode()


def test_a_reader_starts_where_it_is(run) -> None:
    reader = io.BytesIO(b"0123456789")
    reader.seek(4)
    assert got(run, reader) == b"456789"


def test_a_reader_is_read_on_a_thread_of_its_own(run) -> None:
    reader = Reader(b"a")
    got(run, reader)
    (thread,) = reader.threads
    assert thread is not threading.main_thread()
    assert thread.name == "osexec-reader"


def test_an_iterable(run) -> None:
    def pieces() -> Iterator[object]:
        yield b"a"
        yield b""
        yield "ä"
        yield BIG

    assert got(run, pieces()) == "aä".encode() + BIG
    assert got(run, [b"a", b"b"]) == b"ab"
    assert got(run, (line for line in ("a\n", "b\n"))) == b"a\nb\n"
    assert got(run, iter([])) == b""


def test_a_socket(run) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"through a socket")
        ours.shutdown(socket.SHUT_WR)
        assert got(run, theirs) == b"through a socket"


def test_ten_mib_that_nobody_reads(run) -> None:
    assert run(Cmd("true", stdin=bytes(10 * MIB))).ok
    result = run(Cmd("head", "-c", "5", stdin=BIG, stdout=Capture()))
    assert result.stdout == BIG[:5]
    assert result.output_complete


def unread(kind: str) -> tuple[object, Callable[[], None]]:
    """An endless source of one kind, and what ends it."""
    if kind == "socket":
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            while True:
                ours.send(bytes(65536))
        except BlockingIOError:
            pass

        def close() -> None:
            ours.close()
            theirs.close()

        return theirs, close
    if kind == "iterable":
        return (bytes(65536) for _ in range(1000)), lambda: None
    if kind == "reader":
        return io.BytesIO(bytes(10 * MIB)), lambda: None
    return bytes(10 * MIB), lambda: None


@pytest.mark.parametrize("kind", ["bytes", "reader", "iterable", "socket"])
@pytest.mark.parametrize("line", ["true", "head -c 1 >/dev/null", "exec <&-; true", "exit 0"])
def test_a_command_need_not_read_what_it_is_given(run, kind: str, line: str) -> None:
    source, close = unread(kind)
    try:
        result = run(Cmd("sh", "-c", line, stdin=source))
    finally:
        close()
    assert result.ok
    assert result.errors == ()


def test_a_command_that_goes_on_without_its_input_is_not_held_up(run) -> None:
    assert got(run, bytes(MIB), Cmd("sh", "-c", "exec <&-; echo ok", stdout=Capture())) == b"ok\n"


def test_a_reader_that_waits_does_not_hold_up_the_end(run, gate: threading.Event) -> None:
    class Waiting:
        def read(self, size: int) -> bytes:
            gate.wait()
            return b""

    result = run(Cmd("true", stdin=Waiting()), timeout=LONG)
    assert result.ok
    assert result.elapsed < GRACE


def test_a_reader_that_fails_is_a_copy_error_with_its_cause(run) -> None:
    cause = KeyError("no more")
    error = error_of(run, CAT.replace(stdin=Reader(b"first", cause)))
    assert type(error) is CopyError
    assert error.__cause__ is cause
    assert "stdin" in str(error)
    assert "no more" in str(error)
    assert error.result.stdout == b"first"
    assert error.result.returncode == 0


@pytest.mark.parametrize("piece", [7, None, ["x"], object()])
def test_a_reader_that_gives_what_is_no_data_is_a_copy_error(run, piece: object) -> None:
    error = error_of(run, CAT.replace(stdin=Reader(b"first", piece)))
    assert type(error) is CopyError
    assert error.result.stdout == b"first"


def test_an_iterable_that_fails_is_a_copy_error(run) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first"
        raise KeyError("no more")

    assert isinstance(error_of(run, CAT.replace(stdin=pieces())).__cause__, KeyError)
    assert isinstance(error_of(run, CAT.replace(stdin=iter([b"a", 7]))).__cause__, TypeError)


def test_the_exit_wins_over_a_reader_that_fails(run) -> None:
    cmd = Cmd("sh", "-c", "cat >/dev/null; exit 3", stdin=Reader(KeyError("lost")))
    error = error_of(run, cmd)
    assert type(error) is ExitError
    assert [type(loser) for loser in error.result.errors] == [ExitError, CopyError]
    assert any("lost" in note for note in error.__notes__)


def test_a_reader_that_fails_when_its_pipe_is_closed_already_is_still_an_error(
    run, tmp_path: Path
) -> None:
    """The child was quicker; but what went wrong in the caller's own code is not hidden by that."""

    class Late:
        def read(self, size: int) -> bytes:
            (tmp_path / "reading").touch()
            read_ready_file(tmp_path / "closed")
            (tmp_path / "failed").touch()
            raise KeyError("too late")

    line = "until [ -e reading ]; do sleep 0.01; done; exec <&-; echo >closed"
    line += f"; until [ -e failed ]; do sleep 0.01; done; sleep {SHORT}"
    error = error_of(run, Cmd("sh", "-c", line, stdin=Late(), cwd=tmp_path), timeout=LONG)
    assert isinstance(error, CopyError)


def test_a_path_that_is_not_there(run, tmp_path: Path) -> None:
    error = error_of(run, CAT.replace(stdin=tmp_path / "nothing"))
    assert isinstance(error, StartError)
    assert error.filename == str(tmp_path / "nothing")


@pytest.mark.parametrize("stdin", [True, -7, 1.5, object(), {}, osexec.STDOUT])
def test_what_is_no_input_is_refused_at_once(stdin: object) -> None:
    with pytest.raises(UsageError, match="stdin"):
        Cmd("cat", stdin=stdin)


def test_a_closed_descriptor_or_file_is_refused_before_the_start(run, tmp_path: Path) -> None:
    file = (tmp_path / "file").open("w+")
    file.close()
    for stdin in (199, file):
        error = error_of(run, CAT.replace(stdin=stdin))
        assert isinstance(error, UsageError)
        assert error.result is None


def test_a_command_that_waits_for_input_ends_with_its_context(run, gate) -> None:
    class Waiting:
        def read(self, size: int) -> bytes:
            gate.wait()
            return b""

    error = error_of(run, Cmd("sleep", str(FOREVER), stdin=Waiting()), timeout=SHORT)
    assert error.result.elapsed < SHORT + GRACE
