"""A command reads what the user types, from its stdin and from /dev/tty, contained or not."""

import pytest

from tests.helpers.limits import LONG
from tests.terminal.conftest import BUILT
from tests.terminal.terminal import Terminal

PROMPT = ("sh", "-c", 'printf "name? "; read x; echo "hi $x"')
TTY = ("sh", "-c", 'printf "name? " >/dev/tty; read x </dev/tty; echo "hi $x" >/dev/tty')

VERBS = pytest.mark.parametrize("verb", ["run", "start"])


@VERBS
def test_a_prompt_gets_its_answer(terminal: Terminal, contain: str, verb: str) -> None:
    terminal.begin_host(contain, *PROMPT, verb=verb, fields={"timeout": LONG})
    terminal.shows("name? ")
    terminal.press("Ann\n")
    terminal.shows("hi Ann")
    result = terminal.result()
    assert (result["error"], result["returncode"], result["foreground"]) == (None, 0, True)
    terminal.ends(0)


def test_a_prompt_that_is_captured_gets_its_answer(terminal: Terminal, contain: str) -> None:
    line = 'printf "name? " >&2; read x; echo "hi $x"'
    terminal.begin_host(contain, "sh", "-c", line, fields={"capture": True})
    terminal.shows("name? ")
    terminal.press("Ann\n")
    assert terminal.result()["stdout"] == "hi Ann\n"
    terminal.ends(0)


def test_a_secret_can_be_asked_for(terminal: Terminal, contain: str) -> None:
    """A command may change the modes of the terminal: it is in its foreground group."""
    line = 'stty -echo; printf "secret? "; read x; stty echo; echo "it has ${#x} letters"'
    terminal.begin_host(contain, "sh", "-c", line)
    terminal.shows("secret? ")
    terminal.press("hush\n")
    terminal.shows("it has 4 letters")
    assert b"hush" not in terminal.screen
    assert terminal.result()["returncode"] == 0
    terminal.ends(0)


def test_end_of_input_ends_a_reader(terminal: Terminal, contain: str) -> None:
    terminal.begin_host(contain, "cat", fields={"capture": True})
    terminal.answer("host ready")
    terminal.press("one\n")
    terminal.press(b"\x04")
    assert terminal.result()["stdout"] == "one\n"
    terminal.ends(0)


def test_dev_tty_works(terminal: Terminal, contain: str) -> None:
    terminal.begin_host(contain, *TTY, fields={"timeout": LONG})
    terminal.shows("name? ")
    terminal.press("Ann\n")
    terminal.shows("hi Ann")
    assert terminal.result()["returncode"] == 0
    terminal.ends(0)


def test_dev_tty_works_with_a_stdin_that_is_no_terminal(terminal: Terminal, contain: str) -> None:
    """As ssh and sudo ask for a password. A group of its own (without a minder) prevents it."""
    if contain == "default" and not BUILT.exists():
        pytest.skip("the minder is not built here, so the command gets a group of its own")
    terminal.begin_host(contain, *TTY, stdin=None, fields={"timeout": LONG, "capture": True})
    terminal.shows("name? ")
    terminal.press("Ann\n")
    terminal.shows("hi Ann")
    assert terminal.result()["returncode"] == 0
    terminal.ends(0)


def test_a_grandchild_reads_from_the_terminal(terminal: Terminal, contain: str) -> None:
    line = "sh -c 'sh -c \"printf name?; read x; echo hi \\$x\"; exit 3'; exit $?"
    terminal.begin_host(contain, "sh", "-c", line)
    terminal.shows("name?")
    terminal.press("Ann\n")
    terminal.shows("hi Ann")
    assert terminal.result()["returncode"] == 3
    terminal.ends(0)


def test_the_host_reads_after_its_command(terminal: Terminal, contain: str) -> None:
    """The terminal is as it was, and what was typed ahead is the host's."""
    terminal.begin_host(contain, "sh", "-c", "read x; exit 5", then="read")
    terminal.answer("host ready")
    terminal.press("for the command\nfor the host\n")
    assert terminal.result()["returncode"] == 5
    assert terminal.answer("host read") == "for the host"
    terminal.ends(0)
