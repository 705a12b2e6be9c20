"""The terminal goes, or the whole job is killed: nothing is left, and no minder either."""

import os
import signal

import pytest

from tests.helpers.limits import FOREVER, LONG
from tests.helpers.waiting import wait_until
from tests.terminal.conftest import BUILT
from tests.terminal.terminal import COMMAND, Terminal, wait_stopped

AWAY = f"setsid sleep {FOREVER} & sh -c 'setsid sleep {FOREVER} & wait' & sleep {FOREVER}"


def test_a_hang_up_reaches_both(terminal: Terminal, contain: str) -> None:
    """The shell dies of it, and then the kernel tells the job in the foreground."""
    terminal.begin_host(contain, hears=["SIGHUP"])
    terminal.ready()
    terminal.hang_up()
    terminal.shell_dies_of(signal.SIGHUP)
    terminal.hears("command SIGHUP", "host SIGHUP")
    result = terminal.result()
    assert (result["returncode"] in (90, 91), result["reason"]) == (True, "exited")
    terminal.is_left_empty()


def test_a_hang_up_ends_a_simple_program_and_its_command(terminal: Terminal, contain: str) -> None:
    terminal.begin_host(contain, "sleep", str(FOREVER))
    wait_until(lambda: terminal.is_running("sleep"), LONG, "the command runs")
    terminal.hang_up()
    terminal.shell_dies_of(signal.SIGHUP)
    terminal.is_left_empty()


def test_a_hang_up_of_a_stopped_job_leaves_nothing(terminal: Terminal, contain: str) -> None:
    """The kernel says SIGHUP and SIGCONT to a stopped job that nobody can continue any more."""
    terminal.begin_host(contain)
    terminal.ready()
    terminal.press(b"\x1a")
    terminal.hears("shell stopped SIGTSTP")
    wait_stopped(*(seen.pid for seen in terminal.everyone() if "minder" not in seen.command))
    terminal.hang_up()
    terminal.shell_dies_of(signal.SIGHUP)
    terminal.is_left_empty()


def test_a_kill_of_the_whole_group_leaves_nothing(terminal: Terminal, contain: str) -> None:
    terminal.begin_host(contain)
    host, _ = terminal.ready()
    assert os.getpgid(host) == host
    os.killpg(host, signal.SIGKILL)
    terminal.ends(-signal.SIGKILL)


def test_a_kill_of_a_stopped_group_leaves_nothing(terminal: Terminal, contain: str) -> None:
    terminal.begin_host(contain)
    host, command = terminal.ready()
    terminal.press(b"\x1a")
    terminal.hears("shell stopped SIGTSTP")
    wait_stopped(host, command)
    os.killpg(host, signal.SIGKILL)
    terminal.fg()
    terminal.is_left_empty()


@pytest.mark.skipif(not BUILT.exists(), reason="the minder is not built here")
@pytest.mark.parametrize("contain", ["tree", "default"])
class TestOfATree:
    """What no group can do: the minder outlives the group, and ends who has left it."""

    def test_a_kill_of_the_group_ends_who_has_left_it(
        self, terminal: Terminal, contain: str
    ) -> None:
        terminal.begin_host(contain, "sh", "-c", AWAY)
        host = int(terminal.answer("host ready"))
        wait_until(lambda: terminal.is_running("sleep", 3), LONG, "three sleep")
        os.killpg(host, signal.SIGKILL)
        terminal.ends(-signal.SIGKILL)

    def test_a_hang_up_ends_who_has_left_the_session(
        self, terminal: Terminal, contain: str
    ) -> None:
        terminal.begin_host(contain, "sh", "-c", AWAY)
        wait_until(lambda: terminal.is_running("sleep", 3), LONG, "three sleep")
        terminal.hang_up()
        terminal.shell_dies_of(signal.SIGHUP)
        terminal.is_left_empty()

    def test_a_quit_ends_who_has_left_the_session(self, terminal: Terminal, contain: str) -> None:
        terminal.begin_host(contain, "sh", "-c", AWAY)
        wait_until(lambda: terminal.is_running("sleep", 3), LONG, "three sleep")
        terminal.press(b"\x1c")
        terminal.ends(-signal.SIGQUIT)

    def test_the_death_of_the_host_alone_ends_a_command_that_ignores_everything(
        self, terminal: Terminal, contain: str
    ) -> None:
        """Also one that is stopped by then, as the host was."""
        terminal.begin_host(contain, *COMMAND)
        host, command = terminal.ready()
        terminal.press(b"\x1a")
        terminal.hears("shell stopped SIGTSTP")
        wait_stopped(host, command)
        os.kill(host, signal.SIGKILL)
        terminal.is_left_empty()
