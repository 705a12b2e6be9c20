"""What happens to everything below a command: swept with its group, or left with the process."""

import os
import pty
import signal

import pytest

import osexec
from osexec import INHERIT, PIPE, Capture, Cmd, DeadlineExceeded, SysAttrs, UsageError
from osexec._posix import probe
from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.drivers import error_of
from tests.helpers.fresh import ask
from tests.helpers.limits import DELAY, FOREVER, GRACE, LONG, SHORT, SOON
from tests.helpers.ready import read_ready
from tests.helpers.roles import role, state_of

SLEEP = f"sleep {FOREVER}"


@pytest.fixture(autouse=True)
def no_minder(monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is without a C compiler; tests/contain has the rest."""
    monkeypatch.setitem(probe.ANSWERS, "minder", False)


@pytest.fixture(params=["pidfd", "no pidfd for groups", "no pidfd"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Linux as it is, before 6.9, and before 5.3 (or another POSIX system)."""
    if request.param != "pidfd":
        monkeypatch.setitem(probe.ANSWERS, "pidfd_group", False)
        monkeypatch.setitem(probe.ANSWERS, "pidfd", request.param != "no pidfd")
    return request.param


@pytest.mark.usefixtures("kernel")
def test_the_group_ends_with_the_context(run, tag: Tag) -> None:
    line = f"{SLEEP} & (sh -c '{SLEEP} & {SLEEP}') & wait"
    error = error_of(run, Cmd("sh", "-c", line), timeout=SHORT)
    assert error.result.contain == "group"
    assert error.result.leaked == ()
    assert tag.alive() == []


@pytest.mark.usefixtures("kernel")
def test_a_grandchild_that_ignores_term_is_killed_after_the_grace(run, tag: Tag) -> None:
    """The grace counts until the group is empty, not only until the child is gone."""
    line = f"sh -c 'trap \"\" TERM; echo ready; {SLEEP} & wait' & exec {SLEEP}"
    cmd = Cmd("sh", "-c", line, cancel="TERM", wait_delay=DELAY, stdout=Capture())
    error = error_of(run, cmd, timeout=SHORT)
    assert error.result.stdout == b"ready\n"
    assert error.result.signal is signal.SIGTERM
    assert SHORT + DELAY <= error.result.elapsed < SHORT + DELAY + GRACE
    assert tag.alive() == []


@pytest.mark.usefixtures("kernel")
def test_a_grandchild_that_obeys_is_not_waited_for_longer(run, tag: Tag) -> None:
    cmd = Cmd("sh", "-c", f"{SLEEP} & exec {SLEEP}", cancel="TERM", wait_delay=LONG)
    error = error_of(run, cmd, timeout=SHORT)
    assert error.result.signal is signal.SIGTERM
    assert error.result.elapsed < SHORT + GRACE
    assert tag.alive() == []


@pytest.mark.usefixtures("kernel")
def test_a_grandchild_without_its_leader_is_ended_by_the_deadline(run, tag: Tag) -> None:
    error = error_of(run, Cmd("sh", "-c", f"{SLEEP} & exit 0", stdout=Capture()), timeout=SHORT)
    assert isinstance(error, DeadlineExceeded)
    assert isinstance(error, osexec.WaitDelayExpired)
    assert error.result.returncode == 0
    assert error.result.elapsed < SHORT + GRACE
    assert tag.alive() == []


@pytest.mark.usefixtures("kernel")
def test_steps_reach_a_grandchild_without_its_leader(run, tag: Tag) -> None:
    line = f"sh -c 'trap \"echo heard; exit\" TERM; echo ready; {SLEEP} & wait' & exit 0"
    cmd = Cmd("sh", "-c", line, cancel=[("TERM", LONG)], stdout=Capture())
    error = error_of(run, cmd, timeout=SHORT)
    assert error.result.stdout == b"ready\nheard\n"
    assert error.result.elapsed < SHORT + GRACE
    assert tag.alive() == []


@pytest.mark.usefixtures("kernel")
def test_a_stopped_grandchild_is_ended(run, tag: Tag) -> None:
    line = f"sh -c 'kill -STOP $$; {SLEEP}' & {SLEEP}"
    error = error_of(run, Cmd("sh", "-c", line, cancel="TERM", wait_delay=LONG), timeout=SHORT)
    assert error.result.elapsed < SHORT + GRACE
    assert tag.alive() == []


def test_a_child_that_left_its_group_is_ended_itself(run, tag: Tag) -> None:
    error = error_of(run, Cmd(*role("leave-group"), stdout=Capture()), timeout=SHORT)
    assert error.result.stdout == b"ready\n"
    assert error.result.signal is signal.SIGKILL
    assert tag.alive() == []


@pytest.mark.usefixtures("kernel")
def test_process_containment_ends_the_child_alone(run, tag: Tag) -> None:
    line = f"{SLEEP} & exec {SLEEP}"
    error = error_of(run, Cmd("sh", "-c", line, contain="process"), timeout=SHORT)
    assert error.result.contain == "process"
    assert error.result.leaked == ()
    (left,) = tag.alive()
    assert left.pid != error.result.pid
    tag.kill()


def test_process_containment_comes_back_on_time_with_a_pipe_held(run, tag: Tag) -> None:
    cmd = Cmd("sh", "-c", f"echo out; {SLEEP} & exec {SLEEP}", contain="process", wait_delay=DELAY)
    error = error_of(run, cmd.replace(stdout=Capture()), timeout=SHORT)
    assert error.result.stdout == b"out\n"
    assert error.result.elapsed < SHORT + DELAY + GRACE
    (left,) = tag.alive()
    assert [holder.pid for holder in error.result.holders] == [left.pid]
    tag.kill()


def test_a_command_that_ends_by_itself_may_leave_processes_and_they_are_named(
    run, tag: Tag
) -> None:
    result = run(Cmd("sh", "-c", f"exec >/dev/null; {SLEEP} & exit 0"))
    assert result.ok
    (left,) = tag.alive()
    if probe.can("pidfd_group"):
        assert [who.pid for who in result.leaked] == [left.pid]
        assert str(FOREVER) in result.leaked[0].command or "sh" in result.leaked[0].command
    tag.kill()


def test_nothing_is_leaked_by_a_command_that_cleans_up(run) -> None:
    assert run(Cmd("sh", "-c", "sleep 0.01 & wait")).leaked == ()


def test_a_new_session_is_contained_as_a_group(run, tag: Tag) -> None:
    cmd = Cmd("sh", "-c", f"{SLEEP} & wait", sys=SysAttrs(new_session=True))
    assert error_of(run, cmd, timeout=SHORT).result.contain == "group"
    assert tag.alive() == []


def test_a_joined_group_is_not_ended(run) -> None:
    with osexec.start("cat", stdin=PIPE, sys=SysAttrs(process_group=0)) as leader:
        joined = Cmd("sleep", str(FOREVER), sys=SysAttrs(process_group=leader.pid))
        error = error_of(run, joined, timeout=SOON)
        assert error.result.contain == "process"
        assert leader.poll() is None
        assert proc.is_alive(leader.pid)


def test_a_joined_group_can_not_be_contained() -> None:
    with pytest.raises(UsageError, match="contain"):
        Cmd("true", contain="group", sys=SysAttrs(process_group=7))


def test_our_own_group_is_never_ended(run) -> None:
    error_of(run, Cmd("sleep", str(FOREVER), contain="process"), timeout=SOON)
    error_of(run, Cmd("sleep", str(FOREVER), contain="group"), timeout=SOON)
    assert os.getpgrp()


@pytest.mark.parametrize("contain", ["everything", "", "GROUP", 7, True])
def test_a_containment_that_is_not_there_is_refused(contain: object) -> None:
    with pytest.raises(UsageError, match="contain"):
        Cmd("true", contain=contain)  # type: ignore[arg-type]


def test_a_command_is_a_group_of_its_own_by_default(run) -> None:
    for stdin in (None, b"data", osexec.DEVNULL):
        state = state_of(run(Cmd(*role("state"), stdin=stdin, stdout=Capture())).stdout)
        assert state["pgid"] == state["pid"]


AT_A_TERMINAL = """
    import json, os, sys
    import osexec
    from osexec import INHERIT, Cmd
    from osexec._posix import probe
    from tests.helpers.roles import role, state_of

    probe.ANSWERS["minder"] = False
    said = {}
    for name, stdin in (("terminal", INHERIT), ("descriptor", 0), ("null", None)):
        state = state_of(Cmd(*role("state"), stdin=stdin).text())
        said[name] = int(state["pgid"]) == os.getpgrp()
    said["contain"] = Cmd("true", stdin=INHERIT).run().contain
    print(json.dumps(said))
"""


def test_a_command_that_shares_our_terminal_stays_in_our_group() -> None:
    """In a group of its own it would be stopped at its first read."""
    master, slave = pty.openpty()
    try:
        said = ask(AT_A_TERMINAL, stdin=slave)
    finally:
        os.close(master)
        os.close(slave)
    assert said == {"terminal": True, "descriptor": True, "null": False, "contain": "process"}


def test_an_inherited_stdin_that_is_no_terminal_is_contained(run) -> None:
    if os.isatty(0):
        pytest.skip("pytest -s at a terminal")
    assert run(Cmd("true", stdin=INHERIT)).contain == "group"


def test_a_daemon_gets_away_and_does_not_hold_us(run, tag: Tag) -> None:
    result = run(Cmd(*role("daemon"), stdout=osexec.DEVNULL), timeout=LONG)
    assert result.ok
    tag.wait_count(1)
    tag.kill()


def test_a_child_in_a_new_session_is_the_minders_business(tag: Tag) -> None:
    with osexec.start(*role("new-session"), stdout=PIPE) as process:
        assert read_ready(process.stdout) == "ready"
    assert not proc.is_alive(process.pid)
    tag.wait_count(1)
    tag.kill()


def test_an_orphan_of_a_command_that_ended_by_itself_lives_on(tag: Tag) -> None:
    """Nobody ended that command. Its result names who is left, for the caller to decide."""
    with osexec.start(*role("orphan"), stdout=PIPE) as process:
        assert read_ready(process.stdout) == "ready"
        result = process.wait(LONG)
        assert result.ok
        assert [who.pid for who in result.leaked] == [seen.pid for seen in tag.alive()]
    tag.kill()
