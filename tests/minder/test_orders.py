"""SWEEP and RELEASE: what is said, and who lives."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, SHORT
from tests.helpers.waiting import wait_until
from tests.minder.builds import Build
from tests.minder.families import FAMILIES, begun, below, kinds, line
from tests.minder.harness import Client
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


# SWEEP


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sweep_of_a_running_command(build: Build, family: str, tag: Tag) -> None:
    with build.role(*family.split(), stdout=PIPE) as client:
        begun(client, 3 if family == "threads" else 1)
        wait_until(lambda: len(below(client)) == FAMILIES[family], what="all are there")
        client.sweep()
        exited, empty = client.rest()
        assert exited.status == signal.SIGKILL
        assert empty.swept == FAMILIES[family] - 1
        assert tag.alive() == []


def test_a_sweep_counts_all_but_the_command(build: Build) -> None:
    with build.role("many", 4, stdout=PIPE) as client:
        begun(client)
        client.sweep()
        exited, empty = client.rest()
        assert (exited.status, exited.empty) == (signal.SIGKILL, 0)
        assert empty.swept == 4


def test_a_sweep_of_a_command_that_is_alone(build: Build) -> None:
    with build.role("signals", stdout=PIPE) as client:
        begun(client)
        client.sweep()
        exited, empty = client.rest()
        assert (exited.status, exited.empty) == (signal.SIGKILL, 0)
        assert empty.swept == 0


def test_a_sweep_after_the_command_tells_who_lived(build: Build, tag: Tag) -> None:
    with build.role("many", 7, 3, stdout=PIPE) as client:
        begun(client)
        assert client.exited().status == 3 << 8
        others = below(client)
        client.sweep()
        alive, empty = client.rest()
        assert kinds([alive, empty]) == [Kind.ALIVE, Kind.EMPTY]
        assert alive.count == empty.swept == 7
        assert {pid for pid, _ in alive.named} == others
        words = b"\0".join([os.fsencode(build.command), b"many", b"7", b"3", b""])
        assert {words for _, words in alive.named} == {words}
        assert tag.alive() == []


def test_the_names_of_those_who_lived(build: Build) -> None:
    script = f"""
        exec >&- 2>&- <&-
        (exec -a "$(printf '\\377 odd')" sleep {FOREVER}) &
        (exec sleep {FOREVER}.{"0" * 500}) &
        (setsid sleep {FOREVER}.5) &
        exit 0
    """
    with build.start("/bin/bash", "-c", script) as client:
        client.started()
        client.exited()
        wait_until(lambda: len(sleepers(client)) == 3, what="all have made their exec")
        client.sweep()
        alive = client.expect(Kind.ALIVE)
        named = sorted(words for _, words in alive.named)
        # Long ones are cut, and may then end without their NUL.
        assert named[0].startswith(b"sleep\0" + f"{FOREVER}.000".encode())
        assert named[1:] == [
            b"sleep\0%d.5\0" % FOREVER,
            b"\xff odd\0%d\0" % FOREVER,
        ]


def sleepers(client: Client) -> list[str]:
    """Who below the minder runs sleep(1), under whatever name."""
    return [link for link in map(program, below(client)) if link.endswith("/sleep")]


def program(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def test_a_process_without_its_first_thread_is_told(build: Build) -> None:
    # Its state in /proc is that of a zombie, but its other thread lives.
    with build.role("headless", 3, stdout=PIPE) as client:
        assert begun(client)
        assert client.exited().empty == 0
        client.sweep()
        alive, empty = client.rest()
        assert alive.count == empty.swept == 1


def test_more_live_than_can_be_named(build: Build, tag: Tag) -> None:
    words = ["many", "300", "0", "x" * 150]
    with build.role(*words, stdout=PIPE) as client:
        begun(client)
        client.exited()
        client.sweep()
        alive, empty = client.rest()
        assert alive.count == empty.swept == 300
        assert 50 < len(alive.named) < 300
        assert len({pid for pid, _ in alive.named}) == len(alive.named)
        assert tag.alive() == []


@pytest.mark.parametrize("words", [["chain", 100_000], ["bomb", 200]], ids=["chain", "bomb"])
def test_a_sweep_wins_against_those_who_fork(build: Build, tag: Tag, words: list[object]) -> None:
    # A chain never has more than two members, and each has gone when it is looked for.
    with build.role(*words, stdout=PIPE) as client:
        client.started()
        assert line(client) == "ready"
        client.sweep()
        assert client.rest()[-1].kind == Kind.EMPTY
        assert tag.alive() == []


def test_a_second_sweep_changes_nothing(build: Build) -> None:
    with build.role("many", 3, 0, stdout=PIPE) as client:
        begun(client)
        client.exited()
        for _ in range(3):
            client.sweep()
        reports = client.rest()
        assert kinds(reports).count(Kind.EMPTY) == 1
        assert set(kinds(reports)) == {Kind.ALIVE, Kind.EMPTY}


def test_without_an_order_the_rest_is_waited_for(build: Build) -> None:
    script = f"sleep {SHORT} & exit 4"
    with build.start("/bin/sh", "-c", script) as client:
        client.started()
        exited = client.exited()
        assert (exited.status, exited.empty) == (4 << 8, 0)
        assert client.expect(Kind.EMPTY).swept == 0
        client.ended()


# RELEASE


def test_who_is_released_lives(build: Build, tag: Tag) -> None:
    with build.role("many", 3, 0, stdout=PIPE) as client:
        begun(client)
        client.exited()
        others = below(client)
        client.release()
        alive = client.expect(Kind.ALIVE)
        assert {pid for pid, _ in alive.named} == others and alive.count == 3
        client.ended()
        assert {seen.pid for seen in tag.alive()} == others
    tag.kill()


def test_a_daemon_is_released(build: Build, tag: Tag) -> None:
    with build.role("daemon", stdout=PIPE) as client:
        client.started()
        client.exited()
        client.release()
        alive = client.expect(Kind.ALIVE)
        client.ended()
        ((pid, _),) = alive.named
        assert [seen.pid for seen in tag.alive()] == [pid]
    tag.kill()


def test_a_running_command_is_not_released(build: Build) -> None:
    with build.role("signals", stdout=PIPE) as client:
        pid = begun(client)
        client.release()
        assert client.expect(Kind.REFUSED).members["order"] == Kind.RELEASE
        assert proc.is_alive(pid)
        client.signal(signal.SIGKILL)
        assert client.exited().status == 9


def test_release_when_nothing_is_left_is_no_trouble(build: Build) -> None:
    with build.role("args") as client:
        client.started()
        client.exited()
        try:
            client.release()
        except BrokenPipeError:
            pass  # it has gone
        assert client.rest() == []
