"""Nothing but the asked-for descriptors reaches the child, whatever is open here."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import osexec
from osexec import PIPE, Capture, Cmd
from tests.helpers.fresh import ask
from tests.helpers.roles import role

pytestmark = pytest.mark.usefixtures("spawner")

STRANGER = 25


@pytest.fixture(autouse=True)
def stranger() -> Iterator[int]:
    """A descriptor of the host that every child would inherit, if we let it."""
    fd = os.open("/dev/zero", os.O_RDONLY)
    os.dup2(fd, STRANGER, inheritable=True)
    os.close(fd)
    yield STRANGER
    os.close(STRANGER)


def listed(text: str) -> dict[int, str]:
    """What the role "fds" printed."""
    pairs = (line.split(" ", 1) for line in text.splitlines())
    return {int(fd): target for fd, target in pairs}


def test_a_captured_child_has_three_descriptors() -> None:
    fds = listed(Cmd(*role("fds")).text())
    assert sorted(fds) == [0, 1, 2]
    assert fds[0] == "/dev/null"


def test_a_child_that_inherits_all_has_three_descriptors(tmp_path: Path) -> None:
    said = tmp_path / "said"
    Cmd(*role("fds"), stdout=said, stdin=osexec.INHERIT).run()
    assert sorted(listed(said.read_text())) == [0, 1, 2]


def test_a_child_with_three_pipes_has_three_descriptors() -> None:
    with osexec.start(*role("fds"), stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout is not None
        fds = listed(process.stdout.read().decode())
        process.wait()
    assert sorted(fds) == [0, 1, 2]
    assert len({fds[0], fds[1], fds[2]}) == 3


def test_a_child_has_none_of_the_pipes_of_another() -> None:
    with osexec.start("cat", stdin=PIPE, stdout=PIPE), osexec.start("cat", stdin=PIPE):
        fds = listed(Cmd(*role("fds"), stdin=b"x", stderr=Capture()).text())
    assert sorted(fds) == [0, 1, 2]


def test_a_passed_descriptor_arrives_under_its_number() -> None:
    fds = listed(Cmd(*role("fds"), pass_fds=[STRANGER]).text())
    assert sorted(fds) == [0, 1, 2, STRANGER]
    assert fds[STRANGER] == "/dev/zero"


def test_a_passed_descriptor_need_not_be_inheritable_and_stays_as_it_is(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        fds = listed(Cmd(*role("fds"), pass_fds=[file.fileno(), STRANGER]).text())
        assert fds[file.fileno()] == str(tmp_path / "file")
        assert not os.get_inheritable(file.fileno())


def test_passing_a_standard_stream_changes_nothing() -> None:
    assert sorted(listed(Cmd(*role("fds"), pass_fds=[0, 1, 2, 1]).text())) == [0, 1, 2]


def test_passing_a_closed_descriptor_is_refused() -> None:
    with pytest.raises((osexec.StartError, osexec.UsageError)):
        Cmd("true", pass_fds=[199]).run()


def test_a_descriptor_handed_over_three_times(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+") as file:
        Cmd(*role("fds"), stdin=file, stdout=file, stderr=file).run()
    assert set(listed((tmp_path / "file").read_text()).values()) == {str(tmp_path / "file")}


CLOSED = """
    import json, os, sys
    import osexec
    from osexec import PIPE, INHERIT, Capture, Cmd
    from osexec._posix import probe
    from tests.helpers.roles import role

    probe.ANSWERS["fork_exec"] = sys.argv[1] == "fork_exec"
    closed = [int(word) for word in sys.argv[2:]]
    answer = os.dup(1)
    os.dup2(answer, 100)
    for fd in closed:
        os.close(fd)

    def listed(text):
        return {int(fd): to for fd, to in (line.split(" ", 1) for line in text.splitlines())}

    def still_closed():
        return [fd for fd in (0, 1, 2) if not os.path.exists(f"/proc/self/fd/{fd}")]

    said = {}
    said["data"] = Cmd("cat", stdin=b"through").text()
    said["captured"] = sorted(listed(Cmd(*role("fds"), stderr=Capture()).text()))
    said["inherited"] = sorted(listed(Cmd(*role("fds"), stdin=INHERIT, stderr=INHERIT).text()))
    both = Cmd("sh", "-c", "echo out; echo err >&2", stdout=Capture(), stderr=Capture()).run()
    said["both"] = [both.stdout.decode(), both.stderr.decode()]
    with osexec.start("cat", stdin=PIPE, stdout=PIPE) as process:
        said["closed while it runs"] = still_closed()
        process.stdin.write(b"piped")
        process.stdin.close()
        said["piped"] = process.stdout.read().decode()
        process.wait()
    said["combined"] = Cmd("sh", "-c", "echo out; echo err >&2").combined_output().decode()
    said["still closed"] = still_closed()
    os.write(100, json.dumps(said).encode())
"""


@pytest.mark.parametrize("closed", range(8), ids=lambda bits: f"closed-{bits:03b}")
def test_our_closed_standard_streams_are_survived(closed: int, spawner: str) -> None:
    fds = [fd for fd in (0, 1, 2) if closed >> fd & 1]
    said = ask(CLOSED, spawner, *fds)
    assert said == {
        "data": "through",
        "captured": [0, 1, 2],
        "inherited": sorted({0, 1, 2} - set(fds) | {1}),
        "both": ["out\n", "err\n"],
        "piped": "piped",
        "combined": "out\nerr\n",
        "closed while it runs": fds,
        "still closed": fds,
    }
