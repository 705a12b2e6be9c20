"""Somebody else takes what waitpid(2) says: the status is the true one all the same.

A minder tells it; nobody can take that away. (Without one: tests/posix/test_status_lost.py.)
"""

import signal
from textwrap import dedent

import pytest

from tests.helpers.fresh import ask
from tests.helpers.pythons import pythons
from tests.host.look import needs_minder

pytestmark = needs_minder

VERSIONS = pytest.mark.parametrize("version", list(pythons()))

# As a bad parent leaves it: whoever is executed inherits an ignored signal.
IGNORING = """
    import os, signal, sys
    if signal.getsignal(signal.SIGCHLD) is not signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        os.execv(sys.executable, sys.orig_argv)
"""

STATUSES = """
    import json, signal, sys, time
    import osexec
    from osexec import Capture, Cmd

    def started(cmd):
        return cmd.start().wait()

    def late(cmd):
        process = cmd.start()
        time.sleep(0.05)  # it has ended, and the kernel has thrown its status away
        return process.wait()

    def ignored_late(cmd):
        before = signal.getsignal(signal.SIGCHLD)
        process = cmd.start()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            return process.wait()
        finally:
            signal.signal(signal.SIGCHLD, before)

    said = {}
    for way in (Cmd.run, started, late, ignored_late):
        for script in ("exit 7", "true", "kill -TERM $$", "sh -c 'exit 3'; exit $?", "sleep 9"):
            cmd = Cmd("sh", "-c", "echo out; " + script, stdout=Capture(), check=False)
            try:
                result = way(cmd.replace(timeout=0.15 if script == "sleep 9" else 60))
            except osexec.DeadlineExceeded as error:
                result = error.result
            assert result.contain == "tree", result
            said.setdefault(script, []).append([result.returncode, result.stdout.decode()])
    print(json.dumps(said))
"""

TRUE = {
    "exit 7": [[7, "out\n"]] * 4,
    "true": [[0, "out\n"]] * 4,
    "kill -TERM $$": [[-signal.SIGTERM, "out\n"]] * 4,
    "sh -c 'exit 3'; exit $?": [[3, "out\n"]] * 4,  # the command's own children have statuses
    "sleep 9": [[-signal.SIGKILL, "out\n"]] * 4,
}


@VERSIONS
def test_an_ignored_sigchld_that_was_inherited_loses_no_status(version: str) -> None:
    assert ask(IGNORING + STATUSES, python=pythons()[version]) == TRUE


def test_without_that_it_is_the_same() -> None:
    assert ask(STATUSES) == TRUE


# Parts of a program that collect every child they can get.
THIEVES = {
    "a thread that waits": """
        def steal():
            while not stop.is_set():
                try:
                    os.waitpid(-1, 0)
                except ChildProcessError:
                    pass

        threading.Thread(target=steal, daemon=True).start()
    """,
    "a thread that looks all the time": """
        def steal():
            while not stop.is_set():
                try:
                    os.waitpid(-1, os.WNOHANG)
                except ChildProcessError:
                    pass
                stop.wait(0.0001)

        threading.Thread(target=steal, daemon=True).start()
    """,
    "a handler of SIGCHLD": """
        def steal(number, frame):
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass

        signal.signal(signal.SIGCHLD, steal)
    """,
}

ROBBED = """
    import json, os, signal, sys, threading
    import osexec
    from osexec import Capture, Cmd

    stop = threading.Event()
    sys.setswitchinterval(0.0005)
    osexec.start("true").wait()
    exec(sys.argv[1])
    cmd = Cmd("sh", "-c", 'echo $1; exit $1', "sh", stdout=Capture(), check=False)
    cmds = [cmd.replace(args=(*cmd.args, str(number))) for number in range(100)]
    wrong = []

    def look(number, wait):
        try:
            result = wait()
            if (result.returncode, result.stdout) != (number, b"%d\\n" % number):
                wrong.append([number, repr(result)])
        except osexec.Error as error:
            wrong.append([number, repr(error)])

    for number, cmd in enumerate(cmds):
        look(number, cmd.run)
    for begin in range(0, 100, 20):
        for number, process in [(n, cmds[n].start()) for n in range(begin, begin + 20)]:
            look(number, process.wait)
    stop.set()
    print(json.dumps(wrong))
"""


@pytest.mark.parametrize("thief", list(THIEVES))
def test_a_thief_of_statuses_gets_none_of_ours(thief: str) -> None:
    assert ask(ROBBED, dedent(THIEVES[thief])) == []


BLOCKING = """
    import json, os, signal
    import osexec
    from osexec import Capture, Cmd
    from tests.helpers.roles import role, state_of

    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    state = state_of(Cmd(*role("state"), stdout=Capture()).run().stdout)
    said = [int(state["SigBlk"], 16)]
    for way in (Cmd.run, lambda cmd: cmd.start().wait()):
        try:
            way(Cmd("sleep", "1000", timeout=0.1, cancel=[("TERM", 60)]))
        except osexec.DeadlineExceeded as error:
            said.append(error.result.returncode)
    print(json.dumps(said))
"""


def test_signals_blocked_here_are_not_blocked_in_the_command() -> None:
    assert ask(BLOCKING) == [0, -signal.SIGTERM, -signal.SIGTERM]
