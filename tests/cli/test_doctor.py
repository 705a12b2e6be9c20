"""`osexec doctor`: what this machine offers."""

import json
import os
import platform
import signal
import subprocess

import pytest

import osexec
from osexec._cli import doctor, probes
from tests.cli.tool import OSEXEC, cli, environment, ignoring
from tests.helpers.limits import LONG

NAMES = [
    "osexec",
    "python",
    "kernel",
    "descriptors",
    "pipe_size",
    "sigchld",
    "run",
    "process_groups",
    "pidfd",
    "pidfd_group_signal",
    "pidfd_exit_status",
]


def test_each_line_is_a_name_and_an_answer() -> None:
    done = cli("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert list(lines) == NAMES
    assert lines["osexec"] == osexec.__version__
    assert platform.release() in lines["kernel"]
    assert lines["run"].startswith("yes `true` came back after ")
    for name in NAMES[5:]:
        assert lines[name].startswith(("yes ", "no "))


def test_json_has_the_same_answers() -> None:
    done = cli("doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert list(found) == NAMES
    assert found["osexec"] == {"ok": None, "detail": osexec.__version__}
    assert found["sigchld"]["ok"] is True
    assert found["pidfd"]["ok"] is hasattr(os, "pidfd_open")


def test_an_ignored_sigchld_is_found() -> None:
    words = [*ignoring("SIGCHLD"), *OSEXEC, "doctor", "--json"]
    done = subprocess.run(words, env=environment(), capture_output=True, timeout=LONG, check=True)
    found = json.loads(done.stdout)
    assert found["sigchld"]["ok"] is False
    assert found["run"]["ok"] is True


def test_no_path_is_no_run_and_status_1() -> None:
    done = cli("doctor", env=environment(PATH="/no/such"))
    assert done.returncode == 1
    assert "\nrun: no NotFoundError: " in done.stdout


def test_a_machine_without_pidfd_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    found = {finding.name: finding for finding in map_trials()}
    assert found["pidfd"].ok is False
    assert "pidfd_open" in found["pidfd"].detail
    assert found["process_groups"].ok is True


def test_a_kernel_without_group_signals_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, number: int, info: None = None, flags: int = 0) -> None:
        if flags:
            raise OSError(22, "Invalid argument")
        send(fd, number, info, flags)

    send = signal.pidfd_send_signal
    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    found = {finding.name: finding for finding in map_trials()}
    assert found["pidfd"].ok is True
    assert str(found["pidfd_group_signal"]).startswith("pidfd_group_signal: no OSError: ")


def map_trials() -> list[doctor.Finding]:
    own = [probes.process_groups, probes.pidfd, probes.pidfd_group_signal]
    return [doctor.attempt(trial.__name__, trial) for trial in own]
