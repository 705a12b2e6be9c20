"""A Python of an ordinary user, where the tests run as root: it may not end what root has started.

Our own interpreter, and the source tree, may be where nobody else can read: so the library is
copied, and an interpreter is taken that the user can run.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import osexec
from tests.helpers.limits import LONG

UID = 23456
CHECK = "import sys; assert sys.version_info >= (3, 11)"


def identity() -> dict[str, Any]:
    """The options of Popen that make a child an ordinary user's; none if we are one."""
    if os.geteuid() != 0:
        return {}
    return {"user": UID, "group": UID, "extra_groups": []}


@contextmanager
def public_folder() -> Iterator[Path]:
    """A folder that everybody can read, with a copy of the library in it."""
    # Not tmp_path: only its owner can read that.
    folder = Path(tempfile.mkdtemp(prefix="osexec-test-"))
    try:
        folder.chmod(0o755)
        package = Path(osexec.__file__).parent
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, folder / package.name, ignore=ignored)
        yield folder
    finally:
        shutil.rmtree(folder)


def python() -> str:
    """An interpreter that an ordinary user can run."""
    candidates = [sys.executable, *filter(None, (shutil.which("python3", path="/usr/bin:/bin"),))]
    for candidate in candidates:
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
        try:
            tried = subprocess.run([candidate, "-c", CHECK], check=False, **options, **identity())
        except OSError:
            continue
        if tried.returncode == 0:
            return candidate
    pytest.skip(f"an ordinary user can run none of {', '.join(candidates)}")


def start(folder: Path, code: str, *args: object, **options: Any) -> subprocess.Popen[bytes]:
    """Start `code` as an ordinary user, with the library of `folder`; use it with `with`."""
    settings: dict[str, Any] = {
        "env": {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        "cwd": folder,
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "bufsize": 0,
    }
    words = [python(), "-W", "error", "-c", dedent(code), *map(str, args)]
    return subprocess.Popen(words, **(settings | identity() | options))


def ask(folder: Path, code: str, *args: object) -> Any:
    """The JSON in the last line that `code` printed."""
    with start(folder, code, *args) as process:
        stdout, _ = process.communicate(timeout=LONG)
    assert process.returncode == 0
    return json.loads(stdout.splitlines()[-1])
