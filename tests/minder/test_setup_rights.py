"""Starts that fail for want of a right, a number or a resource; see test_setup_failures.py."""

import ctypes
import dataclasses
import errno
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER
from tests.helpers.ready import read_ready
from tests.minder.builds import IS_ROOT, Build
from tests.minder.layout import Flag, Kind, Setup, Stage

SLEEP = ("/bin/sleep", str(FOREVER))
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root may do that")
Options = dict[str, Any]
PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(autouse=True)
def nothing_is_left(tag: Tag) -> Iterator[None]:
    """A failed start has started nothing."""
    yield
    tag.wait_gone()


# Limits and privileges


def test_limit_above_the_hard_one(build: Build, way: Flag, stranger: Options) -> None:
    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))

    setup = Setup(flags=way, limits=[(resource.RLIMIT_NOFILE, 10, 51)])
    found = build.failure(setup, preexec_fn=lower, **stranger)
    assert found == (Stage.STAGE_LIMITS, errno.EPERM)


@pytest.mark.parametrize("limit", [(7, 2, 1), (16, 1, 1), (2**32 - 1, 1, 1)])
def test_limit_that_is_none(build: Build, way: Flag, limit: tuple[int, int, int]) -> None:
    found = build.failure(Setup(flags=way, limits=[limit]))
    assert found == (Stage.STAGE_LIMITS, errno.EINVAL)


def test_the_second_limit_of_two_fails(build: Build, way: Flag) -> None:
    setup = Setup(flags=way, limits=[(resource.RLIMIT_CPU, 5, 5), (99, 1, 1)])
    assert build.failure(setup) == (Stage.STAGE_LIMITS, errno.EINVAL)


def test_less_nice_without_the_right(build: Build, way: Flag, stranger: Options) -> None:
    def no_right() -> None:
        resource.setrlimit(resource.RLIMIT_NICE, (0, 0))

    setup = Setup(flags=way | Flag.SET_NICE, nice=-1)
    stage, error = build.failure(setup, preexec_fn=no_right, **stranger)
    assert stage == Stage.STAGE_NICE
    assert error in {errno.EPERM, errno.EACCES}


@pytest.mark.parametrize(
    ("flag", "stage"),
    [
        (Flag.SET_GROUPS, Stage.STAGE_GROUPS),
        (Flag.SET_GID, Stage.STAGE_GID),
        (Flag.SET_UID, Stage.STAGE_UID),
    ],
)
def test_identity_without_the_right(
    build: Build, way: Flag, stranger: Options, flag: Flag, stage: Stage
) -> None:
    setup = Setup(flags=way | flag, groups=[0], gid=0, uid=0)
    found, error = build.failure(setup, **stranger)
    assert found == stage
    assert error in {errno.EPERM, errno.EINVAL}  # EINVAL: in a user namespace that has no such id


@needs_root
@pytest.mark.parametrize(
    ("flag", "stage"), [(Flag.SET_GID, Stage.STAGE_GID), (Flag.SET_UID, Stage.STAGE_UID)]
)
def test_minus_one_is_no_identity(build: Build, way: Flag, flag: Flag, stage: Stage) -> None:
    # setresuid(-1) means "as it is" and succeeds: a command would run as root by mistake.
    setup = Setup(flags=way | flag, gid=2**32 - 1, uid=2**32 - 1)
    found = build.failure(setup)
    assert found in [(stage, errno.EINVAL), (Stage.STAGE_PROTOCOL, errno.EPROTO)]


# Files, descriptors and processes


@pytest.mark.parametrize("files", [[77], [0, 77], [-1, 1, 77]])
def test_a_file_that_is_not_open(build: Build, way: Flag, files: list[int]) -> None:
    setup = Setup(flags=way | Flag.PLACE_FILES, files=files)
    assert build.failure(setup) == (Stage.STAGE_FILES, errno.EBADF)


def test_a_kept_descriptor_that_is_not_open(build: Build, way: Flag) -> None:
    setup = Setup(flags=way | Flag.PLACE_FILES, keep=[77])
    assert build.failure(setup) == (Stage.STAGE_FILES, errno.EBADF)


@pytest.mark.parametrize("number", [-1, -5, -(2**31), 2**31 - 1, 2**31 - 2, 2**20])
@pytest.mark.parametrize("member", ["files", "keep"])
def test_numbers_that_no_descriptor_has(build: Build, way: Flag, member: str, number: int) -> None:
    if (member, number) == ("files", -1):
        return  # closed
    setup = Setup(flags=way | Flag.PLACE_FILES, **{member: [number]})
    with build.start(*SLEEP, setup=setup) as client:
        report = client.report()
        if member == "files" and number < -1 and (report is None or report.kind == Kind.STARTED):
            if report is None:
                os.kill(client.pid, signal.SIGKILL)
            return  # as closed as -1
        assert report is not None and report.kind == Kind.FAILED, report
        assert report.stage in {Stage.STAGE_FILES, Stage.STAGE_PROTOCOL}
        assert report.error in {errno.EBADF, errno.EINVAL, errno.EPROTO}


def test_a_failure_is_told_where_the_files_are_placed(build: Build, way: Flag) -> None:
    # What the failure is reported with has a number of its own among those.
    with socket.socket() as stranger:
        files = [stranger.fileno()] * 40
        setup = Setup(flags=way | Flag.PLACE_FILES, files=files)
        found = build.failure(setup, "/nowhere/at all", pass_fds=[stranger.fileno()])
    assert found == (Stage.STAGE_EXEC, errno.ENOENT)


def test_too_few_descriptors(shipped: Build) -> None:
    # Whatever the limit: it is up to its work, or says that it is not.
    placing = shipped.placing(3)["launch"]
    outcomes = set()
    for limit in range(4, 12):

        def launch(fd: int, limit: int = limit) -> list[Any]:
            return [*placing(fd), "/bin/sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh"]

        with shipped.start("/bin/true", number=3, launch=launch) as client:
            first = client.report()
            assert first is not None
            outcomes.add(first.kind)
            if first.kind == Kind.FAILED:
                assert (first.stage, first.error) == (Stage.STAGE_MINDER, errno.EMFILE)
            else:
                assert client.exited().status in {0, 127 << 8}  # ld.so needs one, too
            client.ended()
    assert outcomes == {Kind.FAILED, Kind.STARTED}


@needs_root
def test_too_many_processes(build: Build) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        os.setresgid(54321, 54321, 54321)
        os.setresuid(54321, 54321, 54321)

    found = build.failure(Setup(), preexec_fn=limit)
    assert found == (Stage.STAGE_FORK, errno.EAGAIN)


def test_a_failed_start_leaves_no_zombie(build: Build, adopter: None) -> None:
    # Who tried to become the command is collected; else it would be our child now.
    before = proc.children()
    assert build.failure(Setup(), "/nowhere/at all") == (Stage.STAGE_EXEC, errno.ENOENT)
    assert proc.children() <= before


@pytest.fixture
def adopter() -> Iterator[None]:
    """Orphans below us become our children, as they do with a supervisor that is a subreaper."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


@needs_root
def test_without_proc_a_command_ends_all_the_same(shipped: Build, place: Path) -> None:
    # In a chroot without /proc nobody can be found, but the command's own number is known.
    def enter() -> None:
        os.chroot(place)
        os.chdir("/")

    inside = dataclasses.replace(
        shipped,
        program=Path("/") / shipped.program.name,
        command=Path("/") / shipped.command.name,
    )
    with inside.role("signals", preexec_fn=enter, stdout=subprocess.PIPE) as client:
        client.started()
        assert client.popen.stdout is not None
        assert read_ready(client.popen.stdout) == "ready"
        client.sweep()
        exited = client.exited()
        assert exited.status == signal.SIGKILL
