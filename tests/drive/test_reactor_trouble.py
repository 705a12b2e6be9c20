"""The background thread is not to be had, or meets trouble: no command waits for ever."""

import json
import os
from errno import EAGAIN

import pytest

from tests.helpers.alive import Tag
from tests.helpers.fresh import ask, fresh

LETTER_IN_BETWEEN = """
    import os, threading
    import osexec
    from osexec._drive import reactor
    from tests.helpers.threads import Call

    # Between its waking and its reading of the eventfd another thread posts, and wakes it again:
    # that second waking must not be taken for the first.
    osexec.start("true").wait()
    here, real, met = reactor.reactor(), os.eventfd_read, threading.Event()

    def late_read(fd):
        if threading.get_ident() == here.thread.ident and not met.is_set():
            met.set()
            Call(lambda: here.post(None, lambda now: None)).result()
        return real(fd)

    os.eventfd_read = late_read
    osexec.start("true").wait(10)
    assert met.is_set()
    osexec.start("true").wait(10)
"""


def test_a_letter_that_comes_while_the_reactor_wakes_is_not_lost() -> None:
    fresh(LETTER_IN_BETWEEN)


FAILING_CALLBACK = """
    import threading
    import osexec
    from osexec import Context

    def refuse(thread):
        if thread.name == "osexec-after":
            refused.set()
            raise RuntimeError("can't start new thread")
        real(thread)

    real, threading.Thread.start, refused = threading.Thread.start, refuse, threading.Event()
    process = osexec.start("sleep", "1000", timeout=0.3)
    Context(timeout=0.1).after(print)
    try:
        process.wait(10)
    except osexec.DeadlineExceeded:
        assert refused.is_set()
        osexec.start("true").wait(10)
"""


def test_a_callback_that_can_not_be_made_stops_no_command() -> None:
    fresh(FAILING_CALLBACK)


NO_THREAD = """
    import gc, json, threading
    import osexec
    from tests.helpers.interrupts import Traces

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    real, threading.Thread.start = threading.Thread.start, refuse
    said = {"errors": []}
    for attempt in range(3):
        if attempt == 1:
            traces = Traces()  # whatever is imported late is there now
        try:
            osexec.start("sleep", "1000")
        except osexec.StartError as error:
            said["errors"].append([error.errno, isinstance(error.__cause__, RuntimeError)])
    gc.collect()
    said["left"] = traces.take_new()
    threading.Thread.start = real
    said["then"] = osexec.start("true").wait().exit_code
    print(json.dumps(said))
"""


def test_a_thread_that_is_not_to_be_had_is_a_start_error(tag: Tag) -> None:
    done = fresh(NO_THREAD)
    assert json.loads(done.stdout) == {"errors": [[EAGAIN, True]] * 3, "left": [], "then": 0}
    assert done.stderr == ""
    assert tag.alive() == []


NO_PROCESS = """
    import json, os, resource
    import osexec

    osexec.Cmd("true").run()
    os.setgroups([])
    os.setresgid(54321, 54321, 54321)
    os.setresuid(54321, 54321, 54321)
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, hard))
    try:
        osexec.start("/bin/true")
    except osexec.StartError as error:
        said = [error.errno]
    resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
    said.append(osexec.start("/bin/true").wait().exit_code)
    print(json.dumps(said))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the limit is set for another user")
def test_the_limit_on_threads_is_a_start_error() -> None:
    done = fresh(NO_PROCESS)
    assert json.loads(done.stdout) == [EAGAIN, 0]
    assert done.stderr == ""


INTERRUPTED_START = """
    import json, threading
    import osexec
    from tests.helpers.limits import VANISH
    from tests.helpers.waiting import look_until

    class Interrupted(threading.Thread):
        def start(self):
            super().start()
            raise KeyboardInterrupt  # a Ctrl-C while start() waits for the thread to begin

    real, threading.Thread = threading.Thread, Interrupted
    try:
        osexec.start("true")
    except KeyboardInterrupt:
        pass
    threading.Thread = real
    osexec.start("true").wait()

    def names():
        return sorted(one.name for one in threading.enumerate())

    look_until(lambda: names() == ["MainThread", "osexec-reactor"], VANISH)
    print(json.dumps(names()))
"""


def test_ctrl_c_in_the_first_start_leaves_no_second_thread() -> None:
    assert ask(INTERRUPTED_START) == ["MainThread", "osexec-reactor"]
