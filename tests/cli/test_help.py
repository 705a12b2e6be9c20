"""What `--help` and `--version` print."""

import subprocess

import pytest

import osexec
from osexec._cli.options import COMMANDS

from .tool import OSEXEC, cli, environment


@pytest.mark.parametrize(
    "words", [("--help",), ("-h",), ("run", "--help"), ("run", "--cwd", "/", "-h")]
)
def test_help_of_run_mentions_each_option_and_status(words: tuple[str, ...]) -> None:
    ended = cli(*words)
    assert (ended.returncode, ended.stderr) == (0, "")
    for option in COMMANDS["run"]:
        assert f"  {option.name} {option.value}".rstrip() in ended.stdout
    for status in ("124", "125", "126", "127", "128+N"):
        assert f"\n  {status} " in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str) -> None:
    ended = cli(command, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"usage: osexec {command} ")


def test_help_of_osexec_mentions_each_command() -> None:
    ended = cli("--help")
    for command, options in COMMANDS.items():
        assert f"osexec {command} " in ended.stdout
        assert all(option.name in ended.stdout for option in options)


def test_help_after_the_command_belongs_to_the_command() -> None:
    assert cli("run", "sh", "-c", 'echo "$1"', "sh", "--help").stdout == "--help\n"


def test_version() -> None:
    ended = cli("--version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        0,
        f"osexec {osexec.__version__}\n",
        "",
    )


def test_a_reader_that_goes_away_is_no_error_message() -> None:
    script = '"$@" | true; echo "${PIPESTATUS[0]}"'
    words = ["bash", "-c", script, "bash", *OSEXEC, "--help"]
    done = subprocess.run(
        words, env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    assert done.stdout in ("0\n", "141\n")


def test_a_full_disk_is_said() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [*OSEXEC, "--help"],
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 125
    assert done.stderr == "osexec: [Errno 28] No space left on device\n"
