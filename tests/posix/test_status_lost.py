"""Somebody else takes the status: the truth if the kernel kept it, else an error, never success."""

import os
import platform

import pytest

import osexec
from osexec import Capture, Cmd, Reason, StatusLostError
from osexec._posix import probe
from osexec._posix.process import Child
from tests.helpers.fresh import ask
from tests.helpers.limits import LONG, SHORT

KERNEL = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])
needs_exit_info = pytest.mark.skipif(
    KERNEL < (6, 15) or not probe.can("pidfd_info"),
    reason="PIDFD_GET_INFO tells the exit status since Linux 6.15",
)

IGNORED = """
    import json, signal, sys
    import osexec
    from osexec import Capture, Cmd
    from osexec._posix import probe

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    probe.ANSWERS["minder"] = False
    for word in sys.argv[2:]:
        name, _, value = word.partition("=")
        probe.ANSWERS[name] = value == "yes"
    said = []
    for script in ("exit 9", "echo out", "kill -TERM $$", "sleep 1000"):
        # Its input comes when we have its pidfd; a child that has ended before is lost to all.
        words = ("sh", "-c", f"read go; {script}")
        cmd = Cmd(*words, stdin=b"go\\n", stdout=Capture(), timeout=float(sys.argv[1]))
        for way in ("run", "start"):
            try:
                result = cmd.run() if way == "run" else cmd.start().wait()
                said.append([script, way, "success", result.returncode])
            except osexec.Error as error:
                code = error.result.returncode
                said.append([script, way, type(error).__name__, code, error.result.stdout.decode()])
    try:
        Cmd("/no/such/program").run()
    except osexec.StartError as error:
        said.append(error.filename)
    print(json.dumps(said))
"""

SPAWNERS = pytest.mark.parametrize("spawner", ["fork_exec=yes", "fork_exec=no"])


@needs_exit_info
@SPAWNERS
def test_with_sigchld_ignored_the_kernel_still_tells_the_status(spawner: str) -> None:
    said = ask(IGNORED, SHORT, spawner)
    assert said.pop() == "/no/such/program"
    for way in ("run", "start"):
        mine = [row for row in said if row[1] == way]
        assert mine == [
            ["exit 9", way, "ExitError", 9, ""],
            ["echo out", way, "success", 0],
            ["kill -TERM $$", way, "ExitError", -15, ""],
            ["sleep 1000", way, "ExitDeadlineExceeded", -9, ""],
        ]


@SPAWNERS
@pytest.mark.parametrize(
    "blind", [("pidfd_info=no",), ("pidfd=no", "pidfd_group=no")], ids=["no info", "no pidfd"]
)
def test_with_sigchld_ignored_a_lost_status_is_an_error(spawner: str, blind: tuple) -> None:
    said = ask(IGNORED, SHORT, spawner, *blind)
    assert said.pop() == "/no/such/program"
    assert [row[2] for row in said] == ["StatusLostError"] * 8
    assert {row[3] for row in said} == {None}
    assert [row[4] for row in said if row[0] == "echo out"] == ["out\n", "out\n"]


@pytest.fixture
def thief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another part of the program collects every child that has ended, always before we look."""
    real = Child.peek

    def peek(child: Child) -> object:
        try:
            os.waitpid(child.pid, os.WNOHANG)
        except ChildProcessError:
            pass
        return real(child)

    monkeypatch.setattr(Child, "peek", peek)


def lost(cmd: Cmd, verb: str) -> osexec.Error:
    """The error of a command whose status was stolen."""

    def go() -> None:
        if verb == "run":
            cmd.run()
        else:
            cmd.start().wait(LONG)

    with pytest.raises(osexec.Error) as caught:
        go()
    return caught.value


@pytest.mark.usefixtures("thief")
@pytest.mark.parametrize("verb", ["run", "start"])
@pytest.mark.parametrize("script", ["exit 0", "exit 9", "kill -9 $$"])
@pytest.mark.parametrize("facility", ["pidfd", "pidfd_info"])
def test_a_stolen_status_is_an_error(facility, script, verb, monkeypatch) -> None:
    monkeypatch.setitem(probe.ANSWERS, facility, False)
    monkeypatch.setitem(probe.ANSWERS, "pidfd_group", facility != "pidfd")
    error = lost(Cmd("sh", "-c", f"echo out; {script}", stdout=Capture()), verb)
    assert type(error) is StatusLostError
    assert error.result.reason is Reason.STATUS_LOST
    assert error.result.returncode is None
    assert error.result.exit_code is None
    assert error.result.rusage is None
    assert error.result.stdout == b"out\n"
    assert not error.result.ok


@needs_exit_info
@pytest.mark.usefixtures("thief")
@pytest.mark.parametrize("verb", ["run", "start"])
def test_a_stolen_status_that_the_kernel_kept_is_true(verb: str) -> None:
    error = lost(Cmd("sh", "-c", "exit 9"), verb)
    assert type(error) is osexec.ExitError
    assert error.result.returncode == 9
    assert error.result.reason is Reason.EXITED


@pytest.mark.usefixtures("thief")
def test_check_off_does_not_hide_a_lost_status(monkeypatch) -> None:
    monkeypatch.setitem(probe.ANSWERS, "pidfd_info", False)
    assert type(lost(Cmd("true", check=False), "run")) is StatusLostError


@pytest.mark.usefixtures("thief")
def test_a_second_wait_says_the_same(monkeypatch) -> None:
    monkeypatch.setitem(probe.ANSWERS, "pidfd_info", False)
    process = osexec.start("true")
    errors = []
    for _ in range(2):
        with pytest.raises(StatusLostError) as caught:
            process.wait(LONG)
        errors.append(caught.value)
    assert errors[0].result is errors[1].result
    assert str(errors[0]) == str(errors[1])
    assert process.poll() is errors[0].result


@pytest.mark.parametrize("verb", ["run", "start"])
def test_a_status_stolen_between_the_look_and_the_reap_is_known(verb: str, monkeypatch) -> None:
    real = os.wait4

    def wait4_after_a_thief(pid: int, options: int) -> object:
        os.waitpid(pid, 0)
        return real(pid, options)

    monkeypatch.setattr("os.wait4", wait4_after_a_thief)
    error = lost(Cmd("sh", "-c", "exit 9"), verb)
    assert error.result.returncode == 9
    assert error.result.rusage is None


THIEF_THREAD = """
    import json, os, threading
    import osexec
    from osexec import Cmd
    from osexec._posix import probe

    probe.ANSWERS["pidfd_info"] = False

    def steal():
        while not stop.is_set():
            try:
                os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                pass

    stop = threading.Event()
    thread = threading.Thread(target=steal)
    thread.start()
    seen = {}
    for turn in range(100):
        try:
            Cmd("sh", "-c", "exit 9").run()
            what = "success"
        except osexec.ExitError as error:
            what = error.returncode
        except osexec.StatusLostError:
            what = "lost"
        seen[what] = seen.get(what, 0) + 1
    stop.set()
    thread.join()
    print(json.dumps(seen))
"""


def test_a_thread_that_waits_for_any_child_never_makes_a_success() -> None:
    seen = ask(THIEF_THREAD)
    assert sum(seen.values()) == 100
    assert set(seen) <= {"9", "lost"}
