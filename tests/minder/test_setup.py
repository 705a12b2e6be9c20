"""Every flag of SETUP, seen from the outside at the command that got it."""

import os
import pty
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.copies import Copy
from tests.helpers.limits import FOREVER
from tests.helpers.waiting import wait_until
from tests.minder.builds import IS_ROOT, Build
from tests.minder.harness import Watched, limit_of, stat_of, status_of
from tests.minder.layout import Flag, Setup

SLEEP = ("/bin/sleep", str(FOREVER))
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root may do that")


class Running:
    """A command that sleeps, set up as it was asked for; `pid` is its own."""

    def __init__(self, build: Build, setup: Setup, **options: Any) -> None:
        self.client = build.start(*SLEEP, setup=setup, **options)
        self._is_minded = setup.flags & Flag.SUPERVISE
        self.pid = self.client.pid

    def __enter__(self) -> int:
        self.client.__enter__()
        if self._is_minded:
            self.pid = self.client.started()
        else:
            assert self.client.report() is None
        return self.pid

    def __exit__(self, *error: Any) -> None:
        if not self._is_minded:
            os.kill(self.pid, signal.SIGKILL)
        self.client.__exit__(*error)


def test_nothing_asked_nothing_changed(build: Build, way: Flag) -> None:
    with Running(build, Setup(flags=way)) as pid:
        ours, its = status_of(os.getpid()), status_of(pid)
        for name in ("Umask", "Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "CapEff", "CapBnd"):
            assert its[name] == ours[name], name
        assert stat_of(pid)["nice"] == os.getpriority(os.PRIO_PROCESS, 0)
        assert os.readlink(f"/proc/{pid}/cwd") == os.getcwd()
        for which in range(16):
            assert limit_of(pid, which) == resource.getrlimit(which)


@pytest.mark.parametrize("name", [b"dir", b"\xff odd \n", b"x" * 200])
def test_cwd(build: Build, way: Flag, tmp_path: Path, name: bytes) -> None:
    cwd = os.path.join(os.fsencode(tmp_path), name)
    os.mkdir(cwd)
    with Running(build, Setup(flags=way, cwd=cwd)) as pid:
        assert os.readlink(os.fsencode(f"/proc/{pid}/cwd")) == cwd


def test_a_relative_path_is_looked_up_in_cwd(build: Build, way: Flag, tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to("/bin/sleep")
    setup = Setup(flags=way, cwd=os.fsencode(tmp_path))
    with build.start("x", str(FOREVER), path="./here", setup=setup) as client:
        if way:
            assert client.started()
        else:
            assert client.report() is None
            os.kill(client.pid, signal.SIGKILL)


def test_the_minder_does_not_keep_a_folder_busy(build: Build, tmp_path: Path) -> None:
    with build.start(*SLEEP, setup=Setup(cwd=b"/"), cwd=tmp_path) as client:
        client.started()
        wait_until(lambda: os.readlink(f"/proc/{client.pid}/cwd") == "/", what="it is in /")


@pytest.mark.parametrize("umask", [0, 0o27, 0o777])
def test_umask(build: Build, way: Flag, umask: int) -> None:
    with Running(build, Setup(flags=way | Flag.SET_UMASK, umask=umask)) as pid:
        assert int(status_of(pid)["Umask"], 8) == umask


def test_a_session_of_its_own(build: Build, way: Flag) -> None:
    with Running(build, Setup(flags=way | Flag.NEW_SESSION)) as pid:
        stat = stat_of(pid)
        assert stat["session"] == stat["pgrp"] == pid
        assert stat["tty"] == 0


def test_a_group_of_its_own(build: Build, way: Flag) -> None:
    with Running(build, Setup(flags=way | Flag.SET_GROUP)) as pid:
        stat = stat_of(pid)
        assert stat["pgrp"] == pid
        assert stat["session"] == os.getsid(0)


def test_the_group_of_another(build: Build, way: Flag) -> None:
    with Running(build, Setup(flags=Flag.SUPERVISE | Flag.SET_GROUP)) as leader:
        joins = Setup(flags=way | Flag.SET_GROUP, process_group=leader)
        with Running(build, joins) as pid:
            assert stat_of(pid)["pgrp"] == leader


@pytest.mark.parametrize("nice", [1, 5, 19, 100])
def test_nice_is_added(build: Build, way: Flag, nice: int) -> None:
    begin = os.getpriority(os.PRIO_PROCESS, 0)
    with Running(build, Setup(flags=way | Flag.SET_NICE, nice=nice)) as pid:
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, begin + nice)


@needs_root
@pytest.mark.parametrize("nice", [-5, -100, -(2**31), 2**31 - 1])
def test_nice_of_root(build: Build, nice: int) -> None:
    begin = os.getpriority(os.PRIO_PROCESS, 0)
    with Running(build, Setup(flags=Flag.SUPERVISE | Flag.SET_NICE, nice=nice)) as pid:
        assert os.getpriority(os.PRIO_PROCESS, pid) == max(-20, min(19, begin + nice))


def test_nice_is_the_commands_alone(build: Build) -> None:
    with build.start(*SLEEP, setup=Setup(flags=Flag.SUPERVISE | Flag.SET_NICE, nice=7)) as client:
        client.started()
        assert os.getpriority(os.PRIO_PROCESS, client.pid) == os.getpriority(os.PRIO_PROCESS, 0)


def test_limits(build: Build, way: Flag) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = {
        resource.RLIMIT_NOFILE: (64, most),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_CPU: (1000, 2000),
        resource.RLIMIT_FSIZE: (2**40 + 1, 2**40 + 2),
    }
    setup = Setup(flags=way, limits=[(which, *both) for which, both in wanted.items()])
    with Running(build, setup) as pid:
        assert {which: limit_of(pid, which) for which in wanted} == wanted
        assert limit_of(pid, resource.RLIMIT_STACK) == resource.getrlimit(resource.RLIMIT_STACK)


def test_the_last_of_two_limits_counts(build: Build) -> None:
    which = resource.RLIMIT_CPU
    setup = Setup(limits=[(which, 10, 20), (which, 5, 15)])
    with Running(build, setup) as pid:
        assert limit_of(pid, which) == (5, 15)


def test_no_new_privileges(build: Build, way: Flag) -> None:
    with Running(build, Setup(flags=way | Flag.NO_NEW_PRIVS)) as pid:
        assert status_of(pid)["NoNewPrivs"] == "1"


@needs_root
def test_groups_gid_and_uid(build: Build, way: Flag) -> None:
    flags = way | Flag.SET_GROUPS | Flag.SET_GID | Flag.SET_UID
    setup = Setup(flags=flags, groups=[7, 8, 0x7FFFFFFF], gid=1234, uid=5678)
    with Running(build, setup) as pid:
        status = status_of(pid)
        assert status["Uid"].split() == ["5678"] * 4
        assert status["Gid"].split() == ["1234"] * 4
        assert set(status["Groups"].split()) == {"7", "8", str(0x7FFFFFFF)}
        assert int(status["CapEff"], 16) == 0


@needs_root
@pytest.mark.parametrize("groups", [[], [100], range(1, 1001)], ids=["none", "one", "thousand"])
def test_any_number_of_groups(build: Build, groups: list[int]) -> None:
    setup = Setup(flags=Flag.SUPERVISE | Flag.SET_GROUPS, groups=groups)
    with Running(build, setup) as pid:
        assert sorted(map(int, status_of(pid)["Groups"].split())) == list(groups)


@needs_root
def test_another_user_dies_with_its_minder_too(build: Build) -> None:
    flags = Flag.SUPERVISE | Flag.SET_GID | Flag.SET_UID
    setup = Setup(flags=flags, gid=65534, uid=65534)
    with build.start(*SLEEP, setup=setup) as client, Watched(client.started()) as watched:
        os.kill(client.pid, signal.SIGKILL)
        client.gone()
        watched.wait_over()


# A terminal


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a new terminal that is nobody's."""
    ours, its = pty.openpty()
    yield ours, its
    os.close(ours)
    os.close(its)


TERMINAL = Flag.NEW_SESSION | Flag.SET_TERMINAL


def test_a_terminal_of_its_own(build: Build, way: Flag, terminal: tuple[int, int]) -> None:
    ours, its = terminal
    setup = Setup(flags=way | TERMINAL | Flag.FOREGROUND, terminal=0)
    with Running(build, setup, stdin=its, stdout=its) as pid:
        stat = stat_of(pid)
        assert stat["tty"] == os.fstat(its).st_rdev
        assert stat["session"] == stat["foreground"] == pid
        assert os.tcgetpgrp(ours) == pid


def test_the_terminal_is_as_the_command_numbers_it(
    build: Build, way: Flag, terminal: tuple[int, int]
) -> None:
    _, its = terminal
    flags = way | TERMINAL | Flag.FOREGROUND | Flag.PLACE_FILES
    setup = Setup(flags=flags, terminal=4, files=[-1, its])
    with Running(build, setup, pass_fds=[its]) as pid:
        assert stat_of(pid)["tty"] == os.fstat(its).st_rdev
        assert stat_of(pid)["foreground"] == pid


def test_a_hang_up_reaches_the_command(build: Build) -> None:
    ours, its = pty.openpty()
    setup = Setup(flags=Flag.SUPERVISE | TERMINAL, terminal=0)
    try:
        with build.start(*SLEEP, setup=setup, stdin=its) as client:
            client.started()
            os.close(ours)
            ours = -1
            assert client.exited().status == signal.SIGHUP
    finally:
        os.close(its)
        if ours >= 0:
            os.close(ours)


def in_a_session(build: Build, terminal: tuple[int, int], setup: Setup, **options: Any) -> Copy:
    """A copy of us that has the terminal as its own, and gives it to a command.

    Taking it back is not the minder's, which is in another session.
    """
    ours, its = terminal

    def act() -> None:
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.setsid()
        os.close(os.open(os.ttyname(its), os.O_RDWR))  # becomes ours
        assert os.tcgetpgrp(its) == os.getpgrp()
        with build.start(
            "/bin/sh", "-c", "read line; exit 5", setup=setup, stdin=its, **options
        ) as client:
            pid = client.started()
            assert stat_of(pid)["pgrp"] == pid
            assert os.tcgetpgrp(its) == pid
            os.write(ours, b"a line\n")  # reading in the background would stop it
            assert client.exited().status == 5 << 8
            client.ended()

    return Copy(act)


def test_the_foreground_is_given_away(build: Build, terminal: tuple[int, int]) -> None:
    flags = Flag.SUPERVISE | Flag.SET_GROUP | Flag.FOREGROUND
    in_a_session(build, terminal, Setup(flags=flags, terminal=0, owner=None)).wait()


def test_the_foreground_is_given_away_by_a_placed_file(
    build: Build, terminal: tuple[int, int]
) -> None:
    flags = Flag.SUPERVISE | Flag.SET_GROUP | Flag.FOREGROUND | Flag.PLACE_FILES
    setup = Setup(flags=flags, terminal=3, files=[terminal[1]])
    in_a_session(build, terminal, setup, pass_fds=[terminal[1]]).wait()


def test_reading_the_terminal_in_the_callers_group(build: Build, terminal: tuple[int, int]) -> None:
    # Without a group of its own the command may read, since it is where its caller is.
    ours, its = terminal

    def act() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.setsid()
        os.close(os.open(os.ttyname(its), os.O_RDWR))
        with build.start("/bin/sh", "-c", "read line; exit 5", stdin=its) as client:
            client.started()
            os.write(ours, b"a line\n")
            assert client.exited().status == 5 << 8

    Copy(act).wait()


def test_ctrl_c_reaches_the_command_and_not_the_minder(
    build: Build, terminal: tuple[int, int]
) -> None:
    ours, its = terminal

    def act() -> None:
        signal.signal(signal.SIGINT, lambda number, frame: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.setsid()
        os.close(os.open(os.ttyname(its), os.O_RDWR))
        script = "trap 'exit 6' INT; echo ready; while :; do sleep 0.01; done"
        options = {"stdin": its, "stdout": subprocess.PIPE}
        with build.start("/bin/sh", "-c", script, **options) as client:
            client.started()
            assert client.popen.stdout is not None
            assert client.popen.stdout.readline() == b"ready\n"
            os.write(ours, b"\x03")
            assert client.exited().status == 6 << 8

    Copy(act).wait()


def test_the_minder_is_of_another_session(build: Build, terminal: tuple[int, int]) -> None:
    # Else it would be a parent from another group of the same session, and the command's group no
    # orphan when its shell has gone: Ctrl-Z would stop it with nobody there to continue it.
    ours, its = terminal

    def act() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.setsid()
        os.close(os.open(os.ttyname(its), os.O_RDWR))
        script = "echo ready; read line; exit 5"
        options = {"stdin": its, "stdout": subprocess.PIPE}
        with build.start("/bin/sh", "-c", script, **options) as client:
            client.started()
            assert client.popen.stdout is not None
            assert client.popen.stdout.readline() == b"ready\n"
            os.write(ours, b"\x1a")  # Ctrl-Z: nobody is stopped, us included
            os.write(ours, b"a line\n")
            assert client.exited().status == 5 << 8

    Copy(act).wait()
