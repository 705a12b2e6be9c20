"""Each step of the set-up that fails: an error that names it, and nothing is left of it."""

import json
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from osexec import Cmd, StartError, SysAttrs, UsageError
from osexec._posix import probe
from tests.contain import unprivileged
from tests.helpers import fresh
from tests.helpers.alive import Tag
from tests.helpers.drivers import Run, error_of
from tests.helpers.fresh import ask
from tests.helpers.limits import LONG, VANISH
from tests.helpers.waiting import look_until

CONTAINED = ["process", "tree"]


@pytest.fixture(params=CONTAINED)
def contain(request: pytest.FixtureRequest) -> str:
    return request.param


def refused(run: Run, tag: Tag, *words: str, **fields: Any) -> StartError:
    """The error of a start that must fail, of which nothing is left when it is raised."""
    error = error_of(run, Cmd(*(words or ("true",)), **fields))
    assert isinstance(error, StartError), error
    assert error.result is None
    assert tag.minders() == []
    assert tag.alive() == []
    return error


def test_a_directory_that_is_not_there(contain: str, run: Run, tag: Tag, tmp_path: Path) -> None:
    attrs = SysAttrs(nice=1)
    error = refused(run, tag, contain=contain, cwd=tmp_path / "no", sys=attrs)
    assert error.op == "chdir"
    assert error.filename == str(tmp_path / "no")
    assert isinstance(error, OSError) and error.strerror in str(error)


def test_a_limit_above_what_the_system_has(contain: str, run: Run, tag: Tag) -> None:
    attrs = SysAttrs(rlimits={"NOFILE": 1 << 40})  # more than fs.nr_open, for root too
    error = refused(run, tag, contain=contain, sys=attrs)
    assert error.op == "setup"
    assert "rlimits" in str(error)


def test_a_group_that_is_not_there(contain: str, run: Run, tag: Tag) -> None:
    attrs = SysAttrs(process_group=(1 << 22) - 1, nice=1)
    error = refused(run, tag, contain=contain, sys=attrs)
    assert error.op == "setup"
    assert "process_group" in str(error)


def test_no_room_for_the_files(contain: str) -> None:
    """Above the limit of open files there is no descriptor."""
    code = """
        import json, resource, sys
        from osexec import Cmd, StartError

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        Cmd("true", contain=sys.argv[1]).run()
        resource.setrlimit(resource.RLIMIT_NOFILE, (30, hard))
        try:
            Cmd("true", contain=sys.argv[1], extra_files=[0] * 40).run()
        except StartError as error:
            print(json.dumps([error.op, str(error)]))
    """
    op, text = ask(code, contain)
    assert op == "setup"
    assert "extra_files" in text


def test_a_program_without_its_interpreter(
    contain: str, run: Run, tag: Tag, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/interpreter\n")
    script.chmod(0o755)
    error = refused(run, tag, str(script), contain=contain, sys=SysAttrs(nice=1))
    assert error.op == "exec"
    assert isinstance(error, OSError)
    assert error.filename == "/no/interpreter"


def test_what_is_no_program(contain: str, run: Run, tag: Tag, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo no first line\n")
    script.chmod(0o755)
    error = refused(run, tag, str(script), contain=contain, sys=SysAttrs(nice=1))
    assert error.op == "exec"
    assert error.filename == str(script)


def test_more_words_than_the_system_takes(run: Run, tag: Tag) -> None:
    refused(run, tag, "true", *["x" * 100_000] * 40, contain="tree")


def test_more_set_up_than_fits_into_a_message(run: Run, tag: Tag) -> None:
    attrs = SysAttrs(extra_groups=list(range(10_000)))
    error = refused(run, tag, contain="tree", sys=attrs)
    assert error.op == "setup"


def test_a_failed_start_is_the_same_without_a_minder(run: Run, tag: Tag, tmp_path: Path) -> None:
    """Whoever minds it, the error is one and the same."""
    said = set()
    for contain in ("process", "group", "tree"):
        error = refused(run, tag, contain=contain, cwd=tmp_path / "no")
        said.add((type(error), error.op, error.errno, error.filename, str(error)))
    assert len(said) == 1


def test_a_thousand_failed_starts_leave_nothing(run: Run, tag: Tag) -> None:
    """A hundred, in fact; the fixture counts the descriptors."""
    cmd = Cmd("true", contain="tree", cwd="/no/such/directory")
    for _ in range(100):
        assert error_of(run, cmd).op == "chdir"
    assert tag.minders() == []


# ------------------------------------------------------- what an ordinary user may not do

TRY = """
    import json, os, resource, sys
    import osexec

    contain, fields, limit = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
    say = {}
    cmd = osexec.Cmd("true", contain=contain, sys=osexec.SysAttrs(**fields), cwd="/")
    if limit >= 0:
        osexec.Cmd("true", contain=contain).run()  # and whatever thread that takes
        tasks = len(os.listdir("/proc/self/task"))
        hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        resource.setrlimit(resource.RLIMIT_NPROC, (tasks + limit, hard))
    try:
        cmd.run()
        say = None
    except osexec.StartError as error:
        say = [error.op, str(error)]
    print(json.dumps([say, len(os.listdir("/proc/self/fd")), os.listdir("/proc/self/task")]))
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with unprivileged.public_folder() as folder:
        yield folder


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        ("nice", {"nice": -5}),
        ("extra_groups", {"extra_groups": [0]}),
        ("group", {"group": 0, "extra_groups": None}),
        ("user", {"user": 1, "group": unprivileged.UID}),
        ("rlimits", {"rlimits": {"CPU": [10, 20], "NICE": [40, 40]}}),
    ],
)
def test_what_an_ordinary_user_may_not(
    step: str, fields: dict[str, Any], contain: str, folder: Path, tag: Tag
) -> None:
    if step == "rlimits":
        fields = {"rlimits": {"NICE": 40}}
    said, _, _ = unprivileged.ask(folder, TRY, contain, json.dumps(fields), -1)
    assert said is not None, "it was allowed"
    op, text = said
    assert op == "setup"
    # Whoever becomes another user changes groups first.
    assert step in text or (step == "user" and "extra_groups" in text)
    assert tag.minders() == []


@pytest.mark.parametrize("room", [0, 1])
def test_no_room_for_a_process(room: int, folder: Path, tag: Tag) -> None:
    """For the minder, and for the command when the minder had the last place."""
    if any_other_process_of(unprivileged.UID):
        pytest.skip("that user has processes of its own, so a limit cannot be exact")
    said, _, _ = unprivileged.ask(folder, TRY, "tree", "{}", room)
    assert said is not None, "there was room"
    op, text = said
    assert op == "fork"
    assert "EAGAIN" in text
    assert tag.minders() == []


def any_other_process_of(uid: int) -> bool:
    if os.geteuid() != 0:
        return True  # that user is who runs this
    pids = (name for name in os.listdir("/proc") if name.isdecimal())
    for pid in pids:
        try:
            if os.stat(f"/proc/{pid}").st_uid == uid:
                return True
        except OSError:
            pass  # it has ended
    return False


# --------------------------------------------------------- what the machine does not have


@pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare(1) here")
def test_no_namespaces(namespaces: None) -> None:
    """Inside a user namespace that allows no further one, of no kind."""
    code = """
        import json
        from pathlib import Path
        from osexec import Cmd, StartError

        for kind in ("user", "pid"):
            Path(f"/proc/sys/user/max_{kind}_namespaces").write_text("0")
        try:
            Cmd("true", contain="namespace").run()
        except StartError as error:
            print(json.dumps([error.op, str(error)]))
    """
    words = fresh.words(code)
    done = Cmd(
        "unshare", "-U", "-r", *words, env=fresh.environment(), contain="process", timeout=LONG
    ).text()
    op, text = json.loads(done)
    assert op == "contain"
    assert "namespace" in text


@pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare(1) here")
def test_no_proc(tag: Tag, namespaces: None) -> None:
    """As in a bare chroot. Without /proc a minder does not see its children: it has to say so."""
    code = """
        import json, subprocess
        from osexec import DEVNULL, Cmd, Error, StartError

        subprocess.run(["mount", "-t", "tmpfs", "none", "/proc"], check=True)
        cmd = Cmd("sh", "-c", "setsid sleep 1000 & sleep 1000", contain="tree", timeout=0.2)
        try:
            cmd.replace(stdout=DEVNULL, stderr=DEVNULL).run()
        except StartError as error:
            print(json.dumps([error.op, str(error)]))
        except Error as error:
            print(json.dumps(["ended", str(error)]))
    """
    words = ("unshare", "-U", "-r", "-m", *fresh.words(code))
    cmd = Cmd(*words, env=fresh.environment(), contain="process", timeout=LONG)
    op, text = json.loads(cmd.text())
    look_until(lambda: not tag.everyone(), VANISH)
    assert tag.everyone() == []
    assert op == "ended" or (op == "contain" and "/proc" in text)


def test_no_cgroup_to_put_it_in(run: Run, tag: Tag) -> None:
    """Where there is one, it is used; where there is none, the error says what is missing."""
    try:
        said = run(Cmd("true", contain="cgroup")).contain
    except StartError as error:
        said = f"{error.op}: {error}"
    assert said == "cgroup" or (said.startswith("contain: ") and "cgroup" in said[9:])
    assert tag.minders() == []


def test_no_minder(run: Run, tag: Tag, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(probe.ANSWERS, "minder", False)
    for contain in ("tree", "namespace"):
        error = refused(run, tag, contain=contain)
        assert error.op == "contain"
        assert "minder" in str(error)
    for attrs in (SysAttrs(nice=1), SysAttrs(rlimits={"CORE": 0}), SysAttrs(no_new_privs=True)):
        with pytest.raises((StartError, UsageError), match="minder"):
            run(Cmd("true", contain="process", sys=attrs))
    assert run(Cmd("true")).contain in ("group", "process")


def test_the_limit_we_try_is_above_what_there_is() -> None:
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 1 << 40
