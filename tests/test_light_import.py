"""`import osexec` costs little more than `import subprocess`."""

import subprocess
import sys

from tests.helpers.limits import FACTOR

# Each of these costs more than all of osexec may, or draws in one that does.
HEAVY = {"asyncio", "anyio", "logging", "typing", "dataclasses", "inspect", "rich"}
ALLOWED_MS = 10.0 * FACTOR
ROUNDS = 15


def import_times(module: str) -> dict[str, float]:
    """Milliseconds until each module was imported with all that it needs, in a new interpreter.

    Without `site`: what the files of an installation import is not our cost.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; import {module}"
    program = [sys.executable, "-I", "-S", "-X", "importtime", "-c", code]
    report = subprocess.run(program, capture_output=True, text=True, check=True).stderr
    times = {}
    for line in report.splitlines():
        _self, cumulative, name = line.removeprefix("import time:").split("|")
        if cumulative.strip().isdecimal():
            times[name.strip()] = int(cumulative) / 1000
    return times


def test_nothing_heavy_is_imported() -> None:
    assert HEAVY & set(import_times("osexec")) == set()


def test_importing_takes_at_most_ten_milliseconds_more_than_subprocess() -> None:
    # The least of several: a busy machine only ever adds. Turn about, so that both are
    # measured on the same machine; and no more rounds than it takes.
    ours = theirs = float("inf")
    for _ in range(ROUNDS):
        ours = min(ours, import_times("osexec")["osexec"])
        theirs = min(theirs, import_times("subprocess")["subprocess"])
        if ours <= theirs + ALLOWED_MS:
            return
    assert ours <= theirs + ALLOWED_MS
