"""One shape for what happened: why it ended, how long it took, what it wrote, what went wrong."""

import copy
import json
import pickle
import resource
import signal
import threading
import time

import pytest

import osexec
from osexec import (
    Canceled,
    CancelFailed,
    Capture,
    Cmd,
    Context,
    CopyError,
    DeadlineExceeded,
    ExitError,
    Reason,
    Result,
    WaitDelayExpired,
)
from tests.helpers.alive import Tag
from tests.helpers.drivers import error_of
from tests.helpers.limits import FOREVER, GRACE, SHORT, SOON

OUT = Cmd("sh", "-c", "echo out; echo err >&2", stdout=Capture(), stderr=Capture())
SLOW = Cmd("sh", "-c", f"echo out; exec sleep {FOREVER}", stdout=Capture())


def test_a_success(run) -> None:
    before = time.time()
    result = run(OUT)
    assert (result.returncode, result.exit_code, result.signal) == (0, 0, None)
    assert result.reason is Reason.EXITED
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")
    assert result.output_complete
    assert result.ok
    assert not result.timed_out
    assert result.errors == ()
    assert (result.omitted, result.holders, result.leaked) == (0, (), ())
    assert result.args == OUT.args
    assert before - GRACE <= result.started_at <= time.time()


def test_elapsed_is_the_time_of_the_command(run) -> None:
    begin = time.monotonic()
    result = run(Cmd("sleep", str(SHORT)))
    assert SHORT <= result.elapsed <= time.monotonic() - begin < SHORT + GRACE


def test_rusage_is_the_childs_own(run) -> None:
    usage = run(Cmd("sh", "-c", "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done")).rusage
    assert isinstance(usage, resource.struct_rusage)
    assert usage.ru_utime + usage.ru_stime > 0
    assert run(Cmd("true")).rusage.ru_utime < usage.ru_utime


def test_an_exit(run) -> None:
    error = error_of(run, Cmd("sh", "-c", "echo out; exit 3", stdout=Capture()))
    assert type(error) is ExitError
    assert error.result.reason is Reason.EXITED
    assert (error.returncode, error.result.exit_code) == (3, 3)
    assert error.result.stdout == error.stdout == error.output == b"out\n"
    assert error.result.errors == (error,)
    assert "status 3" in str(error)


def test_a_signal_of_somebody_else(run) -> None:
    error = error_of(run, Cmd("sh", "-c", "kill -USR1 $$"))
    assert error.result.reason is Reason.SIGNALLED
    assert error.result.signal is signal.SIGUSR1
    assert (error.returncode, error.result.exit_code) == (-signal.SIGUSR1, -1)
    assert "SIGUSR1" in str(error)


def test_a_real_time_signal_has_a_number(run) -> None:
    error = error_of(run, Cmd("sh", "-c", "kill -40 $$"))
    assert error.result.signal == 40
    assert "signal 40" in str(error)
    json.dumps(error.result.to_dict())


def test_a_deadline(run) -> None:
    error = error_of(run, SLOW, timeout=SHORT)
    assert error.result.reason is Reason.DEADLINE
    assert error.result.timed_out
    assert error.result.stdout == b"out\n"
    assert error.result.output_complete
    assert f"timeout of {SHORT:g} s" in str(error)
    assert "SIGKILL" in str(error)


def test_a_cancel(run) -> None:
    ctx = Context()
    timer = threading.Timer(SHORT, ctx.cancel, ["enough"])
    timer.start()
    error = error_of(run, SLOW, ctx=ctx)
    timer.join()
    assert error.result.reason is Reason.CANCELED
    assert error.result.stdout == b"out\n"
    assert "enough" in str(error)


def test_a_pipe_held_by_a_stranger(run, tag: Tag) -> None:
    cmd = Cmd("sh", "-c", f"echo out; sleep {FOREVER} & exit 0", stdout=Capture())
    error = error_of(run, cmd.replace(wait_delay=SHORT))
    assert type(error) is WaitDelayExpired
    assert error.result.reason is Reason.EXITED
    assert error.result.returncode == 0
    assert error.result.stdout == b"out\n"
    assert not error.result.output_complete
    (left,) = tag.alive()
    assert [who.pid for who in error.result.holders] == [left.pid]
    assert f"{left.pid} (sleep {FOREVER})" in str(error)
    tag.kill()


def test_what_is_in_the_pipe_is_read_before_it_is_closed(run, tag: Tag) -> None:
    line = f"head -c 60000 /dev/zero; sleep {FOREVER} & exit 0"
    error = error_of(run, Cmd("sh", "-c", line, stdout=Capture(), wait_delay=0))
    assert len(error.result.stdout) == 60_000
    tag.kill()


def test_a_failing_writer(run) -> None:
    class Writer:
        def write(self, data: bytes) -> int:
            raise KeyError("full")

    error = error_of(run, Cmd("echo", "out", stdout=[Writer(), Capture()]))
    assert type(error) is CopyError
    assert isinstance(error.__cause__, KeyError)
    assert error.result.returncode == 0
    assert error.result.stdout == b"out\n"
    assert error.result.reason is Reason.EXITED


def test_every_loser_is_kept_and_noted(run) -> None:
    class Writer:
        def write(self, data: bytes) -> int:
            raise KeyError("full")

    def cancel(process: osexec.Process) -> None:
        raise KeyError("refused")

    line = f"trap '' TERM; echo out; sleep {FOREVER}"
    cmd = Cmd("sh", "-c", line, stdout=Writer(), cancel=cancel, wait_delay=SOON)
    error = error_of(run, cmd, timeout=SHORT)
    kinds = [type(loser) for loser in error.result.errors]
    assert isinstance(error, ExitError)
    assert isinstance(error, DeadlineExceeded)
    assert error.result.errors[0] is error
    assert kinds[1:] == [CancelFailed, CopyError]
    assert len(error.__notes__) == 2
    assert "refused" in error.__notes__[0]
    assert "full" in error.__notes__[1]


def test_the_end_of_stderr_is_in_the_message(run) -> None:
    line = "seq 100 >&2; exit 2"
    text = str(error_of(run, Cmd("sh", "-c", line, stderr=Capture())))
    assert "99\n" in text
    assert text.endswith("100")
    assert "\n  1\n" not in text


def failures() -> list[osexec.Error]:
    """One error of each kind that has a result, and some that have none."""
    found = []
    for cmd, options in (
        (Cmd("sh", "-c", "echo out; echo err >&2; exit 3"), {}),
        (Cmd("sleep", str(FOREVER)), {"timeout": SOON}),
        (Cmd("sh", "-c", "trap 'exit 0' TERM; sleep 9 & wait", cancel="TERM"), {"timeout": SHORT}),
        (Cmd("true"), {"timeout": 0}),
        (Cmd("no-such-program"), {}),
        (Cmd("/no/such/program"), {}),
        (Cmd("true", cwd="/nowhere"), {}),
        (Cmd("cat", stdin=iter([7])), {}),
    ):
        try:
            cmd.output(**options)
        except osexec.Error as error:
            found.append(error)
    with Context() as ctx:
        ctx.cancel(KeyError("cause"))
        with pytest.raises(Canceled) as caught:
            osexec.run("true")
    return [*found, caught.value]


def test_every_error_can_be_pickled_and_shown() -> None:
    errors = failures()
    assert len(errors) == 9
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error) != ""
        assert repr(again) == repr(error)
        assert (again.result is None) == (error.result is None)
        if error.result is not None:
            assert again.result.to_dict() == error.result.to_dict()
            assert again.result.errors[0] is again  # the two know each other, as before
        if isinstance(error, OSError):
            assert (again.errno, again.filename) == (error.errno, error.filename)
        if isinstance(error, ExitError):
            assert again.returncode == error.returncode
            assert again.stdout == error.stdout
            assert again.cmd == error.cmd
        assert type(copy.copy(error)) is type(error)


def test_every_error_can_be_caught_as_pythons_own() -> None:
    kinds = {type(error).__name__: error for error in failures()}
    assert isinstance(kinds["NotFoundError"], FileNotFoundError)
    assert isinstance(kinds["StartError"], OSError)
    assert isinstance(kinds["ExitDeadlineExceeded"], TimeoutError)
    assert isinstance(kinds["DeadlineExceeded"], TimeoutError)
    assert all(isinstance(error, osexec.Error) for error in kinds.values())


def test_a_result_is_a_value(run) -> None:
    result = run(OUT)
    assert pickle.loads(pickle.dumps(result)) == result
    assert copy.copy(result) == result
    assert hash(result) == hash(pickle.loads(pickle.dumps(result)))
    with pytest.raises(AttributeError):
        result.returncode = 7  # type: ignore[misc]
    assert "stdout 4 bytes" in repr(result)


def test_a_result_becomes_json(run) -> None:
    cmd = Cmd("sh", "-c", "printf '\\377'; exit 3", stdout=Capture())
    error = error_of(run, cmd)
    said = json.loads(json.dumps(error.result.to_dict()))
    assert said["stdout"] == r"\xff"
    assert said["returncode"] == 3
    assert said["reason"] == "exited"
    assert said["errors"][0]["type"] == "ExitError"
    assert set(Result.__slots__) <= set(said)
