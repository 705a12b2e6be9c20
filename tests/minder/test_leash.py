"""Whoever of the three dies, and however: owner, minder, command. Nothing is left."""

import errno
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers import fresh, proc
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, SOON
from tests.helpers.ready import read_ready
from tests.helpers.waiting import wait_until
from tests.minder.builds import Build
from tests.minder.harness import Client, Watched, group
from tests.minder.layout import Kind, Setup

PIPE = subprocess.PIPE
SLEEP = ("/bin/sleep", str(FOREVER))
FAMILIES = [
    "many 12",
    "deep 12",
    "stubborn 5",
    "reaper",
    "threads",
    "stopped",
    "vfork",
    "chain 1000",
]


@pytest.fixture(autouse=True)
def nothing_is_left(tag: Tag) -> Iterator[None]:
    """However it went."""
    yield
    tag.wait_gone()


def line(client: Client) -> str:
    """The next line of a command's stdout."""
    assert client.popen.stdout is not None
    return read_ready(client.popen.stdout)


# The end of file


@pytest.mark.parametrize("family", FAMILIES)
def test_the_end_of_file_ends_all(build: Build, tag: Tag, family: str) -> None:
    with build.role(*family.split(), stdout=PIPE) as client:
        client.started()
        assert line(client) == "ready"
        client.close()
        assert client.gone() == 0
        assert tag.alive() == []


def test_the_end_of_file_before_anything_was_read(build: Build, tag: Tag) -> None:
    for _ in range(10):
        with build.role("many", 3):
            pass
        tag.wait_gone()


def test_the_end_of_file_after_the_command(build: Build, tag: Tag) -> None:
    with build.role("many", 5, 0, stdout=PIPE) as client:
        client.started()
        client.exited()
        client.close()
        assert client.gone() == 0
        assert tag.alive() == []


def test_the_end_of_file_in_the_middle_of_a_sweep(build: Build, tag: Tag) -> None:
    for _ in range(5):
        with build.role("bomb", 50, stdout=PIPE) as client:
            assert line(client) == "ready"
            client.sweep()
        assert tag.alive() == []


def test_an_order_and_the_end_of_file_at_once(build: Build, tag: Tag) -> None:
    with build.role("signals", stdout=PIPE) as client:
        client.started()
        assert line(client) == "ready"
        client.signal(signal.SIGUSR1)
        client.close()
        assert client.gone() == 0


def test_half_a_close_is_an_end_too(build: Build) -> None:
    # Who can say nothing any more gives no orders.
    with build.start(*SLEEP) as client:
        client.started()
        client.socket.shutdown(1)
        client.gone()


# The owner

OWNER = """
    import json, os, signal, sys
    from pathlib import Path
    from tests.helpers.ready import read_ready
    from tests.minder.builds import Build
    from tests.minder.harness import Client

    kind, *paths, family, way = sys.argv[1:]
    build = Build(kind, *map(Path, paths))
    client = build.role(*family.split(), stdout=-1)
    pid = client.started()
    assert read_ready(client.popen.stdout) == "ready"
    copy = os.fork()
    if copy == 0:
        os.read(0, 1)  # holds the socket, and what it read is the end of the test
        os._exit(0)
    os.write(1, json.dumps([client.pid, pid, copy]).encode() + b"\\n")
    if way == "exit":
        os._exit(3)
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "exec":
        os.set_inheritable(client.socket.fileno(), False)
        os.execv("/bin/sleep", ["sleep", "1000"])
"""


def owner(build: Build, family: str, way: str) -> Any:
    """A process that starts a command and dies, while a copy of it lives."""
    words = [build.kind, build.program, build.command, build.logs, family, way]
    return fresh.begin(OWNER, *words, stdin=PIPE)


@pytest.mark.parametrize("way", ["exit", "kill"])
@pytest.mark.parametrize("family", ["many 12", "stubborn 3"])
def test_the_owner_dies_while_a_copy_holds_the_socket(
    build: Build, tag: Tag, family: str, way: str
) -> None:
    with owner(build, family, way) as process:
        minder, _, copy = json.loads(read_ready(process.stdout))
        with Watched(copy) as watched:
            process_gone = process.wait()
            assert process_gone == {"exit": 3, "kill": -signal.SIGKILL}[way]
            wait_until(
                lambda: [seen.pid for seen in tag.alive() if seen.pid != minder] == [copy],
                what="all but the copy end",
            )
            wait_until(lambda: not proc.is_alive(minder), what="the minder goes")
            assert not watched.is_over()


def test_an_owner_that_becomes_another_program_has_let_go(build: Build, tag: Tag) -> None:
    # Its socket is closed by exec, but its copy's is not, and it has not died: nobody can tell.
    with owner(build, "many 1", "exec") as process:
        minder, pid, copy = json.loads(read_ready(process.stdout))
        wait_until(lambda: proc.look(process.pid).command.startswith("sleep"), what="exec")
        assert proc.is_alive(minder) and proc.is_alive(pid)
        process.stdin.close()  # the copy goes, and with it the last end of the socket
        wait_until(lambda: [seen.pid for seen in tag.alive()] == [process.pid], what="all end")
        process.kill()
        assert copy


@pytest.mark.parametrize("owner", [1, 2**22 + 5, 2**31 - 1])
def test_with_an_owner_that_is_not_the_parent_nothing_is_started(build: Build, owner: int) -> None:
    """It has died, or is in another pid namespace."""
    with build.start(*SLEEP, setup=Setup(owner=owner)) as client:
        assert tuple(client.failed())[:2] == (2, errno.ESRCH)
        client.gone()


@pytest.mark.parametrize("owner", [0, -1, -(2**31)])
def test_an_owner_that_is_nobody_is_malformed(build: Build, owner: int) -> None:
    with build.start(*SLEEP, setup=Setup(owner=owner)) as client:
        assert client.failed()[0] == 1


# The minder


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"])
def test_a_signal_to_the_minder_is_the_commands(build: Build, name: str) -> None:
    number = signal.Signals[f"SIG{name}"]
    with build.role("signals", stdout=PIPE) as client:
        client.started()
        assert line(client) == "ready"
        os.kill(client.pid, number)
        assert line(client) == f"signal {int(number)}"
        client.quiet(SOON)


def test_other_signals_to_the_minder_change_nothing(build: Build) -> None:
    harmless = signal.valid_signals() - {1, 2, 3, 9, 10, 12, 15, 19}
    with build.role("signals", stdout=PIPE) as client:
        client.started()
        assert line(client) == "ready"
        for number in harmless:
            os.kill(client.pid, number)
        client.signal(signal.SIGUSR1)
        assert line(client) == "signal 10"
        client.send(b"?")
        assert client.expect(Kind.REFUSED)


def test_sigterm_to_the_minder_ends_a_command(build: Build) -> None:
    with build.start(*SLEEP) as client:
        client.started()
        os.kill(client.pid, signal.SIGTERM)
        assert client.exited().status == signal.SIGTERM


def test_a_command_that_signals_its_parent_does_not_get_it_back(build: Build) -> None:
    # A shell script that says `kill -TERM $PPID` would end itself.
    script = "kill -TERM $PPID; kill -USR1 $PPID; sleep 0.05; exit 5"
    with build.start("/bin/sh", "-c", script) as client:
        client.started()
        assert client.exited().status == 5 << 8


def test_the_group_of_the_caller_is_killed_and_the_minder_tells(build: Build) -> None:
    # `kill -9 -PGID` reaches the command, not the minder.
    with group() as number, build.start(*SLEEP, process_group=number) as client:
        pid = client.started()
        assert os.getpgid(pid) == number
        assert os.getpgid(client.pid) == os.getsid(client.pid) == client.pid
        os.killpg(number, signal.SIGKILL)
        assert client.exited().status == signal.SIGKILL


def test_a_command_that_kills_its_whole_group_does_not_kill_the_minder(build: Build) -> None:
    words = ["/bin/sh", "-c", "kill -9 0"]
    with group() as number, build.start(*words, process_group=number) as client:
        client.started()
        assert client.exited().status == signal.SIGKILL


def test_killing_the_minder_kills_the_command(build: Build) -> None:
    with build.start(*SLEEP) as client, Watched(client.started()) as watched:
        os.kill(client.pid, signal.SIGKILL)
        watched.wait_over()
        assert client.rest() == []
        assert client.gone() == -signal.SIGKILL


def test_killing_the_minder_kills_a_command_that_ignores_all(build: Build) -> None:
    with build.role("stubborn", 0, stdout=PIPE) as client, Watched(client.started()) as watched:
        assert line(client) == "ready"
        os.kill(client.pid, signal.SIGKILL)
        watched.wait_over()


def test_a_minder_that_was_stopped_goes_on(build: Build) -> None:
    with build.start(*SLEEP) as client:
        client.started()
        os.kill(client.pid, signal.SIGSTOP)
        wait_until(lambda: proc.look(client.pid).state == "T", what="it stops")
        client.sweep()
        client.quiet(SOON)
        os.kill(client.pid, signal.SIGCONT)
        assert client.exited().status == signal.SIGKILL
        client.expect(Kind.EMPTY)
        client.ended()


# The command


def test_a_command_that_becomes_another_is_the_same(build: Build) -> None:
    with build.start("/bin/sh", "-c", "exec sleep 1000") as client:
        pid = client.started()
        wait_until(lambda: proc.look(pid).command == "sleep 1000", what="exec")
        client.signal(signal.SIGTERM)
        assert client.exited().status == signal.SIGTERM


def test_a_command_that_lasts_is_left_alone(build: Build) -> None:
    with build.start(*SLEEP) as client:
        pid = client.started()
        client.quiet(SOON)
        assert proc.is_alive(pid) and proc.is_alive(client.pid)
