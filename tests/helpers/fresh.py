"""A piece of Python in an interpreter of its own: for what would spoil this one.

Closed standard streams, an ignored SIGCHLD, a limit on descriptors, a Ctrl-C.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import osexec
from tests.helpers.limits import LONG

SOURCE = Path(osexec.__file__).parents[1]
TESTS = Path(__file__).parents[2]
PATH = os.pathsep.join([str(SOURCE), str(TESTS)])


def words(code: str, *args: object, python: str = sys.executable) -> list[str]:
    """The command that runs `code`, which may import the library and `tests.helpers`."""
    return [python, "-W", "error", "-c", dedent(code), *map(str, args)]


def environment(**more: str) -> dict[str, str]:
    """Ours, with the library that is being tested in front."""
    return {**os.environ, "PYTHONPATH": PATH, **more}


def fresh(
    code: str, *args: object, python: str = sys.executable, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run `code` to its end, which must be a success; what it printed is in `.stdout`."""
    settings: dict[str, Any] = {
        "env": environment(),
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "timeout": LONG,
    }
    done = subprocess.run(words(code, *args, python=python), check=False, **(settings | options))
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def ask(code: str, *args: object, **options: Any) -> Any:
    """Run `code` to its end; the answer is the JSON in the last line it printed."""
    return json.loads(fresh(code, *args, **options).stdout.splitlines()[-1])


def begin(
    code: str, *args: object, python: str = sys.executable, **options: Any
) -> subprocess.Popen[bytes]:
    """Start `code`, for a test that wants to do something to it; use it with `with`."""
    settings: dict[str, Any] = {
        "env": environment(),
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "bufsize": 0,
    }
    return subprocess.Popen(words(code, *args, python=python), **(settings | options))
