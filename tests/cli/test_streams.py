"""What the command sees: our streams, our environment, nothing of osexec."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import MakeFile
from tests.cli.tool import OSEXEC, SOURCE, environment, run
from tests.helpers.limits import LONG
from tests.helpers.roles import role


def test_stdin_passes_through() -> None:
    assert run("--", "cat", input="hello\n").stdout == "hello\n"


def test_stdin_is_not_read_by_us(tmp_path: Path) -> None:
    """What the command leaves is there for the next one."""
    script = r'"$@" run -- sh -c "read -r line; echo 1 \$line"; read -r line; echo 2 $line'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *OSEXEC],
        env=environment(),
        input="a\nb\n",
        capture_output=True,
        text=True,
        timeout=LONG,
        check=True,
    )
    assert done.stdout == "1 a\n2 b\n"


def test_stdout_and_stderr_are_handed_over_untouched() -> None:
    done = run("--", "sh", "-c", r"printf '\377\0x'; printf '\376y' >&2", text=False)
    assert (done.stdout, done.stderr) == (b"\xff\0x", b"\xfey")


def test_words_arrive_as_they_were() -> None:
    words = ["", " ", "*", "$HOME", "-x", "--", "'", '"', "\\", "é", "a\nb"]
    done = run("--", *role("echo-args"), *words, b"\xff")
    wanted = [os.fsencode(word).hex() for word in words]
    assert done.stdout.split("\n")[:-1] == [f"arg {word}" for word in [*wanted, "ff"]]


def test_the_directory_may_be_chosen(tmp_path: Path) -> None:
    done = run("--cwd", str(tmp_path), "--", "sh", "-c", 'pwd; echo "$PWD"')
    assert done.stdout == f"{tmp_path}\n{tmp_path}\n"


def test_a_program_may_be_relative_to_the_directory(make_file: MakeFile) -> None:
    path = make_file("tool", "#!/bin/sh\necho here\n")
    assert run("--cwd", str(path.parent), "--", "./tool").stdout == "here\n"


def test_variables_are_added_and_the_last_one_counts() -> None:
    done = run(
        "--env",
        "A=1",
        "--env",
        "A=2=3",
        "--env",
        "B=",
        "--",
        "sh",
        "-c",
        'echo "$A|$B|$C"',
        env=environment(C="c"),
    )
    assert done.stdout == "2=3||c\n"


@pytest.mark.parametrize("given", [{}, {"LC_CTYPE": "C"}, {"LANG": "C"}])
def test_nothing_is_added_to_the_environment(given: dict[str, str]) -> None:
    """In the C locale Python sets LC_CTYPE for itself; the command must not see that."""
    given = given | {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE}
    done = run("--", *role("environment"), env=given)
    seen = [bytes.fromhex(line.split()[1]).decode() for line in done.stdout.splitlines()]
    assert sorted(seen) == sorted(f"{name}={value}" for name, value in given.items())


def test_no_descriptor_of_ours_reaches_the_command() -> None:
    direct = subprocess.run(role("fds"), stdin=subprocess.DEVNULL, capture_output=True, check=True)
    through = run("--", *role("fds"))
    assert len(through.stdout.splitlines()) == len(direct.stdout.splitlines())


def test_signals_of_the_command_are_as_they_would_be_without_us() -> None:
    def mask(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.startswith("Sig")]

    direct = subprocess.run(
        ["sh", "-c", '"$@"; exit', "sh", *role("state")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert mask(run("--", *role("state")).stdout) == mask(direct.stdout)


def test_many_megabytes_pass() -> None:
    program = "import sys; sys.stdout.buffer.write(b'x' * 20_000_000)"
    done = run("--timeout", "1h", "--", sys.executable, "-c", program)
    assert (done.returncode, len(done.stdout)) == (0, 20_000_000)
