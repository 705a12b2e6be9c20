"""When the time is up: the command ends, and all that it started; the status is 124."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.tool import OSEXEC, environment, ignoring, read_report, run
from tests.helpers.alive import Tag
from tests.helpers.limits import LONG, SHORT


def test_a_command_in_time_keeps_its_status() -> None:
    done = run("--timeout", "1h", "--", "sh", "-c", "exit 3")
    assert (done.returncode, done.stderr) == (3, "")


def test_no_time_limit_is_zero() -> None:
    assert run("--timeout", "0", "--", "true").returncode == 0


def test_a_time_limit_of_centuries_is_one() -> None:
    assert run("--timeout", "365000d", "--", "true").returncode == 0


def test_timed_out_is_124_and_says_so() -> None:
    done = run("--timeout", "0.2", "--", "sleep", "1000")
    assert (done.returncode, done.stdout) == (124, "")
    assert done.stderr == "osexec: sleep timed out after 0.2s: it died of SIGTERM\n"


def test_timed_out_is_124_whatever_the_command_makes_of_the_signal(tmp_path: Path) -> None:
    script = 'trap "exit 0" TERM; echo ready; while :; do sleep 0.01; done'
    done = run("--timeout", "2", "--", "sh", "-c", script)
    assert (done.returncode, done.stdout) == (124, "ready\n")
    assert done.stderr == "osexec: sh timed out after 2s: it exited with status 0\n"


def test_the_first_signal_may_be_chosen() -> None:
    done = run("--timeout", "0.2", "--signal", "USR1", "--", "sleep", "1000")
    assert done.stderr == "osexec: sleep timed out after 0.2s: it died of SIGUSR1\n"


def test_a_command_that_ignores_the_signal_is_killed(tag: Tag) -> None:
    # Inherited, so that it holds from the first moment of the command.
    words = [*ignoring("SIGTERM"), *OSEXEC, "run", "--timeout", "0.2", "--wait-delay", "0.2"]
    began = time.monotonic()
    done = subprocess.run(
        [*words, "--", "sleep", "1000"],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert time.monotonic() - began < LONG / 2
    assert done.returncode == 124
    assert done.stderr == "osexec: sleep timed out after 0.2s: it died of SIGKILL\n"
    assert tag.alive() == []


def test_a_stopped_command_is_ended(tag: Tag) -> None:
    done = run("--timeout", "1", "--", "sh", "-c", "kill -STOP $$")
    assert done.returncode == 124
    assert "SIGTERM" in done.stderr
    assert tag.alive() == []


def test_what_the_command_started_ends_with_it(tag: Tag) -> None:
    done = run("--timeout", "0.5", "--", "sh", "-c", "sleep 1000 & sleep 1000")
    assert done.returncode == 124
    assert tag.alive() == []


def test_what_ignores_the_signal_ends_too(tag: Tag) -> None:
    script = '(trap "" TERM; sleep 1000) & echo started; sleep 1000'
    done = run("--timeout", "1", "--wait-delay", "0.3", "--", "sh", "-c", script)
    assert (done.returncode, done.stdout) == (124, "started\n")
    assert tag.alive() == []


def test_a_wait_delay_of_zero_never_kills(tag: Tag, tmp_path: Path) -> None:
    """The command takes its time to clean up, and is left to."""
    report = tmp_path / "report"
    script = 'trap "sleep 1; echo cleaned; exit 5" TERM; echo ready; while :; do sleep 0.01; done'
    words = ["--timeout", "2", "--wait-delay", "0", "--report", str(report)]
    done = run(*words, "--", "sh", "-c", script)
    assert (done.returncode, done.stdout) == (124, "ready\ncleaned\n")
    assert read_report(report)["exit_code"] == 5


@pytest.mark.parametrize("name", ["KILL", "9", "sigkill"])
def test_kill_may_be_the_first_signal(name: str) -> None:
    done = run("--timeout", str(SHORT), "--signal", name, "--", "sleep", "1000")
    assert done.returncode == 124
    assert signal.SIGKILL.name in done.stderr


def test_a_limit_that_is_over_at_once_is_a_timeout() -> None:
    done = run("--timeout", "0.000000001", "--", "sleep", "1000")
    assert done.returncode == 124
    assert done.stderr.startswith("osexec: sleep timed out after 1e-09s: it ")
