"""SIGNAL, to the command and to the whole tree: who gets what."""

import errno
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, SHORT, SOON
from tests.helpers.waiting import wait_until
from tests.minder.builds import IS_ROOT, Build
from tests.minder.families import FAMILIES, begun, below, kinds, line
from tests.minder.harness import Watched, group
from tests.minder.layout import Kind

PIPE = subprocess.PIPE


@pytest.fixture
def build(tree_build: Build) -> Build:
    """Each kind of build, and each way to find a child."""
    return tree_build


@pytest.fixture(autouse=True)
def nothing_is_left(tag: Tag) -> Iterator[None]:
    """Whatever the orders were, at the end of the test all have ended."""
    yield
    tag.wait_gone()


@pytest.mark.parametrize("whole_tree", [False, True])
def test_a_signal_reaches_the_command(build: Build, whole_tree: bool) -> None:
    with build.role("signals", stdout=PIPE) as client:
        begun(client)
        for number in (1, 2, 3, 10, 12, 15, 34, 64):
            client.signal(number, whole_tree)
            # In a whole tree some may have stopped, and would not notice: they come in any order.
            expected = {f"signal {number}", *(["signal 18"] if whole_tree else [])}
            assert {line(client) for _ in expected} == expected
        client.quiet(SOON)


@pytest.mark.parametrize("whole_tree", [False, True])
def test_sigcont_comes_once(build: Build, whole_tree: bool) -> None:
    with build.role("signals", stdout=PIPE) as client:
        begun(client)
        client.signal(signal.SIGCONT, whole_tree)
        assert line(client) == "signal 18"
        client.signal(signal.SIGUSR1)
        assert line(client) == "signal 10"


def test_sigkill_ends_it(build: Build) -> None:
    with build.role("signals", stdout=PIPE) as client:
        begun(client)
        client.signal(signal.SIGKILL)
        exited = client.exited()
        assert (exited.status, exited.empty) == (9, 1)
        client.ended()


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN])
@pytest.mark.parametrize("whole_tree", [False, True])
def test_a_stopping_signal_stops_it(build: Build, number: signal.Signals, whole_tree: bool) -> None:
    with group() as there, build.role("deep", 1, stdout=PIPE, process_group=there) as client:
        pid = begun(client)
        (child,) = below(client) - {pid}
        reached = {pid, child} if whole_tree else {pid}
        os.kill(pid, number)  # as it is by hand: the kernel ignores some of them in some groups
        wait_until(lambda: state(pid) == "T", what="it stops")
        client.signal(signal.SIGCONT)
        wait_until(lambda: state(pid) == "S", what="it goes on")
        client.signal(number, whole_tree)
        wait_until(lambda: {state(each) for each in reached} == {"T"}, SHORT * 10, "they stop")
        assert state(child) == "T" or not whole_tree
        client.signal(signal.SIGCONT, whole_tree)
        wait_until(lambda: {state(each) for each in reached} == {"S"}, what="they go on")


def state(pid: int) -> str:
    seen = proc.look(pid)
    return "" if seen is None else seen.state


@pytest.mark.parametrize("whole_tree", [False, True])
def test_a_stopped_command_receives_a_signal(build: Build, whole_tree: bool) -> None:
    with build.start("/bin/sleep", str(FOREVER)) as client:
        pid = client.started()
        client.signal(signal.SIGSTOP)
        wait_until(lambda: state(pid) == "T", what="it stops")
        client.signal(signal.SIGTERM, whole_tree)
        if not whole_tree:  # it waits until it is continued, as by kill(1)
            client.quiet(SOON)
            assert state(pid) == "T"
            client.signal(signal.SIGCONT)
        assert client.exited().status == signal.SIGTERM


def test_a_signal_to_the_command_alone(build: Build) -> None:
    with build.role("many", 3, stdout=PIPE) as client:
        pid = begun(client)
        others = below(client) - {pid}
        assert len(others) == 3
        client.signal(signal.SIGTERM)
        exited = client.exited()
        assert (exited.status, exited.empty) == (signal.SIGTERM, 0)
        assert below(client) == others


@pytest.mark.parametrize("family", FAMILIES)
def test_a_signal_to_the_whole_tree(build: Build, family: str, tag: Tag) -> None:
    # Whoever it reaches ends; parents die first, and their children move up meanwhile.
    if family.startswith("stubborn"):
        number = signal.SIGKILL
    else:
        number = signal.SIGTERM
    with build.role(*family.split(), stdout=PIPE) as client:
        begun(client, 3 if family == "threads" else 1)
        wait_until(lambda: len(below(client)) == FAMILIES[family], what="all are there")
        client.signal(number, whole_tree=True)
        assert client.exited().status == number
        wait_until(lambda: not below(client), SHORT * 10, what="all have got it")


def test_a_tree_that_was_reached_is_empty(build: Build) -> None:
    with build.role("many", 5, stdout=PIPE) as client:
        begun(client)
        client.signal(signal.SIGTERM, whole_tree=True)
        *first, last = client.rest()
        if last.kind == Kind.EMPTY:
            assert kinds(first) == [Kind.EXITED]
            assert last.swept == 0  # nobody swept
        else:
            assert first == [] and last.empty == 1


def test_a_daemon_is_in_the_tree(build: Build) -> None:
    with build.role("daemon", stdout=PIPE) as client:
        client.started()
        exited = client.exited()
        assert (exited.status, exited.empty) == (0, 0)
        (pid,) = below(client)
        client.signal(signal.SIGTERM, whole_tree=True)
        assert client.expect(Kind.EMPTY).swept == 0
        client.ended()
        assert not proc.is_alive(pid)


def test_a_signal_after_the_end_of_the_command_changes_nothing(build: Build) -> None:
    with build.role("many", 1, 0, stdout=PIPE) as client:
        begun(client)
        client.exited()
        others = below(client)
        client.signal(signal.SIGTERM)
        client.send(b"?")
        reports = [client.report()]
        if reports[0] is not None and reports[0].order == Kind.SIGNAL:
            reports.append(client.report())
        assert reports[-1] is not None and reports[-1].order == ord("?")
        assert below(client) == others


@pytest.mark.skipif(not IS_ROOT, reason="only root can make a command another user's")
def test_a_signal_that_the_kernel_refuses(build: Build) -> None:
    # A command of root's, below a minder that is not: as a set-uid program would be.
    setuid = build.command.with_name("setuid-command")
    if not setuid.exists():
        setuid.write_bytes(build.command.read_bytes())
        setuid.chmod(0o4755)
    options = {"user": 65534, "group": 65534, "extra_groups": [], "stdout": PIPE}
    with build.start(setuid, "root", "many", "2", **options) as client:
        pid = begun(client)
        with Watched(pid) as watched:
            client.signal(signal.SIGTERM)
            refused = client.expect(Kind.REFUSED)
            assert refused.members["order"] == Kind.SIGNAL
            assert (refused.error, refused.pid) == (errno.EPERM, pid)
            client.sweep()
            refused = client.expect(Kind.REFUSED)
            assert refused.members["order"] == Kind.SWEEP
            assert (refused.error, refused.pid) == (errno.EPERM, pid)
            client.quiet(SHORT)  # once is enough
            for each in below(client):
                os.kill(each, signal.SIGKILL)
            watched.wait_over()
            assert kinds(client.rest())[0] == Kind.EXITED
