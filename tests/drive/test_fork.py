"""os.fork() in the middle: the copy begins anew, and what the parent runs stays the parent's."""

import gc
import sys
import threading
import time
from collections.abc import Iterator

import pytest

import osexec
from osexec import PIPE, Capture, Cmd, Context, ExitError, UsageError
from tests.helpers.alive import Tag
from tests.helpers.copies import Copy, living_copy
from tests.helpers.fresh import ask
from tests.helpers.interrupts import descriptors
from tests.helpers.limits import FOREVER, GRACE, LONG, SHORT
from tests.helpers.proc import is_alive
from tests.helpers.ready import read_ready
from tests.helpers.threads import Call

SLEEP = Cmd("sleep", str(FOREVER))


def input_until(gate: threading.Event) -> Iterator[bytes]:
    """An input that ends when the gate is opened."""
    yield b"x"
    gate.wait(LONG)


def use_everything() -> None:
    """Each driver, in a process that is new to it."""
    assert Cmd("cat", stdin=b"x" * 100000).output() == b"x" * 100000
    assert list(Cmd("seq", "3").lines(timeout=LONG)) == ["1", "2", "3"]
    assert Cmd("cat", stdin=iter([b"y"]), stdout=Capture()).start().wait(LONG).stdout == b"y"
    with pytest.raises(osexec.DeadlineExceeded):
        SLEEP.start(timeout=SHORT / 4).wait()
    with SLEEP.start(), Context(timeout=LONG):
        Cmd("true").run()


def end(process: osexec.Process) -> None:
    process.kill()
    with pytest.raises(ExitError):
        process.wait(LONG)


def test_the_copy_can_use_osexec_anew(tag: Tag) -> None:
    with SLEEP.start():
        Copy(use_everything).wait()
        use_everything()


def test_the_copy_of_a_copy_can_use_osexec_anew(tag: Tag) -> None:
    def copy_again() -> None:
        use_everything()
        Copy(use_everything).wait()
        use_everything()

    Copy(copy_again).wait()


def test_a_copy_made_by_another_thread_can_use_osexec_anew(tag: Tag) -> None:
    with SLEEP.start():
        Call(lambda: Copy(use_everything).wait()).result()


def test_the_parents_process_is_refused_in_the_copy() -> None:
    def try_all() -> None:
        for attempt in (
            process.wait,
            lambda: process.wait(timeout=SHORT),
            lambda: process.signal("TERM"),
            process.terminate,
            process.kill,
            process.cancel,
        ):
            with pytest.raises(UsageError, match=r"os\.fork"):
                attempt()
        assert process.poll() is None and process.pid

    process = SLEEP.start()
    Copy(try_all).wait()
    assert process.poll() is None
    end(process)


def test_leaving_the_block_in_the_copy_ends_nothing(tag: Tag) -> None:
    def leave() -> None:
        with process:
            pass

    with SLEEP.replace(stdin=PIPE, stdout=PIPE).start() as process:
        Copy(leave).wait()
        assert process.poll() is None and is_alive(process.pid)


def test_dropping_the_process_in_the_copy_ends_nothing(tag: Tag) -> None:
    def drop() -> None:
        said: list[object] = []
        sys.unraisablehook = said.append
        running.clear()
        gc.collect()
        assert said == []

    running = [SLEEP.start(), SLEEP.replace(stdout=PIPE, stdin=PIPE).start()]
    Copy(drop).wait()
    assert len(tag.alive()) == 2
    for process in running:
        end(process)
    for file in (running[1].stdin, running[1].stdout):
        assert file is not None
        file.close()


def test_leaving_a_context_in_the_copy_ends_nothing(tag: Tag) -> None:
    def leave() -> None:
        ctx.cancel("the copy is through")
        assert ctx.done

    ctx = Context()
    process = SLEEP.start(ctx=ctx)
    runner = Call(lambda: SLEEP.run(ctx=ctx))
    tag.wait_count(2)
    Copy(leave).wait()
    assert len(tag.alive()) == 2
    ctx.cancel("and so are we")
    with pytest.raises(osexec.Canceled, match="and so are we"):
        process.wait(LONG)
    with pytest.raises(osexec.Canceled, match="and so are we"):
        runner.result()


@pytest.mark.usefixtures("kernel")
def test_lines_dropped_in_the_copy_end_nothing(tag: Tag, gate: threading.Event) -> None:
    def drop() -> None:
        said: list[object] = []
        sys.unraisablehook = said.append
        kept.clear()
        gc.collect()
        assert said == []

    kept = [Cmd.sh("echo first; cat >/dev/null; echo last", stdin=input_until(gate)).lines()]
    lines = kept[0]
    assert next(lines) == "first"
    del lines
    copy = Copy(drop)
    copy.wait()
    assert is_alive(tag.wait_count(2)[0].pid)
    gate.set()
    assert list(kept[0]) == ["last"]


def test_the_copy_has_none_of_our_descriptors(tag: Tag, gate: threading.Event) -> None:
    def look() -> None:
        assert not set(descriptors()) - before

    before = set(descriptors())
    with Cmd("cat", stdin=PIPE, stdout=PIPE, stderr=Capture()).start(timeout=LONG):
        runner = Call(Cmd("cat", stdin=input_until(gate)).output)
        lines = Cmd.sh("echo ready; read x", stdin=input_until(gate)).lines(ctx=Context())
        next(lines)
        tag.wait_count(3)
        Copy(look).wait()
        gate.set()
        assert runner.result() == b"x"
        lines.close()  # type: ignore[attr-defined]


def test_a_living_copy_does_not_keep_a_pipe_open(tag: Tag) -> None:
    with Cmd("cat", stdin=PIPE, stdout=PIPE).start() as process, living_copy():
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(b"to the end")
        process.stdin.close()
        assert Call(process.stdout.read).result(GRACE) == b"to the end"
        assert process.wait(GRACE).ok


def test_a_living_copy_does_not_keep_a_started_input_open(tag: Tag, gate: threading.Event) -> None:
    process = Cmd("cat", stdin=input_until(gate), stdout=Capture()).start()
    with living_copy():
        gate.set()
        assert process.wait(GRACE).stdout == b"x"


def test_a_living_copy_does_not_keep_the_input_of_a_run_open(
    tag: Tag, gate: threading.Event
) -> None:
    runner = Call(Cmd("cat", stdin=input_until(gate)).output)
    tag.wait_count(1)
    with living_copy():
        gate.set()
        assert runner.result(GRACE) == b"x"


def test_a_living_copy_does_not_delay_a_deadline(tag: Tag) -> None:
    process = SLEEP.replace(stdout=Capture()).start(timeout=SHORT)
    with living_copy(), pytest.raises(osexec.DeadlineExceeded):
        process.wait(SHORT + GRACE)


def test_a_copy_that_closes_its_streams_does_not_make_a_reader_spin(tag: Tag) -> None:
    def close() -> None:
        assert process.stdout is not None
        process.stdout.close()

    def read() -> tuple[str, float]:
        assert process.stdout is not None
        begin = time.thread_time()
        line = process.stdout.readline().decode()
        return line, time.thread_time() - begin

    with Cmd.sh("read x; echo told", stdin=PIPE, stdout=PIPE).start() as process:
        Copy(close).wait()
        reader = Call(read)
        threading.Event().wait(SHORT)  # time in which a reader that spins would be seen to
        assert process.stdin is not None
        process.stdin.write(b"now\n")
        line, used = reader.result()  # type: ignore[misc]
    assert line == "told\n"
    assert used < SHORT / 4


def test_the_exit_of_the_copy_ends_nothing() -> None:
    said = ask("""
        import json, os, sys, time, warnings
        import osexec
        from tests.helpers.proc import is_alive

        warnings.simplefilter("ignore", DeprecationWarning)  # of fork() with threads
        with osexec.Context():
            kept = osexec.start("sleep", "1000")
            piped = osexec.start("cat", stdin=osexec.PIPE, stdout=osexec.PIPE)
            begin = time.monotonic()
            pid = os.fork()
            if pid == 0:
                osexec.start("sleep", "1000")
                extra = osexec.start("sleep", "1000")
                sys.exit(7)  # through atexit, the blocks, and the end of all objects
            _, status = os.waitpid(pid, 0)
            took = time.monotonic() - begin
            piped.stdin.write(b"still here")
            piped.stdin.close()
            print(json.dumps({
                "status": os.waitstatus_to_exitcode(status),
                "in time": took < 2,
                "alive": is_alive(kept.pid) and kept.poll() is None,
                "read": piped.stdout.read().decode(),
            }), flush=True)
    """)
    assert said == {"status": 7, "in time": True, "alive": True, "read": "still here"}


def test_the_exit_of_a_copy_ends_what_the_copy_started(tag: Tag) -> None:
    assert ask("""
        import os, sys, warnings
        import osexec

        warnings.simplefilter("ignore")
        osexec.start("true").wait()
        pid = os.fork()
        if pid == 0:
            process = osexec.start("sleep", "1000")
            sys.exit(0)
        os.waitpid(pid, 0)
        print(1)
    """)
    assert tag.alive() == []


def test_a_fork_while_locks_are_held_does_not_block_the_copy(tag: Tag) -> None:
    from osexec import context
    from osexec._drive import reactor

    with reactor._lock, context._lock:
        copy = Copy(use_everything)
    copy.wait()


def test_a_read_ready_line_goes_to_the_parent(tag: Tag) -> None:
    with Cmd.sh("echo ready; read x", stdin=PIPE, stdout=PIPE).start() as process, living_copy():
        assert process.stdout is not None
        assert read_ready(process.stdout) == "ready"
