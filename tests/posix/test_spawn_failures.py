"""A start that fails names what was missing and leaves nothing, with each way to spawn.

That nothing is left is checked after every test, by the fixture `tag`.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import osexec
from osexec import PIPE, Capture, Cmd, StartError, SysAttrs
from tests.helpers.fresh import ask

pytestmark = pytest.mark.usefixtures("spawner")

Script = Callable[..., Path]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes a file that may be executed, with a text."""

    def make(text: str, mode: int = 0o755) -> Path:
        path = tmp_path / "script"
        path.write_text(text)
        path.chmod(mode)
        return path

    return make


def refusal(*args: object, **fields: object) -> StartError:
    """The error of a start that fails; the same from both drivers."""
    with pytest.raises(StartError) as caught:
        Cmd(*args, **fields).run()
    with pytest.raises(StartError) as caught_by_start:
        Cmd(*args, **fields).start()
    first, second = caught.value, caught_by_start.value
    assert str(first) == str(second)
    assert first.result is None
    return first


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    error = refusal(tmp_path / "nothing", "word")
    assert (error.errno, error.op, error.filename) == (
        errno.ENOENT,
        "exec",
        str(tmp_path / "nothing"),
    )


def test_a_program_below_a_file_is_named(script: Script) -> None:
    path = script("#!/bin/sh\n") / "below"
    error = refusal(path)
    assert (error.errno, error.filename) == (errno.ENOTDIR, str(path))


def test_a_program_that_may_not_be_executed_is_named(script: Script) -> None:
    path = script("#!/bin/sh\n", 0o644)
    error = refusal(path)
    assert (error.errno, error.op, error.filename) == (errno.EACCES, "exec", str(path))


def test_a_directory_as_a_program_is_named(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert (error.errno, error.filename) == (errno.EACCES, str(tmp_path))
    assert "directory" in str(error)


def test_a_missing_interpreter_is_named(script: Script) -> None:
    path = script("#!/no/such/interpreter -x\n")
    error = refusal(path)
    assert (error.errno, error.filename) == (errno.ENOENT, "/no/such/interpreter")
    assert str(path) in str(error)


def test_an_interpreter_that_may_not_be_executed_is_named(script: Script, tmp_path: Path) -> None:
    (tmp_path / "interpreter").write_text("")
    error = refusal(script(f"#!{tmp_path}/interpreter\n"))
    assert (error.errno, error.filename) == (errno.EACCES, f"{tmp_path}/interpreter")


def test_a_script_without_its_first_line_is_named(script: Script) -> None:
    path = script("echo hello\n")
    error = refusal(path)
    assert (error.errno, error.filename) == (errno.ENOEXEC, str(path))
    assert "#!" in str(error)


def test_a_missing_cwd_is_named_and_not_the_program(tmp_path: Path) -> None:
    error = refusal("true", cwd=tmp_path / "nowhere")
    assert (error.errno, error.op, error.filename) == (
        errno.ENOENT,
        "chdir",
        str(tmp_path / "nowhere"),
    )


def test_a_missing_cwd_of_a_program_relative_to_it_is_named(tmp_path: Path) -> None:
    error = refusal("./program", cwd=tmp_path / "nowhere")
    assert (error.errno, error.op, error.filename) == (
        errno.ENOENT,
        "chdir",
        str(tmp_path / "nowhere"),
    )


def test_a_program_missing_below_cwd_is_named(tmp_path: Path) -> None:
    error = refusal("./program", cwd=tmp_path)
    assert (error.errno, error.op, error.filename) == (errno.ENOENT, "exec", "./program")


def test_a_file_as_cwd_is_named(script: Script) -> None:
    path = script("")
    error = refusal("true", cwd=path)
    assert (error.errno, error.op, error.filename) == (errno.ENOTDIR, "chdir", str(path))


def test_arguments_that_are_too_long() -> None:
    error = refusal("true", "x" * 200_000)
    assert (error.errno, error.op) == (errno.E2BIG, "exec")


def test_an_environment_that_is_too_long() -> None:
    error = refusal("true", extra_env={"OSEXEC_LONG": "x" * 200_000})
    assert error.errno == errno.E2BIG


def test_a_group_that_is_not_there() -> None:
    error = refusal("true", sys=SysAttrs(process_group=1 << 22))
    assert error.errno in (errno.EPERM, errno.ESRCH)
    assert "process_group" in str(error)


@pytest.mark.parametrize("field", ["stdin", "stdout", "stderr"])
def test_a_path_that_can_not_be_opened_is_named(field: str, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "file"
    error = refusal("true", **{field: path})
    assert (error.errno, error.op, error.filename) == (errno.ENOENT, "open", str(path))


def test_a_failed_start_closes_everything_it_opened(tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    before = os.listdir("/proc/self/fd")
    for fields in (
        {"stdin": b"data", "stdout": Capture(), "stderr": Capture()},
        {"stdin": tmp_path / "script", "stdout": tmp_path / "out"},
        {"stdin": iter([b"data"]), "stdout": [Capture(), tmp_path / "out"]},
    ):
        refusal(missing, **fields)
    with pytest.raises(StartError):
        Cmd(missing, stdin=PIPE, stdout=PIPE, stderr=PIPE).start()
    assert os.listdir("/proc/self/fd") == before


def test_a_user_that_is_not_there_is_refused_before_the_start() -> None:
    with pytest.raises(osexec.UsageError, match="no-such-user"):
        Cmd("true", sys=SysAttrs(user="no-such-user")).run()


ONE_USER = """
    import json, os, sys
    from osexec import Cmd, StartError, SysAttrs
    from osexec._posix import probe

    probe.ANSWERS["fork_exec"] = sys.argv[1] == "fork_exec"
    for warm in ("true", "/nothing"):  # what is imported late must be there
        try:
            Cmd(warm).run()
        except StartError:
            pass
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    said = {}
    for name, fields in (
        ("user", {"sys": SysAttrs(user=12345, group=12345)}),
        ("cwd", {"cwd": sys.argv[2]}),
    ):
        try:
            Cmd("/bin/true", **fields).run()
        except StartError as error:
            said[name] = [error.errno, error.op, error.filename, str(error)]
    said["itself"] = Cmd("id", "-u", sys=SysAttrs(user=65534)).text()
    print(json.dumps(said))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_what_only_root_may_do_is_said_to_others(spawner: str, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    said = ask(ONE_USER, spawner, closed)
    number, op, _, text = said["user"]
    assert number == errno.EPERM
    assert op == "setup"
    assert "root" in text
    assert said["cwd"][:3] == [errno.EACCES, "chdir", str(closed)]
    assert said["itself"] == "65534"
