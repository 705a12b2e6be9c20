"""Ctrl-Z stops the command and the host, and `fg` lets both go on, as without osexec."""

import os
import signal
import time

import pytest

from tests.helpers import proc
from tests.helpers.limits import FACTOR, LONG, SHORT
from tests.helpers.waiting import wait_until
from tests.terminal.terminal import Terminal, is_stopped, wait_stopped

CTRL_Z = b"\x1a"

VERBS = pytest.mark.parametrize("verb", ["run", "start"])
# Long enough for a start and a Ctrl-Z; a test that needs it to pass takes that long.
TIMEOUT = 0.6 * FACTOR


@VERBS
def test_ctrl_z_stops_both_and_fg_continues_both(
    terminal: Terminal, contain: str, verb: str
) -> None:
    # With a thread besides, the kernel may give it the SIGCONT, and then Python's handler waits
    # until the main thread has something to do: so only a run can be asked for it.
    hears = ["SIGCONT"] if verb == "run" else []
    terminal.begin_host(contain, verb=verb, hears=hears, fields={"timeout": LONG})
    host, command = terminal.ready()
    for turn in (1, 2):
        terminal.press(CTRL_Z)
        terminal.counts(turn, "shell stopped SIGTSTP")
        wait_stopped(host, command)
        assert not any(is_stopped(minder.pid) for minder in terminal.minders())
        terminal.fg()
        terminal.counts(turn, "command SIGCONT")
        for _ in hears:
            terminal.counts(turn, "host SIGCONT")
    terminal.press("end 6\n")
    result = terminal.result()
    assert (result["error"], result["returncode"], result["reason"]) == (None, 6, "exited")
    terminal.ends(0)


def test_a_whole_tree_stops_and_goes_on(terminal: Terminal, contain: str) -> None:
    line = "sh -c 'echo ready; read x; echo inner $x' <&0; read y; echo outer $y"
    terminal.begin_host(contain, "sh", "-c", line, fields={"timeout": LONG})
    host = int(terminal.answer("host ready"))
    terminal.shows("ready")
    assert len(shells(terminal)) == 2
    terminal.press(CTRL_Z)
    terminal.hears("shell stopped SIGTSTP")
    wait_stopped(host, *shells(terminal))
    terminal.fg()
    terminal.press("one\n")
    terminal.shows("inner one")
    terminal.press("two\n")
    terminal.shows("outer two")
    assert terminal.result()["returncode"] == 0
    terminal.ends(0)


def shells(terminal: Terminal) -> list[int]:
    """The pids of each `sh -c`."""
    return [seen.pid for seen in terminal.everyone() if seen.command.startswith("sh -c")]


@VERBS
def test_a_command_that_ended_in_time_while_we_were_stopped_has_ended_in_time(
    terminal: Terminal, contain: str, verb: str
) -> None:
    """We wake up after the time-out, and must look at the command before the clock."""
    begun = time.monotonic()
    terminal.begin_host(contain, "sleep", "1000", verb=verb, fields={"timeout": TIMEOUT})
    host = int(terminal.answer("host ready"))
    wait_until(lambda: terminal.is_running("sleep"), LONG, "the command runs")
    (command,) = (seen.pid for seen in terminal.everyone() if seen.command == "sleep 1000")
    terminal.press(CTRL_Z)
    terminal.hears("shell stopped SIGTSTP")
    wait_stopped(host, command)
    os.kill(command, signal.SIGTERM)  # waits until it goes on
    os.kill(command, signal.SIGCONT)
    wait_until(lambda: not proc.is_alive(command), LONG, "the command has ended")
    ended = time.monotonic()
    wait_until(lambda: time.monotonic() > ended + TIMEOUT, LONG, "the time-out passes")
    terminal.fg()
    result = terminal.result()
    if ended < begun + TIMEOUT:  # else the machine was too slow for the question
        assert (result["reason"], result["returncode"]) == ("signalled", -signal.SIGTERM)
    terminal.ends(0)


def test_a_time_out_that_passed_while_both_were_stopped_ends_the_command(
    terminal: Terminal, contain: str
) -> None:
    """Time does not stand still for a stopped job; the command has not ended in time."""
    terminal.begin_host(contain, fields={"timeout": SHORT})
    terminal.answer("host ready")
    terminal.press(CTRL_Z)
    if terminal.stops_or_ends():
        time.sleep(SHORT)
        terminal.fg()
    told = (terminal.result()["error"], terminal.result()["reason"])
    # The second if it was stopped before it had started anything.
    assert told in (("ExitDeadlineExceeded", "deadline"), ("DeadlineExceeded", None))
    terminal.ends(0)


def test_a_job_in_the_background_stops_when_its_command_reads(
    terminal: Terminal, contain: str
) -> None:
    terminal.begin_host(contain, option="--background", fields={"timeout": LONG})
    host, command = terminal.ready()
    terminal.hears("shell stopped SIGTTIN")
    wait_stopped(host, command)
    assert not any(is_stopped(minder.pid) for minder in terminal.minders())
    terminal.fg()
    terminal.press("end 3\n")
    result = terminal.result()
    assert (result["error"], result["returncode"]) == (None, 3)
    terminal.ends(0)


def test_without_a_shell_ctrl_z_stops_nobody(terminal: Terminal, contain: str) -> None:
    """As pid 1 of a container, or under `script`: the host leads its session itself.

    Nobody could continue its group, so the kernel lets no Ctrl-Z stop it. Such an orphaned group
    has no member whose parent is in another group of the session (setpgid(2)).
    """
    terminal.begin_host(contain, option="--none", hears=["SIGINT"])
    host, command = terminal.ready()
    terminal.press(CTRL_Z)
    terminal.press(b"\x03")  # has its turn after the Ctrl-Z, if that stopped nobody
    terminal.hears("command SIGINT", "host SIGINT")
    assert not is_stopped(host)
    assert not is_stopped(command)
    terminal.press("end 2\n")
    assert terminal.result()["returncode"] == 2
    terminal.is_left_empty()
