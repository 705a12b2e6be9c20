"""`--leaks`: what becomes of those who outlive a command that has ended by itself."""

from pathlib import Path
from typing import Any

import pytest

from osexec._posix import probe
from tests.cli.test_contain import needs
from tests.cli.tool import read_report, run
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER

SLEEP = f"sleep {FOREVER}"
FREE = f"setsid {SLEEP} </dev/null >/dev/null 2>&1 & "
"""Leaves a process that holds no stream, in a session of its own."""
GROUP = f"{SLEEP} </dev/null >/dev/null 2>&1 & "
"""The same, but it stays in its group."""


def leave(
    path: Path, *options: str, scripts: tuple[str, ...] = (FREE,), end: str = "exit 0"
) -> tuple[int, str, dict[str, Any]]:
    """Run a command that leaves processes behind: the status, what was said, the report."""
    # The moment after the fork, when it has not made its exec, it is called "sh".
    wait = 'until read -r name <"/proc/$!/comm" && test "$name" = sleep; do :; done; '
    script = "".join(script + wait for script in scripts) + end
    done = run("--report", str(path), *options, "--", "sh", "-c", script)
    assert done.stdout == ""
    return done.returncode, done.stderr, read_report(path)


def ways(*options: str) -> list[Any]:
    """The options with each containment in which they mean something."""
    return [
        pytest.param(("--contain", contain, *options), script, id=contain)
        for contain, script in (("group", GROUP), ("tree", FREE))
    ]


@pytest.fixture(autouse=True)
def _what_is_there(request: pytest.FixtureRequest) -> None:
    options = getattr(request.node, "callspec", None) and request.node.callspec.params.get(
        "options"
    )
    if not probe.can("minder") and (options is None or "group" not in options):
        pytest.skip("osexec was installed without a C compiler")
    if not probe.can("pidfd_group") and options is not None and "group" in options:
        pytest.skip("who is in a group without its leader is not known here")


@pytest.mark.parametrize(("options", "script"), [*ways(), *ways("--leaks", "allow")])
def test_allowed_they_live_and_are_in_the_report(
    options: tuple[str, ...], script: str, tag: Tag, tmp_path: Path
) -> None:
    status, said, report = leave(tmp_path / "report", *options, scripts=(script,))
    (left,) = tag.alive()
    assert (status, said, report["reason"], report["error"]) == (0, "", "exited", None)
    assert report["leaked"] == [{"pid": left.pid, "command": SLEEP}]
    assert report["swept"] == 0
    assert tag.minders() == []
    tag.kill()


def test_allowed_is_the_usual_one(tag: Tag, tmp_path: Path) -> None:
    status, said, report = leave(tmp_path / "report")
    (left,) = tag.everyone()
    assert (status, said, report["contain"]) == (0, "", "tree")
    assert [who["pid"] for who in report["leaked"]] == [left.pid]
    tag.kill()


@pytest.mark.parametrize(("options", "script"), ways("--leaks", "warn"))
@pytest.mark.parametrize(("end", "status"), [("exit 0", 0), ("exit 3", 3)])
def test_warned_of_they_live_and_are_named(
    options: tuple[str, ...], script: str, end: str, status: int, tag: Tag, tmp_path: Path
) -> None:
    got, said, report = leave(tmp_path / "report", *options, scripts=(script,), end=end)
    (left,) = tag.alive()
    assert (got, report["reason"], report["exit_code"]) == (status, "exited", status)
    assert said == f"osexec: sh left running: {left.pid} ({SLEEP})\n"
    assert report["leaked"] == [{"pid": left.pid, "command": SLEEP}]
    assert tag.minders() == []
    tag.kill()


def test_warned_of_all_are_named(tag: Tag, tmp_path: Path) -> None:
    _, said, report = leave(tmp_path / "report", "--leaks", "warn", scripts=(FREE, GROUP))
    pids = sorted(seen.pid for seen in tag.alive())
    assert len(pids) == 2
    assert sorted(who["pid"] for who in report["leaked"]) == pids
    assert all(f"{pid} ({SLEEP})" in said for pid in pids)
    assert said.count("\n") == 1
    tag.kill()


def test_the_warning_is_said_beside_a_death(tag: Tag, tmp_path: Path) -> None:
    """A command that crashed is the one whose helpers are forgotten."""
    status, said, _ = leave(tmp_path / "report", "--leaks", "warn", end="kill -TERM $$")
    (left,) = tag.alive()
    tag.kill()
    assert status == 143
    assert "sh died of SIGTERM" in said
    assert f"{left.pid} ({SLEEP})" in said


def test_quiet_does_not_warn(tag: Tag, tmp_path: Path) -> None:
    status, said, report = leave(tmp_path / "report", "--leaks", "warn", "--quiet")
    assert (status, said, len(report["leaked"])) == (0, "", 1)
    tag.kill()


@pytest.mark.parametrize(("options", "script"), ways("--leaks", "kill"))
@pytest.mark.parametrize(("end", "status"), [("exit 0", 0), ("exit 3", 3)])
def test_killed_they_are_gone_and_in_the_report(
    options: tuple[str, ...], script: str, end: str, status: int, tag: Tag, tmp_path: Path
) -> None:
    got, said, report = leave(tmp_path / "report", *options, scripts=(script,), end=end)
    assert tag.everyone() == []
    assert (got, said, report["reason"]) == (status, "", "exited")
    assert [who["command"] for who in report["leaked"]] == [SLEEP]


@pytest.mark.parametrize(("options", "script"), ways("--leaks", "error"))
def test_an_error_is_125_and_names_them(
    options: tuple[str, ...], script: str, tag: Tag, tmp_path: Path
) -> None:
    status, said, report = leave(tmp_path / "report", *options, scripts=(script,))
    assert tag.everyone() == []
    assert (status, report["exit_status"], report["reason"]) == (125, 125, "leaked")
    (left,) = report["leaked"]
    assert left["command"] == SLEEP
    assert said.startswith("osexec: sh -c ")
    assert said.endswith(f" left processes behind, which were ended: {left['pid']} ({SLEEP})\n")
    assert report["error"] in said
    assert [error["type"] for error in report["errors"]] == ["LeakError"]
    assert (report["exit_code"], report["signal"], report["timed_out"]) == (0, None, False)


def test_an_error_may_be_quiet(tag: Tag, tmp_path: Path) -> None:
    status, said, report = leave(tmp_path / "report", "--leaks", "error", "--quiet")
    assert (status, said, report["reason"]) == (125, "", "leaked")
    assert tag.everyone() == []


@pytest.mark.parametrize(
    ("end", "status", "reason"), [("exit 3", 3, "exited"), ("kill -TERM $$", 143, "signalled")]
)
def test_a_failure_of_the_commands_own_comes_before_the_error(
    end: str, status: int, reason: str, tag: Tag, tmp_path: Path
) -> None:
    got, _, report = leave(tmp_path / "report", "--leaks", "error", end=end)
    assert tag.everyone() == []
    assert (got, report["reason"]) == (status, reason)
    assert [error["type"] for error in report["errors"]] == ["ExitError", "LeakError"]
    assert len(report["leaked"]) == 1


@pytest.mark.parametrize("leaks", ["kill", "error"])
def test_the_report_says_how_many_were_ended(leaks: str, tag: Tag, tmp_path: Path) -> None:
    _, _, report = leave(tmp_path / "report", "--leaks", leaks, scripts=(FREE, GROUP))
    assert (report["swept"], len(report["leaked"])) == (2, 2)
    assert tag.everyone() == []


@pytest.mark.parametrize("leaks", ["allow", "warn", "kill", "error"])
def test_a_command_that_leaves_nothing_is_not_suspected(leaks: str, tmp_path: Path) -> None:
    path = tmp_path / "report"
    done = run("--leaks", leaks, "--report", str(path), "--", "sh", "-c", "true & wait; exit 3")
    assert (done.returncode, done.stderr) == (3, "")
    report = read_report(path)
    assert (report["leaked"], report["swept"], report["reason"]) == ([], 0, "exited")


@pytest.mark.parametrize("leaks", ["allow", "warn", "kill", "error"])
def test_what_a_timeout_ends_is_no_leak(leaks: str, tag: Tag, tmp_path: Path) -> None:
    path = tmp_path / "report"
    words = ["--leaks", leaks, "--timeout", "0.5", "--report", str(path)]
    done = run(*words, "--", "sh", "-c", f"setsid {SLEEP} & {SLEEP}")
    assert tag.everyone() == []
    assert done.returncode == 124
    assert done.stderr == "osexec: sh timed out after 0.5s: it died of SIGTERM\n"
    report = read_report(path)
    assert (report["reason"], report["leaked"]) == ("deadline", [])


def test_nothing_outlives_a_namespace(tag: Tag, tmp_path: Path) -> None:
    needs("namespace")
    status, said, report = leave(tmp_path / "report", "--contain", "namespace")
    assert tag.everyone() == []
    assert (status, said) == (0, "")
    assert (report["contain"], len(report["leaked"])) == ("namespace", 1)
    status, _, report = leave(tmp_path / "report", "--contain", "namespace", "--leaks", "error")
    assert (status, report["reason"]) == (125, "leaked")


# -------------------------------------------------------------------------- refused


@pytest.mark.parametrize("leaks", ["warn", "kill", "error"])
def test_who_is_left_of_a_process_is_not_known(leaks: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    done = run("--contain", "process", "--leaks", leaks, "--", "touch", str(mark))
    assert done.returncode == 125
    assert f"leaks={leaks!r} needs to know what the command started" in done.stderr
    assert not mark.exists()


@pytest.mark.parametrize("contain", ["namespace", "cgroup"])
@pytest.mark.parametrize("leaks", ["allow", "warn"])
def test_nobody_can_be_left_of_what_ends_as_a_whole(
    contain: str, leaks: str, tmp_path: Path
) -> None:
    path, mark = tmp_path / "report", tmp_path / "mark"
    words = ["--contain", contain, "--leaks", leaks, "--report", str(path)]
    done = run(*words, "--", "touch", str(mark))
    assert done.returncode == 125
    assert f"leaks={leaks!r}: nothing outlives its command" in done.stderr
    assert (read_report(path)["reason"], read_report(path)["started"]) == ("refused", False)
    assert not mark.exists()
