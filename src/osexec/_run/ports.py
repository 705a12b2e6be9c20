"""What a job needs of those around it, as types; each is written elsewhere."""

from __future__ import annotations


class NoPort:
    """The port of a job that has no driver yet: there is nothing to wait for."""

    def watch(self, fd: int, events: int, handler: Handler) -> None:
        """Nothing."""

    def unwatch(self, fd: int) -> None:
        """Nothing."""

    def post(self, function: Callable[[float], None]) -> None:
        """Nothing."""

    def open_mailbox(self) -> None:
        """Nothing."""

    def close_mailbox(self) -> None:
        """Nothing."""


NO_PORT = NoPort()

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from .._words.result import Reason

    Handler = Callable[[int, float], None]
    """Called with the events of poll(2) and the time."""

    class Port(Protocol):
        """A driver, as one job sees it."""

        def watch(self, fd: int, events: int, handler: Handler) -> None: ...
        def unwatch(self, fd: int) -> None: ...
        def post(self, function: Callable[[float], None]) -> None: ...
        def open_mailbox(self) -> None: ...
        def close_mailbox(self) -> None: ...

    class Scope(Protocol):
        """When the run must end."""

        deadline: float | None
        deadline_cause: Any

        def ended(self) -> tuple[Reason, Any] | None: ...
        def listen(self, function: Callable[[], None]) -> Callable[[], None]: ...
        @property
        def can_be_canceled(self) -> bool: ...
