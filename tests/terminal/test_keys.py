"""Ctrl-C, Ctrl-\\ and a new window size reach the command and the host, as without osexec."""

import signal

import pytest

from tests.terminal.conftest import has_minder
from tests.terminal.terminal import Terminal, groups

CTRL_C = b"\x03"
QUIT = b"\x1c"

VERBS = pytest.mark.parametrize("verb", ["run", "start"])


@VERBS
def test_ctrl_c_reaches_both(terminal: Terminal, contain: str, verb: str) -> None:
    """Each makes of it what it wants: here both go on."""
    terminal.begin_host(contain, verb=verb, hears=["SIGINT"])
    terminal.ready()
    terminal.press(CTRL_C)
    terminal.hears("command SIGINT", "host SIGINT")
    terminal.press("end 5\n")
    result = terminal.result()
    assert (result["returncode"], result["reason"]) == (5, "exited")
    assert result["foreground"]
    terminal.ends(0)


def test_each_ctrl_c_comes_once(terminal: Terminal, contain: str) -> None:
    """Not a second time through the minder."""
    terminal.begin_host(contain, hears=["SIGINT"])
    terminal.ready()
    for turn in (1, 2, 3):
        terminal.press(CTRL_C)
        terminal.counts(turn, "command SIGINT")
        terminal.counts(turn, "host SIGINT")
    terminal.press("end 0\n")
    assert terminal.result()["returncode"] == 0
    terminal.counts(3, "command SIGINT")
    terminal.ends(0)


@VERBS
def test_ctrl_c_ends_a_simple_program_and_its_command(
    terminal: Terminal, contain: str, verb: str
) -> None:
    terminal.begin_host(contain, "sh", "-c", "echo ready; exec sleep 1000", verb=verb)
    terminal.shows("ready")
    terminal.press(CTRL_C)
    assert terminal.result() == {"error": "KeyboardInterrupt", "foreground": True}
    terminal.ends(0)


def test_a_command_that_dies_of_ctrl_c_is_said_to(terminal: Terminal, contain: str) -> None:
    terminal.begin_host(contain, "sh", "-c", "echo ready; exec sleep 1000", hears=["SIGINT"])
    terminal.shows("ready")
    terminal.press(CTRL_C)
    terminal.hears("host SIGINT")
    result = terminal.result()
    assert (result["returncode"], result["reason"]) == (-signal.SIGINT, "signalled")
    assert result["leaked"] == 0
    terminal.ends(0)


def test_ctrl_c_does_not_reach_the_minder(terminal: Terminal, contain: str) -> None:
    terminal.begin_host(contain, hears=["SIGINT", "SIGQUIT"])
    terminal.ready()
    before = terminal.minders()
    assert len(before) == (1 if has_minder(contain) else 0)
    terminal.press(CTRL_C)
    terminal.hears("command SIGINT", "host SIGINT")
    terminal.press(QUIT)
    terminal.hears("command SIGQUIT", "host SIGQUIT")
    assert [seen.pid for seen in terminal.minders()] == [seen.pid for seen in before]
    terminal.press("end 0\n")
    terminal.ends(0)


def test_the_groups_are_as_without_osexec(terminal: Terminal, contain: str) -> None:
    """The command is in the host's group and session; the minder is in no group of theirs."""
    terminal.begin_host(contain)
    host, command = terminal.ready()
    assert groups(command) == groups(host)
    for minder in terminal.minders():
        assert groups(minder.pid)[0] != groups(host)[0]
    terminal.press("end 0\n")
    terminal.ends(0)


def test_ctrl_backslash_reaches_both(terminal: Terminal, contain: str) -> None:
    terminal.begin_host(contain, hears=["SIGQUIT"])
    terminal.ready()
    terminal.press(QUIT)
    terminal.hears("command SIGQUIT", "host SIGQUIT")
    terminal.press("end 5\n")
    assert terminal.result()["returncode"] == 5
    terminal.ends(0)


def test_ctrl_backslash_ends_both(terminal: Terminal, contain: str) -> None:
    """A quit kills Python at once: it has no time to end anything."""
    terminal.begin_host(contain, "sh", "-c", "echo ready; exec sleep 1000")
    terminal.shows("ready")
    terminal.press(QUIT)
    terminal.ends(-signal.SIGQUIT)


def test_a_new_window_size_reaches_both(terminal: Terminal, contain: str) -> None:
    terminal.begin_host(contain, hears=["SIGWINCH"])
    terminal.ready()
    terminal.resize(50, 132)
    terminal.hears("command SIGWINCH", "host SIGWINCH")
    terminal.press("end 0\n")
    assert terminal.result()["returncode"] == 0
    terminal.ends(0)


def test_the_command_sees_the_window_size(terminal: Terminal, contain: str) -> None:
    terminal.begin_host(contain, "sh", "-c", "read x; stty size")
    terminal.resize(50, 132)
    terminal.press("go\n")
    terminal.shows("50 132")
    assert terminal.result()["returncode"] == 0
    terminal.ends(0)
