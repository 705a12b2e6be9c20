"""A context bounds the commands under it: given, ambient, cancelled from anywhere."""

import signal
import threading
import time
from pathlib import Path

import pytest

import osexec
from osexec import Canceled, Cmd, Context, DeadlineExceeded, ExitError, Reason
from tests.helpers.drivers import error_of
from tests.helpers.limits import FOREVER, GRACE, LONG, SOON
from tests.helpers.ready import read_ready_file

SLEEP = Cmd("sleep", str(FOREVER))


def test_a_timeout_of_the_verb_the_command_and_the_context(run) -> None:
    for error in (
        error_of(run, SLEEP, timeout=SOON),
        error_of(run, SLEEP.replace(timeout=SOON)),
        error_of(run, SLEEP, ctx=Context(timeout=SOON)),
        error_of(run, SLEEP, ctx=Context(deadline=time.monotonic() + SOON)),
    ):
        assert isinstance(error, ExitError)
        assert isinstance(error, DeadlineExceeded)
        assert isinstance(error, TimeoutError)
        assert not isinstance(error, Canceled)
        assert error.result.reason is Reason.DEADLINE
        assert SOON <= error.result.elapsed < SOON + GRACE


def test_the_timeout_of_the_verb_replaces_that_of_the_command(run) -> None:
    assert run(Cmd("true", timeout=0), timeout=LONG).ok
    error = error_of(run, SLEEP.replace(timeout=LONG), timeout=SOON)
    assert f"timeout of {SOON:g} s" in str(error)


def test_the_error_says_which_bound_it_was(run) -> None:
    error = error_of(run, SLEEP, ctx=Context(timeout=SOON), timeout=LONG)
    assert error.cause == f"timeout of {SOON:g} s"
    assert f"timeout of {SOON:g} s" in str(error)


def test_the_ambient_context_bounds_what_is_inside(run) -> None:
    with Context(timeout=SOON):
        error = error_of(run, SLEEP, timeout=LONG)
    assert error.result.reason is Reason.DEADLINE


def test_a_context_that_is_given_replaces_the_ambient_one(run) -> None:
    with Context(timeout=0):
        assert run(Cmd("true"), ctx=Context(parent=None)).ok


def test_a_cancel_from_another_thread_ends_the_run(run, tmp_path: Path) -> None:
    ctx, cause = Context(), KeyError("why")

    def cancel_when_ready() -> None:
        read_ready_file(tmp_path / "ready")
        ctx.cancel(cause)

    thread = threading.Thread(target=cancel_when_ready)
    thread.start()
    line = f"echo > {tmp_path}/ready; exec sleep {FOREVER}"
    error = error_of(run, Cmd("sh", "-c", line), ctx=ctx)
    thread.join()
    assert isinstance(error, ExitError)
    assert isinstance(error, Canceled)
    assert not isinstance(error, TimeoutError)
    assert error.cause is cause
    assert error.__cause__ is cause
    assert error.result.reason is Reason.CANCELED
    assert "why" in str(error)


def test_a_cancel_of_the_grandparent_ends_the_run(run) -> None:
    top = Context()
    ctx = Context(parent=Context(timeout=LONG, parent=top))
    timer = threading.Timer(SOON, top.cancel)
    timer.start()
    assert isinstance(error_of(run, SLEEP, ctx=ctx), Canceled)
    timer.join()


def test_a_cancel_from_a_signal_handler_ends_the_run(run) -> None:
    ctx = Context()
    before = signal.signal(signal.SIGALRM, lambda number, frame: ctx.cancel("alarm"))
    try:
        signal.setitimer(signal.ITIMER_REAL, SOON)
        error = error_of(run, SLEEP, ctx=ctx)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert error.cause == "alarm"
    assert error.result.elapsed < SOON + GRACE


def test_a_context_ends_all_its_commands() -> None:
    with Context() as ctx:
        processes = [SLEEP.start() for _ in range(8)]
        ctx.cancel("all")
        for process in processes:
            with pytest.raises(Canceled, match="all"):
                process.wait()


def test_leaving_the_block_of_a_context_ends_what_was_started_inside() -> None:
    with Context():
        process = SLEEP.start()
    with pytest.raises(Canceled, match="its block was left"):
        process.wait(LONG)


@pytest.mark.parametrize(
    ("ctx", "kind"),
    [(lambda: Context(timeout=0), DeadlineExceeded), (lambda: cancelled("early"), Canceled)],
)
def test_a_context_that_is_done_before_the_start_starts_nothing(
    run, ctx, kind, tmp_path: Path
) -> None:
    error = error_of(run, Cmd("touch", tmp_path / "made"), ctx=ctx())
    assert type(error) is kind
    assert error.result is None
    assert "was not started" in str(error)
    assert not (tmp_path / "made").exists()


def cancelled(cause: str) -> Context:
    ctx = Context()
    ctx.cancel(cause)
    return ctx


def test_no_time_at_all_starts_nothing(run, tmp_path: Path) -> None:
    assert type(error_of(run, Cmd("touch", tmp_path / "made"), timeout=0)) is DeadlineExceeded
    assert not (tmp_path / "made").exists()


def test_a_missing_program_is_the_error_also_when_the_context_is_done(run) -> None:
    assert type(error_of(run, Cmd("no-such-program"), timeout=0)) is osexec.NotFoundError


def test_a_command_that_ended_in_time_is_a_success_although_nobody_looked() -> None:
    process = osexec.start("true", timeout=SOON, contain="process")
    with pytest.raises(DeadlineExceeded):
        SLEEP.run(timeout=2 * SOON)
    assert process.wait().ok


def test_a_context_that_ends_after_the_command_changes_nothing(run) -> None:
    ctx = Context(timeout=SOON)
    result = run(Cmd("true"), ctx=ctx)
    assert ctx.wait(LONG)
    assert result.ok
    assert result.reason is Reason.EXITED


def test_an_infinite_timeout_is_none(run) -> None:
    assert run(Cmd("true", timeout=float("inf"))).ok
    assert run(Cmd("true"), timeout=float("inf")).ok


def test_a_very_long_timeout_is_no_trouble(run) -> None:
    assert run(Cmd("true"), timeout=1e300).ok
    assert run(Cmd("true"), timeout=1e9).ok
    assert osexec.start("true", timeout=1e300).wait(1e300).ok


def test_a_deadline_starts_no_thread() -> None:
    before = threading.enumerate()
    seen = []
    for line in Cmd("echo", "x").lines(timeout=LONG):
        seen.append((line, threading.enumerate()))
    assert seen == [("x", before)]
    process = osexec.start("cat", stdin=osexec.PIPE, timeout=LONG)
    with process:
        assert threading.enumerate() == before


@pytest.mark.parametrize("ctx", [7, "ctx", object()])
def test_what_is_no_context_is_refused(run, ctx: object) -> None:
    assert isinstance(error_of(run, Cmd("true"), ctx=ctx), osexec.UsageError)
