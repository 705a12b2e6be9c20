"""A context by itself: deadlines, causes, parents and children, waiting, `after`."""

import gc
import math
import signal
import threading
import time

import pytest

import osexec
from osexec import Canceled, Context, DeadlineExceeded, UsageError
from tests.helpers.limits import GRACE, LONG, SHORT
from tests.helpers.waiting import wait_until


def test_a_new_context_is_not_done() -> None:
    ctx = Context()
    assert not ctx.done
    assert ctx.err is None
    assert ctx.cause is None
    assert ctx.deadline is None
    assert ctx.remaining() == math.inf


def test_a_cancelled_context_says_why() -> None:
    ctx = Context()
    ctx.cancel("shutting down")
    assert ctx.done
    assert type(ctx.err) is Canceled
    assert ctx.cause == "shutting down"
    assert "shutting down" in str(ctx.err)
    assert ctx.remaining() == 0


def test_a_cause_may_be_an_exception() -> None:
    ctx, cause = Context(), KeyError("why")
    ctx.cancel(cause)
    assert ctx.cause is cause
    assert ctx.err.cause is cause
    assert ctx.err.__cause__ is cause


def test_the_first_cause_stays() -> None:
    ctx = Context()
    ctx.cancel("first")
    err = ctx.err
    ctx.cancel("second")
    assert ctx.cause == "first"
    assert ctx.err is err


def test_a_timeout_passes() -> None:
    ctx = Context(timeout=0)
    assert ctx.done
    assert type(ctx.err) is DeadlineExceeded
    assert isinstance(ctx.err, TimeoutError)
    assert "timeout of 0 s" in ctx.cause


def test_a_passed_deadline_is_not_changed_by_a_cancel() -> None:
    ctx = Context(timeout=0)
    ctx.cancel("too late")
    assert type(ctx.err) is DeadlineExceeded


def test_a_cancel_is_not_changed_by_the_deadline() -> None:
    ctx = Context(timeout=SHORT)
    ctx.cancel("in time")
    assert not Context(deadline=ctx.deadline).wait(0)
    wait_until(lambda: time.monotonic() > ctx.deadline)
    assert type(ctx.err) is Canceled


def test_a_deadline_is_a_time_of_the_monotonic_clock() -> None:
    at = time.monotonic() + LONG
    ctx = Context(deadline=at)
    assert ctx.deadline == at
    assert LONG - GRACE < ctx.remaining() <= LONG
    assert Context(deadline=time.monotonic() - 1).done


def test_the_earlier_of_timeout_and_deadline_counts() -> None:
    soon = time.monotonic() + 1
    assert Context(LONG, deadline=soon).deadline == soon
    assert Context(1, deadline=soon + LONG).deadline <= soon + GRACE
    assert Context(math.inf, deadline=math.inf).deadline is None


def test_a_child_ends_with_its_parent() -> None:
    parent = Context()
    child = Context(parent=parent)
    grandchild = Context(LONG, parent=child)
    parent.cancel("the end")
    for ctx in (child, grandchild):
        assert type(ctx.err) is Canceled
        assert ctx.cause == "the end"


def test_a_parent_goes_on_after_its_child() -> None:
    parent = Context()
    Context(parent=parent).cancel()
    assert not parent.done


def test_a_childs_deadline_is_never_later() -> None:
    parent = Context(timeout=1)
    assert Context(timeout=LONG, parent=parent).deadline == parent.deadline
    assert Context(parent=parent).deadline == parent.deadline
    assert Context(timeout=0.5, parent=parent).deadline < parent.deadline


def test_a_child_says_which_deadline_passed() -> None:
    parent = Context(timeout=0)
    assert "timeout of 0 s" in Context(timeout=LONG, parent=parent).cause


def test_what_happened_first_counts_also_when_nobody_looked() -> None:
    parent = Context()
    child = Context(deadline=time.monotonic() - 1, parent=parent)
    parent.cancel("later")
    assert type(child.err) is DeadlineExceeded


def test_with_makes_a_context_ambient_and_cancels_it() -> None:
    assert Context.current() is None
    with Context() as ctx:
        assert Context.current() is ctx
        assert not ctx.done
    assert Context.current() is None
    assert type(ctx.err) is Canceled


def test_nested_blocks_only_tighten() -> None:
    with Context(timeout=LONG) as outer:
        with Context(timeout=2 * LONG) as inner:
            assert inner.deadline == outer.deadline
        with Context(timeout=1) as tighter:
            assert tighter.deadline < outer.deadline
        assert Context.current() is outer
        assert not outer.done


def test_without_a_parent_nothing_is_inherited() -> None:
    with Context(timeout=1):
        free = Context(parent=None)
    assert free.deadline is None
    assert not free.done


def test_an_exception_of_the_block_is_the_cause_and_goes_on() -> None:
    error = KeyError("body")
    with pytest.raises(KeyError) as caught, Context() as ctx:
        raise error
    assert caught.value is error
    assert ctx.cause is error


def test_a_context_is_ambient_once() -> None:
    with Context() as ctx, pytest.raises(UsageError, match="ambient already"):
        ctx.__enter__()
    assert Context.current() is None


def test_another_thread_has_no_ambient_context() -> None:
    seen = []
    with Context():
        thread = threading.Thread(target=lambda: seen.append(Context.current()))
        thread.start()
        thread.join(LONG)
    assert seen == [None]


def test_wait_sees_a_deadline() -> None:
    ctx = Context(timeout=SHORT)
    begin = time.monotonic()
    assert ctx.wait()
    assert SHORT <= time.monotonic() - begin < SHORT + GRACE


def test_wait_sees_a_cancel_from_another_thread() -> None:
    ctx = Context()
    thread = threading.Thread(target=ctx.cancel)
    thread.start()
    assert ctx.wait(LONG)
    thread.join()


def test_wait_sees_a_cancel_of_the_grandparent() -> None:
    top = Context()
    ctx = Context(parent=Context(parent=top))
    thread = threading.Thread(target=top.cancel)
    thread.start()
    assert ctx.wait(LONG)
    thread.join()


def test_wait_gives_up_after_its_own_time() -> None:
    assert not Context().wait(0)
    begin = time.monotonic()
    assert not Context(timeout=LONG).wait(SHORT)
    assert SHORT <= time.monotonic() - begin < SHORT + GRACE


def test_wait_sees_a_cancel_from_a_signal_handler() -> None:
    ctx = Context()
    before = signal.signal(signal.SIGALRM, lambda number, frame: ctx.cancel("alarm"))
    try:
        signal.setitimer(signal.ITIMER_REAL, SHORT)
        assert ctx.wait(LONG)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert ctx.cause == "alarm"


def test_after_calls_once_on_a_thread_of_its_own() -> None:
    ctx, calls, called = Context(), [], threading.Event()

    def call() -> None:
        calls.append(threading.current_thread())
        called.set()

    ctx.after(call)
    ctx.cancel()
    assert called.wait(LONG)
    ctx.cancel()
    assert len(calls) == 1
    assert calls[0] is not threading.current_thread()
    wait_until(lambda: not calls[0].is_alive())


@pytest.mark.parametrize("made", [lambda: Context(timeout=0), lambda: Context(timeout=SHORT)])
def test_after_sees_a_deadline(made) -> None:
    ctx, called = made(), threading.Event()
    ctx.after(called.set)
    assert called.wait(LONG)
    assert ctx.done


def test_after_a_cancelled_context_calls_at_once() -> None:
    ctx, called = Context(), threading.Event()
    ctx.cancel()
    undo = ctx.after(called.set)
    assert called.wait(LONG)
    assert undo() is False


def test_after_sees_the_end_of_a_parent() -> None:
    parent, called = Context(), threading.Event()
    Context(parent=parent).after(called.set)
    gc.collect()  # nobody else holds the child
    parent.cancel()
    assert called.wait(LONG)


def test_after_can_be_undone_once() -> None:
    ctx, called = Context(timeout=SHORT), threading.Event()
    undo = ctx.after(called.set)
    assert undo() is True
    assert undo() is False
    ctx.cancel()
    assert ctx.wait(LONG)
    assert not called.is_set()


@pytest.mark.parametrize("calls", [1, 200])
def test_deadlines_need_no_thread(calls: int) -> None:
    before = threading.active_count()
    made = [Context(timeout=LONG) for _ in range(calls)]
    undo = [ctx.after(lambda: None) for ctx in made]
    assert threading.active_count() == before
    assert all(stop() for stop in undo)


def test_dropped_children_leave_nothing_in_a_parent_that_lives_long() -> None:
    parent = Context()
    for _ in range(100):
        child = Context(timeout=LONG, parent=parent)
        child.wait(0)
        child.after(lambda: None)()
        osexec.run("true", ctx=Context(timeout=LONG, parent=parent))
    del child
    gc.collect()
    assert parent._listeners == {}
    assert not [found for found in gc.get_referrers(parent) if isinstance(found, Context)]


@pytest.mark.parametrize(
    "fields",
    [
        {"timeout": -1},
        {"timeout": "1"},
        {"timeout": math.nan},
        {"timeout": True},
        {"deadline": "soon"},
        {"deadline": math.nan},
        {"deadline": True},
        {"parent": 7},
    ],
)
def test_what_is_no_time_and_no_parent_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Context(**fields)  # type: ignore[arg-type]


def test_what_is_no_cause_and_no_function_is_refused() -> None:
    ctx = Context()
    with pytest.raises(UsageError):
        ctx.cancel(7)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        ctx.after("later")  # type: ignore[arg-type]
    assert not ctx.done


def test_a_context_says_what_it_is() -> None:
    ctx = Context(timeout=LONG)
    assert "left" in repr(ctx)
    ctx.cancel("why")
    assert "why" in repr(ctx)
