"""When a command must end: cancellation with a cause, and a deadline (Go's context).

A context has no thread. Whoever waits uses its deadline as a time-out, and a
cancellation calls those who listen.
"""

from __future__ import annotations

import math
import os
from _thread import TIMEOUT_MAX, LockType, allocate_lock
from contextvars import ContextVar, Token
from functools import partial
from threading import RLock, Thread
from time import monotonic

from ._core.deadline import earlier
from ._words.check import seconds
from ._words.errors import Canceled, DeadlineExceeded, UsageError, caused
from ._words.result import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

    Cause = BaseException | str | None

_ambient: ContextVar[Context | None] = ContextVar("osexec.context", default=None)

# One lock for all contexts: they form trees, and are changed rarely. Reentrant,
# because a signal handler may cancel a context while this thread holds it.
_lock = RLock()


class _Ambient:
    """Stands for "the context that is ambient here"."""

    def __repr__(self) -> str:
        return "<the ambient context>"


_AMBIENT: Any = _Ambient()


class Context:
    """Bounds every command that is started under it.

    Give it to a verb (`ctx=`), or make it ambient with `with`: then it bounds
    every command inside, however deep; leaving the block cancels it. A child
    context ends with its parent, and its deadline is never later.

    Args:
        timeout: Seconds from now.
        deadline: A point on the clock of `time.monotonic()`.
        parent: The ambient context by default; None for none.

    Example:
        >>> with Context(timeout=30):
        ...     Cmd("true").run().exit_code
        0
    """

    __slots__ = (
        "__weakref__",
        "_cause",
        "_deadline",
        "_deadline_text",
        "_done_at",
        "_err",
        "_listeners",
        "_parent",
        "_token",
        "_unlisten_parent",
    )

    def __init__(
        self,
        timeout: float | None = None,
        *,
        deadline: float | None = None,
        parent: Context | None = _AMBIENT,
    ) -> None:
        timeout = seconds("timeout", timeout)
        if deadline is not None:
            if isinstance(deadline, bool) or not isinstance(deadline, int | float):
                raise UsageError(f"deadline= takes a time of time.monotonic(), not {deadline!r}")
            if math.isnan(deadline):
                raise UsageError("deadline= is NaN")
        if parent is _AMBIENT:
            parent = _ambient.get()
        if parent is not None and not isinstance(parent, Context):
            raise UsageError(f"parent= takes a Context or None, not {parent!r}")
        self._parent = parent
        self._err: Canceled | DeadlineExceeded | None = None
        self._cause: Cause = None
        self._listeners: dict[object, Callable[[], None]] = {}
        self._unlisten_parent: Callable[[], None] | None = None
        self._token: Token[Context | None] | None = None
        self._deadline: float | None = None if deadline == math.inf else deadline
        self._deadline_text = "the deadline passed"
        if timeout is not None and timeout != math.inf:
            own = monotonic() + timeout
            if self._deadline is None or own < self._deadline:
                self._deadline = own
                self._deadline_text = f"timeout of {timeout:g} s"
        above = parent._deadline if parent is not None else None
        if (
            parent is not None
            and above is not None
            and (self._deadline is None or above < self._deadline)
        ):
            self._deadline = above
            self._deadline_text = parent._deadline_text

    @classmethod
    def current(cls) -> Context | None:
        """The ambient context here, if there is one."""
        return _ambient.get()

    @property
    def deadline(self) -> float | None:
        """When it is done at the latest, on the clock of `time.monotonic()`."""
        return self._deadline

    @property
    def err(self) -> Canceled | DeadlineExceeded | None:
        """Why it is done; None while it is not. It stays what it first was."""
        if self._err is None:
            parent = self._parent
            above = parent.err if parent is not None else None
            with _lock:
                if self._err is None:
                    # What was first counts, however late somebody looks.
                    at = monotonic() if parent is None or above is None else parent._done_at
                    if self._deadline is not None and at >= self._deadline:
                        text = self._deadline_text
                        self._settle(DeadlineExceeded(text, cause=text), text, self._deadline)
                    elif parent is not None and above is not None:
                        self._settle(above, parent._cause, at)
        return self._err

    @property
    def cause(self) -> BaseException | str | None:
        """What was given to `cancel()`, or the deadline in words; None while it is not done."""
        return self._cause if self.err is not None else None

    @property
    def done(self) -> bool:
        """It is cancelled, or its deadline has passed."""
        return self.err is not None

    def remaining(self) -> float:
        """Seconds until the deadline: 0 if it is done, `math.inf` without a deadline."""
        if self.done:
            return 0.0
        return math.inf if self._deadline is None else max(0.0, self._deadline - monotonic())

    def cancel(self, cause: BaseException | str | None = None) -> None:
        """End every command under it; the first cause stays. From any thread or signal handler."""
        if cause is not None and not isinstance(cause, BaseException | str):
            raise UsageError(f"a cause is an exception or text, not {cause!r}")
        if self.err is not None:
            return
        with _lock:
            if self._err is None:
                text = f"canceled: {caused(cause)}" if cause is not None else "canceled"
                self._settle(Canceled(text, cause=cause), cause, monotonic())
        self._call_listeners()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is done; False if `timeout` seconds pass before."""
        limit = seconds("timeout", timeout)
        until = None if limit is None or limit == math.inf else monotonic() + limit
        told = allocate_lock()  # not an Event: a signal handler may cancel while we are in it
        told.acquire()
        forget = self._listen(partial(_unlock, told))
        try:
            return self._wait(told, until)
        finally:
            forget()

    def _wait(self, told: LockType, until: float | None) -> bool:
        while not self.done:
            now = monotonic()
            if until is not None and now >= until:
                return self.done
            at = earlier(until, self._deadline)
            left = TIMEOUT_MAX if at is None else min(at - now, TIMEOUT_MAX)
            told.acquire(timeout=max(left, 0.0))
        return True

    def after(self, function: Callable[[], object]) -> Callable[[], bool]:
        """Call `function()` once it is done, on a thread of its own (Go's AfterFunc).

        Returns:
            A function that undoes it: True if the call will not be made any more.
        """
        if not callable(function):
            raise UsageError(f"after() takes a function, not {function!r}")
        if self.done:
            Thread(target=function, name="osexec-after", daemon=True).start()
            return lambda: False
        state = {"called": False}

        def call() -> None:
            with _lock:
                if state["called"]:
                    return
                state["called"] = True
            forget()
            Thread(target=function, name="osexec-after", daemon=True).start()

        def undo() -> bool:
            with _lock:
                stopped = not state["called"]
                state["called"] = True
            forget()
            return stopped

        undone: list[Callable[[], None]] = []

        def forget() -> None:
            while undone:
                undone.pop()()

        undone.append(self._listen(call))
        undone.append(_at(self._deadline, call))
        if state["called"]:
            forget()
        return undo

    def __enter__(self) -> Context:
        if self._token is not None:
            raise UsageError("this context is ambient already: make another for an inner block")
        outer = _ambient.get()
        try:
            self._token = _ambient.set(self)
        except BaseException:
            # A Ctrl-C as it was set: no __exit__ will come, and it would stay
            # ambient for ever, done, and start nothing.
            _ambient.set(outer)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        token, self._token = self._token, None
        try:
            if token is not None:
                _ambient.reset(token)
        finally:
            self.cancel(error if error is not None else "its block was left")

    def __repr__(self) -> str:
        if self.err is not None:
            return f"<Context done: {self.err}>"
        if self._deadline is None:
            return "<Context>"
        return f"<Context, {self.remaining():.3f} s left>"

    # ------------------------------------------------------------- private

    def _settle(self, err: Canceled | DeadlineExceeded, cause: Cause, at: float) -> None:
        self._cause = cause
        self._done_at = at
        self._err = err

    def _listen(self, function: Callable[[], None]) -> Callable[[], None]:
        """Have `function()` called when it is cancelled; returns what undoes it.

        Deadlines are not told: the listener knows `deadline`. A context listens
        to its parent only while somebody listens to it, so a dropped child
        leaves nothing in a parent that lives long.
        """
        key = object()
        with _lock:
            first = not self._listeners
            self._listeners[key] = function
        if first and self._parent is not None:
            self._unlisten_parent = self._parent._listen(self._parent_done)

        def forget() -> None:
            with _lock:
                self._listeners.pop(key, None)
                undo = None
                if not self._listeners:
                    undo, self._unlisten_parent = self._unlisten_parent, None
            if undo is not None:
                undo()

        if self._err is not None or (self._parent is not None and self._parent._err is not None):
            function()
        return forget

    def _parent_done(self) -> None:
        if self.err is not None:
            self._unlisten_parent = None
            self._call_listeners()

    def _call_listeners(self) -> None:
        """Tell all, also when an exception (Ctrl-C) comes in between."""
        while self._listeners:
            try:
                _, listener = self._listeners.popitem()
            except KeyError:  # another thread took the last
                return
            try:
                listener()
            except BaseException:
                self._call_listeners()
                raise


class Scope:
    """What bounds one run: the context given or ambient, and the run's own timeout."""

    __slots__ = ("_ctx", "deadline", "deadline_cause")

    def __init__(self, ctx: Context | None, timeout: float | None) -> None:
        self._ctx = ctx
        self.deadline: float | None = None
        self.deadline_cause: str | None = None
        if ctx is not None and ctx.deadline is not None:
            self.deadline, self.deadline_cause = ctx.deadline, ctx._deadline_text
        if timeout is not None and timeout != math.inf:
            own = monotonic() + timeout
            if self.deadline is None or own < self.deadline:
                self.deadline, self.deadline_cause = own, f"timeout of {timeout:g} s"

    @property
    def is_bounded(self) -> bool:
        """Something can end the run besides the command itself."""
        return self._ctx is not None or self.deadline is not None

    @property
    def can_be_canceled(self) -> bool:
        """Somebody may cancel it from elsewhere."""
        return self._ctx is not None

    def ended(self) -> tuple[Reason, Cause] | None:
        """(reason, cause) if it is over."""
        if self._ctx is not None:
            err = self._ctx.err
            if isinstance(err, DeadlineExceeded):
                return Reason.DEADLINE, err.cause
            if err is not None:
                return Reason.CANCELED, self._ctx.cause
        if self.deadline is not None and monotonic() >= self.deadline:
            return Reason.DEADLINE, self.deadline_cause
        return None

    def listen(self, function: Callable[[], None]) -> Callable[[], None]:
        """Have `function()` called on a cancellation."""
        assert self._ctx is not None
        return self._ctx._listen(function)


def scope_for(ctx: Context | None, timeout: float | None) -> Scope:
    """The scope of a run; without `ctx` the ambient context counts."""
    if ctx is None:
        ctx = _ambient.get()
    elif not isinstance(ctx, Context):
        raise UsageError(f"ctx= takes a Context, not {ctx!r}")
    return Scope(ctx, timeout)


def _unlock(lock: LockType) -> None:
    try:
        lock.release()
    except RuntimeError:
        pass  # told twice


def _at(when: float | None, function: Callable[[], None]) -> Callable[[], None]:
    """Call `function()` at a time, on the reactor's thread; returns what undoes it."""
    if when is None:
        return lambda: None
    from ._drive.reactor import call_at

    return call_at(when, function)


def _forget_in_forked_child() -> None:
    global _lock
    _lock = RLock()


os.register_at_fork(after_in_child=_forget_in_forked_child)
