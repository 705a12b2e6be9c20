"""What a tree can not hold: who has become root, and who kills or stops the minder.

They are shown to live on under "tree", which is what the documentation says, and to end under
"namespace".
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

import osexec
from osexec import PIPE, Canceled, Capture, KillFailed, Reason, StartError, StatusLostError
from tests.contain import unprivileged
from tests.contain.conftest import LetLoose
from tests.contain.ends import command
from tests.helpers.alive import Tag
from tests.helpers.drivers import Run, error_of
from tests.helpers.fresh import begin as begin_fresh
from tests.helpers.limits import DELAY, GRACE, LONG, SHORT, VANISH
from tests.helpers.nasty import KINDS, Family, pipe
from tests.helpers.proc import PROC, look
from tests.helpers.ready import read_ready
from tests.helpers.waiting import look_until, wait_until

# ------------------------------------------------------------------ the assassin


def test_the_assassin_lives_on_under_a_tree(let_loose: LetLoose, tag: Tag) -> None:
    family = let_loose("assassin that waits")
    with pipe() as (stdout, write_end):
        cmd = command(family, write_end, stdin=PIPE, stderr=osexec.DEVNULL)
        with cmd.start() as process:
            family.wait_count(2)
            begin = monotonic()
            process.stdin.close()
            with pytest.raises(StatusLostError) as caught:
                process.wait(LONG)
        assert monotonic() - begin < VANISH  # it is noticed; no deadline was needed
        family.hear(read_ready(stdout))
    assert caught.value.result is not None
    assert caught.value.result.reason is Reason.MINDER_LOST
    assert tag.minders() == []
    # The command has taken care not to die with it; the other one is in a session of its own.
    left = [seen.pid for seen in family.kill()]
    assert 1 <= len(left) <= family.kind.processes
    assert set(left) - {process.pid}


def test_the_assassin_that_does_not_wait_is_not_started_again(
    run: Run, let_loose: LetLoose, tag: Tag
) -> None:
    """It kills the minder before that could say that the command runs. The command has run."""
    family = let_loose("assassin")
    begin = monotonic()
    error = error_of(run, command(family, stdout=osexec.DEVNULL, stderr=osexec.DEVNULL))
    assert monotonic() - begin < VANISH
    assert isinstance(error, StatusLostError | StartError)
    assert "minder" in str(error)
    assert tag.minders() == []
    changed, _ = look_until(lambda: len(family.alive()) > family.kind.processes, SHORT)
    assert not changed, "it was started more than once"
    family.kill()


def test_the_assassin_ends_in_a_namespace(
    run: Run, let_loose: LetLoose, tag: Tag, namespaces: None
) -> None:
    family = let_loose("assassin")
    with pipe() as (stdout, write_end):
        cmd = command(family, write_end, contain="namespace", stderr=osexec.DEVNULL)
        error = error_of(run, cmd, timeout=2 * SHORT)
        family.hear(read_ready(stdout))
    assert error.result.reason is Reason.DEADLINE
    assert family.alive() == []
    assert tag.minders() == []


# --------------------------------------------------------- who stops the minder


@pytest.mark.parametrize("cancel", ["KILL", "TERM"])
def test_who_stops_its_minder_does_not_hold_us(cancel: str, let_loose: LetLoose, tag: Tag) -> None:
    """Each SIGCONT of ours is followed by a SIGSTOP of theirs. The call comes back all the same.

    On a busy machine the minder may have no turn in between; then that is what the call says.
    """
    family = let_loose("stops its minder, later")
    with pipe() as (stdout, write_end):
        fields = {"cancel": cancel, "wait_delay": DELAY, "stdin": PIPE, "stderr": osexec.DEVNULL}
        with command(family, write_end, **fields).start() as process:
            family.wait_complete(stdout)
            (minder,) = tag.minders()
            process.stdin.close()
            wait_until(lambda: (seen := look(minder.pid)) is None or seen.state == "T")
            begin = monotonic()
            process.cancel("enough")
            with pytest.raises((Canceled, KillFailed)) as caught:
                process.wait(LONG)
        assert monotonic() - begin < DELAY + 2 * VANISH
    if not isinstance(caught.value, KillFailed):
        assert process.pid not in [seen.pid for seen in family.alive()]
    family.kill()
    look_until(lambda: not tag.minders(), VANISH)
    assert tag.minders() == []


def test_who_freezes_its_minder_does_not_hold_us_nor_anybody_else(
    let_loose: LetLoose, tag: Tag
) -> None:
    """What the background thread has watched for the one that failed is forgotten with it."""
    family = let_loose("freezes its minder")
    with pipe() as (stdout, write_end):
        fields = {"wait_delay": DELAY, "stdin": PIPE, "stderr": osexec.DEVNULL}
        process = command(family, write_end, **fields).start()
        family.wait_count(2)
        process.stdin.close()
        family.wait_complete(stdout)
        begin = monotonic()
        process.cancel("enough")
        with pytest.raises((Canceled, KillFailed)):
            process.wait(LONG)
        assert monotonic() - begin < DELAY + 2 * VANISH
    held = []
    for _ in range(16):  # so that each number of a descriptor has its turn
        assert osexec.start("cat", stdin=b"x", stdout=Capture()).wait(LONG).stdout == b"x"
        held.append(os.dup(0))
    for fd in held:
        os.close(fd)
    family.kill()
    look_until(lambda: not tag.minders(), VANISH)
    assert tag.minders() == []
    osexec.run("true")  # collects the minder, which was a zombie of its tracer's until now


EARLY = """
    import sys, threading
    from osexec import Canceled, Cmd, Context, KillFailed

    ctx = Context()
    threading.Timer(0.2, ctx.cancel).start()
    try:
        Cmd(*sys.argv[1:], contain="tree", wait_delay=0.2).run(ctx=ctx)
    except (Canceled, KillFailed):
        sys.exit(7)
"""


def test_who_stops_its_minder_at_once_does_not_hold_us(let_loose: LetLoose, tag: Tag) -> None:
    """Before it could say that the command runs: a start can be cancelled, too."""
    family = let_loose("stops its minder")
    with begin_fresh(EARLY, *family.words, stderr=None) as python:
        try:
            assert python.wait(LONG / 4) == 7
        finally:
            python.kill()
    family.kill()
    look_until(lambda: not tag.minders(), VANISH)
    assert tag.minders() == []


# ---------------------------------------------------------------- the set-uid program

OWNER = """
    import json, os, sys, time
    import osexec

    contain, *words = sys.argv[1:]
    ctx = osexec.Context()
    process = osexec.Cmd(*words, contain=contain, wait_delay=0.2).start(ctx=ctx)
    os.write(1, b"started\\n")
    if os.read(0, 1):
        begin = time.monotonic()
        ctx.cancel("enough")
        errors = []
        try:
            process.wait(20)
        except osexec.Error as error:
            errors = [f"{type(one).__name__}: {one}" for one in error.result.errors]
        seconds = time.monotonic() - begin
        leaked = [who.pid for who in process.result.leaked]
        say = {"errors": errors, "seconds": seconds, "leaked": leaked}
        os.write(1, json.dumps(say).encode() + b"\\n")
"""


@pytest.fixture(scope="module")
def public(nasty_program: Path) -> Iterator[Path]:
    """A folder for everybody, with the adversaries' program, and a copy of it that is set-uid."""
    if os.geteuid() != 0:
        pytest.skip("only root can install a program that is set-uid root")
    with unprivileged.public_folder() as folder:
        for name, mode in (("nasty", 0o755), ("nasty-root", 0o4755)):
            shutil.copyfile(nasty_program, folder / name)
            (folder / name).chmod(mode)
        if os.statvfs(folder).f_flag & os.ST_NOSUID:
            pytest.skip(f"set-uid programs do nothing on the file system of {folder}")
        yield folder


@pytest.fixture
def suid(public: Path, tag: Tag) -> Iterator[Family]:
    family = Family(public / "nasty", KINDS["set-uid"], public)
    yield family
    left = family.end()
    assert left == []


def uids(family: Family) -> set[int]:
    """As whom the family runs, seen from outside."""
    return {(PROC / str(seen.pid)).stat().st_uid for seen in family.alive()}


class Owner:
    """An ordinary user's Python that has started the family."""

    def __init__(self, family: Family, folder: Path, contain: str) -> None:
        self.python = unprivileged.start(folder, OWNER, contain, *family.words)
        assert self.python.stdin and self.python.stdout
        self.stdin, self.stdout = self.python.stdin, self.python.stdout
        said = [read_ready(self.stdout), read_ready(self.stdout)]
        said.remove("started")
        family.hear(said[0])
        assert len(family.wait_settled()) == 2

    def cancel(self) -> dict[str, Any]:
        """Let it cancel; what it says came of that."""
        self.stdin.write(b"x")
        said = json.loads(read_ready(self.stdout))
        assert self.python.wait(LONG) == 0
        return said

    def __enter__(self) -> "Owner":
        return self

    def __exit__(self, *args: object) -> None:
        self.python.kill()
        with self.python:
            pass


def test_root_lives_on_under_a_tree_and_the_call_comes_back_and_says_so(
    suid: Family, public: Path, tag: Tag
) -> None:
    with Owner(suid, public, "tree") as owner:
        assert uids(suid) == {0, unprivileged.UID}
        said = owner.cancel()
    assert said["seconds"] < 0.2 + GRACE
    (left,) = suid.alive()
    assert uids(suid) == {0}
    print(said)
    (failed,) = [text for text in said["errors"] if text.startswith("KillFailed: ")]
    assert str(left.pid) in failed or left.pid in said["leaked"]
    look_until(lambda: not tag.minders(), VANISH)
    assert tag.minders() == []
    suid.kill()


def test_root_outlives_the_owner_under_a_tree(suid: Family, public: Path, tag: Tag) -> None:
    with Owner(suid, public, "tree") as owner:
        owner.python.kill()
        suid.wait_count(1)
    assert uids(suid) == {0}
    look_until(lambda: not tag.minders(), VANISH)
    assert tag.minders() == []  # it may not do anything more, so it does not stay
    suid.kill()


@pytest.fixture
def user_namespaces(public: Path, namespaces: None) -> None:
    """Skips where root may make a user namespace, and an ordinary user may not."""
    family = Family(public / "nasty", KINDS["pid namespace of its own"], public)
    try:
        with pipe() as (stdout, write_end):
            options = {"stdout": write_end, **unprivileged.identity()}
            with subprocess.Popen(family.words, **options):
                family.hear(read_ready(stdout))
                family.kill()
    finally:
        family.end()


def test_nobody_becomes_root_in_a_namespace(
    suid: Family, public: Path, tag: Tag, user_namespaces: None
) -> None:
    with Owner(suid, public, "namespace") as owner:
        assert uids(suid) == {unprivileged.UID}
        said = owner.cancel()
    (error,) = said["errors"]
    assert error.startswith("ExitCanceled: ")
    assert suid.alive() == []
    assert tag.minders() == []


def test_nothing_outlives_an_ordinary_owner_with_a_namespace(
    suid: Family, public: Path, tag: Tag, user_namespaces: None
) -> None:
    with Owner(suid, public, "namespace") as owner:
        ended_at = monotonic()
        owner.python.kill()
        suid.seconds_until_gone(since=ended_at)
    look_until(lambda: not tag.minders(), VANISH)
    assert tag.minders() == []
