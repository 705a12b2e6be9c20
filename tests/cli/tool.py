"""Running osexec as a process of its own, from a shell's point of view."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import osexec
from tests.helpers.limits import LONG

OSEXEC = (sys.executable, "-m", "osexec")
SOURCE = str(Path(osexec.__file__).parents[1])


def environment(**more: str) -> dict[str, str]:
    """Ours, with the library that is being tested in front, wherever the command runs."""
    path = os.pathsep.join(filter(None, [SOURCE, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **more}


def cli(*words: str | bytes, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run osexec to its end."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    settings = {"env": environment(), "capture_output": True, "text": True, "timeout": LONG}
    return subprocess.run([*OSEXEC, *words], check=False, **(settings | options))


def run(*words: str | bytes, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `osexec run` to its end."""
    return cli("run", *words, **options)


def begin(*words: str, **options: Any) -> subprocess.Popen[str]:
    """Start `osexec run`, for a test that wants to do something to it."""
    pipe = subprocess.PIPE
    settings = {"env": environment(), "stdin": subprocess.DEVNULL, "text": True}
    return subprocess.Popen(
        [*OSEXEC, "run", *words], stdout=pipe, stderr=pipe, **(settings | options)
    )


def ignoring(*signals: str) -> list[str]:
    """The first words of a command line: what follows inherits these signals ignored."""
    program = "import os, signal, sys\n" + "".join(
        f"signal.signal(signal.{name}, signal.SIG_IGN)\n" for name in signals
    )
    return [sys.executable, "-I", "-S", "-c", f"{program}os.execvp(sys.argv[1], sys.argv[1:])"]


def read_report(path: Path) -> dict[str, Any]:
    """The report in a file, which must be the only file in its folder that begins like it."""
    assert [found.name for found in path.parent.glob(f".{path.name}*")] == []
    report = json.loads(path.read_text())
    assert isinstance(report, dict)
    return report
