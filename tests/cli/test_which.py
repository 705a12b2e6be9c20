"""`osexec which`: what a name would run."""

import os
import shutil
from pathlib import Path

from tests.cli.conftest import MakeFile
from tests.cli.tool import cli, environment


def path_with(entry: str) -> dict[str, str]:
    return environment(PATH=f"{entry}:{os.environ['PATH']}")


def test_a_name_gives_its_path() -> None:
    done = cli("which", "sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{shutil.which('sh')}\n", "")


def test_each_name_gives_a_line_and_a_missing_one_counts() -> None:
    done = cli("which", "sh", "no-such-program", "cat")
    assert done.returncode == 1
    assert done.stdout == f"{shutil.which('sh')}\n{shutil.which('cat')}\n"
    assert done.stderr == "osexec: 'no-such-program': executable file not found in PATH\n"


def test_a_path_is_made_absolute(make_file: MakeFile) -> None:
    path = make_file("tool")
    done = cli("which", "./tool", cwd=path.parent)
    assert (done.returncode, done.stdout) == (0, f"{path}\n")


def test_a_name_found_only_in_the_current_directory_is_refused(make_file: MakeFile) -> None:
    path = make_file("tool")
    done = cli("which", "tool", cwd=path.parent, env=path_with("."))
    assert (done.returncode, done.stdout) == (1, "")
    assert "only relative to the current directory" in done.stderr
    assert "'./tool'" in done.stderr


def test_a_file_that_may_not_be_executed_is_said_to_be_there(make_file: MakeFile) -> None:
    path = make_file("plain", mode=0o644)
    done = cli("which", "plain", env=path_with(str(path.parent)))
    assert done.returncode == 1
    assert f"{path} is there, but may not be executed" in done.stderr


def test_a_name_may_start_with_a_dash(make_file: MakeFile) -> None:
    path = make_file("-tool")
    done = cli("which", "--", "-tool", env=path_with(str(path.parent)))
    assert (done.returncode, done.stdout) == (0, f"{path}\n")


def test_a_path_that_is_no_text_is_printed_as_it_is(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    with open(folder + b"/tool", "wb") as file:
        os.fchmod(file.fileno(), 0o755)
    done = cli("which", "tool", env=path_with(os.fsdecode(folder)), text=False)
    assert done.stdout == folder + b"/tool\n"
