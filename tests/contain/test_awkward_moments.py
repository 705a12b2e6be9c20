"""Moments that nobody chose: in the middle of a start, in a copy that leaves, without descriptors,
while we are stopped, and a tree inside a tree.
"""

import os
import random
import signal
import subprocess
import sys
from time import monotonic, sleep

import pytest

import osexec
from osexec import Capture, Cmd, Context
from osexec._posix import probe
from tests.contain.conftest import LetLoose
from tests.contain.ends import WAYS
from tests.contain.owners import owner
from tests.helpers.alive import Tag
from tests.helpers.drivers import Run
from tests.helpers.fresh import ask, begin, words
from tests.helpers.limits import FOREVER, LONG, SHORT, VANISH
from tests.helpers.ready import read_ready
from tests.helpers.threads import Call
from tests.helpers.waiting import look_until, wait_until

CONTAINED = ["tree", "namespace"]


@pytest.fixture(params=CONTAINED)
def contain(request: pytest.FixtureRequest) -> str:
    if request.param == "namespace":
        request.getfixturevalue("namespaces")
    return request.param


# ------------------------------------------------------------ in the middle of a start


def test_the_time_is_up_in_the_middle_of_a_start(contain: str, run: Run, tag: Tag) -> None:
    cmd = Cmd("sh", "-c", f"sleep {FOREVER} & sleep {FOREVER}", contain=contain)
    for turn in range(40):
        with pytest.raises(osexec.DeadlineExceeded):
            run(cmd, timeout=turn * 0.0001)
        assert tag.everyone() == [], turn


def test_a_cancel_in_the_middle_of_a_start(contain: str, run: Run, tag: Tag) -> None:
    cmd = Cmd("sh", "-c", f"sleep {FOREVER} & sleep {FOREVER}", contain=contain)
    for turn in range(30):
        ctx = Context()

        def cancel(ctx: Context = ctx, turn: int = turn) -> None:
            sleep(turn * 0.0002)
            ctx.cancel("now")

        call = Call(cancel)
        with pytest.raises(osexec.Canceled):
            run(cmd, ctx=ctx)
        call.result()
        assert tag.everyone() == [], turn


BUSY = """
    import os, sys
    from osexec import Canceled, Cmd, Context

    os.write(1, b"started\\n")
    while True:
        ctx = Context()
        process = Cmd("sh", "-c", "sleep 1000 & sleep 1000", contain=sys.argv[1]).start(ctx=ctx)
        ctx.cancel("next")
        try:
            process.wait()
        except Canceled:
            pass
"""


def are_gone(tag: Tag) -> bool:
    """Nobody is seen in several looks: in the moment of its exec a process shows no environment."""
    for _ in range(5):
        if tag.everyone():
            return False
        sleep(0.002)
    return True


def test_the_owner_is_killed_at_any_moment(contain: str, tag: Tag) -> None:
    """In the minder's exec, before it looks at its owner, before the exec of the command."""
    chance = random.Random(4)
    for turn in range(10):
        with begin(BUSY, contain, stderr=None) as python:
            assert python.stdout is not None
            assert read_ready(python.stdout) == "started"
            sleep(chance.uniform(0, 0.02))
            python.kill()
        look_until(lambda: are_gone(tag), VANISH)
        assert tag.everyone() == [], turn


# ---------------------------------------------------------------- a copy that leaves

LEAVE = """
    import os, sys, warnings
    from osexec import Capture, Cmd

    process = Cmd(*sys.argv[2:], contain="tree", stderr=Capture()).start()
    warnings.simplefilter("ignore")
    copy = os.fork()
    if copy == 0:
        if sys.argv[1] == "drops it":
            del process
        sys.exit(0)  # with all that an interpreter does when it leaves
    os.waitpid(copy, 0)
    os.write(1, b"started\\n")
    os.read(0, 1)
"""


@pytest.mark.parametrize("how", ["leaves", "drops it"])
def test_a_copy_that_leaves_ends_nothing(how: str, let_loose: LetLoose, tag: Tag) -> None:
    """Its end of the minder's socket is the same one as ours: it may not give orders."""
    family = let_loose("tree")
    with begin(LEAVE, how, *family.words, stdin=subprocess.PIPE, stderr=None) as python:
        assert python.stdout is not None and python.stdin is not None
        said = {read_ready(python.stdout), read_ready(python.stdout)}
        assert said == {"started", "ready"}
        count = len(family.wait_settled())
        changed, _ = look_until(lambda: len(family.alive()) != count, SHORT)
        assert not changed
        python.kill()
        family.seconds_until_gone(since=monotonic())


# ------------------------------------------------------------------ without descriptors

CLOSED = """
    import json, os, sys
    from osexec import Capture, Cmd

    report, closed = os.dup(1), [int(fd) for fd in sys.argv[1]]
    os.set_inheritable(report, False)
    for fd in closed:
        os.close(fd)
    said = []
    file = os.open(sys.argv[2], os.O_RDONLY)
    for fields in (
        {"args": ("cat",), "stdin": b"data"},
        {"args": ("sh", "-c", "cat; echo; exit 0")},
        {"args": ("sh", "-c", "cat /dev/fd/3"), "extra_files": [file]},
    ):
        cmd = Cmd("true", stdout=Capture(), contain="tree").replace(**fields)
        for go in (lambda: cmd.run(timeout=5), lambda: cmd.start(timeout=5).wait()):
            said.append(go().stdout.decode().strip())
    os.write(report, json.dumps(said).encode())
    os._exit(0)
"""


@pytest.mark.parametrize("closed", ["0", "1", "2", "01", "02", "12", "012"])
def test_standard_streams_that_are_closed(closed: str, tmp_path) -> None:
    """What is opened then gets the numbers of the command's own standard streams."""
    file = tmp_path / "file"
    file.write_text("file")
    assert ask(CLOSED, closed, file) == ["data", "data", "", "", "file", "file"]


EXHAUSTED = """
    import json, os, resource
    from osexec import Capture, Cmd, Error

    def attempt():
        return Cmd("cat", stdin=b"data", stdout=Capture(), contain="tree").run(timeout=20).stdout

    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    assert attempt() == b"data"
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before, said = descriptors(), []
    for room in range(24):
        resource.setrlimit(resource.RLIMIT_NOFILE, (before + room, hard))
        try:
            said.append(attempt().decode())
        except Error as error:
            said.append(type(error).__name__)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        assert descriptors() == before, (room, said)
    print(json.dumps(said))
"""


def test_the_last_descriptor_is_taken_at_each_moment_of_a_start(tag: Tag) -> None:
    said = ask(EXHAUSTED)
    print(said)
    assert said[0] == "StartError"
    assert said[-1] == "data"
    assert set(said) == {"StartError", "data"}
    assert tag.everyone() == []


# --------------------------------------------------------------- while we are stopped

STOPPED = """
    import json, os, sys
    from osexec import Capture, Cmd

    line = 'kill -STOP "$1"; echo out; exit 7'
    cmd = Cmd("sh", "-c", line, "sh", str(os.getpid()), contain="tree", stdout=Capture())
    cmd = cmd.replace(check=False, timeout=0.1)
    result = cmd.run() if sys.argv[1] == "caller" else cmd.start().wait()
    print(json.dumps([result.returncode, result.reason.value, result.stdout.decode()]))
"""


@pytest.mark.parametrize("driver", ["caller", "reactor"])
def test_a_command_that_was_in_time_is_so_though_we_were_stopped(driver: str) -> None:
    """After waking we look at what has happened, and then at the clock."""
    with begin(STOPPED, driver) as python:
        assert python.stdout is not None and python.stderr is not None

        def is_stopped() -> bool:
            return (
                os.waitid(os.P_PID, python.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
            )

        wait_until(is_stopped)
        sleep(SHORT)  # its time is up meanwhile
        os.kill(python.pid, signal.SIGCONT)
        said, errors = python.communicate(timeout=LONG)
    assert said.decode().strip() == '[7, "exited", "out\\n"]', errors.decode()


# ------------------------------------------------------------------- one in another

NESTED = """
    import sys
    from osexec import Cmd
    Cmd(*sys.argv[2:], contain=sys.argv[1]).run()
"""


@pytest.mark.parametrize("inner", CONTAINED)
@pytest.mark.parametrize("kind", ["setsid", "stopped"])
def test_a_tree_in_a_tree(
    kind: str, inner: str, contain: str, let_loose: LetLoose, tag: Tag, namespaces: None
) -> None:
    """The outer end reaches all: the inner minder, too, which cannot be told by its owner."""
    family = let_loose(kind)
    family.words = tuple(words(NESTED, inner, *family.words))
    ended = WAYS["cancel, caller"](family, contain=contain)
    assert ended.count == family.kind.processes
    assert family.alive() == []
    look_until(lambda: not tag.everyone(), VANISH)
    assert tag.everyone() == []


def test_a_tree_in_a_tree_ends_with_the_outermost_owner(let_loose: LetLoose, tag: Tag) -> None:
    family = let_loose("setsid")
    family.words = tuple(words(NESTED, "tree", *family.words))
    with owner(family, "killed") as (python, count):
        assert count == family.kind.processes
        assert len(tag.minders()) == 2
        ended_at = monotonic()
        python.kill()
        family.seconds_until_gone(since=ended_at)
    look_until(lambda: not tag.everyone(), VANISH)
    assert tag.everyone() == []


# ---------------------------------------------------------------- an older kernel


@pytest.mark.parametrize("way", ["cancel, caller", "cancel, reactor"])
def test_without_pidfd_the_minder_holds_it_all_the_same(
    way: str, let_loose: LetLoose, tag: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    for facility in ("pidfd", "pidfd_group"):
        monkeypatch.setitem(probe.ANSWERS, facility, False)
    family = let_loose("setsid")
    ended = WAYS[way](family, cancel="TERM")
    assert ended.count == family.kind.processes
    assert family.alive() == []
    assert tag.minders() == []


def test_the_words_of_a_command_may_be_anything(contain: str, run: Run) -> None:
    """They are arguments of the minder's, too."""
    odd = ("--about", "-1", "", "3", "\udcff", "a b")
    code = "import os, sys; os.write(1, b'|'.join(map(os.fsencode, sys.argv[1:])))"
    cmd = Cmd(sys.executable, "-I", "-S", "-c", code, *odd, contain=contain, stdout=Capture())
    assert run(cmd).stdout == b"--about|-1||3|\xff|a b"
