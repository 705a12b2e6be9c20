"""KeyboardInterrupt at every place of the library where Python may raise it, one after the other.

CPython looks for signals when a function is entered, when a loop jumps back, and after a call of a
C function (Python/ceval.c). `sys.monitoring` (3.12) tells of each, and lets us raise there.
Imports nothing but the standard library.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from dis import opname
from types import CodeType, FrameType

CALLS = {"CALL", "CALL_FUNCTION_EX", "CALL_KW"}
NAME = "osexec-tests"


class Interrupter:
    """Raises at the place number `at` of the code below `folder`, in the thread that made it."""

    def __init__(self, folder: str, at: int) -> None:
        self.where = ""
        self._folder = folder
        self._left = at
        self._thread = threading.get_ident()
        self._last: tuple[FrameType, str] | None = None

    def __call__(self, function: Callable[[], object]) -> bool:
        """Call `function`; False if it has no place with that number."""
        monitoring = sys.monitoring
        tool, events = monitoring.DEBUGGER_ID, monitoring.events
        monitoring.use_tool_id(tool, NAME)
        monitoring.register_callback(tool, events.PY_START, self._begin)
        monitoring.register_callback(tool, events.PY_RESUME, self._begin)
        monitoring.register_callback(tool, events.INSTRUCTION, self._step)
        monitoring.set_events(tool, events.PY_START | events.PY_RESUME | events.INSTRUCTION)
        try:
            function()
        except KeyboardInterrupt:
            pass
        finally:
            self._thread = 0
            monitoring.set_events(tool, 0)
            monitoring.free_tool_id(tool)
            self._last = None
        return self.where != ""

    def _begin(self, code: CodeType, offset: int) -> object:
        if not code.co_filename.startswith(self._folder):
            return sys.monitoring.DISABLE
        if threading.get_ident() == self._thread:
            self._last = None
            self._pass(code, sys._getframe(1), "its beginning")
        return None

    def _step(self, code: CodeType, offset: int) -> object:
        if not code.co_filename.startswith(self._folder):
            return sys.monitoring.DISABLE
        if threading.get_ident() == self._thread:
            frame, name = sys._getframe(1), opname[code.co_code[offset]]
            called = self._last is not None and self._last[0] is frame and self._last[1] in CALLS
            self._last = (frame, name)
            if called or name == "JUMP_BACKWARD":
                self._pass(code, frame, name)
        return None

    def _pass(self, code: CodeType, frame: FrameType, name: str) -> None:
        """Here is a place."""
        self._left -= 1
        if self._left == 0:
            self.where = f"{code.co_qualname}:{frame.f_lineno} before {name}"
            raise KeyboardInterrupt


def everywhere(folder: str, function: Callable[[], object]) -> Iterator[str]:
    """Call `function` with a Ctrl-C at each place in turn, and say where it was."""
    at = 0
    while True:
        at += 1
        sys.monitoring.restart_events()  # of code that was disabled
        interrupter = Interrupter(folder, at)
        if not interrupter(function):
            return
        yield interrupter.where
