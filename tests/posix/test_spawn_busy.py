"""Trouble that passes is waited out, briefly; trouble that stays is a clean StartError."""

import errno
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from osexec import Cmd, StartError
from osexec._posix import spawn
from tests.helpers.fresh import ask
from tests.helpers.limits import FOREVER, GRACE, LONG

pytestmark = pytest.mark.usefixtures("spawner")

FOREVER_TEXT = str(FOREVER)
PATIENCE = sum(spawn.PAUSES)


def script(path: Path) -> Path:
    path.write_text("#!/bin/sh\nexit 7\n")
    path.chmod(0o755)
    return path


def binary(path: Path) -> Path:
    shutil.copy("/bin/true", path)
    return path


def test_a_program_still_open_for_writing_is_tried_again(tmp_path: Path, monkeypatch) -> None:
    path = binary(tmp_path / "program")
    with path.open("ab") as writer:
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                writer.close()

        monkeypatch.setattr(spawn, "sleep", pause)
        Cmd(path).run()
    assert tuple(pauses) == spawn.PAUSES[:3]


def test_a_program_that_stays_open_for_writing_is_given_up_in_time(tmp_path: Path) -> None:
    path = binary(tmp_path / "program")
    begin = time.monotonic()
    with path.open("ab"), pytest.raises(StartError) as caught:
        Cmd(path).run()
    assert caught.value.errno == errno.ETXTBSY
    assert caught.value.filename == str(path)
    assert time.monotonic() - begin < PATIENCE + GRACE


@pytest.mark.parametrize("make", [script, binary])
def test_eight_threads_that_write_and_run_programs(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    def write_and_run(thread: int) -> list[int | None]:
        codes = []
        for turn in range(25):
            path = make(tmp_path / f"{thread}-{turn}")
            codes.append(Cmd(path, check=False).run().exit_code)
            path.unlink()
        return codes

    with ThreadPoolExecutor(8) as pool:
        for codes in pool.map(write_and_run, range(8), timeout=LONG):
            assert codes == [7 if make is script else 0] * 25


NO_MORE_PROCESSES = """
    import json, os, resource, sys, time
    import osexec
    from osexec import Capture, Cmd, StartError
    from osexec._posix import probe, spawn
    from osexec._posix.descriptors import Descriptors

    probe.ANSWERS["fork_exec"] = sys.argv[1] == "fork_exec"
    osexec.start("true").wait()
    for warm in ("true", "/nothing"):  # what is imported late must be there
        try:
            Cmd(warm).run()
        except StartError:
            pass
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    os.setgroups([])
    os.setresgid(54321, 54321, 54321)
    os.setresuid(54321, 54321, 54321)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, hard))
    before = os.listdir("/proc/self/fd")
    said = {"errors": []}
    for verb in ("run", "start"):
        begin = time.monotonic()
        try:
            getattr(Cmd("/bin/true", stdin=b"x", stdout=Capture()), verb)()
        except StartError as error:
            said["errors"].append([error.errno, error.op, time.monotonic() - begin])
        except BaseException as error:
            said["errors"].append([repr(error), None, 0.0])

    said["nothing left"] = os.listdir("/proc/self/fd") == before

    # The limit is lifted in the second pause: the command then runs.
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard))

    spawn.sleep = pause
    try:
        said["then"] = Cmd("echo", "hello").text()
    except BaseException as error:
        said["then"] = repr(error)
    print(json.dumps(said))
"""


@pytest.mark.skipif("os.geteuid() != 0", reason="the limit does not count for root")
def test_the_limit_on_processes_is_waited_for_and_then_named(spawner: str) -> None:
    said = ask(NO_MORE_PROCESSES, spawner)
    for number, op, elapsed in said["errors"]:
        assert (number, op) == (errno.EAGAIN, "fork")
        assert elapsed < PATIENCE + GRACE
    assert said["nothing left"]
    assert said["then"] == "hello"
