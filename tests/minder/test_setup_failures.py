"""Each step of a start that can fail: FAILED names it with its errno, and nothing is left."""

import errno
import os
import pty
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER
from tests.minder.builds import IS_ROOT, Build
from tests.minder.layout import Flag, Setup, Stage

SLEEP = ("/bin/sleep", str(FOREVER))
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root may do that")
Options = dict[str, Any]
PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(autouse=True)
def nothing_is_left(tag: Tag) -> Iterator[None]:
    """A failed start has started nothing."""
    yield
    tag.wait_gone()


# exec


@pytest.fixture
def files(place: Path, tmp_path: Path) -> dict[str, Path]:
    """Files that can not be executed, in a folder that everybody can read."""
    folder = place / tmp_path.name
    folder.mkdir()
    text = {
        "empty": "",
        "plain": "#!/bin/sh\n",
        "garbage": "garbage\n",
        "no interpreter": "#!/nowhere/at all\n",
        "interpreter is a folder": "#!/tmp\n",
        "elf": "\x7fELF is all there is",
    }
    for name, content in text.items():
        path = folder / name.replace(" ", "-")
        path.write_text(content, encoding="latin-1")
        path.chmod(0o644 if name == "plain" else 0o755)
    (folder / "loop").symlink_to("loop")
    (folder / "locked").mkdir()
    (folder / "locked" / "program").symlink_to("/bin/sleep")
    (folder / "locked").chmod(0)
    return {path.name: path for path in folder.iterdir()}


EXEC = {
    "missing": errno.ENOENT,
    "no-interpreter": errno.ENOENT,
    "plain": errno.EACCES,
    "interpreter-is-a-folder": errno.EACCES,
    "garbage": errno.ENOEXEC,
    "empty": errno.ENOEXEC,
    "elf": errno.ENOEXEC,
    "loop": errno.ELOOP,
    "plain/below": errno.ENOTDIR,
}


@pytest.mark.parametrize("name", EXEC)
def test_exec(build: Build, way: Flag, files: dict[str, Path], name: str) -> None:
    path = files["plain"].parent / name
    assert build.failure(Setup(flags=way), path) == (Stage.STAGE_EXEC, EXEC[name])


@pytest.mark.parametrize("path", ["", ".", "/", "x" * 300, "/bin/" + "x" * 5000])
def test_exec_of_odd_paths(build: Build, way: Flag, path: str) -> None:
    with pytest.raises(OSError, match=r"Errno") as caught:
        os.execv(path, ["x"])
    found = build.failure(Setup(flags=way), "x", path=path)
    assert found == (Stage.STAGE_EXEC, caught.value.errno)


def test_exec_without_the_right(
    build: Build, way: Flag, files: dict[str, Path], stranger: Options
) -> None:
    path = files["locked"] / "program"
    found = build.failure(Setup(flags=way), path, **stranger)
    assert found == (Stage.STAGE_EXEC, errno.EACCES)


def test_exec_of_a_file_that_is_being_written(build: Build, way: Flag, tmp_path: Path) -> None:
    path = tmp_path / "busy"
    shutil.copy("/bin/sleep", path)
    with path.open("r+b"):
        found = build.failure(Setup(flags=way), path)
    assert found == (Stage.STAGE_EXEC, errno.ETXTBSY)


def test_a_bare_name_is_not_searched_for(build: Build, way: Flag) -> None:
    assert build.failure(Setup(flags=way), "sleep") == (Stage.STAGE_EXEC, errno.ENOENT)


# cwd


@pytest.mark.parametrize(
    ("cwd", "error"),
    [
        (b"/nowhere/at all", errno.ENOENT),
        (b"/dev/null", errno.ENOTDIR),
        (b"\xff", errno.ENOENT),
        (b"x" * 300, errno.ENAMETOOLONG),
        (b"/" * 5000, errno.ENAMETOOLONG),
    ],
)
def test_cwd(build: Build, way: Flag, cwd: bytes, error: int) -> None:
    assert build.failure(Setup(flags=way, cwd=cwd)) == (Stage.STAGE_CWD, error)


def test_cwd_without_the_right(
    build: Build, way: Flag, files: dict[str, Path], stranger: Options
) -> None:
    setup = Setup(flags=way, cwd=os.fsencode(files["locked"]))
    assert build.failure(setup, **stranger) == (Stage.STAGE_CWD, errno.EACCES)


# Session, group and terminal


def test_session_of_a_group_leader(build: Build) -> None:
    # Only in place: a forked child never leads a group.
    setup = Setup(flags=Flag.NEW_SESSION)
    found = build.failure(setup, process_group=0)
    assert found == (Stage.STAGE_SESSION, errno.EPERM)


def test_group_of_nobody(build: Build, way: Flag) -> None:
    with subprocess.Popen(["true"]) as child:
        pass
    setup = Setup(flags=way | Flag.SET_GROUP, process_group=child.pid)
    assert build.failure(setup) == (Stage.STAGE_GROUP, errno.EPERM)


def test_group_that_is_no_number(build: Build, way: Flag) -> None:
    setup = Setup(flags=way | Flag.SET_GROUP, process_group=-5)
    stage, error = build.failure(setup)
    assert (stage, error) in {
        (Stage.STAGE_GROUP, errno.EINVAL),
        (Stage.STAGE_PROTOCOL, errno.EPROTO),
    }


def test_group_of_another_session(build: Build, way: Flag) -> None:
    with subprocess.Popen(["sleep", str(FOREVER)], start_new_session=True) as child:
        setup = Setup(flags=way | Flag.SET_GROUP, process_group=child.pid)
        found = build.failure(setup)
        child.kill()
    assert found == (Stage.STAGE_GROUP, errno.EPERM)


@pytest.mark.parametrize(
    ("flags", "stage"),
    [
        (Flag.SET_TERMINAL, Stage.STAGE_TERMINAL),
        (Flag.FOREGROUND, Stage.STAGE_FOREGROUND),
        (Flag.SET_TERMINAL | Flag.FOREGROUND, Stage.STAGE_TERMINAL),
    ],
)
@pytest.mark.parametrize(
    ("terminal", "error"), [(0, errno.ENOTTY), (77, errno.EBADF), (-1, errno.EBADF)]
)
def test_terminal_that_is_none(
    build: Build, way: Flag, flags: Flag, stage: Stage, terminal: int, error: int
) -> None:
    setup = Setup(flags=way | Flag.NEW_SESSION | flags, terminal=terminal)
    assert build.failure(setup) == (stage, error)


def test_terminal_without_a_session(build: Build) -> None:
    ours, its = pty.openpty()
    try:
        setup = Setup(flags=Flag.SUPERVISE | Flag.SET_TERMINAL, terminal=0)
        found = build.failure(setup, stdin=its)
    finally:
        os.close(ours)
        os.close(its)
    assert found == (Stage.STAGE_TERMINAL, errno.EPERM)


def test_terminal_of_another_session(build: Build) -> None:
    ours, its = pty.openpty()
    flags = Flag.SUPERVISE | Flag.NEW_SESSION | Flag.SET_TERMINAL
    setup = Setup(flags=flags, terminal=0)
    try:
        with build.start(*SLEEP, setup=setup, stdin=its) as client:
            client.started()
            if IS_ROOT:
                # Root may not steal it either: that takes an argument that nobody gives.
                assert build.failure(setup, stdin=its) == (Stage.STAGE_TERMINAL, errno.EPERM)
            else:
                assert build.failure(setup, stdin=its)[0] == Stage.STAGE_TERMINAL
    finally:
        os.close(ours)
        os.close(its)
