"""The report: each kind of ending, told apart without reading the message."""

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

import osexec
from tests.cli.conftest import MakeFile
from tests.cli.tool import OSEXEC, environment, read_report, run
from tests.helpers.limits import LONG

PROGRAM = "PROGRAM"  # stands for a file that is made by the test

ENDINGS: list[tuple[list[str], list[str], dict[str, Any]]] = [
    (
        [],
        ["sh", "-c", "exit 0"],
        {"exit_status": 0, "reason": "exited", "exit_code": 0, "signal": None, "error": None},
    ),
    (
        [],
        ["sh", "-c", "exit 3"],
        {"exit_status": 3, "reason": "exited", "exit_code": 3, "returncode": 3},
    ),
    (
        [],
        ["sh", "-c", "exit 124"],
        {"exit_status": 124, "reason": "exited", "exit_code": 124, "timed_out": False},
    ),
    (
        [],
        ["sh", "-c", "kill -KILL $$"],
        {"exit_status": 137, "reason": "signalled", "exit_code": None, "signal": "SIGKILL"},
    ),
    (
        ["--timeout", "0.2"],
        ["sleep", "1000"],
        {"exit_status": 124, "reason": "deadline", "signal": "SIGTERM", "timed_out": True},
    ),
    (
        [],
        ["no-such-program"],
        {"exit_status": 127, "reason": "not_found", "started": False, "exit_code": None},
    ),
    (
        [],
        [PROGRAM],
        {"exit_status": 126, "reason": "not_executable", "started": False, "pid": None},
    ),
]


@pytest.mark.parametrize(
    ("options", "command", "expected"), ENDINGS, ids=lambda value: str(value)[:40]
)
def test_each_ending_has_its_report(
    options: list[str],
    command: list[str],
    expected: dict[str, Any],
    tmp_path: Path,
    make_file: MakeFile,
) -> None:
    if command == [PROGRAM]:
        command = [str(make_file("plain", mode=0o644))]
    path = tmp_path / "report.json"
    done = run(*options, "--report", str(path), "--", *command)
    report = read_report(path)
    assert done.returncode == report["exit_status"]
    assert report["command"] == command
    assert report["osexec"] == osexec.__version__
    expected = {"timed_out": False, "stopped_by": None, "started": True} | expected
    assert {key: report[key] for key in expected} == expected
    assert report["started"] is (report["pid"] is not None)
    assert report["started"] is (report["elapsed"] is not None)
    assert (report["error"] is None) is (expected["exit_status"] == 0)


def test_each_report_has_the_same_keys(tmp_path: Path) -> None:
    for name, command in (("one", "true"), ("two", "no-such-program")):
        run("--report", str(tmp_path / name), "--", command)
    one, two = read_report(tmp_path / "one"), read_report(tmp_path / "two")
    assert list(one) == list(two)
    assert {"contain", "leaked", "swept", "memory_peak"} <= set(one)
    assert (two["contain"], two["leaked"], two["swept"], two["memory_peak"]) == (None, [], 0, None)


def test_the_report_holds_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "report"
    script = "test ${#TOKEN} = 7 && kill -TERM $$"
    done = run("--env", "TOKEN=hunter2", "--report", str(path), "--", "sh", "-c", script)
    assert done.returncode == 143
    assert "hunter2" not in path.read_text() + done.stderr


def test_a_report_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text("x" * 100_000)
    assert run("--report", str(path), "--", "true").returncode == 0
    assert read_report(path)["reason"] == "exited"


def test_a_report_keeps_a_link_and_follows_the_umask(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("target")
    words = [
        "sh",
        "-c",
        'umask 027; exec "$@"',
        "sh",
        *OSEXEC,
        "run",
        "--report",
        str(link),
        "true",
    ]
    subprocess.run(words, env=environment(), timeout=LONG, check=True)
    assert link.is_symlink()
    assert read_report(tmp_path / "target")["reason"] == "exited"
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o640


def test_a_report_may_go_to_stderr() -> None:
    done = run("--report", "-", "--quiet", "--", "sh", "-c", "exit 3")
    assert json.loads(done.stderr)["exit_status"] == 3
    assert done.stdout == ""


def test_a_report_into_a_pipe_leaves_the_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run("--report", str(path), "--", "true").returncode == 0
        assert json.loads(os.read(reader, 100_000))["exit_status"] == 0
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_report_into_a_pipe_that_nobody_reads_is_125(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = run("--report", str(tmp_path / "pipe"), "--", "true")
    assert done.returncode == 125
    assert "the report could not be written to" in done.stderr


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_report_into_a_descriptor_keeps_what_the_command_wrote(name: str, tmp_path: Path) -> None:
    with open(tmp_path / "out", "w") as out:
        words = [*OSEXEC, "run", "--report", name, "--", "echo", "first"]
        subprocess.run(words, env=environment(), stdout=out, timeout=LONG, check=True)
    first, _, rest = (tmp_path / "out").read_text().partition("\n")
    assert first == "first"
    assert json.loads(rest)["exit_status"] == 0


def test_a_report_into_a_descriptor_that_is_not_open_is_refused() -> None:
    done = run("--report", "/dev/fd/9", "--", "true")
    assert done.returncode == 125
    assert done.stderr == "osexec: --report: descriptor 9 is not open: write 9>FILE as well\n"


def test_a_report_into_the_null_device_leaves_the_device() -> None:
    assert run("--report", "/dev/null", "--", "true").returncode == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_report_that_cannot_be_written_is_125_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    done = run("--report", str(folder / "report"), "--", "rmdir", str(folder))
    assert done.returncode == 125
    assert done.stderr.startswith(f"osexec: the report could not be written to {folder}/report: ")


def test_words_that_are_no_text_are_in_the_report_as_escapes(tmp_path: Path) -> None:
    path = tmp_path / "report"
    run("--report", str(path), "--", "true", b"a\xffb")
    assert read_report(path)["command"] == ["true", "a\\xffb"]
