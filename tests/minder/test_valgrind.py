"""The build with a libc through whole lives under valgrind, which sees what sanitizers do not.

It knows which bytes were never written: those that are used, and those that are sent.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.ready import read_ready
from tests.minder.builds import CC, Build, run_compiler
from tests.minder.conftest import Builds
from tests.minder.harness import Client
from tests.minder.layout import Flag, Kind, Setup

VALGRIND = shutil.which("valgrind")
ERROR = 99
PIPE = subprocess.PIPE

pytestmark = pytest.mark.skipif(VALGRIND is None, reason="valgrind is not installed")


@pytest.fixture
def build(builds: Builds) -> Build:
    """Without sanitizers: they do not go together."""
    return builds["libc"]


Live = Callable[..., Client]


@pytest.fixture
def live(build: Build, tmp_path: Path) -> Live:
    """Starts a minder under valgrind."""

    def launch(fd: int) -> list[str]:
        assert VALGRIND is not None
        return [
            *(VALGRIND, "--quiet", f"--error-exitcode={ERROR}", "--exit-on-first-error=yes"),
            *("--trace-children=no", "--child-silent-after-fork=no", "--track-fds=no"),
            f"--log-file={tmp_path}/log.%p",
        ]

    def start(*words: object, **options: Any) -> Client:
        return build.role(*words, launch=launch, **options)

    return start


def no_errors(client: Client, folder: Path) -> None:
    """It has ended by itself, and valgrind has found no error."""
    assert client.gone() in {0, 1, 2}
    logs = [log.read_text() for log in folder.glob("log.*")]
    # Lines with dashes are warnings about valgrind itself: a system call that is too new for it.
    errors = [line for log in logs for line in log.splitlines() if line.startswith("==")]
    assert logs and errors == [], "\n".join(errors)


def test_a_whole_life(live: Live, tmp_path: Path) -> None:
    setup = Setup(
        flags=Flag.SUPERVISE | Flag.PLACE_FILES | Flag.SET_UMASK | Flag.SET_GROUP,
        files=[0, -1, 1],
        keep=[2],
        limits=[(4, 0, 0)],
        umask=0o77,
        cwd=os.fsencode(tmp_path),
    )
    with live("many", 3, 5, setup=setup, stdout=PIPE) as client:
        client.started()
        assert client.popen.stdout is not None
        assert read_ready(client.popen.stdout) == "ready"
        assert client.exited().status == 5 << 8
        client.send(b"?")
        client.expect(Kind.REFUSED)
        client.signal(18, whole_tree=True)
        client.sweep()
        alive, empty = client.rest()
        assert alive.count == empty.swept == 3
        no_errors(client, tmp_path)


def test_a_command_that_ends(live: Live, tmp_path: Path) -> None:
    with live("args") as client:
        client.started()
        assert client.exited().empty == 1
        no_errors(client, tmp_path)


def test_the_end_of_file(live: Live, tmp_path: Path) -> None:
    with live("many", 3, stdout=PIPE) as client:
        client.started()
        client.close()
        no_errors(client, tmp_path)


@pytest.mark.parametrize("path", ["/nowhere/at all"])
def test_a_start_that_fails(live: Live, tmp_path: Path, path: str) -> None:
    with live("args", path=path) as client:
        client.failed()
        no_errors(client, tmp_path)


def test_a_start_that_is_malformed(live: Live, tmp_path: Path) -> None:
    with live("args", setup=b"S\1\0") as client:
        client.expect(Kind.FAILED)
        no_errors(client, tmp_path)


def test_valgrind_is_heard(tmp_path: Path) -> None:
    # A log that stays empty proves nothing unless what is wrong would be in it.
    source = tmp_path / "wrong.c"
    source.write_text(
        "#include <unistd.h>\nint main(void)\n{\n    volatile char bytes[4];\n"
        "    bytes[0] = 1;\n    return write(1, (char *)bytes, 4) != 4;\n}\n"
    )
    run_compiler([*CC, "-g", "-o", tmp_path / "wrong", source])
    log = tmp_path / "log"
    options = ["--quiet", f"--error-exitcode={ERROR}", f"--log-file={log}"]
    done = subprocess.run([VALGRIND, *options, tmp_path / "wrong"], stdout=PIPE, check=False)
    assert done.returncode == ERROR
    assert log.read_text().startswith("==") and "uninitialised" in log.read_text()
