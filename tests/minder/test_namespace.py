"""NAMESPACE and JOIN_CGROUP: what they hold, and that it says so where they are not to be had."""

import errno
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, SOON
from tests.helpers.ready import read_ready
from tests.helpers.waiting import wait_until
from tests.minder.builds import Build
from tests.minder.harness import Client, Watched, fds_of, status_of
from tests.minder.layout import Flag, Kind, Setup, Stage

PIPE = subprocess.PIPE
SLEEP = ("/bin/sleep", str(FOREVER))
INSIDE = Flag.SUPERVISE | Flag.NAMESPACE


@pytest.fixture(autouse=True)
def nothing_is_left(tag: Tag) -> Iterator[None]:
    """Whatever was in there."""
    yield
    tag.wait_gone()


def can_unshare() -> bool:
    words = ["unshare", "--user", "--mount", "--pid", "--fork", "true"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(not can_unshare(), reason="namespaces are not to be had here")


@pytest.fixture(params=["as we are", "as nobody"])
def who(request: pytest.FixtureRequest, stranger: dict[str, Any]) -> dict[str, Any]:
    """Root needs no user namespace, others do."""
    if request.param == "as nobody" and os.geteuid() != 0:
        pytest.skip("that is who we are")
    return stranger if request.param == "as nobody" else {}


@needs_namespaces
def test_the_command_is_alone_in_there(build: Build, who: dict[str, Any]) -> None:
    with build.start(*SLEEP, setup=Setup(flags=INSIDE), **who) as client:
        pid = client.started()
        ours, its = status_of(client.pid), status_of(pid)
        assert len(its["NSpid"].split()) == len(ours["NSpid"].split()) + 1
        # The number that we know it by is the outer one.
        assert int(its["NSpid"].split()[0]) == pid
        assert its["NSpid"].split()[-1] == "2"
        assert its["Uid"] == ours["Uid"] and its["Gid"] == ours["Gid"]
        assert os.getpgid(pid) == os.getpgrp()
        seen = proc.look(pid)
        assert seen is not None and seen.command == f"/bin/sleep {FOREVER}"
        for name in ("pid", "mnt"):
            one, other = (os.readlink(f"/proc/{each}/ns/{name}") for each in (pid, client.pid))
            assert one != other


@needs_namespaces
def test_the_status_comes_out_of_there(build: Build, who: dict[str, Any]) -> None:
    for script, status in (("exit 7", 7 << 8), ("kill -TERM $$", 15), ("exit 0", 0)):
        words = ["/bin/sh", "-c", script]
        with build.start(*words, setup=Setup(flags=INSIDE), **who) as client:
            client.started()
            exited = client.exited()
            assert (exited.status, exited.empty) == (status, 1)
            assert client.ended() == 0


@needs_namespaces
def test_it_sees_itself_and_not_the_minder(build: Build) -> None:
    script = "echo $$ $PPID; ls -d /proc/[0-9]*; exec sleep 1000"
    with build.start("/bin/sh", "-c", script, setup=Setup(flags=INSIDE), stdout=PIPE) as client:
        client.started()
        assert client.popen.stdout is not None
        assert read_ready(client.popen.stdout) == "2 1"
        assert read_ready(client.popen.stdout) == "/proc/1"
        assert read_ready(client.popen.stdout) == "/proc/2"


@needs_namespaces
@pytest.mark.parametrize("path", ["/nowhere/at all", "/dev/null", "/"])
def test_a_start_that_fails_in_there(build: Build, who: dict[str, Any], path: str) -> None:
    with build.start(path, setup=Setup(flags=INSIDE), **who) as client:
        stage, error = client.failed()
        assert stage == Stage.STAGE_EXEC
        assert error in {errno.ENOENT, errno.EACCES}


@needs_namespaces
def test_cwd_that_is_not_there(build: Build) -> None:
    with build.start(*SLEEP, setup=Setup(flags=INSIDE, cwd=b"/nowhere")) as client:
        assert client.failed() == (Stage.STAGE_CWD, errno.ENOENT)


@needs_namespaces
def test_files_are_placed_in_there(build: Build, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        places = build.placing(3, {4: file.fileno()})
        setup = Setup(flags=INSIDE | Flag.PLACE_FILES, files=[4, -1, 4])
        with build.role("signals", setup=setup, **places) as client:
            fds = fds_of(client.started())
            assert {fd: to for fd, to in fds.items() if fd > 2} == {3: file.name, 5: file.name}


@needs_namespaces
def test_init_holds_nothing(build: Build, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        options = {"stdout": file, "stdin": file, "pass_fds": [file.fileno()]}
        with build.role("signals", setup=Setup(flags=INSIDE), **options) as client:
            client.started()
            (init,) = proc.children(client.pid)
            assert file.name not in fds_of(init).values()
            assert "/dev/null" not in fds_of(init).values()


@needs_namespaces
@pytest.mark.parametrize("family", ["many 12", "deep 12", "stubborn 5", "reaper", "stopped"])
@pytest.mark.parametrize("way", ["sweep", "end of file", "kill"])
def test_all_of_it_ends(build: Build, tag: Tag, who: dict[str, Any], family: str, way: str) -> None:
    options = {"setup": Setup(flags=INSIDE), "stdout": PIPE, **who}
    with build.role(*family.split(), **options) as client, Watched(client.started()) as watched:
        assert client.popen.stdout is not None
        assert read_ready(client.popen.stdout) == "ready"
        if way == "sweep":
            client.sweep()
            kinds = [report.kind for report in client.rest()]
            assert kinds in ([Kind.EXITED], [Kind.EXITED, Kind.EMPTY])
        elif way == "end of file":
            client.close()
            assert client.gone() == 0
        else:
            # What no tree survives: a command that kills its minder.
            os.kill(client.pid, signal.SIGKILL)
        watched.wait_over()
        tag.wait_gone()


@needs_namespaces
def test_signals_in_there(build: Build, who: dict[str, Any]) -> None:
    options = {"setup": Setup(flags=INSIDE), "stdout": PIPE, **who}
    with build.role("signals", **options) as client:
        client.started()
        assert client.popen.stdout is not None
        assert read_ready(client.popen.stdout) == "ready"
        for whole_tree in (False, True):
            client.signal(signal.SIGUSR1, whole_tree)
            expected = {"signal 10", *(["signal 18"] if whole_tree else [])}
            assert {read_ready(client.popen.stdout) for _ in expected} == expected
        os.kill(client.pid, signal.SIGTERM)
        assert read_ready(client.popen.stdout) == "signal 15"
        client.signal(signal.SIGKILL)
        exited = client.exited()
        assert (exited.status, exited.empty) == (9, 1)


@needs_namespaces
def test_who_lives_in_there_is_told(build: Build, who: dict[str, Any]) -> None:
    options = {"setup": Setup(flags=INSIDE), "stdout": PIPE, **who}
    with build.role("many", 4, 3, **options) as client:
        client.started()
        exited = client.exited()
        assert (exited.status, exited.empty) == (3 << 8, 0)
        client.quiet(SOON)
        client.release()  # nothing in there can outlive its init
        assert client.expect(Kind.REFUSED).members["order"] == Kind.RELEASE
        client.sweep()
        alive, empty = client.rest()
        assert alive.count == empty.swept == 4
        assert len(alive.named) == 4


@needs_namespaces
def test_a_minder_of_a_namespace_holds_nothing_of_the_command(build: Build) -> None:
    with build.role("signals", setup=Setup(flags=INSIDE), stdin=PIPE, stdout=PIPE) as client:
        client.started()
        assert client.popen.stdin is not None and client.popen.stdout is not None
        assert read_ready(client.popen.stdout) == "ready"
        its = {os.readlink(f"/proc/self/fd/{each.fileno()}") for each in pipes_of(client)}
        wait_until(lambda: not its & set(fds_of(client.pid).values()), what="they are closed")


def pipes_of(client: Client) -> list[IO[bytes]]:
    return [each for each in (client.popen.stdin, client.popen.stdout) if each is not None]


def test_no_namespaces_to_be_had(build: Build) -> None:
    # The limit of a user namespace of its own is 0: nobody in it gets another one.
    if not can_unshare():
        pytest.skip("there is no namespace to forbid it in")

    def launch(fd: int) -> list[Any]:
        script = 'echo 0 >/proc/sys/user/max_pid_namespaces && exec "$@"'
        return ["unshare", "--user", "--map-root-user", "/bin/sh", "-c", script, "sh"]

    with build.start(*SLEEP, setup=Setup(flags=INSIDE), launch=launch) as client:
        assert client.failed() == (Stage.STAGE_NAMESPACE, errno.ENOSPC)


# A cgroup


def controllable() -> Path | None:
    """Where a cgroup may be made here."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        if " - cgroup2 " in line and os.access(words[4], os.W_OK):
            return Path(words[4])
    return None


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A new one, without controllers."""
    top = controllable()
    if top is None:
        pytest.skip("no cgroup can be made here")
    path = top / f"osexec-test-{secrets.token_hex(4)}"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    yield path
    path.rmdir()


def test_the_command_is_born_in_its_cgroup(build: Build, cgroup: Path) -> None:
    fd = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        setup = Setup(flags=Flag.SUPERVISE | Flag.JOIN_CGROUP, cgroup=fd)
        with build.role("many", 3, setup=setup, pass_fds=[fd], stdout=PIPE) as client:
            pid = client.started()
            assert client.popen.stdout is not None
            assert read_ready(client.popen.stdout) == "ready"
            inside = set(map(int, (cgroup / "cgroup.procs").read_text().split()))
            assert pid in inside and len(inside) == 4
            assert client.pid not in inside
            client.sweep()
            exited, empty = client.rest()
            assert exited.status == signal.SIGKILL
            assert empty.swept == 3
    finally:
        os.close(fd)
    wait_until(lambda: "populated 0" in (cgroup / "cgroup.events").read_text(), what="it is empty")


@pytest.mark.parametrize("cgroup_fd", [-1, 99, 0])
def test_a_cgroup_that_is_none(build: Build, cgroup_fd: int) -> None:
    setup = Setup(flags=Flag.SUPERVISE | Flag.JOIN_CGROUP, cgroup=cgroup_fd)
    with build.start(*SLEEP, setup=setup) as client:
        stage, error = client.failed()
        assert stage == Stage.STAGE_CGROUP
        assert error in {errno.EBADF, errno.EINVAL, errno.ENOTDIR}


def test_a_cgroup_of_somebody_else(build: Build, cgroup: Path, stranger: dict[str, Any]) -> None:
    if not stranger:
        pytest.skip("only root can make one that is somebody else's")
    fd = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        setup = Setup(flags=Flag.SUPERVISE | Flag.JOIN_CGROUP, cgroup=fd)
        with build.start(*SLEEP, setup=setup, pass_fds=[fd], **stranger) as client:
            stage, error = client.failed()
            assert stage == Stage.STAGE_CGROUP
            assert error in {errno.EACCES, errno.EPERM}
    finally:
        os.close(fd)
