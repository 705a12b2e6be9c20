"""What is set up for the command between fork and exec: the same with a minder that stays, and
with one that becomes the command.
"""

import fcntl
import math
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import osexec
from osexec import Capture, Cmd, SysAttrs, UsageError
from tests.helpers.alive import Tag
from tests.helpers.drivers import Run
from tests.helpers.fresh import ask, fresh
from tests.helpers.nasty import pipe
from tests.helpers.roles import CHILD, role, state_of

CONTAINED = ["process", "group", "tree"]


@pytest.fixture(params=CONTAINED)
def contain(request: pytest.FixtureRequest) -> str:
    return request.param


def said_by(run: Run, *words: str, **fields: object) -> str:
    """What it wrote to its stdout."""
    result = run(Cmd(*words, stdout=Capture(), **fields))
    assert result.stdout is not None
    return result.stdout.decode()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[dict[str, int]]:
    """Open descriptors, by name."""
    opened = {}
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(name)
        opened[name] = os.open(tmp_path / name, os.O_RDONLY)
    yield opened
    for fd in opened.values():
        os.close(fd)


# ------------------------------------------------------------------ descriptors


def descriptors(run: Run, **fields: object) -> dict[int, str]:
    """The command's own descriptors above stdio, and the names of what they point at."""
    said = said_by(run, *role("fds"), **fields)
    pairs = (line.split(maxsplit=1) for line in said.splitlines())
    return {int(fd): Path(to).name for fd, to in pairs if int(fd) > 2}


def test_extra_files_are_three_and_what_follows(
    contain: str, run: Run, files: dict[str, int]
) -> None:
    extra = [files["two"], files["one"], files["one"]]
    seen = descriptors(run, contain=contain, extra_files=extra)
    assert seen == {3: "two", 4: "one", 5: "one"}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_our_own_streams_can_be_extra_files(number: int, contain: str, tmp_path: Path) -> None:
    """Ours, not the command's: "the log is 3, whatever stdout is"."""
    code = """
        import os, sys
        from osexec import Capture, Cmd
        number, contain, path = int(sys.argv[1]), *sys.argv[2:]
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
        cmd = Cmd("sh", "-c", "echo three >&3", contain=contain, stdout=Capture(), stderr=Capture())
        cmd.replace(extra_files=[number]).run(timeout=30)
    """
    fresh(code, number, contain, tmp_path / "ours")
    assert (tmp_path / "ours").read_text() == "three\n"


def test_none_leaves_its_number_closed(contain: str, run: Run, files: dict[str, int]) -> None:
    seen = descriptors(run, contain=contain, extra_files=[None, files["one"], None, files["two"]])
    assert seen == {4: "one", 6: "two"}


def test_a_file_object_is_as_good_as_its_number(
    contain: str, run: Run, files: dict[str, int]
) -> None:
    with open(files["three"], closefd=False) as file:
        assert descriptors(run, contain=contain, extra_files=[file]) == {3: "three"}


def test_extra_files_and_pass_fds_together(contain: str, run: Run, files: dict[str, int]) -> None:
    passed = os.dup(files["three"])
    try:
        os.set_inheritable(passed, True)  # and what is not asked for stays out all the same
        seen = descriptors(
            run, contain=contain, extra_files=[files["one"]], pass_fds=[files["two"]]
        )
    finally:
        os.close(passed)
    assert seen == {3: "one", files["two"]: "two"}


def test_each_number_can_be_the_source_of_another(contain: str, run: Run, tmp_path: Path) -> None:
    """3 is to become 4, and 4 is to become 3: in whichever order that is done."""
    (tmp_path / "a").write_text("")
    (tmp_path / "b").write_text("")
    code = """
        import json, os, sys
        folder, contain, child = sys.argv[1:]
        os.closerange(3, 20)
        a = os.open(folder + "/a", os.O_RDONLY)
        b = os.open(folder + "/b", os.O_RDONLY)
        assert (a, b) == (3, 4)
        from osexec import Cmd
        words = (sys.executable, "-I", "-S", child, "fds")
        said = Cmd(*words, contain=contain, extra_files=[b, a, b]).text(timeout=30)
        print(json.dumps([line.rpartition("/")[2] for line in said.splitlines()[3:]]))
    """
    assert ask(code, tmp_path, contain, CHILD) == ["b", "a", "b"]


def test_what_only_the_minder_needs_is_not_passed_on(run: Run) -> None:
    for contain in CONTAINED:
        assert descriptors(run, contain=contain) == {}
        assert descriptors(run, contain=contain, sys=SysAttrs(nice=1)) == {}


def test_pass_fds_alone_keep_their_numbers(contain: str, run: Run, files: dict[str, int]) -> None:
    seen = descriptors(run, contain=contain, pass_fds=[files["one"], files["three"]])
    assert seen == {files["one"]: "one", files["three"]: "three"}


def test_a_number_can_not_be_asked_for_twice() -> None:
    with pytest.raises(UsageError, match="pass_fds"):
        Cmd("true", extra_files=[0, 1], pass_fds=[4])


@pytest.mark.parametrize("is_low", [True, False])
def test_a_closed_descriptor_is_refused(is_low: bool, contain: str, run: Run, tag: Tag) -> None:
    """A low number that is free is taken by the next open(2): one of ours, were it not refused."""
    closed = os.dup(0) if is_low else fcntl.fcntl(0, fcntl.F_DUPFD, 900)
    os.close(closed)
    with pytest.raises((osexec.StartError, UsageError), match="extra_files"):
        run(Cmd("true", contain=contain, extra_files=[closed]))
    assert tag.minders() == []


# ------------------------------------------------------------------------ limits


@pytest.mark.parametrize("limits", [{"NOFILE": 64}, {"NOFILE": (64, 128)}, {"RLIMIT_NOFILE": 64}])
def test_limits(limits: dict[str, object], contain: str, run: Run) -> None:
    attrs = SysAttrs(rlimits=limits)
    said = said_by(run, "sh", "-c", "ulimit -Sn; ulimit -Hn", contain=contain, sys=attrs)
    (value,) = limits.values()
    soft, hard = value if isinstance(value, tuple) else (value, value)
    assert said.split() == [str(soft), str(hard)]
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] != 64


def test_several_limits_at_once(contain: str, run: Run) -> None:
    attrs = SysAttrs(rlimits={"CORE": 0, "CPU": (7, 9), "FSIZE": math.inf})
    line = "ulimit -c; ulimit -St; ulimit -Ht; ulimit -f"
    said = said_by(run, "sh", "-c", line, contain=contain, sys=attrs)
    assert said.split() == ["0", "7", "9", "unlimited"]


def test_a_limit_ends_the_command_not_us() -> None:
    attrs = SysAttrs(rlimits={"CPU": 1, "CORE": 0})
    result = Cmd.sh("while :; do :; done", contain="tree", sys=attrs, check=False).run()
    assert result.signal in (signal.SIGXCPU, signal.SIGKILL)
    assert result.reason is osexec.Reason.SIGNALLED


@pytest.mark.parametrize(
    "limits", [{"NOPE": 1}, {"NOFILE": -7}, {"NOFILE": "64"}, {"NOFILE": (9, 8)}, {1.5: 1}, [64]]
)
def test_wrong_limits_are_refused(limits: object) -> None:
    with pytest.raises(UsageError, match=r"rlimit|NOPE|NOFILE"):
        SysAttrs(rlimits=limits)  # type: ignore[arg-type]


# -------------------------------------------------------- niceness and privileges


def test_nice_is_added(contain: str, run: Run) -> None:
    said = said_by(run, "nice", contain=contain, sys=SysAttrs(nice=5))
    assert int(said) == min(os.nice(0) + 5, 19)


def test_no_new_privileges(contain: str, run: Run) -> None:
    words = ("grep", "NoNewPrivs", "/proc/self/status")
    before = said_by(run, *words, contain=contain)
    after = said_by(run, *words, contain=contain, sys=SysAttrs(no_new_privs=True))
    assert after.split()[1] == "1"
    assert before.split()[1] == Path("/proc/self/status").read_text().split("NoNewPrivs:")[1][1]


# -------------------------------------------------- who, where: as without a minder


def test_umask_directory_session_and_group(contain: str, run: Run, tmp_path: Path) -> None:
    for attrs in (SysAttrs(umask=0o027, new_session=True), SysAttrs(umask=0o027, process_group=0)):
        said = said_by(run, *role("state"), contain=contain, cwd=tmp_path, sys=attrs)
        state = state_of(said)
        assert state["cwd"] == str(tmp_path)
        assert state["umask"] == "0o27"
        assert state["pgid"] == state["pid"]
        assert (state["sid"] == state["pid"]) == attrs.new_session


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_with_its_groups(contain: str, run: Run) -> None:
    attrs = SysAttrs(user=23456, group=23457, extra_groups=[23458, 23459], nice=1)
    words = ("sh", "-c", "id -u; id -g; id -G; nice")
    said = said_by(run, *words, contain=contain, cwd="/", sys=attrs)
    uid, gid, groups, nice = said.splitlines()
    assert (uid, gid) == ("23456", "23457")
    assert set(groups.split()) == {"23457", "23458", "23459"}
    assert int(nice) == min(os.nice(0) + 1, 19)


def test_the_command_has_the_pid_that_we_say(contain: str, run: Run) -> None:
    words = ("sh", "-c", "echo $$; echo $0; nice")
    result = run(Cmd(*words, contain=contain, sys=SysAttrs(nice=2), stdout=Capture()))
    pid, name, _ = (result.stdout or b"").split()
    assert int(pid) == result.pid
    assert name == b"sh"
    assert result.contain == contain


def test_the_name_and_the_file_may_differ(contain: str, run: Run) -> None:
    attrs = SysAttrs(nice=1)
    code = "import sys; print(sys.orig_argv[0])"
    words = ("another name", "-I", "-S", "-c", code)
    said = said_by(run, *words, executable=sys.executable, contain=contain, sys=attrs)
    assert said == "another name\n"


def test_all_of_it_at_once(
    contain: str, run: Run, files: dict[str, int], tmp_path: Path, tag: Tag
) -> None:
    attrs = SysAttrs(umask=0o077, new_session=True, rlimits={"CORE": 0}, nice=3, no_new_privs=True)
    with pipe() as (_, write_end):
        cmd = Cmd(
            *("sh", "-c", "pwd; umask; ulimit -c; nice; cat <&3; exit 9"),
            cwd=tmp_path,
            contain=contain,
            extra_files=[files["one"]],
            pass_fds=[write_end],
            check=False,
            stdout=Capture(),
            sys=attrs,
        )
        result = run(cmd)
    assert result.returncode == 9
    said = (result.stdout or b"").decode().split()
    assert said == [str(tmp_path), "0077", "0", str(min(os.nice(0) + 3, 19)), "one"]
    assert tag.minders() == []


@pytest.mark.parametrize("fields", [{"memory_max": 1 << 20}, {"pids_max": 5}])
def test_what_needs_a_cgroup_is_refused_without_one(fields: dict[str, int], contain: str) -> None:
    with pytest.raises(UsageError, match="cgroup"):
        Cmd("true", contain=contain, sys=SysAttrs(**fields))


NOBODY = (1 << 32) - 1  # -1 to setresuid(2) and setresgid(2): "leave it as it is"
TOO_LARGE: dict[str, dict[str, object]] = {
    "user that changes nothing": {"user": NOBODY, "group": 0, "extra_groups": []},
    "group that changes nothing": {"group": NOBODY},
    "group": {"group": 1 << 32},
    "extra group": {"extra_groups": [1 << 32]},
    "process group": {"process_group": 1 << 31},
    "controlling terminal": {"new_session": True, "controlling_terminal": 1 << 31},
    "limit": {"rlimits": {1 << 32: 1}},
    "limit that is not there": {"rlimits": {1000: 1}},
}


@pytest.mark.parametrize("field", list(TOO_LARGE))
@pytest.mark.parametrize("kind", ["process", "tree"])
def test_a_number_that_the_kernel_can_not_take_is_refused(field: str, kind: str) -> None:
    """As an error of ours; and nobody is root who was to be somebody else."""
    with pytest.raises((UsageError, osexec.StartError)) as caught:
        Cmd("true", contain=kind, sys=SysAttrs(**TOO_LARGE[field])).run()  # type: ignore[arg-type]
    assert "version" not in str(caught.value)  # of the minder: that is not what is wrong


@pytest.mark.parametrize("files", [[1 << 31], [-1], [0] * 5000])
@pytest.mark.parametrize("kind", ["process", "tree"])
def test_wrong_files_are_refused(files: list[int], kind: str) -> None:
    with pytest.raises((UsageError, osexec.StartError), match="extra_files"):
        Cmd("true", contain=kind, extra_files=files).run()
