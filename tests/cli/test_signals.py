"""Signals to osexec itself: the tree ends, and the caller sees which signal it was."""

import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.tool import OSEXEC, begin, environment, ignoring, read_report
from tests.helpers.alive import Tag
from tests.helpers.limits import LONG
from tests.helpers.ready import read_ready
from tests.helpers.roles import role
from tests.helpers.stress import TimeBox
from tests.helpers.waiting import wait_until

TREE = ["sh", "-c", "sleep 1000 & echo ready; sleep 1000"]


@pytest.mark.parametrize(
    ("number", "returncode"),
    [
        (signal.SIGINT, -signal.SIGINT),  # so that the calling shell stops its script
        (signal.SIGTERM, 143),
        (signal.SIGHUP, 129),
        (signal.SIGQUIT, 131),
    ],
)
def test_a_signal_to_us_ends_the_tree(
    number: signal.Signals, returncode: int, tag: Tag, tmp_path: Path
) -> None:
    path = tmp_path / "report"
    with begin("--report", str(path), "--", *TREE) as process:
        assert process.stdout is not None
        read_ready(process.stdout)
        process.send_signal(number)
        _, said = process.communicate(timeout=LONG)
    assert process.returncode == returncode
    assert said == f"osexec: stopped by {number.name}: sh died of SIGTERM\n"
    assert tag.alive() == []
    report = read_report(path)
    assert (report["reason"], report["stopped_by"]) == ("canceled", number.name)
    assert (report["timed_out"], report["signal"]) == (False, "SIGTERM")
    assert report["exit_status"] == 128 + number


def test_a_second_signal_kills_at_once(tag: Tag) -> None:
    with begin("--wait-delay", "0", "--", *role("tell-signals")) as process:
        assert process.stdout is not None
        read_ready(process.stdout)
        process.terminate()
        assert read_ready(process.stdout).startswith("signal ")
        wait_until(lambda: process.send_signal(signal.SIGTERM) or process.poll() is not None)
        _, said = process.communicate(timeout=LONG)
    assert process.returncode == 143
    assert said.endswith("died of SIGKILL\n")
    assert tag.alive() == []


def test_the_same_signal_twice_at_once_is_one() -> None:
    """timeout(1) sends its signal to us and to our group; that is no impatience."""
    script = 'trap "sleep 0.1; echo cleaned; exit" TERM; echo ready; while :; do sleep 0.01; done'
    with begin("--", "sh", "-c", script) as process:
        assert process.stdout is not None
        read_ready(process.stdout)
        process.terminate()
        process.terminate()
        output, _ = process.communicate(timeout=LONG)
    assert (process.returncode, output) == (143, "cleaned\n")


def test_a_signal_during_the_grace_of_a_timeout_kills_at_once(tag: Tag) -> None:
    words = ["--timeout", "1.5", "--wait-delay", "0", "--", *role("tell-signals")]
    with begin(*words) as process:
        assert process.stdout is not None
        read_ready(process.stdout)
        assert read_ready(process.stdout).startswith("signal ")
        process.terminate()
        _, said = process.communicate(timeout=LONG)
    assert process.returncode == 143
    assert said.endswith("died of SIGKILL\n")
    assert tag.alive() == []


def test_a_command_that_ignores_the_signal_is_killed_after_the_delay(tag: Tag) -> None:
    with begin("--wait-delay", "0.2", "--", *role("ignore-term")) as process:
        assert process.stdout is not None
        read_ready(process.stdout)
        process.terminate()
        _, said = process.communicate(timeout=LONG)
    assert process.returncode == 143
    assert said.endswith("died of SIGKILL\n")
    assert tag.alive() == []


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As nohup(1) leaves it, and a shell for its background jobs."""
    words = [*ignoring("SIGHUP", "SIGINT"), *OSEXEC, "run", "--"]
    script = "kill -HUP $PPID; kill -INT $PPID; exit 7"
    done = subprocess.run(
        [*words, "sh", "-c", script], env=environment(), timeout=LONG, check=False
    )
    assert done.returncode == 7


def test_a_signal_for_the_command_alone_is_its_own_business() -> None:
    with begin("--", "sh", "-c", "echo $$; exec sleep 1000") as process:
        assert process.stdout is not None
        os.kill(int(read_ready(process.stdout)), signal.SIGTERM)
        _, said = process.communicate(timeout=LONG)
    assert (process.returncode, said) == (143, "osexec: sh died of SIGTERM\n")


def test_an_ignored_sigchld_loses_no_status() -> None:
    words = [*ignoring("SIGCHLD"), *OSEXEC, "run", "--", "sh", "-c", "exit 9"]
    done = subprocess.run(words, env=environment(), timeout=LONG, check=False)
    assert done.returncode == 9


def test_ctrl_c_on_a_terminal_ends_both(tag: Tag) -> None:
    """The terminal sends SIGINT to the whole group: to us and to the command."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execvpe(
                OSEXEC[0], [*OSEXEC, "run", "--", "sh", "-c", "echo ready; exec cat"], environment()
            )
        finally:
            os._exit(99)
    try:
        assert read_ready(terminal).strip() == "ready"
        os.write(terminal, b"\x03")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGINT
    assert tag.alive() == []


def test_the_command_may_read_the_terminal() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            script = 'echo ready; read -r line; test "$line" = hello'
            os.execvpe(OSEXEC[0], [*OSEXEC, "run", "--", "sh", "-c", script], environment())
        finally:
            os._exit(99)
    try:
        assert read_ready(terminal).strip() == "ready"
        os.write(terminal, b"hello\n")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.stress
def test_a_signal_at_any_moment_leaves_nothing(box: TimeBox, tag: Tag) -> None:
    """From the first line of Python to the middle of the run; most moments are in the start."""
    for _ in box:
        number = box.random.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
        with begin("--", "sh", "-c", "sleep 1000 & sleep 1000") as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(box.random.uniform(0, 0.1))
            process.send_signal(number)
            process.communicate(timeout=LONG)
        # 1: Python itself was starting, and lets Ctrl-C end it like that.
        assert process.returncode in (-number, 128 + number, 1)
        assert tag.alive() == []
