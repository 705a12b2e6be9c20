"""What is no SETUP and no order: refused, and a command that runs is unharmed."""

import array
import errno
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, LONG, SHORT, SOON
from tests.helpers.ready import read_ready
from tests.helpers.threads import Call
from tests.minder import fuzz
from tests.minder.builds import Build
from tests.minder.harness import fds_of
from tests.minder.layout import (
    FORMATS,
    LIMIT,
    STRUCTS,
    Flag,
    Kind,
    Setup,
    Stage,
    offset_of,
    patched,
)

PIPE = subprocess.PIPE
SLEEP = ("/bin/sleep", str(FOREVER))
MALFORMED = (Stage.STAGE_PROTOCOL, errno.EPROTO)
FULL = Setup(
    flags=Flag.SUPERVISE | Flag.PLACE_FILES | Flag.SET_UMASK,
    limits=[(4, 0, 2**64 - 1), (4, 0, 2**64 - 1)],
    groups=[1, 2],
    files=[0, -1],
    keep=[1],
    cwd=b"/tmp",
)


@pytest.fixture(autouse=True)
def nothing_is_left(tag: Tag) -> Iterator[None]:
    """What was refused has started nothing."""
    yield
    tag.wait_gone()


def refused(build: Build, message: bytes) -> bool:
    """Whether a SETUP is told to be malformed, and nothing else."""
    with build.role("args", setup=message) as client:
        reports = client.rest()
        client.gone()
    return [(report.kind, report.members.get("stage")) for report in reports] == [
        (Kind.FAILED, Stage.STAGE_PROTOCOL)
    ]


# SETUP


def test_a_full_setup_is_taken(build: Build) -> None:
    with build.role("args", setup=FULL) as client:
        client.started()
        assert client.exited().status == 0


def test_every_truncation_is_refused(build: Build) -> None:
    message = FULL.pack()
    taken = [size for size in range(1, len(message)) if not refused(build, message[:size])]
    assert taken == []


def test_every_byte_of_the_head_is_looked_at(build: Build) -> None:
    # Each corruption is refused as malformed, or means something and fails or works.
    message = FULL.pack()
    for at in range(FORMATS["setup"].size):
        for bits in (0x01, 0x80, 0xFF):
            data = bytearray(message)
            data[at] ^= bits
            try:
                fuzz.try_setup(build, bytes(data))
            except AssertionError as error:
                error.add_note(f"byte {at} ^ {bits:#x}")
                raise


@pytest.mark.parametrize("member", fuzz.COUNTS)
@pytest.mark.parametrize("more", [1, 2, 1000, 65535, -1])
def test_a_count_that_does_not_fit_is_refused(build: Build, member: str, more: int) -> None:
    message = FULL.pack()
    count = FORMATS["setup"].unpack_from(message)[list(STRUCTS["setup"]).index(member)]
    assert refused(build, patched(message, member, (count + more) & 0xFFFF))


def test_all_counts_at_their_most_are_refused(build: Build) -> None:
    message = FULL.pack()
    for member in fuzz.COUNTS:
        message = patched(message, member, 65535)
    assert refused(build, message)


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_refused(build: Build, version: int) -> None:
    with build.role("args", setup=patched(Setup().pack(), "version", version)) as client:
        assert client.failed() == MALFORMED


@pytest.mark.parametrize("kind", [0, ord("s"), ord("K"), ord("W"), 255])
def test_another_kind_is_refused(build: Build, kind: int) -> None:
    with build.role("args", setup=patched(Setup().pack(), "kind", kind)) as client:
        assert client.failed() == MALFORMED


@pytest.mark.parametrize("bit", [14, 15])
def test_unknown_flags_are_refused(build: Build, bit: int) -> None:
    assert refused(build, Setup(flags=Flag.SUPERVISE | 1 << bit).pack())


def test_reserved_bytes_are_refused(build: Build) -> None:
    assert refused(build, patched(Setup().pack(), "reserved", 1))
    message = bytearray(Setup(limits=[(4, 0, 0)]).pack())
    message[FORMATS["setup"].size + offset_of("limit", "reserved")] = 1
    assert refused(build, bytes(message))


def test_cwd_without_its_end_is_refused(build: Build) -> None:
    message = Setup(cwd=b"/tmp").pack()
    assert message.endswith(b"/tmp\0")
    assert refused(build, message[:-1] + b"x")


def test_the_longest_message(build: Build) -> None:
    # So many groups fit; one byte more is too long, and is not taken for a shorter one.
    most = (LIMIT - FORMATS["setup"].size) // 4
    message = Setup(groups=range(1, most + 1)).pack()
    assert len(message) == LIMIT
    assert not refused(build, message)
    assert refused(build, message + b"x")
    assert refused(build, message + bytes(100_000))
    longer = patched(message + bytes(4), "groups_count", most + 1)
    assert refused(build, longer)


def test_an_empty_message_is_no_setup(build: Build) -> None:
    with build.role("args", setup=b"") as client:
        client.send(b"")
        assert client.failed() == MALFORMED


def test_no_setup_and_no_owner(build: Build) -> None:
    with build.role("args", setup=b"") as client:
        client.quiet(SOON)
        client.close()
        assert client.gone() != 0


# Arguments


@pytest.mark.parametrize("number", ["", "x", "-1", "3x", "0x3", " 3", "+3", "3.0", "99999999999"])
def test_a_socket_that_is_no_number(build: Build, number: str) -> None:
    with build.role("args", number=number, stderr=PIPE) as client:
        assert client.gone() == 2
        assert client.popen.stderr is not None
        assert b"osexec" in client.popen.stderr.read()


@pytest.mark.parametrize("number", [0, 1, 199, 2**31 - 1])
def test_a_number_that_is_no_socket(build: Build, number: int) -> None:
    with build.role("args", number=number, stderr=PIPE) as client:
        assert client.gone() == 2


def test_a_number_with_the_socket_and_more(build: Build) -> None:
    # "3x" is no number, even if 3 is the socket.
    options = build.placing(3) | {"number": "3x", "stderr": PIPE}
    with build.role("args", **options) as client:
        assert client.gone() == 2


def status_of(build: Build, *words: object, **options: Any) -> int:
    """What a minder that is started by hand ends with."""
    settings: dict[str, Any] = {"env": build.env(), "stderr": PIPE, "timeout": LONG}
    return subprocess.run(list(map(str, words)), check=False, **(settings | options)).returncode


def test_empty_words(build: Build) -> None:
    with build.start("", path="") as client:
        assert client.failed() == (Stage.STAGE_EXEC, errno.ENOENT)
    for words in ([], [""], ["", ""], ["", "", "x"]):
        assert status_of(build, build.program, *words) == 2


def test_too_few_words_for_a_command(build: Build) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.send(Setup().pack())
        fd = theirs.fileno()
        assert status_of(build, build.program, fd, "/bin/true", pass_fds=[fd]) == 2


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_socket_of_another_kind(build: Build, kind: socket.SocketKind) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    with ours, theirs:
        ours.send(b"nonsense")
        fd = theirs.fileno()
        assert status_of(build, build.program, fd, "/bin/true", "true", pass_fds=[fd]) in {1, 2}


def test_a_file_in_place_of_a_socket(build: Build, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+b") as file:
        fd = file.fileno()
        assert status_of(build, build.program, fd, "/bin/true", "true", pass_fds=[fd]) == 2
        assert os.fstat(fd).st_size == 0


# Orders

NO_ORDERS = [
    *(b"?", b"\0", b"S", b"s", b"x", b"WW", b"RR", b"KK", b"K", b"K\x0f", b"K\x0f\0\0", b"w", b"k"),
    *(b"K\x00\0", b"K\x41\0", b"K\xff\0", b"K\x0f\2", b"K\x0f\xff", b"R", b"W\0", b"x" * 40_000),
    Setup().pack(),
]


def test_what_is_no_order_is_refused(build: Build) -> None:
    with build.role("signals", stdout=PIPE) as client:
        pid = client.started()
        for order in NO_ORDERS:
            client.send(order)
            report = client.expect(Kind.REFUSED)
            assert report.members["order"] == order[0]
            assert report.error != 0
        assert client.popen.stdout is not None
        assert read_ready(client.popen.stdout) == "ready"
        assert proc.is_alive(pid)
        client.signal(9)
        assert client.popen.stdout.read() == b""  # no signal but that one
        assert client.exited().status == 9


def test_an_empty_message_is_no_order_and_no_end(build: Build) -> None:
    # Its length is that of the end of file, but the socket says that it is none.
    with build.role("signals") as client:
        pid = client.started()
        client.send(b"")
        assert client.expect(Kind.REFUSED)
        assert proc.is_alive(pid)


def test_an_order_before_the_command_runs(build: Build) -> None:
    with build.role("signals", setup=b"") as client:
        client.send(Setup().pack())
        client.send(b"?")
        client.send(Setup().pack())
        reports = [client.report() for _ in range(3)]
        kinds = sorted(report.kind for report in reports if report is not None)
        assert kinds == sorted([Kind.STARTED, Kind.REFUSED, Kind.REFUSED])


def test_descriptors_that_come_with_an_order_are_dropped(build: Build, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file, build.role("signals", stdout=PIPE) as client:
        client.started()
        assert client.popen.stdout is not None
        assert read_ready(client.popen.stdout) == "ready"
        before = fds_of(client.pid)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()] * 5))]
        for order in (b"?", b"K\x0a\0"):
            client.socket.sendmsg([order], rights)
        assert client.expect(Kind.REFUSED)
        client.send(b"?")
        assert client.expect(Kind.REFUSED)
        assert fds_of(client.pid) == before


def test_many_refusals_that_nobody_reads_lose_no_status(build: Build) -> None:
    # The socket holds some hundreds of messages, and the end of the command has to be one of them.
    def flood() -> None:
        for _ in range(2000):
            client.send(b"?")
        client.signal(9)

    with build.role("signals") as client:
        client.started()
        call = Call(flood)
        call.join(10 * SHORT)  # it is through, or waits for us to read, which is as good
        client.is_over(2 * SHORT)
        *refused, last = client.rest()
        call.result()
        assert {report.kind for report in refused} == {Kind.REFUSED}
        assert last.kind == Kind.EXITED
