"""The minder in each kind of build, made by the project's own script, and what runs with it."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.minder.harness import Client, Word
from tests.minder.layout import Setup

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCRIPT = ROOT / "scripts" / "build_minder.py"
CC = shlex.split(os.environ.get("CC", "cc"))
IS_ROOT = os.geteuid() == 0
HAS_COMPILER = shutil.which(CC[0]) is not None
KINDS = {"shipped": [], "libc": ["--libc"], "sanitized": ["--sanitize"]}
BY_PARENT = "shipped, by parent"  # as on a kernel without CONFIG_PROC_CHILDREN
STRICT = ("-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@dataclass(frozen=True)
class Build:
    """One build of the minder; `logs` is where its sanitizers write, and stays empty."""

    kind: str
    program: Path
    command: Path
    logs: Path

    def env(self) -> dict[bytes, bytes]:
        """Our environment, with the words for the sanitizers."""
        env = dict(os.environb)
        return env | sanitizer_words(self.logs) if self.kind == "sanitized" else env

    def start(self, *words: Word, setup: Setup | bytes | None = None, **options: Any) -> Client:
        """A minder of this build with a command; see Client for the options."""
        options.setdefault("env", self.env())
        return Client(self.program, words, setup, **options)

    def role(self, *words: object, **options: Any) -> Client:
        """The same, with a role of command.c."""
        return self.start(self.command, *map(str, words), **options)

    def failure(self, setup: Setup, *words: Word, **options: Any) -> tuple[int, int]:
        """Stage and errno of a start that must fail."""
        with self.start(*(words or ["/bin/sleep", "1000"]), setup=setup, **options) as client:
            return client.failed()

    def placing(self, number: int, files: Mapping[int, int] | None = None) -> dict[str, Any]:
        """Options for a minder whose socket has that number, and others as `{number: ours}`."""
        files = files or {}

        def launch(fd: int) -> list[Word]:
            pairs = [fd, number, *(each for to, ours in files.items() for each in (ours, to))]
            return [self.command, "place", *map(str, pairs), "--"]

        return {"number": number, "launch": launch, "pass_fds": list(files.values())}

    def complaints(self) -> str:
        """What the sanitizers have written."""
        return "\n".join(log.read_text(errors="replace") for log in self.logs.iterdir())


def sanitizer_words(logs: Path) -> dict[bytes, bytes]:
    """The environment that makes sanitizers stop at the first error and write it there."""
    options = f"log_path={logs}/log:halt_on_error=1:exitcode=86".encode()
    return {
        b"ASAN_OPTIONS": options + b":detect_leaks=0:detect_stack_use_after_return=1",
        b"UBSAN_OPTIONS": options + b":print_stacktrace=1",
    }


@cache
def loud_compiler() -> list[str]:
    """A compiler whose sanitizers write where they are told to.

    With gcc they are two libraries, and the second one writes to stderr alone, which a minder
    closes; linked in, it is heard. clang has one, and links it in anyway.
    """
    said = subprocess.run([*CC, "--version"], stdout=subprocess.PIPE, check=True).stdout
    return [*CC, "-static-libubsan"] if b"Free Software" in said else CC


def run_compiler(words: Sequence[Word], env: Mapping[str, str] | None = None) -> None:
    """A compiler that warns fails the test."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"{words}\n{said}"
    assert "warning" not in said, said


def compile_command(output: Path) -> None:
    """The program of command.c."""
    source = HERE / "command.c"
    run_compiler([*CC, *STRICT, "-static", "-pthread", "-o", output, source])


def compile_minder(kind: str, output: Path) -> None:
    """As the project builds it."""
    env = dict(os.environ)
    if kind == "sanitized":
        env["CC"] = shlex.join(loud_compiler())
    if kind == BY_PARENT:
        env["CC"] = shlex.join([*CC, "-DMINDER_NO_CHILDREN_FILES"])
    run_compiler([sys.executable, SCRIPT, *KINDS.get(kind, []), output], env)
