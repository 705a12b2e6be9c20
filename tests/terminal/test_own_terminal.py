"""A command that is given the terminal owns it; afterwards the host has it back."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.limits import LONG, SHORT
from tests.terminal.conftest import BUILT
from tests.terminal.terminal import COMMAND, Terminal, groups, is_stopped, wait_stopped

pytestmark = pytest.mark.skipif(not BUILT.exists(), reason="the minder is not built here")

FOREGROUND = {"foreground": True, "process_group": 0}
CONTROLLING = {"new_session": True, "controlling_terminal": 0}
CTRL_C = b"\x03"
CTRL_Z = b"\x1a"

VERBS = pytest.mark.parametrize("verb", ["run", "start"])


def begin_in_front(terminal: Terminal, contain: str, *words: str, **more: Any) -> None:
    """A command that is given the terminal; its host then reads a line itself."""
    terminal.begin_host(contain, *words, attrs=FOREGROUND, hears=["SIGINT"], then="read", **more)


def has_it_back(terminal: Terminal) -> None:
    """The host may read again, and gets Ctrl-C again."""
    terminal.press(CTRL_C)
    terminal.hears("host SIGINT")
    terminal.press("for the host\n")
    assert terminal.answer("host read") == "for the host"
    terminal.ends(0)


@VERBS
def test_a_command_in_front_owns_the_terminal(terminal: Terminal, contain: str, verb: str) -> None:
    begin_in_front(terminal, contain, verb=verb)
    host, command = terminal.ready()
    assert terminal.foreground() == command
    assert groups(command) == (command, groups(host)[1])
    terminal.press(CTRL_C)
    terminal.hears("command SIGINT")
    terminal.press("end 3\n")
    result = terminal.result()
    assert (result["error"], result["returncode"], result["foreground"]) == (None, 3, True)
    assert "host SIGINT" not in terminal.said
    has_it_back(terminal)


def test_a_whole_tree_in_front_gets_the_keys(terminal: Terminal, contain: str) -> None:
    words = ("sh", "-c", '"$@"; exit $?', "sh", *COMMAND)
    begin_in_front(terminal, contain, *words)
    terminal.ready()
    terminal.resize(50, 132)
    terminal.hears("command SIGWINCH")
    terminal.press("end 3\n")
    assert terminal.result()["returncode"] == 3
    has_it_back(terminal)


def test_dev_tty_works_in_front(terminal: Terminal, contain: str) -> None:
    line = 'read x </dev/tty; echo "got $x" >/dev/tty'
    begin_in_front(terminal, contain, "sh", "-c", line, fields={"timeout": LONG})
    terminal.answer("host ready")
    terminal.press("one\n")
    terminal.shows("got one")
    assert terminal.result()["returncode"] == 0
    has_it_back(terminal)


@VERBS
def test_a_time_out_gives_the_terminal_back(terminal: Terminal, contain: str, verb: str) -> None:
    begin_in_front(terminal, contain, verb=verb, fields={"timeout": SHORT})
    assert terminal.result()["error"] == "ExitDeadlineExceeded"
    assert terminal.result()["foreground"]
    has_it_back(terminal)


def test_a_command_that_died_in_front_gives_the_terminal_back(
    terminal: Terminal, contain: str
) -> None:
    begin_in_front(terminal, contain, "sh", "-c", "kill -KILL $$")
    result = terminal.result()
    assert (result["returncode"], result["foreground"]) == (-signal.SIGKILL, True)
    has_it_back(terminal)


def test_ctrl_z_stops_a_command_in_front_and_not_the_host(terminal: Terminal, contain: str) -> None:
    """The host is no shell and does not see it; its time-out ends the command."""
    begin_in_front(terminal, contain, fields={"timeout": 5 * SHORT})
    host, command = terminal.ready()
    terminal.press(CTRL_Z)
    wait_stopped(command)
    assert not is_stopped(host)
    assert terminal.result()["error"] == "ExitDeadlineExceeded"
    assert terminal.result()["foreground"]
    has_it_back(terminal)


def test_a_start_that_fails_gives_the_terminal_back(
    terminal: Terminal, contain: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    begin_in_front(terminal, contain, str(path))
    result = terminal.result()
    assert (result["error"], result["foreground"]) == ("StartError", True)
    has_it_back(terminal)


def test_the_death_of_the_host_ends_a_command_in_front(terminal: Terminal, contain: str) -> None:
    begin_in_front(terminal, contain)
    host, _ = terminal.ready()
    os.kill(host, signal.SIGKILL)
    assert int(terminal.answer("shell ended")) == -signal.SIGKILL
    if contain == "process":  # nobody is left who would end it
        terminal.tag.kill()
    terminal.is_left_empty()


# --------------------------------------------- a terminal of the command's own


def begin_at(other: Terminal, terminal: Terminal, contain: str, **more: Any) -> tuple[int, int]:
    """A command whose controlling terminal is the other one; the pids of host and command."""
    fd = other.lend()
    terminal.begin_host(
        contain, attrs=CONTROLLING, stdin=fd, hears=["SIGINT"], pass_fds=(fd,), **more
    )
    pids = terminal.ready()
    other.let_go()
    return pids


@VERBS
def test_a_controlling_terminal_sends_its_keys_to_the_command(
    terminal: Terminal, other: Terminal, contain: str, verb: str
) -> None:
    _, command = begin_at(other, terminal, contain, verb=verb)
    assert groups(command) == (command, command)
    assert other.foreground() == command
    other.press(CTRL_C)
    terminal.hears("command SIGINT")
    other.resize(50, 132)
    terminal.hears("command SIGWINCH")
    other.press("end 3\n")
    result = terminal.result()
    assert (result["error"], result["returncode"], result["foreground"]) == (None, 3, True)
    assert "host SIGINT" not in terminal.said
    terminal.ends(0)


def test_the_hosts_terminal_sends_its_keys_to_the_host_alone(
    terminal: Terminal, other: Terminal, contain: str
) -> None:
    begin_at(other, terminal, contain)
    terminal.press(CTRL_C)
    terminal.hears("host SIGINT")
    other.press("end 3\n")
    assert terminal.result()["returncode"] == 3
    assert "command SIGINT" not in terminal.said
    terminal.ends(0)


def test_dev_tty_is_the_controlling_terminal(
    terminal: Terminal, other: Terminal, contain: str
) -> None:
    fd = other.lend()
    line = 'read x </dev/tty; echo "got $x" >/dev/tty'
    terminal.begin_host(contain, "sh", "-c", line, attrs=CONTROLLING, stdin=fd, pass_fds=(fd,))
    other.press("one\n")
    other.shows("got one")
    assert terminal.result()["returncode"] == 0
    terminal.ends(0)


def test_a_hang_up_of_the_controlling_terminal_reaches_the_command(
    terminal: Terminal, other: Terminal, contain: str
) -> None:
    begin_at(other, terminal, contain, verb="start", closes=other.lend())
    other.hang_up()
    terminal.hears("command SIGHUP")
    assert terminal.result()["returncode"] in (90, 91)
    terminal.ends(0)


def test_a_terminal_of_another_session_is_not_taken_away(terminal: Terminal, contain: str) -> None:
    """The host's own. (Go takes it, if we are root, and the host has none.)"""
    terminal.begin_host(contain, attrs=CONTROLLING)
    result = terminal.result()
    assert (result["error"], result["foreground"]) == ("StartError", True)
    terminal.ends(0)
