"""`osexec run` at a terminal: the command and the shell see no difference."""

import signal
import sys

import pytest

from tests.helpers.limits import FOREVER, LONG
from tests.helpers.waiting import wait_until
from tests.terminal.terminal import COMMAND, Terminal, is_stopped, wait_stopped

OSEXEC = (sys.executable, "-m", "osexec", "run")
CTRL_C = b"\x03"
CTRL_Z = b"\x1a"

pytestmark = pytest.mark.parametrize("contain", ["default", "process", "tree"])


def begin(terminal: Terminal, contain: str, *words: str, options: tuple[str, ...] = ()) -> None:
    """Have the shell run `osexec run`."""
    if contain != "default":
        options = ("--contain", contain, *options)
    terminal.begin(*OSEXEC, *options, "--", *(words or COMMAND))


def test_a_prompt_gets_its_answer(terminal: Terminal, contain: str) -> None:
    begin(terminal, contain, "sh", "-c", 'printf "name? "; read x; echo "hi $x"; exit 4')
    terminal.shows("name? ")
    terminal.press("Ann\n")
    terminal.shows("hi Ann")
    terminal.ends(4)


def test_ctrl_z_stops_and_fg_continues(terminal: Terminal, contain: str) -> None:
    begin(terminal, contain, options=("--timeout", str(LONG)))
    terminal.answer("command ready")
    for turn in (1, 2):
        terminal.press(CTRL_Z)
        terminal.counts(turn, "shell stopped SIGTSTP")
        two = [seen.pid for seen in terminal.everyone() if "minder" not in seen.command]
        assert len(two) == 2
        wait_stopped(*two)
        assert not any(is_stopped(minder.pid) for minder in terminal.minders())
        terminal.fg()
        terminal.counts(turn, "command SIGCONT")
    terminal.press("end 4\n")
    terminal.ends(4)
    assert "osexec:" not in terminal.screen.decode()


def test_ctrl_c_reaches_the_command_and_the_shell_sees_an_interrupt(
    terminal: Terminal, contain: str
) -> None:
    begin(terminal, contain, options=("--wait-delay", str(LONG)))
    terminal.answer("command ready")
    terminal.press(CTRL_C)
    terminal.hears("command SIGINT")
    terminal.press("end 0\n")
    terminal.ends(-signal.SIGINT)


def test_ctrl_c_ends_a_whole_tree(terminal: Terminal, contain: str) -> None:
    begin(terminal, contain, "sh", "-c", f"sleep {FOREVER} & sleep {FOREVER}")
    wait_until(lambda: terminal.is_running("sleep", 2), LONG, "two sleep")
    terminal.press(CTRL_C)
    if contain == "process":  # an asynchronous list ignores SIGINT (POSIX sh), and nobody ends it
        assert int(terminal.answer("shell ended")) == -signal.SIGINT
        (left,) = terminal.everyone()
        assert left.command == f"sleep {FOREVER}"
        terminal.tag.kill()
    else:
        terminal.ends(-signal.SIGINT)


def test_ctrl_backslash_ends_both(terminal: Terminal, contain: str) -> None:
    begin(terminal, contain, "sleep", str(FOREVER))
    wait_until(lambda: terminal.is_running("sleep"), LONG, "the command runs")
    terminal.press(b"\x1c")
    terminal.ends(128 + signal.SIGQUIT)


def test_a_hang_up_leaves_nothing(terminal: Terminal, contain: str) -> None:
    begin(terminal, contain)
    terminal.answer("command ready")
    terminal.hang_up()
    terminal.shell_dies_of(signal.SIGHUP)
    terminal.hears("command SIGHUP")
    terminal.is_left_empty()


def test_a_background_job_stops_when_its_command_reads(terminal: Terminal, contain: str) -> None:
    options = () if contain == "default" else ("--contain", contain)
    terminal.begin(*OSEXEC, *options, "--", *COMMAND, option="--background")
    terminal.answer("command ready")
    terminal.hears("shell stopped SIGTTIN")
    terminal.fg()
    terminal.press("end 4\n")
    terminal.ends(4)
