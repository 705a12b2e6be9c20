"""leaks=: what becomes of the descendants of a command that has ended by itself.

What they are: a daemon that has closed its streams, or one that holds a pipe of ours.
"""

import math
import os
import shutil
import signal
import sys
from pathlib import Path
from time import monotonic

import pytest

import osexec
from osexec import Capture, Cmd, ExitError, LeakError, Reason, UsageError, WaitDelayExpired
from tests.contain.conftest import LetLoose
from tests.helpers.alive import Tag
from tests.helpers.drivers import Run, error_of
from tests.helpers.fresh import ask
from tests.helpers.limits import DELAY, FOREVER, GRACE, LONG, SHORT
from tests.helpers.nasty import Family
from tests.helpers.waiting import wait_until

LEAK_GRACE = 0.1
"""What a leaked process has to end by itself."""

FREE = "daemon that holds nothing"
HOLDING = "daemon that holds its streams"


def leaving(family: Family, **fields: object) -> Cmd:
    """A command that leaves the family behind, with status 0, and has said "ready"."""
    return Cmd(*family.words, **{"contain": "tree", "stdout": Capture(), **fields})


def pids(family: Family) -> list[int]:
    return [seen.pid for seen in family.alive()]


# ------------------------------------------------------------------------ allow


@pytest.mark.parametrize("fields", [{}, {"leaks": None}, {"leaks": "allow"}])
def test_allowed_it_lives_and_is_named_and_the_minder_is_gone(
    fields: dict[str, object], run: Run, let_loose: LetLoose, tag: Tag
) -> None:
    family = let_loose(FREE)
    result = run(leaving(family, **fields))
    assert tag.minders() == []
    assert result.ok
    assert result.stdout == b"ready\n"
    assert result.contain == "tree"
    assert [who.pid for who in result.leaked] == pids(family)
    assert "leave-daemon" in result.leaked[0].command
    assert result.swept == 0
    family.end()


def test_allowed_it_may_keep_a_pipe_and_the_wait_is_bounded(
    run: Run, let_loose: LetLoose, tag: Tag
) -> None:
    family = let_loose(HOLDING)
    error = error_of(run, leaving(family, leaks="allow", wait_delay=DELAY))
    assert isinstance(error, WaitDelayExpired)
    assert error.result.stdout == b"ready\n"
    assert DELAY <= error.result.elapsed < DELAY + GRACE
    assert [who.pid for who in error.result.holders] == pids(family)
    assert [who.pid for who in error.result.leaked] == pids(family)
    assert tag.minders() == []
    family.end()


def test_an_allowed_daemon_outlives_us(let_loose: LetLoose, tag: Tag) -> None:
    """As an ssh-agent does that was started by a script which is over."""
    family = let_loose(FREE)
    code = """
        import json, sys
        from osexec import DEVNULL, Cmd
        result = Cmd(*sys.argv[1:], contain="tree", leaks="allow", stdout=DEVNULL).run()
        print(json.dumps([who.pid for who in result.leaked]))
    """
    leaked = ask(code, *family.words)
    assert pids(family) == leaked
    assert tag.minders() == []
    family.end()


@pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="there is no ssh-agent here")
def test_a_real_agent_lives_and_answers(run: Run, tag: Tag, tmp_path: Path) -> None:
    socket = tmp_path / "agent"
    said = run(Cmd("ssh-agent", "-a", str(socket), contain="tree", stdout=Capture())).stdout
    assert said is not None
    assert tag.minders() == []
    pid = int(said.partition(b"SSH_AGENT_PID=")[2].partition(b";")[0])
    assert socket.is_socket()
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not tag.alive(), LONG)


# ------------------------------------------------------------------------- warn


def test_warned_of_it_lives_and_is_named(run: Run, let_loose: LetLoose, tag: Tag) -> None:
    family = let_loose(FREE)
    with pytest.warns(osexec.LeakWarning, match="leave-daemon") as caught:
        result = run(leaving(family, leaks="warn"))
    assert len(caught) == 1
    assert caught[0].filename == __file__ or "drivers" in caught[0].filename  # the caller's line
    assert issubclass(osexec.LeakWarning, ResourceWarning)
    assert result.ok
    assert [who.pid for who in result.leaked] == pids(family)
    assert tag.minders() == []
    family.end()


@pytest.mark.parametrize("leaks", ["warn", "kill", "error"])
def test_there_is_nothing_to_say_of_a_command_that_leaves_nothing(run: Run, leaks: str) -> None:
    result = run(Cmd("sh", "-c", "true & wait; exit 0", contain="tree", leaks=leaks))
    assert result.ok
    assert result.leaked == ()
    assert result.swept == 0


# ------------------------------------------------------------------- kill, error


@pytest.mark.parametrize("kind", [FREE, HOLDING])
def test_killed_it_is_gone_and_named_and_that_is_no_error(
    kind: str, run: Run, let_loose: LetLoose, tag: Tag
) -> None:
    family = let_loose(kind)
    result = run(leaving(family, leaks="kill"))
    assert family.alive() == []
    assert tag.minders() == []
    assert result.ok
    assert result.reason is Reason.EXITED
    assert result.stdout == b"ready\n"
    assert result.output_complete
    assert result.swept == len(result.leaked) == 1
    assert LEAK_GRACE <= result.elapsed < LEAK_GRACE + GRACE


@pytest.mark.parametrize("kind", [FREE, HOLDING])
def test_as_an_error_it_is_gone_and_named(
    kind: str, run: Run, let_loose: LetLoose, tag: Tag
) -> None:
    family = let_loose(kind)
    error = error_of(run, leaving(family, leaks="error"))
    assert family.alive() == []
    assert tag.minders() == []
    assert isinstance(error, LeakError)
    assert error.result.returncode == 0
    assert error.result.stdout == b"ready\n"
    assert len(error.result.leaked) == 1
    assert str(error.result.leaked[0].pid) in str(error)
    assert LEAK_GRACE <= error.result.elapsed < LEAK_GRACE + GRACE


def test_all_of_a_family_are_named(run: Run, let_loose: LetLoose) -> None:
    """Those in a session of their own, too."""
    family = let_loose("leader exits")
    result = run(leaving(family, leaks="kill"))
    assert len(result.leaked) == result.swept == family.kind.processes
    assert family.alive() == []


@pytest.mark.parametrize("contain", ["tree", "group"])
def test_what_it_wrote_is_kept(contain: str, run: Run, tag: Tag) -> None:
    line = f"(echo late; exec sleep {FOREVER}) & exit 0"
    result = run(Cmd("sh", "-c", line, contain=contain, leaks="kill", stdout=Capture()))
    assert result.stdout == b"late\n"
    assert LEAK_GRACE <= result.elapsed < LEAK_GRACE + GRACE
    assert tag.alive() == []


@pytest.mark.parametrize("contain", ["tree", "group"])
@pytest.mark.parametrize("leaks", ["kill", "error"])
def test_who_ends_in_time_is_no_leak(leaks: str, contain: str, run: Run) -> None:
    """A shell does not wait for all of a pipeline, and the kernel needs a moment for an end."""
    line = "exec >/dev/null; sleep 0.02 & exit 0"
    result = run(Cmd("sh", "-c", line, contain=contain, leaks=leaks))
    assert result.ok
    assert result.leaked == ()
    assert result.swept == 0


@pytest.mark.parametrize("leaks", ["kill", "error"])
def test_a_group_is_treated_the_same(leaks: str, run: Run, tag: Tag) -> None:
    cmd = Cmd("sh", "-c", f"sleep {FOREVER} & exit 0", contain="group", leaks=leaks)
    if leaks == "kill":
        result = run(cmd)
    else:
        error = error_of(run, cmd)
        assert isinstance(error, LeakError)
        result = error.result
    assert tag.alive() == []
    assert [who.command for who in result.leaked] == [f"sleep {FOREVER}"]


def test_a_leak_is_the_least_of_what_went_wrong(run: Run, tag: Tag) -> None:
    line = f"sleep {FOREVER} & exit 3"
    error = error_of(run, Cmd("sh", "-c", line, contain="tree", leaks="error"))
    assert isinstance(error, ExitError)
    assert not isinstance(error, LeakError)
    assert error.result.returncode == 3
    assert [type(one) for one in error.result.errors] == [ExitError, LeakError]
    assert tag.alive() == []


def test_who_has_lost_its_main_thread_is_seen(run: Run, let_loose: LetLoose, tmp_path) -> None:
    """/proc shows it as a zombie, and it lives."""
    family, said = let_loose("main thread ended"), tmp_path / "said"
    line = '"$@" >"$SAID" & until grep -q ready "$SAID"; do sleep 0.01; done; exit 0'
    env = {"SAID": str(said)}
    cmd = Cmd("sh", "-c", line, "sh", *family.words, contain="tree", leaks="kill", extra_env=env)
    result = run(cmd)
    assert family.alive() == []
    assert len(result.leaked) == result.swept == family.kind.processes


# ------------------------------------------------------------- ended by the context


@pytest.mark.parametrize("leaks", ["allow", "warn", "kill", "error"])
def test_whatever_was_said_all_end_with_the_context(
    leaks: str, run: Run, let_loose: LetLoose, tag: Tag
) -> None:
    """The leader has exited, and a pipe of ours is held, when the time is up."""
    family = let_loose(HOLDING)
    cmd = leaving(family, leaks=leaks)
    if leaks in ("kill", "error"):  # not even an hour of grace would do
        cmd = Cmd("sh", "-c", f"sleep {FOREVER} & sleep {FOREVER}", contain="tree", leaks=leaks)
    error = error_of(run, cmd, timeout=SHORT / 2)
    assert isinstance(error, osexec.DeadlineExceeded)
    assert not isinstance(error, LeakError)
    assert error.result.leaked == ()
    assert family.alive() == []
    assert tag.alive() == []
    assert tag.minders() == []


@pytest.mark.parametrize("leaks", ["allow", "kill"])
def test_a_block_that_is_left_early_ends_all(leaks: str, let_loose: LetLoose, tag: Tag) -> None:
    family = let_loose("tree")
    with leaving(family, leaks=leaks).start() as process:
        wait_until(lambda: len(family.alive()) == family.kind.processes)
    assert process.result is not None
    assert process.result.leaked == ()
    assert family.alive() == []
    assert tag.minders() == []


def test_the_grace_of_a_leak_ends_with_the_context(run: Run, let_loose: LetLoose) -> None:
    """A leak that is being waited for does not make a cancel late."""
    family = let_loose(HOLDING)
    begin = monotonic()
    try:
        run(leaving(family, leaks="kill", wait_delay=math.inf), timeout=LEAK_GRACE / 2)
    except osexec.DeadlineExceeded as error:
        assert error.result is not None  # noqa: PT017  either end is right
    assert monotonic() - begin < LEAK_GRACE + GRACE
    assert family.alive() == []


# ------------------------------------------------------------------------ refused


@pytest.mark.parametrize("leaks", ["warn", "kill", "error"])
def test_a_process_alone_can_not_be_held_to_it(leaks: str) -> None:
    with pytest.raises(UsageError, match="leaks"):
        Cmd("true", contain="process", leaks=leaks)


@pytest.mark.parametrize("leaks", ["", "KILL", "deny", 1, True, b"kill"])
def test_a_word_that_is_not_there_is_refused(leaks: object) -> None:
    with pytest.raises(UsageError, match="leaks"):
        Cmd("true", leaks=leaks)  # type: ignore[arg-type]


def test_interpreters_say_the_same(run: Run) -> None:
    """A command that starts a pool and joins it leaves nothing."""
    code = "import subprocess; subprocess.run(['true'])"
    assert run(Cmd(sys.executable, "-I", "-S", "-c", code, contain="tree", leaks="error")).ok
