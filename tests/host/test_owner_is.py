"""The owner leads its group or session, is pid 1 of a namespace, or has no standard streams."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.fresh import begin, environment, words
from tests.helpers.limits import LONG
from tests.helpers.ready import read_ready
from tests.host.look import everyone, is_gone, needs_minder

pytestmark = needs_minder

# A whole day's work, and then nothing but the program itself is there; it says what it saw.
WORK = """
    import json, os, signal, sys, time
    import osexec
    from osexec import PIPE, Capture, Cmd, INHERIT
    from tests.helpers.roles import role

    ready = int(os.environ["READY"])
    stops = "setsid sleep 1000 & (sleep 1000 &) ; echo out; sleep 1000"

    def fds(text):
        return [int(line.split()[0]) for line in text.decode().splitlines()]

    def open_now():
        return sorted(name for name in os.listdir("/proc/self/fd"))

    def work(way):
        said = {}
        cmd = Cmd("sh", "-c", "cat; echo err >&2; exit 7", stdin=b"in", check=False)
        result = way(cmd.replace(stdout=Capture(), stderr=Capture()))
        said["status"] = [result.returncode, result.stdout.decode(), result.stderr.decode()]
        said["contain"] = result.contain
        said["plain"] = way(Cmd("sh", "-c", "exit 5", check=False)).returncode
        said["inherit"] = way(Cmd("sh", "-c", "exit 6", stdin=INHERIT, check=False)).returncode
        said["fds"] = fds(way(Cmd(*role("fds"), stdout=Capture(), stderr=Capture())).stdout)
        try:
            way(Cmd("sh", "-c", stops, timeout=0.2, stdout=Capture(), wait_delay=5))
        except osexec.DeadlineExceeded as error:
            said["time-out"] = [error.result.returncode, error.result.stdout.decode()]
        try:
            way(Cmd("sleep", "1000", timeout=0.05, cancel=[("TERM", 20)]))
        except osexec.DeadlineExceeded as error:
            said["polite"] = error.result.returncode
        try:
            way(Cmd("/no/such/program"))
        except osexec.StartError as error:
            said["missing"] = error.filename
        return said

    def started(cmd):
        return cmd.start().wait()

    started(Cmd("true"))  # what is opened once stays open
    before = open_now()
    said = [work(Cmd.run), work(started)]
    with osexec.start("sh", "-c", stops, stdout=PIPE) as process:
        process.stdout.readline()
    said.append(process.result.returncode)
    said.append(open_now() == before)
    with open(sys.argv[1], "w") as file:
        json.dump(said, file)
    os.write(ready, b"ready\\n")
    time.sleep(1000)
"""

ONE = {
    "status": [7, "in", "err\n"],
    "contain": "tree",
    "plain": 5,
    "inherit": 6,
    "fds": [0, 1, 2],
    "time-out": [-signal.SIGKILL, "out\n"],
    "polite": -signal.SIGTERM,
    "missing": "/no/such/program",
}
ALL = [ONE, ONE, -signal.SIGKILL, True]

UNSHARE = ("unshare", "-Urpf")


def can_unshare() -> bool:
    """Whether this user may make user and pid namespaces here."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*UNSHARE, "true"], stderr=subprocess.DEVNULL, check=False)
    return tried.returncode == 0


def looks_right(begun: list[str], tag: Tag, said: Path, **options: Any) -> None:
    """The work is done well, and nobody but those who were there before is left."""
    read_end, write_end = os.pipe()
    settings: dict[str, Any] = {
        "env": environment(READY=str(write_end)),
        "stdin": subprocess.DEVNULL,
        "pass_fds": [write_end],
    }
    with subprocess.Popen(begun, **(settings | options)) as program:
        try:
            os.close(write_end)
            read_ready(read_end)
            # The program, and `unshare` if it is its pid 1.
            left = [seen for seen in everyone(tag) if str(said) not in seen.command]
            assert left == []
            assert json.loads(said.read_text()) == ALL
        finally:
            os.close(read_end)
            program.kill()
            for seen in everyone(tag):
                if str(said) in seen.command:  # not our child: it is pid 1, or a daemon
                    proc.kill_quietly(seen.pid)
    is_gone(tag)


def work_words(said: Path, before: str = "") -> list[str]:
    """The command that does the work."""
    return words(dedent(before) + dedent(WORK), said)


# What a program may do to itself before the work.
BEFORE = {
    "child subreaper": """
        import ctypes
        assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0
    """,
    "daemon": """
        import os, warnings
        import osexec
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork() with threads
        osexec.start("true").wait()  # it has been used before
        for turn in (1, 2):
            if os.fork():
                os._exit(0)
            if turn == 1:
                os.setsid()
        for name in os.listdir("/proc/self/fd"):
            if name != os.environ["READY"]:
                try:
                    os.close(int(name))
                except OSError:
                    pass  # the one that listed them
    """,
}


@pytest.mark.parametrize("what", list(BEFORE))
def test_whatever_it_has_done_to_itself(what: str, tag: Tag, tmp_path: Path) -> None:
    said = tmp_path / "said"
    looks_right(work_words(said, before=BEFORE[what]), tag, said)


ROLES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "group leader": {"process_group": 0},
    "session leader": {"start_new_session": True},
}


@pytest.mark.parametrize("role", list(ROLES))
def test_whatever_it_leads(role: str, tag: Tag, tmp_path: Path) -> None:
    said = tmp_path / "said"
    looks_right(work_words(said), tag, said, **ROLES[role])


@pytest.mark.parametrize("closed", range(8), ids=lambda bits: f"closed-{bits:03b}")
def test_whatever_of_its_standard_streams_is_closed(closed: int, tag: Tag, tmp_path: Path) -> None:
    said = tmp_path / "said"
    redirections = "".join(f" {fd}>&-" for fd in (0, 1, 2) if closed >> fd & 1)
    shell = ["sh", "-c", f'exec "$@"{redirections}', "sh"]
    looks_right([*shell, *work_words(said)], tag, said)


def test_as_the_first_process_of_a_namespace(tag: Tag, tmp_path: Path) -> None:
    if not can_unshare():
        pytest.skip("no user and pid namespaces for this user here")
    said = tmp_path / "said"
    looks_right([*UNSHARE, "--mount-proc", "--kill-child", *work_words(said)], tag, said)


def test_with_the_proc_of_another_namespace_there_is_no_minder() -> None:
    """The numbers that it shows are other processes': they must not be killed."""
    if not can_unshare():
        pytest.skip("no user and pid namespaces for this user here")
    code = """
        import osexec
        assert osexec.run("true").contain == "group"
        try:
            osexec.run("true", contain="tree")
        except osexec.StartError as error:
            assert error.op == "contain"
            assert "/proc" in str(error), error
        else:
            raise AssertionError("a tree was promised")
    """
    done = subprocess.run(
        [*UNSHARE, "--kill-child", *words(code)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0


def test_the_death_of_the_first_process_of_a_namespace_ends_all(tag: Tag) -> None:
    if not can_unshare():
        pytest.skip("no user and pid namespaces for this user here")
    code = """
        import os, threading
        import osexec
        process = osexec.start("sh", "-c", "setsid sleep 1000 & sleep 1000")
        os.write(1, b"ready\\n")
        threading.Event().wait()
    """
    options = [*UNSHARE, "--mount-proc", "--kill-child"]
    with subprocess.Popen(
        [*options, *words(code)], env=environment(), stdout=subprocess.PIPE, bufsize=0
    ) as program:
        assert program.stdout is not None
        read_ready(program.stdout)
        program.kill()
    is_gone(tag)


def test_a_python_without_a_home_or_a_path(tag: Tag) -> None:
    """An empty environment is no reason to lose the minder."""
    code = """
        import os
        from osexec import Cmd
        assert not os.environ.get("PATH")
        result = Cmd("/bin/sh", "-c", "exit 7", check=False).run()
        assert (result.returncode, result.contain) == (7, "tree"), result
    """
    env = {"PYTHONPATH": environment()["PYTHONPATH"], **tag.env}
    with begin(code, env=env, stderr=None, python=sys.executable) as program:
        assert program.wait(LONG) == 0
