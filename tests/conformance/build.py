"""From a scenario to what osexec is given: words, fields, context, cancel function."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import osexec
from tests.conformance.compare import Scenario
from tests.conformance.scan import TAG, has_ended
from tests.conformance.scene import Scene
from tests.conformance.streams import CallerError, Streams, UnsupportedError
from tests.helpers import proc
from tests.helpers.limits import POLL

# The verbs that bring a stream of their own: it must not be given, not even as DEVNULL.
OWN_STREAMS = {"output": ("stdout", "stderr"), "combined": ("stdout", "stderr")}
UNSUPPORTED = ("pdeathsig",)


class Builder:
    """Makes the Cmd of a scenario, and knows whether its cancel function was called."""

    def __init__(self, scenario: Scenario, scene: Scene, streams: Streams) -> None:
        self.scenario = scenario
        self.scene = scene
        self.streams = streams
        self.cancel_called = False
        # What clear_lookup_error found: the file to run in spite of the lookup's error.
        self.executable: str | None = None

    def cmd(self, verb: str = "run") -> osexec.Cmd:
        """The Cmd, for one of the verbs; raises what osexec raises."""
        return osexec.Cmd(*self.words(), **self.fields(verb))

    def words(self) -> list[str]:
        words = list(self.scenario["argv"])
        if self.scenario.get("argv0") is not None:
            words[0] = self.scenario["argv0"]
        return words

    def fields(self, verb: str = "run") -> dict[str, Any]:
        """The keyword arguments of the Cmd."""
        scenario = self.scenario
        for name in UNSUPPORTED:
            if scenario.get(name):
                raise UnsupportedError(f"the scenario asks for {name}")
        fields = {
            "cwd": scenario.get("dir"),
            "env": self.env(),
            "executable": self.executable,
            "extra_files": self.streams.extra_files or None,
            "sys": self.attributes(),
            **self.stream_fields(verb),
        }
        if scenario.get("argv0") is not None and self.executable is None:
            fields["executable"] = scenario["argv"][0]
        given = {name: value for name, value in fields.items() if value is not None}
        return given | self.cancel_fields() | self.delay_fields()

    def env(self) -> list[str] | None:
        env = self.scenario.get("env")
        if env is None or self.scenario.get("env_raw"):
            return env
        return [*env, f"{TAG}={self.scene.tag}"]

    def attributes(self) -> osexec.SysAttrs | None:
        scenario = self.scenario
        attributes: dict[str, Any] = {}
        if scenario.get("setsid"):
            attributes["new_session"] = True
        if scenario.get("setpgid"):
            attributes["process_group"] = 0
        if scenario.get("uid") is not None:
            attributes["user"] = scenario["uid"]
        return osexec.SysAttrs(**attributes) if attributes else None

    def stream_fields(self, verb: str) -> dict[str, Any]:
        """No stream means the null device, except where the verb brings its own."""
        own = OWN_STREAMS.get(verb, ())
        return {
            name: osexec.DEVNULL if value is None and name not in own else value
            for name in ("stdin", "stdout", "stderr")
            for value in [getattr(self.streams, name)]
        }

    def delay_fields(self) -> dict[str, Any]:
        """Go's 0 is no bound; where there is a context, our default is meant to be better."""
        if delay_ms := self.scenario.get("wait_delay_ms"):
            return {"wait_delay": delay_ms / 1000}
        return {} if self.scenario.get("ctx") else {"wait_delay": math.inf}

    def cancel_fields(self) -> dict[str, Any]:
        spec = self.scenario.get("cancel")
        if spec is None:
            return {"cancel": self.noted} if self.scenario.get("cancel_without_ctx") else {}
        if spec["action"] == "unset":
            return {"cancel": None}
        return {"cancel": self.cancel_function(spec)}

    def noted(self, process: osexec.Process) -> None:
        self.cancel_called = True

    def cancel_function(self, spec: dict[str, Any]) -> Callable[[osexec.Process], None]:
        """Note the call, sleep, act, and answer as the scenario says."""

        def cancel(process: osexec.Process) -> None:
            self.noted(process)
            time.sleep(spec.get("ms", 0) / 1000)
            answer = spec.get("return") or "result"
            try:
                act(spec, process)
            except Exception:
                if answer == "result":
                    raise
            if answer not in ("result", "nil"):
                raise ANSWERS[answer]()

        return cancel


class AlreadyGoneError(ProcessLookupError):
    """The "process already finished" error in a wrapping of the caller's own."""


ANSWERS: dict[str, Callable[[], Exception]] = {
    "process_done": lambda: ProcessLookupError("already finished"),
    "wrapped_process_done": lambda: AlreadyGoneError("wrapped: already finished"),
    "error": lambda: CallerError("cancel boom"),
}


def act(spec: dict[str, Any], process: osexec.Process) -> None:
    """The action of a cancel function."""
    action = spec["action"]
    if action == "signal":
        process.signal(signal.Signals[spec["sig"]])
    elif action == "killpg":
        os.killpg(process.pid, signal.Signals[spec["sig"]])
    elif action == "close_stdin":
        close_stdin_and_wait(process)
    elif action != "none":
        raise UnsupportedError(f"cancel action {action}")


def close_stdin_and_wait(process: osexec.Process) -> None:
    if process.stdin is None:
        raise UnsupportedError("close_stdin without a stdin pipe")
    process.stdin.close()
    while not has_ended(process.pid):
        time.sleep(POLL)


class Ending:
    """The context of a scenario, and the thread that cancels it when the time has come."""

    def __init__(self, spec: dict[str, Any] | None, scene: Scene) -> None:
        self._spec = spec or {}
        self._scene = scene
        self._is_over = threading.Event()
        self.context: osexec.Context | None = None

    def begin(self) -> None:
        """The clock starts now."""
        kind = self._spec.get("kind")
        seconds = self._spec.get("ms", 0) / 1000
        if kind is None:
            return
        if kind == "deadline":
            self.context = osexec.Context(deadline=time.monotonic() + seconds)
        elif kind in ("background", "never", "cancel"):
            self.context = osexec.Context()
        else:
            raise UnsupportedError(f"a context of kind {kind}")
        if kind == "cancel":
            self._begin_cancel(self._spec["when"], seconds)

    def cancel(self) -> None:
        if self.context is not None:
            self.context.cancel()

    def end(self) -> None:
        """Whoever still waits for a moment to cancel needs to wait no more."""
        self._is_over.set()

    def _begin_cancel(self, when: str, seconds: float) -> None:
        moments: dict[str, Callable[[], object]] = {
            "after_start": proc.children,
            "after_ready": self._scene.ready.exists,
        }
        if when == "before_start":
            self.cancel()
        elif when in moments:
            words = (moments[when], seconds)
            threading.Thread(target=self._cancel_after, args=words, daemon=True).start()
        else:
            raise UnsupportedError(f"cancel {when}")

    def _cancel_after(self, has_come: Callable[[], object], seconds: float) -> None:
        while not has_come():
            if self._is_over.wait(POLL):
                return
        if not self._is_over.wait(seconds):
            self.cancel()
