"""`osexec doctor`: what this machine offers."""

import json
import os
import platform
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import osexec
from osexec._cli import doctor, probes
from osexec._posix import probe
from tests.cli.conftest import MakeFile
from tests.cli.tool import OSEXEC, cli, environment, ignoring
from tests.helpers.alive import Tag
from tests.helpers.limits import LONG

NAMES = [
    "osexec",
    "python",
    "kernel",
    "descriptors",
    "pipe_size",
    "sigchld",
    "run",
    "minder",
    "tree",
    "namespace",
    "cgroup",
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
    assert lines["run"].endswith(f", contained by {osexec.run('true').contain}")
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
    assert found["minder"]["ok"] is found["tree"]["ok"] is os.path.exists(probe.MINDER)


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


# ------------------------------------------------------------- what contains a tree


def attempt(trial: Callable[[], str]) -> doctor.Finding:
    return doctor.attempt(trial.__name__, trial)


def test_the_minder_that_is_looked_for_is_the_one_that_is_used() -> None:
    """The command line knows no names but the public ones, so it has to find it by itself."""
    assert os.path.realpath(probes.MINDER) == os.path.realpath(probe.MINDER)


def test_a_missing_minder_is_answered_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(probes, "MINDER", str(tmp_path / "osexec-minder"))
    assert str(attempt(probes.minder)) == (
        "minder: no osexec was installed without a C compiler: install one, and osexec again"
    )


@pytest.mark.parametrize(
    ("about", "ok", "detail"),
    [
        (
            "echo osexec-minder, protocol 1, without a libc",
            True,
            "osexec-minder, protocol 1, without a libc",
        ),
        (
            "echo osexec-minder, protocol 1, with a libc",
            True,
            "osexec-minder, protocol 1, with a libc: "
            "each command starts about a millisecond later for that",
        ),
    ],
)
def test_a_minder_says_how_it_was_built(
    about: str, ok: bool, detail: str, monkeypatch: pytest.MonkeyPatch, make_file: MakeFile
) -> None:
    monkeypatch.setattr(probes, "MINDER", str(make_file("minder", f"#!/bin/sh\n{about}\n")))
    assert attempt(probes.minder) == ("minder", ok, detail)


def test_a_minder_that_may_not_be_executed_is_no_minder(
    monkeypatch: pytest.MonkeyPatch, make_file: MakeFile
) -> None:
    monkeypatch.setattr(probes, "MINDER", str(make_file("minder", mode=0o644)))
    found = attempt(probes.minder)
    assert found.ok is False
    assert found.detail.startswith("PermissionError: ")


@pytest.mark.parametrize("trial", [probes.tree, probes.namespace, probes.cgroup])
def test_without_a_minder_nothing_of_that_is_had(
    trial: Callable[[], str], monkeypatch: pytest.MonkeyPatch, tag: Tag
) -> None:
    monkeypatch.setitem(probe.ANSWERS, "minder", False)
    found = attempt(trial)
    assert found.ok is False
    assert found.detail.startswith("StartError: ")
    assert "osexec-minder" in found.detail
    assert tag.everyone() == []


@pytest.mark.parametrize("trial", [probes.tree, probes.namespace, probes.cgroup])
def test_a_containment_that_misses_somebody_is_a_no(
    trial: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def run(*words: str, **fields: object) -> osexec.Result:
        seen.append(fields["contain"])
        return osexec.Cmd("true").run()

    monkeypatch.setattr(probes.osexec, "run", run)
    found = attempt(trial)
    assert seen == [trial.__name__]
    assert (found.ok, found.detail) == (False, "a process in a session of its own was not seen")


@pytest.mark.parametrize("trial", [probes.tree, probes.namespace, probes.cgroup])
def test_a_trial_leaves_nothing(trial: Callable[[], str], tag: Tag) -> None:
    attempt(trial)
    assert tag.everyone() == []


def map_trials() -> list[doctor.Finding]:
    own = [probes.process_groups, probes.pidfd, probes.pidfd_group_signal]
    return [doctor.attempt(trial.__name__, trial) for trial in own]
