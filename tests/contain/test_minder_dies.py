"""Somebody kills the minder, stops it, or sends it a signal: nothing hangs, and it is said."""

import math
import os
import signal
from time import monotonic

import pytest

import osexec
from osexec import PIPE, Capture, Cmd, Reason, StatusLostError, SysAttrs
from tests.contain.conftest import LetLoose
from tests.contain.ends import command
from tests.helpers.alive import Tag
from tests.helpers.drivers import Run, error_of
from tests.helpers.limits import DELAY, FOREVER, GRACE, LONG, SHORT, VANISH
from tests.helpers.nasty import Family, pipe
from tests.helpers.proc import PROC, is_alive
from tests.helpers.ready import read_ready
from tests.helpers.threads import Call
from tests.helpers.waiting import wait_until


def the_minder(tag: Tag) -> int:
    """The pid of the one minder of this test, once its command has been started."""

    def minding() -> list[int]:
        pids = [seen.pid for seen in tag.minders()]
        return pids if len(pids) == 1 and tag.alive() else []

    (pid,) = wait_until(minding, LONG, "one minder and its command")
    return pid


def state_of(pid: int) -> str:
    stat = (PROC / str(pid) / "stat").read_text()
    return stat.rpartition(")")[2].split()[0]


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state_of(pid) == "T", LONG, "the minder is stopped")


# ----------------------------------------------------------------------- killed


class Killer:
    """A writer that kills the minder at the first thing that the command says."""

    def __init__(self, tag: Tag) -> None:
        self.tag = tag
        self.data = b""
        self.killed_at = math.nan

    def write(self, data: bytes) -> None:
        if not self.data:
            pid = the_minder(self.tag)
            self.killed_at = monotonic()
            os.kill(pid, signal.SIGKILL)
        self.data += data


def test_a_minder_that_is_killed_is_noticed_at_once(run: Run, tag: Tag) -> None:
    killer = Killer(tag)
    line = f"echo ready; exec sleep {FOREVER}"
    error = error_of(run, Cmd("sh", "-c", line, contain="tree", stdout=killer))
    assert monotonic() - killer.killed_at < GRACE
    assert isinstance(error, StatusLostError)
    assert "minder" in str(error)
    assert error.result.reason is Reason.MINDER_LOST
    assert error.result.returncode is None
    assert error.result.exit_code is None
    assert not is_alive(error.result.pid)
    tag.wait_gone()


def test_what_it_had_written_is_kept(tag: Tag) -> None:
    with (
        Cmd("sh", "-c", f"echo out; exec sleep {FOREVER}", contain="tree")
        .replace(stdout=Capture())
        .start() as process
    ):
        pid = the_minder(tag)
        wait_until(lambda: (PROC / str(process.pid) / "comm").read_text() == "sleep\n")
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(StatusLostError) as caught:
            process.wait(LONG)
    assert caught.value.result is not None
    assert caught.value.result.stdout == b"out\n"
    tag.wait_gone()


def test_the_command_of_a_killed_minder_is_gone_when_the_call_returns(
    let_loose: LetLoose, tag: Tag
) -> None:
    """The others are beyond reach: nobody is left whose children they are."""
    family = let_loose("tree")
    with pipe() as (stdout, write_end):
        process = command(family, write_end, stderr=osexec.DEVNULL).start()
        family.wait_complete(stdout)
        os.kill(the_minder(tag), signal.SIGKILL)
        with pytest.raises(StatusLostError):
            process.wait(LONG)
    assert process.pid not in [seen.pid for seen in family.alive()]
    assert tag.minders() == []
    family.kill()


def test_a_pipe_that_the_others_hold_does_not_hold_us(
    run: Run, let_loose: LetLoose, tag: Tag
) -> None:
    """Nobody can end them any more, so nobody waits for the end of what they write."""
    family, killer = let_loose("tree"), Killer(tag)
    cmd = command(family, killer, stderr=osexec.DEVNULL)
    error = error_of(run, cmd, timeout=2 * VANISH)  # if it were not for the deadline: a hang
    seconds = monotonic() - killer.killed_at
    assert error.result.reason is Reason.MINDER_LOST
    assert killer.data == b"ready\n"
    assert seconds < VANISH
    family.kill()


def test_the_minder_is_killed_while_its_command_is_being_ended(run: Run, tag: Tag) -> None:
    """In the grace: after the first step, before the last."""
    line = "trap 'echo heard' TERM; echo ready; while :; do sleep 0.01; done"
    heard, write_end = os.pipe()
    try:

        def kill() -> None:
            assert read_ready(heard) == "ready"
            assert read_ready(heard) == "heard"
            os.kill(the_minder(tag), signal.SIGKILL)

        call = Call(kill)
        cmd = Cmd("sh", "-c", line, contain="tree", cancel="TERM", stdout=write_end)
        error = error_of(run, cmd, timeout=SHORT)
        call.result()
    finally:
        os.close(heard)
        os.close(write_end)
    assert isinstance(error, osexec.Error)
    assert error.result.elapsed < SHORT + GRACE  # not the whole grace of 5 s
    assert not is_alive(error.result.pid)
    tag.wait_gone()


def test_a_thousandth_of_a_second_after_the_start(tag: Tag) -> None:
    """Whenever it dies: an error of ours, and nothing is left."""
    for turn in range(20):
        process = Cmd("sleep", str(FOREVER), contain="tree").start()
        os.kill(the_minder(tag), signal.SIGKILL)
        with pytest.raises(StatusLostError):
            process.wait(LONG)
        assert not is_alive(process.pid), turn
        tag.wait_gone()


# ---------------------------------------------------------------------- stopped


@pytest.mark.parametrize("cancel", ["KILL", "TERM"])
def test_a_stopped_minder_does_not_hold_us(cancel: str, let_loose: LetLoose, tag: Tag) -> None:
    family = let_loose("setsid")
    with pipe() as (stdout, write_end):
        cmd = command(family, write_end, cancel=cancel, wait_delay=DELAY)
        process = cmd.start()
        try:
            family.wait_complete(stdout)
            stop(the_minder(tag))
            begin = monotonic()
            process.cancel("enough")
            with pytest.raises(osexec.Error):
                process.wait(LONG)
            assert monotonic() - begin < DELAY + GRACE
        finally:
            for seen in tag.minders():  # had the library left it stopped
                os.kill(seen.pid, signal.SIGCONT)
            if process.poll() is None:
                process.kill()
    assert process.result is not None
    assert not is_alive(process.pid)
    family.seconds_until_gone(since=begin)
    assert tag.minders() == []


def test_a_minder_that_was_stopped_for_a_while_has_missed_nothing(tag: Tag) -> None:
    cmd = Cmd("sh", "-c", "read line; exit 7", contain="tree", stdin=PIPE, check=False)
    with cmd.start() as process:
        minder = the_minder(tag)
        stop(minder)
        process.stdin.write(b"go\n")
        wait_until(lambda: state_of(process.pid) == "Z")
        assert process.poll() is None
        os.kill(minder, signal.SIGCONT)
        assert process.wait(LONG).returncode == 7


# --------------------------------------------------------------------- signalled


PASSED = [
    *(signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
    *(signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2),
]


@pytest.mark.parametrize("number", PASSED, ids=lambda number: number.name)
def test_a_signal_sent_to_the_minder_is_for_the_command(number: signal.Signals, tag: Tag) -> None:
    """`kill PID` of what a user has found in the list of processes."""
    cmd = Cmd("sleep", str(FOREVER), contain="tree", sys=SysAttrs(rlimits={"CORE": 0}))
    process = cmd.start()
    os.kill(the_minder(tag), number)
    with pytest.raises(osexec.ExitError) as caught:
        process.wait(LONG)
    assert caught.value.result.signal is number
    assert caught.value.result.reason is Reason.SIGNALLED
    assert tag.minders() == []


def test_other_signals_do_nothing_to_the_minder(tag: Tag) -> None:
    with Cmd("cat", contain="tree", stdin=PIPE, stdout=PIPE).start() as process:
        minder = the_minder(tag)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            if number not in PASSED:
                os.kill(minder, number)
        process.stdin.write(b"line\n")
        assert process.stdout.readline() == b"line\n"
        process.stdin.close()
        assert process.wait(LONG).returncode == 0


def test_the_minder_is_in_a_session_of_its_own_and_the_command_in_ours(
    let_loose: LetLoose, tag: Tag
) -> None:
    family: Family = let_loose("tree")
    with pipe() as (stdout, write_end), command(family, write_end).start() as process:
        family.wait_complete(stdout)
        minder = the_minder(tag)
        assert os.getpgid(process.pid) == os.getpgrp()
        assert os.getsid(process.pid) == os.getsid(0)
        assert os.getpgid(minder) == minder
        assert os.getsid(minder) == minder
