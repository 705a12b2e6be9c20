"""What a command gets of the process that started it, and what it tells of itself: the truth.

Signal masks, ignored signals, a status that somebody else would take, and how much memory it used.
"""

import signal

import pytest

from osexec import Capture, Cmd, SysAttrs
from tests.helpers.drivers import DRIVERS
from tests.helpers.fresh import ask, fresh
from tests.helpers.limits import LONG
from tests.helpers.threads import Call

SIGNALS = ("grep", "^Sig[BCI]", "/proc/self/status")


def signals(said: str) -> dict[str, set[int]]:
    """The signals that are blocked, ignored and caught, as /proc says it."""
    found = {}
    for line in said.splitlines():
        name, mask = line.split(":")
        found[name] = {bit + 1 for bit in range(64) if int(mask, 16) >> bit & 1}
    return found


def ended_by_signal(number: signal.Signals, contain: str) -> signal.Signals | int | None:
    """How a command ended to which that signal was sent."""
    with Cmd("sleep", "1000", contain=contain, check=False).start() as process:
        process.signal(number)
        return process.wait(LONG).signal


@pytest.mark.parametrize("driver", list(DRIVERS))
def test_a_thread_that_blocks_signals_hands_no_block_down(driver: str) -> None:
    """Inherited, a blocked SIGTERM makes `terminate()` useless."""
    blocked = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1}

    def start() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
        result = DRIVERS[driver](Cmd(*SIGNALS, contain="tree", stdout=Capture()))
        assert signals((result.stdout or b"").decode())["SigBlk"] == set()
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == blocked
        assert ended_by_signal(signal.SIGTERM, "tree") is signal.SIGTERM

    Call(start).result()


def test_nor_does_the_minder_that_becomes_the_command() -> None:
    attrs = SysAttrs(nice=1)

    def start() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        result = Cmd(*SIGNALS, contain="process", sys=attrs, stdout=Capture()).run()
        assert signals((result.stdout or b"").decode())["SigBlk"] == set()

    Call(start).result()


IGNORED = """
    import json, signal, sys
    from osexec import Cmd

    for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    statuses = []
    for code in (7, 0, 3):
        for go in (lambda cmd: cmd.run(), lambda cmd: cmd.start().wait()):
            cmd = Cmd("sh", "-c", f"exit {code}", contain="tree", check=False)
            statuses.append(go(cmd).returncode)
    print(json.dumps([statuses, Cmd(*sys.argv[1:], contain="tree").text()]))
"""


def test_an_ignored_sigchld_does_not_cost_the_status() -> None:
    """`subprocess` says 0 here, whatever the command said. Bad parents hand it down."""
    statuses, said = ask(IGNORED, *SIGNALS)
    assert statuses == [7, 7, 0, 0, 3, 3]
    found = signals(said)
    assert signal.SIGCHLD not in found["SigIgn"]  # a shell could not wait for its own children
    assert signal.SIGHUP in found["SigIgn"]  # what nohup(1) wants
    assert signal.SIGINT in found["SigIgn"]  # what a shell's background job has


THIEF = """
    import json, os, threading, time
    from osexec import Cmd

    def steal():
        while True:
            try:
                stolen.append(os.waitpid(-1, 0))
            except ChildProcessError:
                time.sleep(0.0002)

    stolen, statuses = [], set()
    threading.Thread(target=steal, daemon=True).start()
    for turn in range(50):
        cmd = Cmd("sh", "-c", f"exit {turn + 1}", contain="tree", check=False)
        result = cmd.run() if turn % 2 else cmd.start().wait()
        if result.returncode != turn + 1:
            statuses.add((turn, result.returncode))
    print(json.dumps([sorted(statuses), len(stolen)]))
"""


def test_a_thread_that_waits_for_every_child_does_not_cost_the_status() -> None:
    wrong, stolen = ask(THIEF)
    assert wrong == []
    print(f"{stolen} minders were collected by the thief")


MEMORY = """
    import json
    from osexec import Cmd

    def kilobytes(contain):
        return Cmd("true", contain=contain).run().rusage.ru_maxrss

    before = kilobytes("tree")
    held = bytearray(200 << 20)
    held[::4096] = bytes(len(held) // 4096)  # not only promised
    own = int(open("/proc/self/statm").read().split()[1]) * 4
    print(json.dumps([before, kilobytes("tree"), kilobytes("process"), own]))
"""


def test_the_memory_of_a_small_command_is_its_own() -> None:
    """The kernel counts what was there before exec; under a minder that is next to nothing."""
    before, tree, process, own = ask(MEMORY)
    print(f"maxrss of true: {tree} kB in a tree, {process} kB as a process, and Python {own} kB")
    assert own > 200 << 10
    assert tree < 20 << 10
    assert tree < 2 * before
    assert tree <= process


def test_the_memory_of_a_large_command_is_seen() -> None:
    code = "x = bytearray(100 << 20); x[::4096] = bytes(len(x) // 4096)"
    result = Cmd("python3", "-I", "-S", "-c", code, contain="tree").run()
    assert result.rusage is not None
    assert result.rusage.ru_maxrss > 100 << 10


def test_the_time_of_what_it_waited_for_is_counted() -> None:
    """wait4(2): the command, and those of its descendants that were waited for."""
    work = "i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done"
    cmd = Cmd("sh", "-c", f"sh -c '{work}'; exit 0", contain="tree")
    result = cmd.run()
    assert result.rusage is not None
    assert result.rusage.ru_utime + result.rusage.ru_stime > 0.005
    assert result.rusage.ru_utime < result.elapsed + 1


def test_an_interpreter_that_leaves_with_a_result_in_a_cycle_says_nothing() -> None:
    """As a traceback makes one. The type of `rusage` must not go before the result does."""
    code = """
        from osexec import Cmd
        result = Cmd("true", contain="tree").run()
        cycle = [result]
        cycle.append(cycle)
        result.__dict__["held by"] = cycle
    """
    assert fresh(code).stderr == ""
