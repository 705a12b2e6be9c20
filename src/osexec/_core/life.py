"""The life of one command: facts in, acts out.

It knows no clock (`now` is an argument), no descriptor and no thread, so every
order of facts can be tried in a test. It is what Go's os/exec spreads over
`watchCtx`, `awaitGoroutines` and `Wait`. It must not know which error a caller
sees: that is `verdict.py`.

`TABLE` is the machine: which handler answers a fact in a state, and where that
may lead. A fact that a state does not list is late or repeated, and ignored.
The diagram in docs/internals.md is drawn from it.
"""

from __future__ import annotations

from signal import SIGKILL

from .._words.result import Reason
from .deadline import (
    DEATH_LIMIT,
    LAST_MOMENT,
    LEAK_GRACE,
    SETTLE,
    after,
    earlier,
    patience,
)
from .facts import Act, Fact, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .deadline import Step


class Life:
    """One command, from its start to the end of everything it left open.

    Args:
        steps: The signals that end it, each with the seconds until the next
            (None: the wait delay) and whether the whole tree gets it. Empty
            means that only the delay acts.
        calls: A function of the caller's ends it, instead of `steps`.
        wait_delay: See `Cmd.wait_delay`.
        deadline: When the context is done, on the clock of `now`.
        contained: The child's descendants can be found and killed.
        ends_leaks: They may not live on when the child has ended by itself.
        streams: How many pipes are being moved.
    """

    # What is not known yet. Defaults of the class, because a life is made for every run.
    state = State.RUNNING
    signal: int = SIGKILL
    """The signal of the current step."""
    exited = False
    returncode: int | None = None
    ended_by: Reason | None = None
    """Why the context was done."""
    cause: BaseException | str | None = None
    interrupted = False
    """The child was signalled, or its cancel called, before it exited."""
    cancel_pending = False
    cancel_error: BaseException | None = None
    kill_error: BaseException | None = None
    cut = False
    """A stream was closed before its end."""
    severed = False
    """The context was done after the exit, with a stream open."""
    tree_open = False
    """There may be something left of the tree."""
    whole_tree = False
    """The signal of the current step is for all of it."""
    leaked = False
    """What outlived the child, and may not, had to be ended by force."""
    _leak_at: float | None = None
    _step = 0
    _next_at: float | None = None
    _force_at: float | None = None
    _give_up_at: float | None = None
    _reached = False
    """An earlier step than the current one was not refused."""
    _gentle = False
    """Something else than SIGKILL was tried."""
    _cut_done = False

    def __init__(
        self,
        *,
        steps: tuple[Step, ...] = ((SIGKILL, None, False),),
        calls: bool = False,
        wait_delay: float | None = None,
        deadline: float | None = None,
        contained: bool = False,
        ends_leaks: bool = False,
        streams: int = 0,
    ) -> None:
        self._steps = steps
        self._wait_delay = wait_delay
        self.calls = calls
        self.deadline = deadline
        self.contained = contained
        self.ends_leaks = ends_leaks
        self.streams = streams

    @property
    def is_done(self) -> bool:
        """FINISH was answered."""
        return self.state is State.DONE

    @property
    def troubled(self) -> bool:
        """Something besides the child's own status has to be reported."""
        return bool(self.interrupted or self.cut or self.cancel_error or self.kill_error)

    # ------------------------------------------------------------------ in

    def tell(self, fact: Fact, now: float, value: object = None) -> list[Act]:
        """Take one fact and answer what to do, in this order.

        Args:
            fact: What was seen.
            now: The time at which it was seen.
            value: EXITED: the signed return code, None if it was lost.
                CONTEXT_DONE: (reason, cause). CANCEL_RETURNED: the exception or
                None. KILL_FAILED: the exception. STREAM_ENDED: whether it was cut.
        """
        row = TABLE.get((self.state, fact))
        if row is None:
            return []
        return row[0](self, now, value)

    def recount(self, streams: int, now: float) -> list[Act]:
        """How many streams are open, told anew after an interruption that may have lost a fact."""
        self.streams = streams + 1
        return self.tell(Fact.STREAM_ENDED, now, False)

    def wake_at(self) -> float | None:
        """The next time at which TIMER must be told; None if nothing is timed."""
        state = self.state
        if state is State.RUNNING:
            return self.deadline
        if state is State.DRAINING:
            return earlier(earlier(self.deadline, self._force_at), self._leak_at)
        if state is State.FORCING:
            return self._give_up_at
        if state is State.DONE:
            return None
        return earlier(earlier(self._next_at, self._force_at), self._leak_at)

    # ------------------------------------------------------------ handlers

    def _exit_first(self, now: float, value: object) -> list[Act]:
        """The child exited before anyone wanted it to."""
        self._note_exit(value)
        # A Ctrl-C reaches it and us at the same time. If it failed, whoever is to cancel
        # gets a moment to do so, before what it left is let go.
        lingers = self.ends_leaks or (self.contained and self.returncode != 0)
        if not self.streams and not lingers:
            return self._finish()
        self.state = State.DRAINING
        if self._wait_delay is not None:
            self._force_at = after(now, self._wait_delay)
        if not lingers:
            return []
        self.tree_open = True
        self._leak_at = now + LEAK_GRACE
        return [Act.LOOK]

    def _exit_ending(self, now: float, value: object) -> list[Act]:
        """The child exited after it was asked to; the rest of its tree is next."""
        self._note_exit(value)
        self.state = State.SWEEPING
        if self.contained and self._step and not self.interrupted:
            self._sever()  # it was in time; who holds a pipe is not
        return self._sweep(sent=self.whole_tree) or self._end_if_idle()

    def _exit_forced(self, now: float, value: object) -> list[Act]:
        if self.exited:
            return []
        self._note_exit(value)
        self._give_up_at = now + SETTLE
        if self.contained:
            self.tree_open = True
            return [Act.LOOK]
        return self._cut()

    def _end_running(self, now: float, value: object) -> list[Act]:
        """The context is done while the child runs."""
        self._note_context(now, value)
        self.state = State.ENDING
        if self.calls:
            self.cancel_pending = self.interrupted = self._gentle = True
            return [Act.CANCEL]
        return self._next_step(now)

    def _end_draining(self, now: float, value: object) -> list[Act]:
        """The context is done after the exit, with a pipe still open."""
        self._note_context(now, value)
        self.state = State.SWEEPING
        if not self.ends_leaks:
            self._leak_at = None
        # The next step sets the signal and its time; the child itself is gone.
        if self.contained and not self.calls and self._next_step(now):
            self._sever()
        return self._sweep() or self._end_if_idle()

    def _hurry(self, now: float, value: object) -> list[Act]:
        """Somebody is out of patience: no more grace."""
        if self.ended_by is None:
            self._note_context(now, value)
        return self._force(now)

    def _cancel_returned(self, now: float, value: object) -> list[Act]:
        self.cancel_pending = False
        if isinstance(value, ProcessLookupError):
            # "Already finished"; but not if we have sent SIGKILL meanwhile.
            self.interrupted = self.interrupted and self.state is State.FORCING
        elif isinstance(value, BaseException):
            self._refused(value)
        return self._end_if_idle()

    def _kill_failed(self, now: float, value: object) -> list[Act]:
        assert isinstance(value, BaseException)
        if self.exited:  # somebody else of the tree may not be killed by us
            if self.state is State.DRAINING and not self.leaked:
                return []
            self.kill_error = value
            return self._give_up()
        if self.state is not State.FORCING:  # the cancel itself was a SIGKILL
            self._refused(value)
            return []
        self.kill_error = value
        return self._give_up()

    def _stream_ended(self, now: float, value: object) -> list[Act]:
        self.streams = max(0, self.streams - 1)
        self.cut = self.cut or bool(value)
        return self._end_if_idle()

    def _tree_empty(self, now: float, value: object) -> list[Act]:
        self.tree_open = False
        self._leak_at = None
        return self._end_if_idle()

    def _tree_forced(self, now: float, value: object) -> list[Act]:
        if not self.tree_open:
            return []
        self.tree_open = False
        return self._cut()

    def _timer(self, now: float, value: object) -> list[Act]:
        """While the child is being ended, or its tree swept."""
        if self.ends_leaks and self._leak_at is not None and now >= self._leak_at:
            return self._force(now)  # a context that ends must not lengthen the grace of a leak
        if self._force_at is not None and now >= self._force_at:
            if not self.cancel_pending:
                return self._force(now)
            # The caller's cancel function is late. It is left alone; what it may
            # have done to the child a moment ago gets a moment to show.
            self.cancel_pending = False
            self._force_at = now + LAST_MOMENT
            return self._end_if_idle()
        if self._next_at is not None and now >= self._next_at:
            acts = self._next_step(now)
            return self._sweep() if self.exited else acts
        return []

    def _timer_running(self, now: float, value: object) -> list[Act]:
        if self.deadline is None or now < self.deadline:
            return []
        done = (Reason.DEADLINE, None)
        return self._end_draining(now, done) if self.exited else self._end_running(now, done)

    def _timer_draining(self, now: float, value: object) -> list[Act]:
        acts = self._timer_running(now, value)
        if self.state is State.DRAINING and self._leak_at is not None:
            acts = self._timer_leak(now)
        if self.state is State.DRAINING and self._force_at is not None and now >= self._force_at:
            # The child ended well and nobody cancelled: what still holds the
            # pipe may live on, but the caller has waited long enough.
            if acts:
                return acts  # those who were left have just been killed
            self.state = State.FORCING
            self._give_up_at = now + SETTLE
            return [Act.KILL, Act.LOOK] if self.tree_open else self._cut()
        return acts

    def _timer_leak(self, now: float) -> list[Act]:
        """Something is left of the tree after the child has ended by itself."""
        assert self._leak_at is not None
        until = self._leak_at if self.leaked else earlier(self._leak_at, self._force_at)
        if until is None or now < until:
            return []
        if not self.ends_leaks:  # nobody cancelled: it may live on
            self.tree_open, self._leak_at = False, None
            return self._end_if_idle()
        if not self.leaked:  # once they are gone, the pipes come to their end
            self.leaked = True
            self._leak_at = now + DEATH_LIMIT
            return [Act.NAME, Act.KILL, Act.LOOK]
        self.state = State.FORCING
        self._give_up_at = now + SETTLE
        return [Act.KILL, Act.LOOK]

    def _timer_forcing(self, now: float, value: object) -> list[Act]:
        if self._give_up_at is None or now < self._give_up_at:
            return []
        if not self.exited and self.kill_error is None:
            self.kill_error = TimeoutError(f"still alive {DEATH_LIMIT:g} s after SIGKILL")
        return self._give_up()

    # --------------------------------------------------------------- parts

    def _note_exit(self, value: object) -> None:
        assert value is None or isinstance(value, int)
        self.exited = True
        self.returncode = value
        # Nobody survives SIGKILL to choose a status: a child that shows another
        # end had ended before the signal came, so it was in time.
        if self.interrupted and not self._gentle and value is not None and value != -SIGKILL:
            self.interrupted = False

    def _refused(self, error: BaseException) -> None:
        """Cancelling failed; a signal that was refused has ended nothing."""
        self.cancel_error = error
        if not self.calls:
            self.interrupted = self._reached
        self._reached = self.interrupted

    def _sever(self) -> None:
        """Whoever holds a pipe is ended after the command has ended by itself."""
        if self.streams:
            self.cut = self.severed = True

    def _note_context(self, now: float, value: object) -> None:
        assert isinstance(value, tuple)
        self.ended_by, self.cause = value
        delay = patience(self._steps, self._wait_delay)
        self._force_at = earlier(self._force_at, after(now, delay))

    def _next_step(self, now: float) -> list[Act]:
        """The next signal of the plan; SIGKILL follows the last of several."""
        if self._step < len(self._steps):
            self.signal, delay, self.whole_tree = self._steps[self._step]
            self._step += 1
            self._next_at = after(now, delay)
        elif self._steps:
            self.signal, self._next_at = SIGKILL, None
        else:
            return []
        if not self.exited:
            self._reached, self.interrupted = self.interrupted, True
            self._gentle = self._gentle or self.signal != SIGKILL
        return [Act.KILL if self.signal == SIGKILL else Act.SIGNAL]

    def _sweep(self, sent: bool = False) -> list[Act]:
        """End what is left of the tree with the step's signal, and watch it go.

        Args:
            sent: All have had that signal; a second one means "at once" to many.
        """
        if not self.contained:
            return []
        self.tree_open = True
        if self.calls or not self._step or (sent and self.signal != SIGKILL):
            return [Act.LOOK]
        return [Act.KILL if self.signal == SIGKILL else Act.SIGNAL_REST, Act.LOOK]

    def _force(self, now: float) -> list[Act]:
        self.state = State.FORCING
        if not self.exited:
            self.interrupted = True
            self._give_up_at = now + DEATH_LIMIT
            return [Act.KILL]
        self._give_up_at = now + SETTLE
        if self.contained:
            if not self.interrupted:
                self._sever()
            self.tree_open = True
            return [Act.KILL, Act.LOOK]
        return self._cut()

    def _cut(self) -> list[Act]:
        """Close the pipes; the streams end with that, but for a writer in a write."""
        if not self.streams:
            return self._finish()
        self._cut_done = True
        return [Act.CUT]

    def _give_up(self) -> list[Act]:
        """Leave with what there is; a stream that is still open is lost."""
        acts = [] if self._cut_done or not self.streams else [Act.CUT]
        self.cut = self.cut or self.streams > 0
        return acts + self._finish()

    def _end_if_idle(self) -> list[Act]:
        """Finish once nothing is open any more."""
        if not self.exited or self.streams:
            return []
        if self.state is not State.FORCING and (self.tree_open or self.cancel_pending):
            return []
        if self.state is State.FORCING and self.tree_open:
            return []
        return self._finish()

    def _finish(self) -> list[Act]:
        self.state = State.DONE
        return [Act.FINISH]


if TYPE_CHECKING:
    Handler = Callable[[Life, float, object], list[Act]]

_R, _E, _D, _S, _F, _X = State
TABLE: dict[tuple[State, Fact], tuple[Handler, tuple[State, ...]]] = {
    (_R, Fact.EXITED): (Life._exit_first, (_D, _X)),
    (_R, Fact.CONTEXT_DONE): (Life._end_running, (_E,)),
    (_R, Fact.HURRY): (Life._hurry, (_F,)),
    (_R, Fact.STREAM_ENDED): (Life._stream_ended, (_R,)),
    (_R, Fact.TIMER): (Life._timer_running, (_R, _E)),
    (_E, Fact.EXITED): (Life._exit_ending, (_S, _X)),
    (_E, Fact.HURRY): (Life._hurry, (_F,)),
    (_E, Fact.CANCEL_RETURNED): (Life._cancel_returned, (_E,)),
    (_E, Fact.KILL_FAILED): (Life._kill_failed, (_E,)),
    (_E, Fact.STREAM_ENDED): (Life._stream_ended, (_E,)),
    (_E, Fact.TIMER): (Life._timer, (_E, _F)),
    (_D, Fact.CONTEXT_DONE): (Life._end_draining, (_S,)),
    (_D, Fact.HURRY): (Life._hurry, (_F,)),
    (_D, Fact.STREAM_ENDED): (Life._stream_ended, (_D, _X)),
    (_D, Fact.KILL_FAILED): (Life._kill_failed, (_D, _X)),
    (_D, Fact.TREE_EMPTY): (Life._tree_empty, (_D, _X)),
    (_D, Fact.TIMER): (Life._timer_draining, (_D, _S, _F, _X)),
    (_S, Fact.HURRY): (Life._hurry, (_F, _X)),
    (_S, Fact.CANCEL_RETURNED): (Life._cancel_returned, (_S, _X)),
    (_S, Fact.KILL_FAILED): (Life._kill_failed, (_X,)),
    (_S, Fact.STREAM_ENDED): (Life._stream_ended, (_S, _X)),
    (_S, Fact.TREE_EMPTY): (Life._tree_empty, (_S, _X)),
    (_S, Fact.TIMER): (Life._timer, (_S, _F, _X)),
    (_F, Fact.EXITED): (Life._exit_forced, (_F, _X)),
    (_F, Fact.CANCEL_RETURNED): (Life._cancel_returned, (_F,)),
    (_F, Fact.KILL_FAILED): (Life._kill_failed, (_X,)),
    (_F, Fact.STREAM_ENDED): (Life._stream_ended, (_F, _X)),
    (_F, Fact.TREE_EMPTY): (Life._tree_forced, (_F, _X)),
    (_F, Fact.TIMER): (Life._timer_forcing, (_F, _X)),
}
"""(state, fact) → (handler, the states it may lead to)."""
