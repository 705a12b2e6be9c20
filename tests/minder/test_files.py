"""Files at 3, 4, ...: each where it was asked for, whatever was at that number before."""

import fcntl
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.minder.builds import Build
from tests.minder.harness import fds_of
from tests.minder.layout import Flag, Setup

NULL = "/dev/null"
PLACE = Flag.SUPERVISE | Flag.PLACE_FILES
WAYS = {"supervised": PLACE, "in place": Flag.PLACE_FILES}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Flag:
    """Supervised, and in place."""
    return WAYS[request.param]


@pytest.fixture
def files(tmp_path: Path) -> Iterator[dict[str, int]]:
    """Open files, by their names; their numbers are far up."""
    opened = {}
    for name in "abcdef":
        fd = os.open(tmp_path / name, os.O_RDWR | os.O_CREAT)
        opened[name] = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 60)
        os.close(fd)
    yield opened
    for fd in opened.values():
        os.close(fd)


@contextmanager
def running(build: Build, setup: Setup, **options: Any) -> Iterator[dict[int, str]]:
    """The descriptors of a command that opens none, by the last part of what they point at."""
    with build.role("stay", setup=setup, **options) as client:
        if setup.flags & Flag.SUPERVISE:
            pid = client.started()
        else:
            assert client.report() is None
            pid = client.pid
        yield {fd: to if to == NULL else os.path.basename(to) for fd, to in fds_of(pid).items()}
        if pid == client.pid:
            os.kill(pid, signal.SIGKILL)


def above(fds: dict[int, str]) -> dict[int, str]:
    """Without stdio, which must be there as it was."""
    assert [fds.pop(fd) for fd in (0, 1, 2)] == [NULL] * 3
    return fds


# The minder has some files at low numbers, its socket at another, and is asked for some of them.
# A letter is a file; "-" is closed; a number is what the minder has there.
CASES = {
    "nothing": ({}, 50, [], {}),
    "as they are": ({3: "a", 4: "b"}, 50, [3, 4], {3: "a", 4: "b"}),
    "swapped": ({3: "a", 4: "b"}, 50, [4, 3], {3: "b", 4: "a"}),
    "a ring": ({3: "a", 4: "b", 5: "c"}, 50, [5, 3, 4], {3: "c", 4: "a", 5: "b"}),
    "the other way": ({3: "a", 4: "b", 5: "c"}, 50, [4, 5, 3], {3: "b", 4: "c", 5: "a"}),
    "twice the same": ({3: "a", 4: "b"}, 50, [4, 4, 3], {3: "b", 4: "b", 5: "a"}),
    "one three times": ({5: "a"}, 50, [5, 5, 5], {3: "a", 4: "a", 5: "a"}),
    "closed between": ({3: "a", 4: "b"}, 50, [4, -1, 3], {3: "b", 5: "a"}),
    "closed at last": ({3: "a", 4: "b"}, 50, [3, -1], {3: "a"}),
    "all closed": ({3: "a", 4: "b"}, 50, [-1, -1, -1], {}),
    "where the socket is": ({4: "a", 5: "b"}, 3, [4, 5], {3: "a", 4: "b"}),
    "where the socket is, too": ({3: "a", 5: "b"}, 4, [5, 3], {3: "b", 4: "a"}),
    "above the socket": ({9: "a"}, 3, [9, 9, 9, 9], {3: "a", 4: "a", 5: "a", 6: "a"}),
    "stdio too": ({3: "a"}, 50, [0, 3, 2], {3: NULL, 4: "a", 5: NULL}),
    "where the pipes will be": ({7: "a"}, 3, [7] * 12, dict.fromkeys(range(3, 15), "a")),
    "not asked for": ({3: "a", 4: "b", 9: "c"}, 50, [9], {3: "c"}),
}


@pytest.mark.parametrize("name", CASES)
def test_files_are_placed(build: Build, way: Flag, files: dict[str, int], name: str) -> None:
    there, number, wanted, expected = CASES[name]
    places = build.placing(number, {fd: files[letter] for fd, letter in there.items()})
    with running(build, Setup(flags=way, files=wanted), **places) as fds:
        assert above(fds) == expected


def test_a_hundred_files_in_reverse(build: Build, way: Flag, files: dict[str, int]) -> None:
    a, b = files["a"], files["b"]
    wanted = [a, b, -1] * 100
    with running(build, Setup(flags=way, files=wanted), pass_fds=[a, b]) as fds:
        found = above(fds)
        assert found == {
            3 + place: "a" if fd == a else "b" for place, fd in enumerate(wanted) if fd >= 0
        }


def test_what_is_placed_is_the_same_open_file(build: Build, files: dict[str, int]) -> None:
    # Its position is shared: it is a duplicate, not opened again.
    words = ["/bin/sh", "-c", "echo one >&3; echo two >&4"]
    setup = Setup(flags=PLACE, files=[files["a"], files["a"]])
    with build.start(*words, setup=setup, pass_fds=[files["a"]]) as client:
        client.started()
        assert client.exited().status == 0
    assert os.lseek(files["a"], 0, os.SEEK_CUR) == len("one\ntwo\n")
    assert os.pread(files["a"], 100, 0) == b"one\ntwo\n"


def test_ours_stay_as_they_are(build: Build, files: dict[str, int]) -> None:
    fd = files["a"]
    with running(build, Setup(flags=PLACE, files=[fd]), pass_fds=[fd]):
        assert not os.get_inheritable(fd)


KEEP: dict[str, tuple[dict[int, str], int, Sequence[int], Sequence[int], dict[int, str]]] = {
    "kept": ({9: "a"}, 50, [], [9], {9: "a"}),
    "kept and not kept": ({9: "a", 10: "b"}, 50, [], [9], {9: "a"}),
    "kept and placed": ({9: "a", 10: "b"}, 50, [10], [9], {3: "b", 9: "a"}),
    "the same": ({9: "a"}, 50, [9], [9], {3: "a", 9: "a"}),
    "twice": ({9: "a"}, 50, [], [9, 9], {9: "a"}),
    "above a closed one": ({4: "a"}, 50, [-1], [4], {4: "a"}),
    "beside the socket": ({4: "a"}, 3, [], [4], {4: "a"}),
    "stdio": ({9: "a"}, 50, [9], [0, 1, 2], {3: "a"}),
    "below what is placed": ({5: "a", 9: "b"}, 3, [9, 9], [5], {3: "b", 4: "b", 5: "a"}),
}


@pytest.mark.parametrize("name", KEEP)
def test_descriptors_are_kept(build: Build, way: Flag, files: dict[str, int], name: str) -> None:
    there, number, wanted, keep, expected = KEEP[name]
    places = build.placing(number, {fd: files[letter] for fd, letter in there.items()})
    with running(build, Setup(flags=way, files=wanted, keep=keep), **places) as fds:
        assert above(fds) == expected


def test_the_last_descriptor_there_can_be_is_kept(
    build: Build, way: Flag, files: dict[str, int]
) -> None:
    # Under a limit on descriptors, what is used on the way must not need a higher number.
    limit = 64

    def launch(fd: int) -> list[Any]:
        place = build.placing(3, {limit - 1: files["a"], 9: files["b"]})["launch"](fd)
        return [*place, "/bin/sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh"]

    setup = Setup(flags=way, files=[9], keep=[limit - 1])
    options = {"number": 3, "pass_fds": [files["a"], files["b"]], "launch": launch}
    with running(build, setup, **options) as fds:
        assert above(fds) == {3: "b", limit - 1: "a"}


def test_as_many_as_the_limit_allows(build: Build, way: Flag, files: dict[str, int]) -> None:
    limit, count = 64, 40

    def launch(fd: int) -> list[Any]:
        return [*place(fd), "/bin/sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh"]

    options = build.placing(3, {55: files["a"]})
    place = options["launch"]
    with running(
        build, Setup(flags=way, files=[55] * count), **options | {"launch": launch}
    ) as fds:
        assert above(fds) == dict.fromkeys(range(3, 3 + count), "a")


def test_without_the_flag_all_is_inherited(build: Build, files: dict[str, int]) -> None:
    places = build.placing(3, {4: files["a"], 9: files["b"]})
    for flags in (Flag.SUPERVISE, Flag(0)):
        with running(build, Setup(flags=flags), **places) as fds:
            assert above(fds) == {4: "a", 9: "b"}


def test_the_socket_is_never_the_commands(build: Build, way: Flag) -> None:
    with running(build, Setup(flags=way)) as fds:
        assert above(fds) == {}
    with running(build, Setup(flags=way & Flag.SUPERVISE)) as fds:
        assert above(fds) == {}
