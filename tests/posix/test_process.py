"""One child: its exit noticed, its status read once, and never a signal to a stranger."""

import errno
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import osexec
from osexec import PIPE, Canceled, Cmd, ExitError, Reason
from osexec._posix.process import Child
from tests.helpers import proc
from tests.helpers.limits import FOREVER, LONG
from tests.helpers.ready import read_ready
from tests.helpers.roles import role
from tests.helpers.waiting import wait_until

SLEEP = ("sleep", str(FOREVER))
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


class Sent:
    """Every signal that leaves this process, noted on its way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, object, int]] = []
        self.after: Callable[[], bool] = lambda: False
        for name in ("os.kill", "os.killpg", "signal.pidfd_send_signal"):
            self._watch(monkeypatch, name)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        module, function = name.split(".")
        real = getattr({"os": os, "signal": signal}[module], function)

        def note(target: object, number: int, *rest: object) -> object:
            self.calls.append((name, target, number))
            return real(target, number, *rest)

        monkeypatch.setattr(name, note)

    def take(self) -> list[tuple[str, object, int]]:
        """What was sent since the last look; 0 asks and sends nothing."""
        calls, self.calls = self.calls, []
        return [call for call in calls if call[2] != 0]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The signals that are sent from here on."""
    return Sent(monkeypatch)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_the_status_is_the_childs_own(code: int) -> None:
    result = Cmd("sh", "-c", f"exit {code}", check=False).run()
    assert (result.returncode, result.exit_code, result.signal) == (code, code, None)
    assert result.reason is Reason.EXITED
    assert result.rusage is not None


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_death_by_a_signal_is_told_by_its_name(number: signal.Signals) -> None:
    result = Cmd("sh", "-c", f"kill -{number} $$", check=False).run()
    assert (result.returncode, result.exit_code, result.signal) == (-number, -1, number)
    assert result.reason is Reason.SIGNALLED


@pytest.mark.usefixtures("kernel", "spawner")
def test_a_started_child_is_noticed_when_it_ends() -> None:
    with osexec.start("cat", stdin=PIPE) as process:
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(LONG).ok
    assert proc.look(process.pid) is None or process.pid not in proc.children()


@pytest.mark.usefixtures("kernel")
def test_a_signal_reaches_the_child() -> None:
    with osexec.start(*role("tell-signals"), stdout=PIPE) as process:
        assert read_ready(process.stdout) == "ready"
        for name, number in (("HUP", 1), ("SIGUSR1", 10), (signal.SIGINT, 2), (15, 15)):
            process.signal(name)
            assert read_ready(process.stdout) == f"signal {number}"


@pytest.mark.usefixtures("kernel")
def test_no_signal_is_sent_once_the_child_is_reaped(sent: Sent) -> None:
    process = osexec.start("true")
    process.wait()
    sent.take()
    for send in (process.kill, process.terminate, lambda: process.signal("HUP")):
        with pytest.raises(ProcessLookupError):
            send()
    process.cancel()
    with process:
        pass
    assert sent.take() == []


@pytest.mark.usefixtures("kernel")
def test_no_signal_is_sent_after_a_run_that_ended_in_time(sent: Sent) -> None:
    Cmd("true").run(timeout=LONG)
    osexec.start("true", timeout=LONG).wait()
    assert sent.take() == []


@pytest.mark.usefixtures("kernel")
def test_a_group_is_signalled_before_its_leader_is_reaped_or_by_its_pidfd(sent: Sent) -> None:
    reaped: list[int] = []
    real = Child.reap

    def reap(child: Child) -> object:
        status = real(child)
        if child.reaped:
            reaped.append(child.pid)
        return status

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Child, "reap", reap)
        process = osexec.start("sh", "-c", f"sleep {FOREVER} & echo ready; wait", stdout=PIPE)
        with process:
            assert read_ready(process.stdout) == "ready"
            late: list[object] = []
            real_killpg = os.killpg

            def killpg(group: int, number: int) -> None:
                late.extend(pid for pid in reaped if pid == group)
                real_killpg(group, number)

            patch.setattr("os.killpg", killpg)
    assert reaped
    assert late == []


def stranger_with(pid: int) -> int:
    """A process of ours with a number that was free; makes others until it comes by."""
    for _ in range(20):
        LAST_PID.write_text(str(pid - 1))
        made = os.posix_spawnp("sleep", SLEEP, os.environ)
        if made == pid:
            return made
        os.kill(made, signal.SIGKILL)
        os.waitpid(made, 0)
    pytest.skip("the number was not to be had again")


needs_last_pid = pytest.mark.skipif(
    not os.access(LAST_PID, os.W_OK), reason="only root of a kernel with ns_last_pid picks pids"
)


@needs_last_pid
@pytest.mark.usefixtures("kernel")
def test_a_stranger_with_the_same_pid_is_not_hit_after_the_end() -> None:
    process = osexec.start("true")
    process.wait()
    stranger = stranger_with(process.pid)
    try:
        for send in (process.kill, process.terminate):
            with pytest.raises(ProcessLookupError):
                send()
        process.cancel()
        assert proc.is_alive(stranger)
    finally:
        os.kill(stranger, signal.SIGKILL)
        os.waitpid(stranger, 0)


@needs_last_pid
def test_a_stranger_is_not_hit_when_the_child_was_reaped_behind_our_back(gate) -> None:
    """Only a pidfd can know: between somebody else's reap and our look the number is free."""
    told = threading.Event()

    def cancel(process: osexec.Process) -> None:
        told.set()
        gate.wait(LONG)
        process.signal(signal.SIGKILL)

    with osexec.start("cat", stdin=PIPE, cancel=cancel, contain="process", timeout=LONG) as process:
        process.cancel()
        assert told.wait(LONG)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        # The cancel function is still out, so nothing has been reaped by us.
        try:
            os.waitpid(process.pid, 0)
        except ChildProcessError:
            pytest.fail("the child was reaped while its cancel function was out")
        stranger = stranger_with(process.pid)
        try:
            gate.set()
            with pytest.raises(osexec.Error):
                process.wait(LONG)
            assert proc.is_alive(stranger)
        finally:
            os.kill(stranger, signal.SIGKILL)
            os.waitpid(stranger, 0)


@pytest.mark.usefixtures("kernel")
def test_a_child_that_may_not_be_signalled_is_a_permission_error(monkeypatch) -> None:
    def refuse(*args: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with osexec.start("cat", stdin=PIPE) as process, monkeypatch.context() as patch:
        patch.setattr("signal.pidfd_send_signal", refuse)
        patch.setattr("os.kill", refuse)
        with pytest.raises(PermissionError):
            process.kill()


@pytest.mark.usefixtures("kernel")
def test_a_zombie_of_the_hosts_own_is_left_to_the_host() -> None:
    pid = os.posix_spawnp("true", ["true"], os.environ)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    Cmd("true").run()
    osexec.start("true").wait()
    assert os.waitpid(pid, os.WNOHANG) == (pid, 0)


@pytest.mark.usefixtures("kernel")
def test_a_stopped_child_has_not_ended() -> None:
    with osexec.start(*role("stop-self"), stdout=PIPE) as process:
        assert read_ready(process.stdout) == "ready"
        wait_until(lambda: (proc.look(process.pid) or 0) and proc.look(process.pid).state == "T")
        assert process.poll() is None
    assert isinstance(process.result.errors[0], ExitError)
    assert isinstance(process.result.errors[0], Canceled)


@pytest.mark.usefixtures("kernel")
def test_a_core_dump_is_told_as_the_kernel_tells_it(tmp_path: Path) -> None:
    for limit in ("0", "unlimited"):
        words = ("sh", "-c", f"ulimit -c {limit} && kill -SEGV $$")
        result = Cmd(*words, cwd=tmp_path, check=False).run()
        pid = os.posix_spawnp("env", ("env", "-C", str(tmp_path), *words), os.environ)
        _, status = os.waitpid(pid, 0)
        assert result.returncode == os.waitstatus_to_exitcode(status)
        assert result.core_dumped == os.WCOREDUMP(status)
