"""The same thing done by many threads at once, within a bound."""

import threading
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TypeVar

from tests.helpers.limits import LONG

T = TypeVar("T")
A = TypeVar("A")


class Call(threading.Thread):
    """A call on a thread of its own; `result()` is what came of it."""

    def __init__(self, function: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._function = function
        self._error: BaseException | None = None
        self._value: object = None
        self.start()

    def run(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:  # noqa: BLE001  it goes on in `result()`
            self._error = error

    def result(self, limit: float = LONG) -> object:
        """What the call returned or raised."""
        self.join(limit)
        assert not self.is_alive(), f"a thread is not through within {limit:g} s"
        if self._error is not None:
            raise self._error
        return self._value


def at_once(
    function: Callable[[A], object], arguments: Iterable[A], limit: float = LONG
) -> list[object]:
    """`function(argument)` for each argument, all at once; the results in order, or an error."""
    end = monotonic() + limit
    calls = [Call(lambda argument=argument: function(argument)) for argument in arguments]
    return [call.result(max(0.0, end - monotonic())) for call in calls]
