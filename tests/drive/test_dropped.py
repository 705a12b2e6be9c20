"""A Process that nobody has any more ends its command; one that is done is held by nobody."""

import gc
import warnings
import weakref
from typing import Any

import pytest

from osexec import PIPE, Capture, Cmd, Context
from tests.helpers.alive import Tag
from tests.helpers.fresh import fresh
from tests.helpers.limits import FOREVER, GRACE, LONG
from tests.helpers.ready import read_ready
from tests.helpers.waiting import wait_until

SLEEP = Cmd("sleep", str(FOREVER))


def is_free(thing: weakref.ref[Any]) -> bool:
    """Nothing refers to it any more."""
    gc.collect()
    return thing() is None


def test_a_dropped_process_ends_its_command(tag: Tag) -> None:
    process = Cmd.sh(f"sleep {FOREVER} & sleep {FOREVER}").start()
    tag.wait_count(3)
    with pytest.warns(ResourceWarning, match="was dropped while it ran"):
        del process
    tag.wait_gone()


def test_a_dropped_process_ends_its_command_though_warnings_are_errors(tag: Tag) -> None:
    done = fresh(
        """
        import osexec, sys
        process = osexec.start("sleep", "1000")
        pid = process.pid
        del process
        from tests.helpers.proc import children
        from tests.helpers.waiting import wait_until
        wait_until(lambda: pid not in children(), 5, "it is ended")
        """
    )
    assert "was dropped while it ran" in done.stderr
    assert tag.alive() == []


def test_a_dropped_process_with_pipes_ends_its_command(tag: Tag) -> None:
    process = SLEEP.replace(stdin=PIPE, stdout=PIPE, stderr=PIPE).start()
    tag.wait_count(1)
    del process
    with pytest.warns(ResourceWarning, match="was dropped while it ran"):
        gc.collect()
    tag.wait_gone()


def test_a_stream_alone_keeps_the_process(tag: Tag) -> None:
    stdout = Cmd.sh("echo ready; cat", stdin=PIPE, stdout=PIPE).start().stdout
    gc.collect()
    assert stdout is not None
    assert read_ready(stdout) == "ready"
    assert len(tag.alive()) == 2
    del stdout
    with pytest.warns(ResourceWarning, match="was dropped while it ran"):
        gc.collect()
    tag.wait_gone()


def test_a_dropped_process_that_has_ended_warns_of_nothing() -> None:
    process = Cmd("true").start()
    wait_until(process.poll, LONG, "it ends")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del process
        gc.collect()


@pytest.mark.parametrize("timeout", [None, 1000 * LONG])
def test_nothing_holds_a_process_that_is_done(timeout: float | None) -> None:
    process = Cmd("echo", "x", stdout=Capture()).start(timeout=timeout)
    process.wait()
    job, gone = weakref.ref(process._run.job), weakref.ref(process)
    del process
    wait_until(lambda: is_free(job) and is_free(gone), GRACE, "it is free")


def test_nothing_holds_a_process_whose_context_lives_on() -> None:
    with Context(timeout=1000 * LONG):
        process = Cmd("echo", "x", stdout=Capture()).start()
        process.wait()
        job = weakref.ref(process._run.job)
        del process
        wait_until(lambda: is_free(job), GRACE, "it is free")
