"""What the command is given, and what is told of its end."""

import errno
import os
import resource
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, LONG
from tests.helpers.ready import read_ready
from tests.helpers.waiting import wait_until
from tests.minder.builds import Build
from tests.minder.harness import Client, as_rusage, fds_of, stat_of, status_of
from tests.minder.layout import Kind, Setup, Stage

SLEEP = ("/bin/sleep", str(FOREVER))
DEADLY = [
    number
    for number in sorted(signal.valid_signals())
    if number not in {17, 18, 19, 20, 21, 22, 23, 28}  # standard: ignored, stops, or continues
]


def ends_with(client: Client) -> int:
    """The wait status of a command that leaves nothing behind; the minder goes with it."""
    client.started()
    exited = client.exited()
    assert exited.empty == 1
    assert client.ended() == 0
    return exited.status


@pytest.mark.parametrize("code", [0, 1, 2, 42, 126, 127, 128, 254, 255])
def test_the_exit_code_is_told(build: Build, code: int) -> None:
    with build.start("/bin/sh", "-c", f"exit {code}") as client:
        assert ends_with(client) == code << 8


@pytest.mark.parametrize("number", [1, 2, 3, 6, 9, 11, 13, 15, 31])
def test_death_by_a_signal_is_told(build: Build, number: int) -> None:
    with build.role("die", number) as client:
        assert ends_with(client) & ~0x80 == number


def test_every_deadly_signal_is_told(shipped: Build) -> None:
    for number in DEADLY:
        with shipped.role("die", number) as client:
            status = ends_with(client)
            assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == number


def test_a_core_dump_is_told(build: Build, tmp_path: Path) -> None:
    # Whether there is one depends on the machine: what a plain child's parent sees is right.
    def may_dump() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    words = [str(build.command), "die", str(int(signal.SIGABRT))]
    options: dict[str, Any] = {"preexec_fn": may_dump, "cwd": tmp_path}
    plain = subprocess.Popen(words, **options)
    _, expected = os.waitpid(plain.pid, 0)
    plain.returncode = 0  # it was waited for behind its back
    setup = Setup(limits=[(resource.RLIMIT_CORE, hard, hard)], cwd=os.fsencode(tmp_path))
    with build.start(*words, setup=setup) as client:
        assert ends_with(client) == expected


def test_the_command_is_known_before_it_ends(build: Build) -> None:
    with build.start(*SLEEP) as client:
        pid = client.started()
        assert pid != client.pid
        assert stat_of(pid)["ppid"] == client.pid
        seen = proc.look(pid)
        assert seen is not None and seen.command == f"/bin/sleep {FOREVER}"
        os.kill(pid, signal.SIGUSR1)
        assert client.exited().status == signal.SIGUSR1


def test_a_start_that_fails_is_told(build: Build) -> None:
    with build.start("/nowhere/at all") as client:
        assert client.failed() == (Stage.STAGE_EXEC, errno.ENOENT)


@pytest.mark.parametrize("grandchild", [[], ["waited-for"]], ids=["itself", "grandchild"])
def test_the_time_it_used_is_told(build: Build, grandchild: list[str]) -> None:
    with build.role("burn", 50, *grandchild) as client:
        client.started()
        used = as_rusage(client.exited().rusage)
    assert 0.05 <= used["utime"] < 0.05 + LONG
    assert 0 <= used["stime"] < LONG


def test_the_memory_it_used_is_its_own(build: Build) -> None:
    # A child that Python forks begins with all of Python's memory, and is told to have used it.
    with build.role("args") as client:
        client.started()
        used = as_rusage(client.exited().rusage)
    assert 0 < used["maxrss"] < 4096
    assert used["minflt"] > 0


def listed(data: bytes, name: bytes) -> list[bytes]:
    """The lines of the role "args"."""
    lines = (line.split(b" ") for line in data.splitlines())
    return [bytes.fromhex(value.decode()) for which, value in lines if which == name]


ODD = [b"", b"", b"a b", b"\xff\xfe", b"\n", b"--", b"-c", b"'\"$x`", b"\xc3\xa4", b"*", b"\x01"]


def test_arguments_and_environment_arrive_as_they_are(build: Build, tag: Tag) -> None:
    env = build.env() | {b"EMPTY": b"", b"ODD\xff": b"\xfe=\n=", b"LONG": b"x" * 100_000}
    options = {"env": env, "stdout": subprocess.PIPE}
    with build.start(build.command, "args", *ODD, **options) as client:
        assert client.popen.stdout is not None
        client.started()
        said = client.popen.stdout.read()
        assert listed(said, b"arg") == ODD
        assert listed(said, b"env") == [name + b"=" + value for name, value in env.items()]
        assert client.exited().status == 0


def test_an_empty_environment_stays_empty(shipped: Build) -> None:
    options = {"env": {}, "stdout": subprocess.PIPE}
    with shipped.start(shipped.command, "args", **options) as client:
        assert client.popen.stdout is not None
        assert client.popen.stdout.read() == b""
        client.started()
        assert client.exited().status == 0


def test_the_name_of_the_command_is_not_its_path(build: Build) -> None:
    words = ["another name", "-c", 'echo "$0"']
    with build.start(*words, path="/bin/sh", stdout=subprocess.PIPE) as client:
        pid = client.started()
        assert client.popen.stdout is not None
        assert client.popen.stdout.read() == b"another name\n"
        assert pid > 0
    with build.start("", str(FOREVER), path="/bin/sleep") as client:
        cmdline = Path(f"/proc/{client.started()}/cmdline")
        assert cmdline.read_bytes() == b"\0%d\0" % FOREVER


def test_a_thousand_arguments(build: Build) -> None:
    words = [b"%d" % each for each in range(1000)] + [b"x" * 100_000]
    with build.start(build.command, "args", *words, stdout=subprocess.PIPE) as client:
        assert client.popen.stdout is not None
        assert listed(client.popen.stdout.read(), b"arg") == words


def test_stdio_group_and_session_are_those_of_the_caller(build: Build, tmp_path: Path) -> None:
    files = [(tmp_path / name).open("wb") for name in ("in", "out", "err")]
    names = dict(zip(("stdin", "stdout", "stderr"), files, strict=True))
    with build.start(*SLEEP, **names) as client:
        pid = client.started()
        for file in files:
            file.close()
        fds = fds_of(pid)
        assert [fds[fd] for fd in (0, 1, 2)] == [file.name for file in files]
        command, minder = stat_of(pid), stat_of(client.pid)
    assert command["pgrp"] == os.getpgrp()
    assert command["session"] == os.getsid(0)
    # In another session, since a parent from another group of this one keeps the command's group
    # from being orphaned, and so changes what the terminal does to it.
    assert minder["pgrp"] == minder["session"] == client.pid


def test_a_pipe_ends_with_the_command_though_the_minder_lives(build: Build) -> None:
    script = "exec >&- 2>&- <&-; exec sleep 1000"
    with build.start("/bin/sh", "-c", script, stdout=subprocess.PIPE) as client:
        client.started()
        assert client.popen.stdout is not None
        assert client.popen.stdout.read() == b""
        assert proc.is_alive(client.pid)


def test_closed_stdio_stays_closed(build: Build) -> None:
    # The minder's own descriptors must not become the command's stdio.
    def close() -> None:
        for fd in (0, 1, 2):
            os.close(fd)

    options = {"stdin": None, "stdout": None, "stderr": None}
    with build.role("stay", preexec_fn=close, **options) as client:
        pid = client.started()
        own = {fd: to for fd, to in fds_of(pid).items() if fd <= 2}
        assert own == {}, own
        client.signal(9)
        assert client.exited().status == 9


LIBCS = {32, 33}
"""glibc keeps them for itself: make(1) hands one down ignored (posix_spawn(3))."""


def masks(pid: int) -> dict[str, set[int]]:
    """Blocked, ignored and caught signals of a process."""
    status = status_of(pid)
    return {
        name: {bit + 1 for bit in range(64) if int(status[name], 16) >> bit & 1} - LIBCS
        for name in ("SigBlk", "SigIgn", "SigCgt")
    }


def test_signals_are_as_a_command_expects_them(build: Build) -> None:
    def odd() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
        for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    with build.start(*SLEEP, preexec_fn=odd) as client:
        seen = masks(client.started())
        ignored = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}
        # SIGPIPE and SIGXFSZ: Python's, restored by Popen before the minder begins.
        assert seen == {"SigBlk": set(), "SigIgn": ignored, "SigCgt": set()}
        blocked = masks(client.pid)["SigBlk"]
        assert blocked | {signal.SIGKILL, signal.SIGSTOP} == set(range(1, 65)) - LIBCS


def test_an_ignored_sigchld_loses_no_status(build: Build) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    with build.start("/bin/sh", "-c", "exit 7", preexec_fn=ignore) as client:
        assert ends_with(client) == 7 << 8


def test_it_is_a_child_subreaper(build: Build) -> None:
    script = "(sleep 1000 & echo $!) & wait; echo done; read line"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with build.start("/bin/sh", "-c", script, **pipes) as client:
        client.started()
        assert client.popen.stdout is not None
        orphan = int(read_ready(client.popen.stdout))
        wait_until(lambda: stat_of(orphan)["ppid"] == client.pid, what="it is adopted")


def test_a_command_that_is_quick_is_told_in_order(build: Build) -> None:
    for _ in range(20):
        with build.role("args") as client:
            assert [each.kind for each in client.rest()] == [Kind.STARTED, Kind.EXITED]


def test_starts_from_a_thread_that_ends_are_minded_on(build: Build) -> None:
    clients: list[Client] = []
    thread = threading.Thread(target=lambda: clients.append(build.start(*SLEEP)))
    thread.start()
    thread.join()
    with clients[0] as client:
        pid = client.started()
        client.quiet(0.1)
        assert proc.is_alive(pid)


def test_the_name_of_the_minder_is_seen_in_ps(build: Build) -> None:
    with build.start(*SLEEP) as client:
        client.started()
        assert status_of(client.pid)["Name"].startswith("osexec-minder")


def test_no_status_is_lost_of_a_hundred_at_once(shipped: Build) -> None:
    clients = [shipped.start("/bin/sh", "-c", f"exit {each}") for each in range(100)]
    for each, client in enumerate(clients):
        with client:
            assert ends_with(client) == each << 8
