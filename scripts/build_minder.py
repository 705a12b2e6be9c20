"""Builds the minder: `python scripts/build_minder.py [--sanitize | --libc] OUTPUT`.

The wheel's build calls `build()` too. It needs a C compiler and the kernel's headers, nothing else.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from shutil import which

SOURCES = Path(__file__).resolve().parent.parent / "minder"

STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
SMALL = ["-Os", "-s", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"]
LIBC = ["-D_GNU_SOURCE"]

KINDS = {
    # No libc: its start-up costs more than all that the minder does.
    "raw": [
        *(*SMALL, "-DMINDER_RAW", "-ffreestanding", "-nostdlib", "-static"),
        "-Wl,-z,noseparate-code",  # one page less to map
    ],
    "static": [*SMALL, *LIBC, "-static"],
    "dynamic": [*SMALL, *LIBC],
    # For the tests.
    "libc": ["-O1", "-g", *LIBC],
    "sanitize": [
        *("-O1", "-g", *LIBC, "-fsanitize=address,undefined"),
        *("-fno-sanitize-recover=all", "-fno-omit-frame-pointer"),
    ],
}


class BuildError(Exception):
    """No compiler, or it refused every kind; the message says what it said."""


USUAL = ("raw", "static", "dynamic")


def build(output: str | os.PathLike[str], kinds: tuple[str, ...] = USUAL) -> str:
    """Compile the first of the kinds that works here, and return which it was."""
    said = "no C compiler was found: install cc, or name one in CC"
    fresh = f"{os.fspath(output)}.new"  # the old one may be running: it is replaced, not written to
    for kind in kinds:
        if kind == "raw" and platform.machine() not in ("x86_64", "aarch64"):
            continue
        for compiler in compilers(kind):
            said = compile_with(compiler, KINDS[kind], fresh)
            if not said:
                os.replace(fresh, output)
                return kind
    raise BuildError(said)


def compilers(kind: str) -> list[list[str]]:
    """What is here to compile it: CC if it is set; musl's wrapper before glibc, a slow starter."""
    named = os.environ.get("CC")
    if named:
        return [shlex.split(named)]
    names = ("musl-gcc", "cc", "gcc", "clang") if kind == "static" else ("cc", "gcc", "clang")
    return [[name] for name in names if which(name)]


def compile_with(compiler: list[str], options: list[str], output: str) -> str:
    """Compile and try it; what went wrong, or nothing."""
    sources = map(str, sorted(SOURCES.glob("*.c")))
    command = [*compiler, *STRICT, *options, "-o", output, *sources]
    try:
        done = _said(command)
        if done.returncode == 0:
            done = _said([os.path.abspath(output), "--about"])
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr or f"{command[0]}: {done.returncode}"


def _said(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main(args: list[str]) -> int:
    """Build one for a test, or for a look."""
    wanted = [word.removeprefix("--") for word in args if word.startswith("--")]
    outputs = [word for word in args if not word.startswith("--")]
    if len(outputs) != 1 or not set(wanted) <= set(KINDS):
        sys.stderr.write(f"{__doc__}")
        return 2
    try:
        kind = build(outputs[0], tuple(wanted) or USUAL)
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{outputs[0]}: {kind}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
