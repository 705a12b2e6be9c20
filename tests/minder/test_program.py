"""The program as a file: what is in the wheel brings nothing and needs nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.limits import FOREVER
from tests.minder.builds import (
    SANITIZE,
    SCRIPT,
    Build,
    loud_compiler,
    run_compiler,
    sanitizer_words,
)
from tests.minder.harness import fds_of

SMALL = 40 * 1024
MEMORY = 150  # KiB


def readelf(option: str, program: Path) -> str:
    done = subprocess.run(["readelf", option, program], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


def test_it_is_small_static_and_has_no_libc(shipped: Build) -> None:
    assert shipped.program.stat().st_size < SMALL
    assert "no dynamic section" in readelf("-d", shipped.program)
    assert "INTERP" not in readelf("-l", shipped.program)
    # Where a libc is linked in, its version is in the file, stripped or not.
    assert b"GLIBC" not in shipped.program.read_bytes()
    assert b"GNU C Library" not in shipped.program.read_bytes()


def test_its_stack_is_not_executable(shipped: Build) -> None:
    lines = readelf("-lW", shipped.program).splitlines()
    stack = [line for line in lines if "GNU_STACK" in line]
    assert len(stack) == 1 and "RWE" not in stack[0], "\n".join(lines)
    assert not [line for line in lines if "LOAD" in line and "RWE" in line]


def test_warnings_are_errors(shipped: Build, tmp_path: Path) -> None:
    # A copy of the sources with something to warn of is not compiled.
    copy = tmp_path / "minder"
    copy.mkdir()
    for source in (SCRIPT.parents[1] / "minder").iterdir():
        (copy / source.name).write_bytes(source.read_bytes())
    script = tmp_path / "scripts" / SCRIPT.name
    script.parent.mkdir()
    script.write_bytes(SCRIPT.read_bytes())
    words = [sys.executable, script, tmp_path / "out"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with (copy / "minder.c").open("a") as file:
        file.write("static int nobody_calls_this(int unused) { return 0; }\n")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "nobody_calls_this" in done.stderr


def memory_of(pid: int) -> dict[str, int]:
    """Of /proc/PID/smaps_rollup, in KiB."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        lines = (line.split() for line in file.readlines()[1:])
        return {words[0].rstrip(":"): int(words[1]) for words in lines}


def test_its_memory_is_small(shipped: Build) -> None:
    # Pss: its own pages, and its share of those of the file, which all minders have in common.
    with shipped.role("deep", 20, stdout=subprocess.PIPE) as client:
        client.started()
        assert client.popen.stdout.readline() == b"ready\n"
        idle = memory_of(client.pid)
        assert idle["Pss"] <= MEMORY, idle
        client.signal(0x12, whole_tree=True)  # SIGCONT: it walks through the whole tree
        client.send(b"?")
        assert client.report() is not None
        walked = memory_of(client.pid)
    print(f"idle {idle['Pss']} KiB, after a walk {walked['Pss']} KiB")
    assert walked["Pss"] <= MEMORY, walked


def test_it_holds_nothing_but_what_it_needs(build: Build, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        options = {"stdin": subprocess.PIPE, "stdout": file, "stderr": file}
        passed = os.dup(file.fileno())
        try:
            with build.start(
                "sleep", FOREVER_WORD, path=SLEEP, pass_fds=[passed], **options
            ) as client:
                pid = client.started()
                assert fds_of(pid)[passed] == file.name
                held = sorted(fds_of(client.pid).values())
                sockets = [to for to in held if to.startswith("socket:")]
                others = [to for to in held if to not in sockets]
                assert len(sockets) == 1
                assert others == ["anon_inode:[pidfd]", "anon_inode:[signalfd]"]
        finally:
            os.close(passed)


FOREVER_WORD = str(FOREVER)
SLEEP = "/bin/sleep"


@pytest.mark.parametrize(
    "words", [[], ["x"], ["3"], ["3", "/bin/true"], ["-1", "/bin/true", "true"]]
)
def test_without_its_arguments_it_says_whose_it_is(build: Build, words: list[str]) -> None:
    done = subprocess.run(
        [build.program, *words], env=build.env(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "osexec" in done.stderr
    assert done.stdout == ""


def test_the_sanitizers_are_heard(sanitized: Build, tmp_path: Path) -> None:
    # A log that stays empty proves nothing unless what is wrong would be in it.
    source = tmp_path / "wrong.c"
    source.write_text(
        "#include <stdlib.h>\n#include <unistd.h>\n"
        "int main(int count, char **words)\n{\n"
        "    int most = 0x7fffffff;\n    char *place = malloc(3);\n"
        "    close(0), close(1), close(2);\n"
        "    if (count == 2)\n        most += count;\n    else\n        place[count] = 1;\n"
        "    return most == 3 || words == 0;\n}\n"
    )
    options = ["-g", *SANITIZE, "-o", tmp_path / "wrong", source]
    run_compiler([*loud_compiler(), *options])
    for words, said in ((["x"], "signed integer overflow"), (["x", "y"], "heap-buffer-overflow")):
        logs = tmp_path / said.split()[0]  # a path with spaces is none to them
        logs.mkdir()
        env = {**os.environb, **sanitizer_words(logs)}
        done = subprocess.run([tmp_path / "wrong", *words], env=env, check=False)
        assert done.returncode != 0
        assert said in "".join(log.read_text() for log in logs.iterdir())
