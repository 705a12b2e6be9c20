"""A started command as an object: waiting, looking, signalling, and leaving its block."""

import gc
import signal
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

import osexec
from osexec import PIPE, Canceled, Capture, Cmd, Context, ExitError, Reason, UsageError
from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, GRACE, LONG, SHORT, SOON
from tests.helpers.ready import read_ready
from tests.helpers.roles import role, state_of
from tests.helpers.waiting import wait_until

SLEEP = Cmd("sleep", str(FOREVER))
READY = Cmd("sh", "-c", f"echo ready; exec sleep {FOREVER}", stdout=PIPE)


def test_wait_gives_the_result() -> None:
    process = osexec.start("echo", "hello", stdout=Capture())
    result = process.wait()
    assert result.stdout == b"hello\n"
    assert result.pid == process.pid
    assert process.result is result
    assert process.poll() is result
    assert process.args == result.args == ("echo", "hello")


def test_a_second_wait_gives_the_same_answer() -> None:
    process = osexec.start("true")
    assert process.wait() is process.wait(0)
    failing = osexec.start("false")
    errors = []
    for _ in range(2):
        with pytest.raises(ExitError) as caught:
            failing.wait()
        errors.append(caught.value)
    assert errors[0].result is errors[1].result
    assert str(errors[0]) == str(errors[1])


def test_a_repeated_wait_does_not_grow_the_traceback() -> None:
    process = osexec.start("false")
    depths = []
    for _ in range(5):
        with pytest.raises(ExitError) as caught:
            process.wait()
        depth, traceback = 0, caught.value.__traceback__
        while traceback is not None:
            depth, traceback = depth + 1, traceback.tb_next
        depths.append(depth)
    assert len(set(depths)) == 1


def test_wait_with_a_time_gives_up_and_the_command_goes_on() -> None:
    with osexec.start("cat", stdin=PIPE, stdout=Capture()) as process:
        begin = time.monotonic()
        with pytest.raises(TimeoutError) as caught:
            process.wait(SOON)
        assert SOON <= time.monotonic() - begin < SOON + GRACE
        assert type(caught.value) is TimeoutError
        assert "cat" in str(caught.value)
        with pytest.raises(TimeoutError):
            process.wait(0)
        process.stdin.write(b"still there")
        process.stdin.close()
        assert process.wait(LONG).stdout == b"still there"


def test_poll_never_raises() -> None:
    with osexec.start("sh", "-c", "read x; exit 3", stdin=PIPE) as process:
        assert process.poll() is None
        assert process.result is None
        process.stdin.close()
        result = wait_until(process.poll)
        assert result.returncode == 3
        with pytest.raises(ExitError):
            process.wait()


def test_kill_and_terminate_are_the_callers_own_doing() -> None:
    for send, number in (("kill", signal.SIGKILL), ("terminate", signal.SIGTERM)):
        process = SLEEP.start()
        getattr(process, send)()
        with pytest.raises(ExitError) as caught:
            process.wait(LONG)
        assert type(caught.value) is ExitError
        assert caught.value.result.signal is number
        assert caught.value.result.reason is Reason.SIGNALLED


def test_signals_after_the_end_find_no_process() -> None:
    process = osexec.start("true")
    process.wait()
    for send in (process.kill, process.terminate, lambda: process.signal("HUP")):
        with pytest.raises(ProcessLookupError):
            send()


@pytest.mark.parametrize("sig", ["NOPE", 0, -1, 65, None, True, 1.5])
def test_what_is_no_signal_is_refused(sig: object) -> None:
    with SLEEP.start() as process:
        with pytest.raises(UsageError):
            process.signal(sig)  # type: ignore[arg-type]
        assert process.poll() is None


def test_cancel_ends_it_with_a_cause() -> None:
    process = SLEEP.start()
    process.cancel("enough")
    with pytest.raises(Canceled, match="enough") as caught:
        process.wait(LONG)
    assert isinstance(caught.value, ExitError)
    assert caught.value.cause == "enough"
    assert caught.value.result.reason is Reason.CANCELED


def test_cancel_takes_text_or_an_exception() -> None:
    with SLEEP.start() as process, pytest.raises(UsageError):
        process.cancel(7)  # type: ignore[arg-type]


def test_leaving_the_block_ends_the_tree_and_is_no_error(tag: Tag) -> None:
    line = f"sleep {FOREVER} & sleep {FOREVER} & echo ready; wait"
    with osexec.start("sh", "-c", line, stdout=PIPE) as process:
        assert read_ready(process.stdout) == "ready"
        tag.wait_count(3)
    assert process.result.reason is Reason.CANCELED
    assert not process.result.ok
    assert tag.alive() == []


def test_leaving_the_block_is_polite_if_the_command_says_so() -> None:
    line = f"trap 'echo bye; exit 0' TERM; echo ready; sleep {FOREVER} & wait"
    with osexec.start("sh", "-c", line, stdout=Capture(), cancel="TERM") as process:
        assert not Context().wait(SHORT)  # the trap is set
    assert process.result.stdout == b"ready\nbye\n"
    assert process.result.returncode == 0


def test_leaving_the_block_after_the_end_raises_what_nobody_has_seen() -> None:
    def leave_unseen() -> None:
        with osexec.start("false") as process:
            wait_until(process.poll)

    with pytest.raises(ExitError):
        leave_unseen()


def test_leaving_the_block_does_not_raise_what_was_seen() -> None:
    with osexec.start("false") as process, pytest.raises(ExitError):
        process.wait()


def test_leaving_the_block_of_a_command_that_fails_only_then_is_no_error() -> None:
    with osexec.start("sh", "-c", "read x; exit 3", stdin=PIPE):
        pass


@pytest.mark.parametrize("kind", [KeyError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_exception_of_the_body_ends_the_tree_and_goes_on(kind, tag: Tag) -> None:
    error = kind("body")
    line = f"trap '' TERM; sleep {FOREVER} & echo ready; wait"
    process = osexec.start("sh", "-c", line, stdout=PIPE)

    def fail_inside() -> None:
        with process:
            assert read_ready(process.stdout) == "ready"
            raise error

    with pytest.raises(kind) as caught:
        fail_inside()
    assert caught.value is error
    assert process.result.reason is Reason.CANCELED
    assert process.result.errors[0].cause is error
    assert tag.alive() == []


def test_an_exception_of_the_body_wins_over_a_failed_command() -> None:
    def fail_inside() -> None:
        with osexec.start("false") as process:
            wait_until(process.poll)
            raise KeyError("body")

    with pytest.raises(KeyError):
        fail_inside()


def test_leaving_the_block_closes_the_pipes() -> None:
    with osexec.start("cat", stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        files = (process.stdin, process.stdout, process.stderr)
    assert all(file.closed for file in files)


def test_a_block_can_be_left_while_another_thread_reads() -> None:
    with ThreadPoolExecutor(1) as pool, READY.start() as process:
        read_ready(process.stdout)
        reading = pool.submit(process.stdout.read)
        wait_until(reading.running)
    assert reading.exception(LONG) is None or isinstance(reading.exception(), ValueError)


def test_many_threads_wait_for_one_process() -> None:
    with osexec.start("cat", stdin=PIPE) as process, ThreadPoolExecutor(20) as pool:
        waits = [pool.submit(process.wait, LONG) for _ in range(20)]
        with pytest.raises(TimeoutError):
            process.wait(SOON)
        process.stdin.close()
        assert {id(wait.result(LONG)) for wait in waits} == {id(process.wait())}


def test_any_thread_may_do_anything() -> None:
    with ThreadPoolExecutor(1) as pool:
        process = pool.submit(SLEEP.start).result(LONG)
        pool.submit(process.terminate).result(LONG)
        assert pool.submit(process.wait, LONG).exception(LONG).returncode == -signal.SIGTERM


def test_processes_end_in_any_order() -> None:
    processes = [osexec.start("cat", stdin=PIPE, stdout=Capture()) for _ in range(5)]
    for process in reversed(processes):
        process.stdin.write(str(process.pid).encode())
        process.stdin.close()
    for process in processes:
        assert process.wait(LONG).stdout == str(process.pid).encode()


def test_a_deadline_is_kept_without_anyone_waiting(tag: Tag) -> None:
    process = SLEEP.start(timeout=SOON)
    result = wait_until(process.poll)
    assert result.timed_out
    assert result.elapsed < SOON + GRACE
    assert tag.alive() == []


def test_output_is_read_without_anyone_waiting() -> None:
    process = osexec.start("head", "-c", "1000000", "/dev/zero", stdout=Capture())
    assert len(wait_until(process.poll).stdout) == 1_000_000


def test_a_process_says_what_it_is() -> None:
    with osexec.start("cat", "-", stdin=PIPE) as process:
        assert str(process.pid) in repr(process)
        assert "cat -" in repr(process)
        assert "running" in repr(process)
    assert "canceled" in repr(process)


def test_nobody_else_can_make_a_process() -> None:
    with pytest.raises(TypeError):
        osexec.Process()  # type: ignore[call-arg]


def test_a_process_that_is_dropped_ends_its_command(tag: Tag) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        process = osexec.start("sh", "-c", f"sleep {FOREVER}; true")
        tag.wait_count(2)
        del process
        gc.collect()
        tag.wait_gone(LONG)
    assert [warning.category for warning in seen] == [ResourceWarning]


def test_a_process_that_is_dropped_after_its_end_is_no_matter() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        process = osexec.start("true")
        wait_until(process.poll)
        del process
        gc.collect()
    assert seen == []


def test_a_finished_process_keeps_nothing_open() -> None:
    before = sorted(proc.PROC.joinpath("self/fd").iterdir())
    process = osexec.start("cat", stdin=b"x", stdout=Capture(), stderr=Capture(), timeout=LONG)
    process.wait()
    assert sorted(proc.PROC.joinpath("self/fd").iterdir()) == before


def test_waiting_on_the_background_thread_is_refused(run) -> None:
    """Only code that runs there could do it, and none of the caller's does."""
    names = []

    def cancel(process: osexec.Process) -> None:
        names.append(threading.current_thread().name)
        process.kill()

    ctx = Context(timeout=SOON)
    ctx.after(lambda: names.append(threading.current_thread().name))
    with pytest.raises(osexec.Error):
        run(SLEEP.replace(cancel=cancel), ctx=ctx)
    wait_until(lambda: len(names) == 2)
    assert "osexec-reactor" not in names


def test_the_pid_is_the_commands_own() -> None:
    with osexec.start(*role("state"), stdout=PIPE) as process:
        assert state_of(process.stdout.read())["pid"] == str(process.pid)
        process.wait()
