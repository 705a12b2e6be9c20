"""One measurement in an interpreter of its own, where nothing is left of those before.

Peak memory, threads and CPU time belong to a whole process. So the script runs itself again with
`--one WAY WORD...`; that prints its figures as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Figures = dict[str, float]


def ask(script: str, way: str, *words: object) -> Figures:
    """Run the way in a fresh interpreter and return what it found."""
    command = [sys.executable, script, "--one", way, *map(str, words)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def answered(one: Callable[..., Figures]) -> bool:
    """If this is such an interpreter: print the figures of `one(WAY, WORD...)`."""
    if sys.argv[1:2] != ["--one"]:
        return False
    print(json.dumps(one(*sys.argv[2:])))
    return True


def rss_kib() -> int:
    """What we use now, counted page by page. (VmRSS is an estimate.)"""
    return _kib("/proc/self/smaps_rollup", "Rss")


def peak_kib() -> int:
    """The most we used so far; an estimate of the kernel's, off by up to some 100 KiB."""
    return _kib("/proc/self/status", "VmHWM")


def forget_peak() -> None:
    """Let the peak begin anew at what we use now. (proc_pid_clear_refs(5))"""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # not allowed: then the peak of our own start may be in the figure


def thread_count() -> int:
    return len(os.listdir("/proc/self/task"))


def _kib(path: str, key: str) -> int:
    for line in Path(path).read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1])
    raise KeyError(f"{key} in {path}")
