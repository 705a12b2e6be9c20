"""Every scenario in a process of its own, which is ended, with all it left, when its time is up."""

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from osexec._posix.probe import can
from tests.conformance import one
from tests.conformance.compare import Record, Scenario
from tests.conformance.impossible import IMPOSSIBLE, MINDED
from tests.conformance.scan import TAG
from tests.helpers import proc
from tests.helpers.limits import POLL

LIMIT = 20.0
JOBS = 2
ROOT = Path(__file__).resolve().parents[2]
TRACE = 4000

Outcomes = Iterator[tuple[Scenario, Record]]


def sort_out(scenarios: Sequence[Scenario]) -> tuple[list[Scenario], dict[str, str]]:
    """The scenarios to run, and the reason for each that is not run here."""
    runs, set_aside = [], {}
    for scenario in scenarios:
        name = scenario["id"]
        reason = IMPOSSIBLE.get(name) or missing(scenario)
        if reason:
            set_aside[name] = reason
        else:
            runs.append(scenario)
    return runs, set_aside


def missing(scenario: Scenario) -> str | None:
    """What the scenario needs and this machine does not offer."""
    if scenario.get("needs") == "root" and os.geteuid() != 0:
        return "needs root"
    return None if can("minder") else MINDED.get(scenario["id"])


def run_all(
    path: Path, scenarios: Sequence[Scenario], jobs: int = JOBS, limit: float = LIMIT
) -> Outcomes:
    """Each scenario of `path` with its record, in the order in which they finish."""
    waiting = list(reversed(scenarios))
    running: list[Attempt] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Attempt(path, waiting.pop(), limit))
            finished = [attempt for attempt in running if attempt.is_over()]
            for attempt in finished:
                running.remove(attempt)
                yield attempt.scenario, attempt.close()
            if not finished:
                time.sleep(POLL)
    finally:
        for attempt in running:
            attempt.close()


class Attempt:
    """One scenario under way, in a session of its own, so that no terminal is shared with it."""

    def __init__(self, path: Path, scenario: Scenario, limit: float) -> None:
        self.scenario = scenario
        self.tag = uuid.uuid4().hex
        self.limit = limit
        self.folder = tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True)
        os.chmod(self.folder.name, 0o755)
        scratch = Path(self.folder.name, "scratch")
        scratch.mkdir()
        self.output = Path(self.folder.name, "record")
        self.errors = Path(self.folder.name, "errors")
        words = [str(path.resolve()), scenario["id"], "--tag", self.tag, "--scratch", str(scratch)]
        # Files, not pipes: a process that the scenario leaves behind could hold a pipe.
        with self.output.open("wb") as output, self.errors.open("wb") as errors:
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.conformance", "--one", *words, f"--limit={limit}"],
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    def is_over(self) -> bool:
        """It has ended, or its time is up."""
        return self.process.poll() is not None or time.monotonic() - self.started > self.limit

    def close(self) -> Record:
        """End what is left, and say what came of it."""
        is_hanging = self.process.poll() is None
        self.end_all()
        try:
            return self.read_record(is_hanging)
        finally:
            self.folder.cleanup()

    def end_all(self) -> None:
        """Kill the driver and all that it started: what is below it, and what carries its tag."""
        if self.process.poll() is None:
            for pid in proc.descendants(self.process.pid):
                proc.kill_quietly(pid)
        self.process.wait()
        while tagged := proc.carrying(f"{TAG}={self.tag}"):
            for seen in tagged:
                proc.kill_quietly(seen.pid)

    def read_record(self, is_hanging: bool) -> Record:
        trace = self.errors.read_text(errors="replace")[-TRACE:]
        if is_hanging:
            return one.hung(self.scenario, f"not back after {self.limit:g} s; {trace}".strip())
        try:
            record: Record = json.loads(self.output.read_text())
        except ValueError:
            status = self.process.returncode
            message = f"no record, and exit status {status}; {trace}"
            return {"id": self.scenario["id"], "err": {"kind": "crash", "msg": message.strip()}}
        return record


def environment() -> dict[str, str]:
    """Ours, with the module path spelled out: the driver is started in another folder."""
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": path} if "PYTHONPATH" in os.environ else dict(os.environ)
