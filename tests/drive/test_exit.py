"""The interpreter leaves while commands run: quickly, quietly, and nothing stays alive.

It differs from one Python to the next what a thread, an atexit handler or a `__del__` may still do.
"""

import signal
import subprocess
import sys
import time
from tempfile import TemporaryFile
from textwrap import dedent

import pytest

from tests.helpers.alive import Tag
from tests.helpers.fresh import begin, environment, words
from tests.helpers.limits import GRACE, LONG
from tests.helpers.pythons import pythons
from tests.helpers.ready import read_ready

# The start of an interpreter, and its end.
QUICK = 3 * GRACE

LEFT = {
    "a global": """
        import osexec
        process = osexec.start("sleep", "1000")
    """,
    "a global that runs for a while": """
        import osexec
        process = osexec.start("sh", "-c", "echo ready; sleep 1000", stdout=osexec.PIPE)
        process.stdout.readline()
    """,
    "a whole tree": """
        import osexec
        process = osexec.start("sh", "-c", "sleep 1000 & sleep 1000 & wait")
    """,
    "many": """
        import osexec
        processes = [osexec.start("sleep", "1000") for _ in range(30)]
    """,
    "pipes in use": """
        import osexec, threading
        process = osexec.start("cat", stdin=osexec.PIPE, stdout=osexec.PIPE)
        threading.Thread(target=process.stdout.read, daemon=True).start()
    """,
    "a blocked reader and writer": """
        import osexec, threading

        class Blocked:
            def read(self, size):
                threading.Event().wait()

            write = read

        process = osexec.start("yes", stdin=Blocked(), stdout=Blocked(), wait_delay=0.2)
    """,
    "somebody who waits": """
        import osexec, threading

        def wait():
            try:
                process.wait()
            except osexec.Error:
                pass

        process = osexec.start("sleep", "1000")
        threading.Thread(target=wait, daemon=True).start()
    """,
    "a polite end that is enough": """
        import osexec
        process = osexec.start("sleep", "1000", cancel="TERM")
    """,
    "a run in a daemon thread": """
        import osexec, threading
        from tests.helpers.proc import children
        from tests.helpers.waiting import wait_until

        def run():
            try:
                osexec.run("sleep", "1000")
            except osexec.Error:
                pass

        threading.Thread(target=run, daemon=True).start()
        wait_until(children)
    """,
    "lines in a daemon thread": """
        import osexec, threading

        def read():
            try:
                for line in osexec.lines("sh", "-c", "echo one; sleep 1000 & sleep 1000"):
                    first.set()
            except osexec.Error:
                pass

        first = threading.Event()
        threading.Thread(target=read, daemon=True).start()
        first.wait()
    """,
    "runs of many daemon threads": """
        import osexec, threading
        from tests.helpers.waiting import wait_until

        def work():
            try:
                while True:
                    osexec.run("true")
                    done.append(1)
            except osexec.Error:
                pass  # ended by the exit

        done = []
        for _ in range(4):
            threading.Thread(target=work, daemon=True).start()
        wait_until(lambda: len(done) > 40)
    """,
    "lines that nobody has read to the end": """
        import osexec
        lines = osexec.lines("yes")
        next(lines)
    """,
    "an exit in the block": """
        import osexec, sys
        with osexec.start("sleep", "1000"):
            sys.exit(0)
    """,
    "a start at exit": """
        import atexit
        import osexec

        def at_exit():
            osexec.run("true")
            osexec.text("echo", "x", timeout=10)
            try:
                osexec.start("true").wait()
                kept.append(osexec.start("sleep", "1000"))
            except osexec.StartError:
                pass  # there are no more threads to be had: said, not hung

        kept = []
        atexit.register(at_exit)
    """,
    "a start at exit, before the others end": """
        import atexit
        import osexec

        def at_exit():
            try:
                kept.append(osexec.start("sleep", "1000"))
            except osexec.StartError:
                pass

        kept = [osexec.start("sleep", "1000")]
        atexit.register(at_exit)  # the last that is registered is called first
    """,
    "a start at exit, after the others have ended": """
        import atexit
        import osexec

        def at_exit():
            try:
                kept.append(osexec.start("sleep", "1000"))
            except osexec.StartError:
                pass

        atexit.register(at_exit)
        kept = [osexec.start("sleep", "1000")]
    """,
    "a start in a __del__ at the very end": """
        import osexec

        class Late:
            def __init__(self, osexec):
                self.osexec = osexec

            def __del__(self):
                self.osexec.run("true")
                try:
                    self.osexec.start("sleep", "1000")
                except self.osexec.StartError:
                    pass

        osexec.start("true").wait()
        late = Late(osexec)
    """,
}


WITHOUT_MINDER = 'from osexec._posix import probe; probe.ANSWERS["minder"] = False'


def leave(
    code: str, version: str, limit: float = LONG
) -> tuple[subprocess.CompletedProcess[bytes], float]:
    """Run `code` to the end of its interpreter; how long that took."""
    with TemporaryFile() as out, TemporaryFile() as err:  # no pipes: who is left would hold them
        start = time.monotonic()
        done = subprocess.run(
            words(code, python=pythons()[version]),
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            timeout=limit,
            check=False,
        )
        took = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        done.stdout, done.stderr = out.read(), err.read()
        return done, took


@pytest.mark.parametrize("left", list(LEFT))
@pytest.mark.parametrize("version", list(pythons()))
def test_an_exit_leaves_nothing(version: str, left: str, tag: Tag) -> None:
    done, took = leave(LEFT[left], version)
    assert done.returncode == 0
    tag.wait_gone(GRACE)
    assert took < QUICK
    assert done.stderr == b""


@pytest.mark.parametrize("left", list(LEFT))
def test_an_exit_leaves_nothing_without_a_minder_too(left: str, tag: Tag) -> None:
    """Then nobody ends by itself what we forget."""
    code = f"{WITHOUT_MINDER}\n{dedent(LEFT[left])}"
    done, took = leave(code, "{}.{}".format(*sys.version_info))
    assert done.returncode == 0
    tag.wait_gone(GRACE)
    assert took < QUICK
    assert done.stderr == b""


@pytest.mark.parametrize("version", list(pythons()))
def test_an_exit_is_bounded_though_a_child_ignores_it(version: str, tag: Tag) -> None:
    done, took = leave(
        """
        import math, osexec
        from osexec._drive import reactor
        from tests.helpers.roles import role

        reactor.EXIT_LIMIT = 0.3
        process = osexec.start(
            *role("ignore-term"), stdout=osexec.PIPE, cancel="TERM", wait_delay=math.inf
        )
        process.stdout.readline()
        """,
        version,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    tag.wait_gone(GRACE)
    assert 0.3 <= took < 0.3 + QUICK


@pytest.mark.parametrize("version", list(pythons()))
def test_the_wait_delay_counts_at_exit(version: str, tag: Tag) -> None:
    done, took = leave(
        """
        import osexec
        from tests.helpers.roles import role

        process = osexec.start(
            *role("ignore-term"), stdout=osexec.PIPE, cancel="TERM", wait_delay=0.2
        )
        process.stdout.readline()
        """,
        version,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    tag.wait_gone(GRACE)
    assert 0.2 <= took < 0.2 + QUICK


def test_a_thread_that_is_no_daemon_runs_its_command_to_the_end(tag: Tag) -> None:
    done, _ = leave(
        """
        import osexec, threading
        threading.Thread(target=osexec.run, args=("sh", "-c", "sleep 0.3; echo done")).start()
        """,
        next(iter(pythons())),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"done\n", b"")


@pytest.mark.parametrize("how", ["raise SystemExit(3)", "raise LookupError"])
def test_the_exit_status_stays_what_it_is(how: str, tag: Tag) -> None:
    code = f"""
        import osexec
        process = osexec.start("sleep", "1000")
        {how}
    """
    done, took = leave(code, next(iter(pythons())))
    assert done.returncode == (3 if "3" in how else 1)
    tag.wait_gone(GRACE)
    assert took < QUICK


def test_ctrl_c_of_the_main_thread_ends_all_that_was_started(tag: Tag) -> None:
    code = """
        import osexec, threading
        processes = [osexec.start("sleep", "1000") for _ in range(5)]
        print("ready", flush=True)
        threading.Event().wait()
    """
    with begin(code) as child:
        assert child.stdout is not None
        read_ready(child.stdout)
        child.send_signal(signal.SIGINT)
        start = time.monotonic()
        child.communicate(timeout=LONG)
        assert time.monotonic() - start < QUICK
    assert child.returncode == -signal.SIGINT
    tag.wait_gone(GRACE)
