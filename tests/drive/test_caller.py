"""The calling thread waits for itself: it starts no thread, and any number may do so at once."""

import gc
import io
import os
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import osexec
from osexec import STDOUT, Capture, Cmd, Context, ExitError
from osexec._posix import probe
from tests.helpers.alive import Tag
from tests.helpers.fresh import ask
from tests.helpers.limits import FOREVER, GRACE, LONG, SHORT
from tests.helpers.pythons import pythons
from tests.helpers.threads import Call, at_once

ENDLESS = f"trap '' PIPE; echo first; sleep {FOREVER} & sleep {FOREVER}"


def threads() -> int:
    """How many threads this process has, counted by the kernel."""
    return len(os.listdir("/proc/self/task"))


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a thread fails."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("can't start new thread")

    if not probe.can("pidfd"):
        pytest.skip("without pidfd a thread waits for the exit")
    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr("_thread.start_new_thread", refuse)
    monkeypatch.setattr("threading._start_new_thread", refuse, raising=False)
    monkeypatch.setattr("threading._start_joinable_thread", refuse, raising=False)


def fail(cmd: Cmd) -> None:
    with pytest.raises(ExitError):
        cmd.run()


VERBS: dict[str, Callable[[Path], Any]] = {
    "run": lambda tmp: Cmd("true").run(),
    "run with streams": lambda tmp: Cmd(
        "cat", stdin=b"x" * 200000, stdout=Capture(), stderr=Capture(tail=10)
    ).run(timeout=LONG),
    "run to a path": lambda tmp: Cmd("echo", "x", stdout=tmp / "out", stderr=STDOUT).run(),
    "run to a tee": lambda tmp: Cmd("echo", stdout=[Capture(), io.BytesIO(), tmp / "out"]).run(),
    "output": lambda tmp: Cmd("echo", "x").output(),
    "text": lambda tmp: Cmd("cat", stdin="text").text(timeout=LONG),
    "combined_output": lambda tmp: Cmd.sh("echo x >&2").combined_output(),
    "lines": lambda tmp: list(Cmd("seq", "100000").lines(timeout=LONG)),
    "lines left early": lambda tmp: next(Cmd("yes").lines()),
    "in a context": lambda tmp: Cmd("echo", "x").output(ctx=Context(timeout=LONG)),
    "a failure": lambda tmp: Cmd("false", check=False).run(),
    "a timeout": lambda tmp: fail(Cmd("sleep", str(FOREVER), timeout=SHORT / 4, cancel="TERM")),
}


@pytest.mark.parametrize("verb", list(VERBS))
def test_no_thread_is_started(verb: str, no_threads: None, tmp_path: Path) -> None:
    before = threads()
    VERBS[verb](tmp_path)
    assert threads() <= before


def test_an_import_and_a_run_leave_one_thread() -> None:
    said = ask("""
        import os, osexec
        osexec.text("echo", "x", timeout=30)
        for line in osexec.lines("seq", "10"):
            pass
        print(len(os.listdir("/proc/self/task")))
    """)
    assert said == 1


def test_a_thread_that_is_not_to_be_had_is_a_start_error(no_threads: None, tag: Tag) -> None:
    with pytest.raises(osexec.StartError, match="thread"):
        Cmd("sleep", str(FOREVER), stdin=iter([b"x"])).run()
    assert tag.alive() == []


def test_many_threads_run_commands_at_once() -> None:
    def work(number: int) -> None:
        for turn in range(8):
            word = f"{number}-{turn}"
            assert Cmd("cat", stdin=word).text(timeout=LONG) == word
            assert list(Cmd("printf", f"{word}\n{word}").lines()) == [word, word]
            with pytest.raises(ExitError) as caught:
                Cmd.sh(f"echo {word} >&2; exit {number}").output()
            assert caught.value.returncode == number
            assert caught.value.stderr == f"{word}\n".encode()

    at_once(work, range(1, 9))


def test_many_threads_run_one_command_at_once() -> None:
    cmd = Cmd("cat", stdin=b"the same for all", timeout=LONG)
    assert at_once(lambda number: cmd.output(), range(32)) == [b"the same for all"] * 32


def test_one_cancel_ends_the_runs_of_all_threads(tag: Tag) -> None:
    def work() -> object:
        with pytest.raises(osexec.Canceled) as caught:
            Cmd("sleep", str(FOREVER)).run(ctx=ctx)
        return caught.value.cause

    ctx = Context()
    calls = [Call(work) for _ in range(16)]
    tag.wait_count(16)
    ctx.cancel("all of you")
    assert [call.result() for call in calls] == ["all of you"] * 16


def test_lines_left_early_end_the_tree(tag: Tag) -> None:
    for line in Cmd.sh(ENDLESS).lines():
        assert line == "first"
        break
    assert tag.alive() == []


def test_lines_that_are_closed_end_the_tree(tag: Tag) -> None:
    with closing(Cmd.sh(ENDLESS).lines()) as lines:  # type: ignore[type-var]
        assert next(lines) == "first"
        assert tag.alive() != []
    assert tag.alive() == []


def test_an_error_in_the_loop_goes_on_and_ends_the_tree(tag: Tag) -> None:
    error = RuntimeError("of the loop")
    with pytest.raises(RuntimeError) as caught:  # noqa: PT012  the loop is what is tested
        for _ in Cmd.sh(ENDLESS).lines():
            raise error
    assert caught.value is error
    assert tag.alive() == []


def test_lines_in_a_cycle_end_the_tree_when_they_are_collected(tag: Tag) -> None:
    cycle: dict[str, Any] = {"lines": Cmd.sh(ENDLESS).lines()}
    cycle["self"] = cycle
    assert next(cycle["lines"]) == "first"
    del cycle
    gc.collect()
    assert tag.alive() == []


def test_lines_in_another_thread_than_their_first(tag: Tag) -> None:
    lines = Cmd("seq", "1000000").lines()
    assert next(lines) == "1"
    got: list[str] = []
    Call(lambda: got.extend(lines)).result()
    assert got[0] == "2" and len(got) == 999999


def test_a_signal_handler_may_cancel_the_run_it_interrupts() -> None:
    code = """
        import json, signal, sys, time
        from osexec import Canceled, Cmd, Context

        ctx = Context()
        signal.signal(signal.SIGALRM, lambda number, frame: ctx.cancel("alarm"))
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        begin = time.monotonic()
        try:
            Cmd("sleep", "1000").run(ctx=ctx)
        except Canceled as error:
            print(json.dumps([error.cause, time.monotonic() - begin]))
    """
    for python in pythons().values():
        cause, took = ask(code, python=python)
        assert cause == "alarm" and took < SHORT + GRACE
