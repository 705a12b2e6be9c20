"""What ends a command first: a signal, steps, a function of the caller's, or nothing."""

import math
import signal
import threading

import pytest

import osexec
from osexec import (
    PIPE,
    Canceled,
    CancelFailed,
    Capture,
    Cmd,
    Context,
    DeadlineExceeded,
    ExitError,
    UsageError,
)
from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.drivers import error_of
from tests.helpers.limits import DELAY, FOREVER, GRACE, LONG, SHORT, SOON
from tests.helpers.ready import read_ready
from tests.helpers.roles import role
from tests.helpers.waiting import wait_until

SLEEP = Cmd("sleep", str(FOREVER))


def ready(cmd: Cmd) -> osexec.Process:
    """A started command that has said so."""
    process = cmd.replace(stdout=PIPE).start()
    assert read_ready(process.stdout) == "ready"
    return process


def end(process: osexec.Process, cause: str | None = None) -> osexec.Error:
    """Cancel a process and wait; the error."""
    process.cancel(cause)
    with pytest.raises(osexec.Error) as caught, process:
        process.wait(LONG)
    return caught.value


def test_sigkill_is_the_default(run) -> None:
    assert error_of(run, SLEEP, timeout=SOON).result.signal is signal.SIGKILL


@pytest.mark.parametrize("cancel", ["TERM", "SIGTERM", "term", signal.SIGTERM, 15])
def test_a_signal_by_any_name(run, cancel) -> None:
    error = error_of(run, SLEEP.replace(cancel=cancel, timeout=SOON))
    assert error.result.signal is signal.SIGTERM
    assert "SIGTERM" in str(error)


def test_a_signal_that_the_command_answers_with_a_status(run) -> None:
    line = f"trap 'echo bye; exit 7' TERM; sleep {FOREVER} & wait"
    error = error_of(run, Cmd("sh", "-c", line, cancel="TERM", stdout=Capture()), timeout=SHORT)
    assert isinstance(error, ExitError)
    assert isinstance(error, DeadlineExceeded)
    assert error.returncode == 7
    assert error.result.stdout == b"bye\n"


def test_a_signal_that_the_command_answers_with_success(run) -> None:
    """As in Go: the status is fine, so the context's error is the only one."""
    line = f"trap 'exit 0' TERM; sleep {FOREVER} & wait"
    error = error_of(run, Cmd("sh", "-c", line, cancel="TERM"), timeout=SHORT)
    assert type(error) is DeadlineExceeded
    assert error.result.returncode == 0
    assert not error.result.ok


def test_a_command_that_ignores_its_signal_is_killed_after_the_wait_delay(run) -> None:
    cmd = Cmd(*role("ignore-term"), cancel="TERM", wait_delay=DELAY, stdout=Capture())
    error = error_of(run, cmd, timeout=SHORT)
    assert error.result.signal is signal.SIGKILL
    assert SHORT + DELAY <= error.result.elapsed < SHORT + DELAY + GRACE


def test_a_stopped_command_is_continued_to_hear_its_signal() -> None:
    process = ready(Cmd(*role("stop-self"), cancel="TERM"))
    wait_until(lambda: proc.look(process.pid).state == "T")
    assert end(process).result.signal is signal.SIGTERM


def test_steps_are_taken_in_turn_with_a_kill_at_the_end(tag: Tag) -> None:
    steps = [("HUP", DELAY), (signal.SIGINT, DELAY), ("TERM", DELAY)]
    process = ready(Cmd(*role("tell-signals"), cancel=steps))
    process.cancel("enough")
    with pytest.raises(Canceled, match="enough") as caught:
        process.wait(LONG)
    with process:
        heard = process.stdout.read().split(b"\n")
    told = [int(line.split()[1]) for line in heard if line]
    assert [number for number in told if number != signal.SIGCONT] == [1, 2, 15]
    assert caught.value.result.signal is signal.SIGKILL
    assert caught.value.result.elapsed >= 3 * DELAY
    tag.wait_gone()


def test_steps_end_as_soon_as_the_command_does(run) -> None:
    cmd = Cmd("sh", "-c", f"trap '' HUP; exec sleep {FOREVER}")
    error = error_of(run, cmd.replace(cancel=[("HUP", SHORT), ("INT", LONG)]), timeout=SHORT)
    assert error.result.signal is signal.SIGINT
    assert error.result.elapsed < 2 * SHORT + GRACE


def test_the_wait_delay_bounds_the_steps(run) -> None:
    cmd = Cmd(*role("ignore-term"), stdout=Capture(), cancel=[("TERM", LONG)], wait_delay=DELAY)
    error = error_of(run, cmd, timeout=SHORT)
    assert error.result.signal is signal.SIGKILL
    assert error.result.elapsed < SHORT + DELAY + GRACE


def test_a_second_cancel_skips_the_grace() -> None:
    process = ready(Cmd(*role("ignore-term"), cancel="TERM", wait_delay=LONG))
    process.cancel("first")
    process.cancel("second")
    with process, pytest.raises(Canceled, match="first") as caught:
        process.wait(LONG)
    assert caught.value.result.signal is signal.SIGKILL
    assert caught.value.result.elapsed < LONG


def test_none_does_nothing_and_the_wait_delay_acts(run) -> None:
    cmd = SLEEP.replace(cancel=None, wait_delay=DELAY)
    error = error_of(run, cmd, timeout=SOON)
    assert error.result.signal is signal.SIGKILL
    assert SOON + DELAY <= error.result.elapsed < SOON + DELAY + GRACE


def test_none_lets_a_command_end_by_itself(run) -> None:
    cmd = Cmd("sleep", str(2 * SOON), cancel=None)
    result = run(cmd, timeout=SOON)
    assert result.ok
    assert result.reason is osexec.Reason.EXITED


def test_a_function_gets_the_process_and_ends_it(run) -> None:
    seen: list[osexec.Process] = []

    def cancel(process: osexec.Process) -> None:
        seen.append(process)
        assert threading.current_thread() is not threading.main_thread()
        process.signal("TERM")

    error = error_of(run, SLEEP.replace(cancel=cancel), timeout=SOON)
    assert error.result.signal is signal.SIGTERM
    assert isinstance(error, DeadlineExceeded)
    assert [process.pid for process in seen] == [error.result.pid]
    assert error.result.errors == (error,)


def test_a_function_that_closes_the_input_of_a_polite_command() -> None:
    def cancel(process: osexec.Process) -> None:
        process.stdin.close()

    process = Cmd("cat", stdin=PIPE, cancel=cancel).start()
    error = end(process)
    assert type(error) is Canceled
    assert error.result.returncode == 0


def test_a_function_that_says_already_finished(run) -> None:
    """Go's os.ErrProcessDone: the context's error does not count then."""

    def cancel(process: osexec.Process) -> None:
        raise ProcessLookupError

    result = run(Cmd("sleep", str(2 * SOON), cancel=cancel), timeout=SOON)
    assert result.ok


def test_a_function_that_fails_is_an_error_that_wraps_it(run) -> None:
    cause = KeyError("no such session")

    def cancel(process: osexec.Process) -> None:
        raise cause

    cmd = Cmd("sleep", str(2 * SOON), cancel=cancel, wait_delay=LONG)
    error = error_of(run, cmd, timeout=SOON)
    assert type(error) is CancelFailed
    assert error.__cause__ is cause
    assert "no such session" in str(error)
    assert error.result.returncode == 0
    assert any(isinstance(loser, DeadlineExceeded) for loser in error.result.errors)


def test_a_failed_cancel_loses_to_the_exit_and_is_kept(run) -> None:
    def cancel(process: osexec.Process) -> None:
        raise KeyError("lost")

    error = error_of(run, SLEEP.replace(cancel=cancel, wait_delay=DELAY), timeout=SOON)
    assert isinstance(error, ExitError)
    assert error.result.signal is signal.SIGKILL
    assert [type(loser) for loser in error.result.errors[1:]] == [CancelFailed]
    assert any("lost" in note for note in error.__notes__)


def test_a_function_that_exits_its_thread_is_no_trouble(run) -> None:
    def cancel(process: osexec.Process) -> None:
        raise SystemExit(3)

    error = error_of(run, SLEEP.replace(cancel=cancel, wait_delay=DELAY), timeout=SOON)
    assert error.result.signal is signal.SIGKILL


def test_a_function_that_blocks_is_left_alone(run, gate: threading.Event) -> None:
    cmd = SLEEP.replace(cancel=lambda process: gate.wait(), wait_delay=DELAY)
    error = error_of(run, cmd, timeout=SOON)
    assert error.result.signal is signal.SIGKILL
    assert error.result.elapsed < SOON + DELAY + GRACE


def test_a_function_without_anything_that_calls_it_is_refused() -> None:
    cmd = Cmd("true", cancel=lambda process: None)
    for verb in (cmd.run, cmd.output, cmd.text, cmd.combined_output, cmd.lines):
        with pytest.raises(UsageError, match="cancel"):
            verb()
    with Context():
        cmd.run()
    assert cmd.text(timeout=LONG) == ""
    with cmd.start() as process:
        assert process.wait().ok


def test_a_cancel_after_the_end_does_nothing() -> None:
    process = osexec.start("true")
    process.wait()
    process.cancel("late")
    assert process.wait().ok


@pytest.mark.parametrize(
    "cancel",
    ["NOPE", "", 0, -9, 999, True, 1.5, [], [("TERM",)], [("TERM", -1)], [("NOPE", 1)], [7], {}],
)
def test_what_can_end_nothing_is_refused(cancel: object) -> None:
    with pytest.raises(UsageError):
        Cmd("true", cancel=cancel)  # type: ignore[arg-type]


@pytest.mark.parametrize("delay", [-1, "1", math.nan, True])
def test_what_is_no_wait_delay_is_refused(delay: object) -> None:
    with pytest.raises(UsageError, match="wait_delay"):
        Cmd("true", wait_delay=delay)  # type: ignore[arg-type]
