"""Running a scenario: one method for each `api`, and the clock around it.

What is raised is kept, never passed on: it is the answer. The objects stay referenced until the
descriptors are counted, so that nothing is closed by luck.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import osexec
from tests.conformance import steps
from tests.conformance.build import Builder, Ending
from tests.conformance.compare import Scenario
from tests.conformance.record import describe, digest
from tests.conformance.scan import TAG
from tests.conformance.scene import Scene
from tests.conformance.streams import Streams, UnsupportedError


class Play:
    """One scenario being run, and what came of it."""

    def __init__(self, scenario: Scenario, scene: Scene) -> None:
        self.scenario = scenario
        self.scene = scene
        self.streams = Streams()
        self.builder = Builder(scenario, scene, self.streams)
        self.ending = Ending(scenario.get("ctx"), scene)
        self.calls: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.process: osexec.Process | None = None
        self.result: osexec.Result | None = None
        self.output: bytes | None = None
        self.is_success = False
        self.value: str | None = None
        self.list: list[str] | None = None
        self.seconds = 0.0
        # Commands that a step started beside the first one.
        self.extra: list[osexec.Process] = []

    def perform(self) -> None:
        """Run it, with the clock, then the steps that come afterwards."""
        start = time.monotonic()
        try:
            self.streams.open(self.scenario)
            self.ending.begin()
            if self.scenario.get("clear_lookup_error"):
                self.clear_lookup_error()
            APIS.get(self.scenario["api"], unknown)(self)
        except Exception as error:  # noqa: BLE001 - any error is an answer
            self.note_error(error)
        self.seconds = time.monotonic() - start
        self.ending.end()
        self.go_through(self.scenario.get("after_steps"))

    def note_error(self, error: Exception) -> None:
        self.error = error
        self.is_success = False
        self.result = getattr(error, "result", None) or self.result

    def clear_lookup_error(self) -> None:
        """Note the lookup's error, and run the file all the same."""
        name = self.scenario["argv"][0]
        try:
            osexec.look_path(name)
        except osexec.LookPathError as error:
            self.calls.append({"op": "lookup_error", "err": describe(error, self.scene)})
            self.builder.executable = Path(getattr(error, "path", None) or name)

    @property
    def has_started(self) -> bool:
        """A process came into being."""
        return self.process is not None or self.result is not None or self.is_success

    def close(self) -> None:
        """Close what we hold, and end what only a step started."""
        for process in filter(None, [self.process, *self.extra]):
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        for process in self.extra:
            process.__exit__(None, None, None)
        self.streams.close()

    # The verbs; steps call them too.

    def run(self) -> None:
        """Start and wait; with a pipe, in two calls, because somebody has to hold the other end."""
        if self.streams.has_pipe:
            self.process = self.builder.cmd().start(ctx=self.ending.context)
            self.result = self.process.wait()
        else:
            self.result = self.builder.cmd().run(ctx=self.ending.context)
        self.is_success = True

    def run_output(self) -> None:
        self._capture(self.builder.cmd("output").output)

    def run_combined(self) -> None:
        self._capture(self.builder.cmd("combined").combined_output)

    def _capture(self, verb: Callable[..., bytes]) -> None:
        try:
            self.output = verb(ctx=self.ending.context)
            self.is_success = True
        except osexec.Error as error:
            self.output = (error.result.stdout if error.result else None) or b""
            raise

    def start_wait(self) -> None:
        self.process = self.builder.cmd().start(ctx=self.ending.context)
        self.go_through(self.scenario.get("steps"))
        self.wait()

    def wait(self) -> None:
        assert self.process is not None
        self.result = self.process.wait()
        self.is_success = True

    def only_steps(self) -> None:
        self.go_through(self.scenario.get("steps"))

    def go_through(self, wanted: list[dict[str, Any]] | None) -> None:
        for step in wanted or ():
            steps.perform(self, step)

    # Without a command, or with many.

    def look_path(self) -> None:
        try:
            self.value = self.scene.hide(osexec.look_path(self.scenario["argv"][0]))
        except osexec.DotPathError as error:
            self.value = self.scene.hide(error.path)
            raise

    def environ(self) -> None:
        entries = [self.scene.hide(entry) for entry in self.builder.cmd().environ()]
        keep = self.scenario.get("keep")
        names = [entry.partition("=")[0] for entry in entries]
        self.list = [
            entry
            for entry, name in zip(entries, names, strict=True)
            if name != TAG and (not keep or name in keep)
        ]

    def string(self) -> None:
        self.value = self.scene.hide(str(self.builder.cmd()))

    def sequence(self) -> None:
        wrong = sum(not self.is_right(number) for number in range(self.scenario["n"]))
        self.value = f"wrong={wrong} of {self.scenario['n']}"

    def parallel(self) -> None:
        count = self.scenario["n"]
        right = [False] * count

        def check(number: int) -> None:
            right[number] = self.is_right(number)

        threads = [
            threading.Thread(target=check, args=(number,), daemon=True) for number in range(count)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.value = f"wrong={right.count(False)} of {count}"

    def is_right(self, number: int) -> bool:
        """The command with this number gave back its input, and its own exit code."""
        code, text = number % 7, f"{number}\n"
        cmd = osexec.Cmd("sh", "-c", f"cat; exit {code}", stdin=text)
        try:
            return cmd.output(ctx=self.ending.context) == text.encode() and code == 0
        except osexec.ExitError as error:
            result = error.result
            return result.stdout == text.encode() and result.exit_code == code != 0

    def captured(self, name: str) -> dict[str, Any] | None:
        """What was captured of "stdout" or "stderr", as a record has it."""
        data = self.output if name == "stdout" and self.output is not None else None
        return digest(self.streams.captured(name) if data is None else data, self.scene)


def unknown(play: Play) -> None:
    raise UnsupportedError(f"api {play.scenario['api']}")


APIS: dict[str, Callable[[Play], None]] = {
    "run": Play.run,
    "output": Play.run_output,
    "combined": Play.run_combined,
    "start_wait": Play.start_wait,
    "steps": Play.only_steps,
    "lookpath": Play.look_path,
    "environ": Play.environ,
    "string": Play.string,
    "parallel": Play.parallel,
    "sequence": Play.sequence,
}
