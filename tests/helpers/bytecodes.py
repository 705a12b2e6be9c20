"""KeyboardInterrupt at every place of the library where Python may raise it, one after the other.

CPython looks for signals when a function is entered, when a loop jumps back and after a call of a C
function (3.11 and 3.12, Python/ceval.c). The tracer counts these places in the library's code, and
raises at the one it was told. Imports nothing but the standard library.
"""

import sys
from collections.abc import Callable, Iterator
from dis import opname
from types import FrameType
from typing import Any

CALLS = {"CALL", "CALL_FUNCTION_EX"}
FITS = (3, 11) <= sys.version_info[:2] <= (3, 12)


class Interrupter:
    """Raises at the place number `at` of the code below `folder`."""

    def __init__(self, folder: str, at: int) -> None:
        self.where = ""
        self._folder = folder
        self._left = at
        self._last: tuple[FrameType, str] | None = None
        self._entered: set[FrameType] = set()

    def __call__(self, function: Callable[[], object]) -> bool:
        """Call `function`; False if it has no place with that number."""
        # 3.12 asks once, when the tracing begins, whether any frame wants to be told of opcodes.
        sys._getframe().f_trace_opcodes = True
        sys.settrace(self._trace)
        try:
            function()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        self._entered.clear()
        self._last = None
        return self._left == 0

    def _trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "call":
            self._last = None
            if not frame.f_code.co_filename.startswith(self._folder):
                return None
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
            self._entered.add(frame)
            return self._trace
        if event == "opcode":
            name = opname[frame.f_code.co_code[frame.f_lasti]]
            if self._is_place(frame, name):
                self._left -= 1
                if self._left == 0:
                    self.where = f"{frame.f_code.co_qualname}:{frame.f_lineno} before {name}"
                    raise KeyboardInterrupt
            self._last = (frame, name)
        return self._trace

    def _is_place(self, frame: FrameType, name: str) -> bool:
        if frame in self._entered:
            self._entered.discard(frame)
            return True
        called = self._last is not None and self._last[0] is frame and self._last[1] in CALLS
        return called or name.startswith("JUMP_BACKWARD")


def everywhere(folder: str, function: Callable[[], object]) -> Iterator[str]:
    """Call `function` with a Ctrl-C at each place in turn, and say where it was."""
    at = 0
    while True:
        at += 1
        interrupter = Interrupter(folder, at)
        if not interrupter(function):
            return
        yield interrupter.where
