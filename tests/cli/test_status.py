"""Exit statuses: the habits of timeout(1)."""

import errno
import os
import signal
import subprocess
from pathlib import Path

import pytest

import osexec
from osexec._cli.args import parse
from osexec._cli.ending import ending_of_error
from osexec._cli.run import plan_of
from tests.cli.conftest import MakeFile
from tests.cli.tool import OSEXEC, environment, run
from tests.helpers.limits import LONG


@pytest.mark.parametrize("status", [0, 1, 3, 124, 125, 126, 127, 137, 255])
def test_the_status_of_the_command_is_ours(status: int) -> None:
    done = run("--", "sh", "-c", f"exit {status}")
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGUSR1])
def test_a_command_that_died_of_a_signal_is_128_and_the_signal(number: signal.Signals) -> None:
    done = run("--", "sh", "-c", f"kill -{int(number)} $$")
    assert done.returncode == 128 + number
    assert done.stderr == f"osexec: sh died of {number.name}\n"


def test_a_real_time_signal_has_no_name() -> None:
    done = run("--", "sh", "-c", "kill -40 $$")
    assert (done.returncode, done.stderr) == (168, "osexec: sh died of signal 40\n")


def test_a_command_whose_reader_went_away_is_not_worth_a_message() -> None:
    done = run("--", "sh", "-c", "kill -PIPE $$")
    assert (done.returncode, done.stderr) == (141, "")


def test_a_program_that_is_not_there_is_127() -> None:
    done = run("--", "no-such-program")
    assert done.returncode == 127
    assert done.stderr.startswith("osexec: 'no-such-program': executable file not found in PATH")


def test_a_path_that_is_not_there_is_127() -> None:
    done = run("--", "/no/such/program")
    assert done.returncode == 127
    assert "/no/such/program" in done.stderr


def test_an_empty_name_is_refused() -> None:
    done = run("--", "")
    assert done.returncode == 125
    assert done.stderr.startswith("osexec: ")


def test_a_whole_command_line_in_one_word_is_told_apart() -> None:
    done = run("--", "git status")
    assert done.returncode == 127
    assert done.stderr == (
        "osexec: 'git status' is not found; "
        "as a command, write its words without the quotes: git status\n"
    )


def test_a_file_that_may_not_be_executed_is_126(make_file: MakeFile) -> None:
    path = make_file("plain", mode=0o644)
    done = run("--", str(path))
    assert done.returncode == 126
    assert str(path) in done.stderr


def test_a_file_in_path_that_may_not_be_executed_is_126(make_file: MakeFile) -> None:
    path = make_file("plain", mode=0o644)
    done = run("--", "plain", env=environment(PATH=f"{path.parent}:{os.environ['PATH']}"))
    assert done.returncode == 126
    assert str(path) in done.stderr


def test_a_directory_is_126(tmp_path: Path) -> None:
    assert run("--", str(tmp_path)).returncode == 126


def test_a_missing_interpreter_is_126_and_named(make_file: MakeFile) -> None:
    path = make_file("script", "#!/no/such/interpreter\n")
    done = run("--", str(path))
    assert done.returncode == 126
    assert "/no/such/interpreter" in done.stderr


def test_a_file_that_is_no_program_is_126(make_file: MakeFile) -> None:
    path = make_file("data", "\0\1\2 not a program")
    assert run("--", str(path)).returncode == 126


@pytest.mark.parametrize(
    ("number", "op", "status"),
    [
        (errno.E2BIG, "exec", 126),
        (errno.EACCES, "exec", 126),
        (errno.ENOENT, "exec", 127),  # it vanished after it was found
        (errno.EAGAIN, "fork", 125),
        (errno.ENOENT, "chdir", 125),
    ],
)
def test_what_the_system_refuses_has_a_status(number: int, op: str, status: int) -> None:
    asked = parse(["run", "program"])
    error = osexec.StartError(number, "cannot run program", op=op, filename="program")
    assert ending_of_error(plan_of(asked), error).status == status


def test_a_bug_of_ours_is_125_and_named() -> None:
    ending = ending_of_error(plan_of(parse(["run", "program"])), ZeroDivisionError("by zero"))
    assert (ending.status, ending.reason) == (125, "internal_error")
    assert ending.message == "internal error: ZeroDivisionError: by zero"


def test_a_program_only_in_the_current_directory_is_127_and_shown(make_file: MakeFile) -> None:
    path = make_file("tool")
    done = run("--", "tool", cwd=path.parent, env=environment(PATH=f":{os.environ['PATH']}"))
    assert done.returncode == 127
    assert "'./tool'" in done.stderr


@pytest.mark.parametrize("words", [["no-such-program"], ["sh", "-c", "kill -TERM $$"]])
def test_quiet_says_nothing(words: list[str]) -> None:
    done = run("--quiet", "--", *words)
    assert done.returncode in (127, 143)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("script", "status"), [("exit 3", 3), ("kill -TERM $$", 143)])
def test_closed_streams_are_survived(closed: str, script: str, status: int) -> None:
    words = ["sh", "-c", f'"$@" {closed}', "sh", *OSEXEC, "run", "--", "sh", "-c", script]
    done = subprocess.run(
        words, env=environment(), capture_output=True, text=True, timeout=LONG, check=False
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr
