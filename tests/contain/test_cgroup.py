"""contain="cgroup": a leaf of its own, from its making to its removal; what is said without one."""

import os
import signal
from pathlib import Path

import pytest

import osexec
from osexec import Capture, Cmd, DeadlineExceeded, Reason, StartError, StatusLostError, SysAttrs
from osexec._posix import cgroup
from osexec._posix.descriptors import Descriptors
from osexec._posix.proc import parent_of
from tests.helpers.alive import Tag
from tests.helpers.drivers import Run, error_of
from tests.helpers.limits import FOREVER, GRACE, LONG, SHORT
from tests.helpers.waiting import wait_until

ESCAPE = f"setsid sleep {FOREVER} & echo ready; sleep {FOREVER}"


@pytest.fixture
def parent() -> Path:
    """The cgroup that we are in, and may make leaves of."""
    try:
        osexec.run("true", contain="cgroup")
    except StartError as error:
        pytest.skip(f"no cgroup to be had: {error}")
    return Path(cgroup.own_cgroup())


def leaves(parent: Path) -> list[str]:
    return [leaf.name for leaf in parent.glob(f"osexec-{os.getpid()}-*")]


def test_its_tree_ends_and_the_leaf_goes(run: Run, tag: Tag, parent: Path) -> None:
    error = error_of(run, Cmd("sh", "-c", ESCAPE, contain="cgroup"), timeout=SHORT)
    assert isinstance(error, DeadlineExceeded)
    assert error.result.contain == "cgroup"
    assert error.result.elapsed < SHORT + GRACE
    assert tag.everyone() == []
    assert leaves(parent) == []


def test_it_was_in_the_leaf_from_its_birth(run: Run, parent: Path) -> None:
    result = run(Cmd("cat", "/proc/self/cgroup", contain="cgroup", stdout=Capture()))
    assert f"/osexec-{os.getpid()}-" in result.stdout.decode()


def test_it_gets_no_descriptor_more(run: Run, parent: Path) -> None:
    names = Cmd("ls", "/proc/self/fd", stdout=Capture())
    usual = run(names.replace(contain="tree")).stdout
    assert run(names.replace(contain="cgroup")).stdout == usual


def test_what_outlives_it_is_ended_and_named(run: Run, tag: Tag, parent: Path) -> None:
    line = f"setsid sleep {FOREVER} >/dev/null 2>&1 & sleep {SHORT / 4}"
    result = run(Cmd("sh", "-c", line, contain="cgroup"))
    assert [who.command for who in result.leaked] == [f"sleep {FOREVER}"]
    assert tag.everyone() == []
    assert leaves(parent) == []


def test_the_death_of_the_minder_ends_all_of_it(tag: Tag, parent: Path) -> None:
    """Nothing gets out of a cgroup by being nobody's child."""
    process = Cmd("sh", "-c", ESCAPE, contain="cgroup", stdout=osexec.PIPE).start()
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    os.kill(parent_of(process.pid), signal.SIGKILL)
    with pytest.raises(StatusLostError) as caught:
        process.wait(LONG)
    process.stdout.close()
    assert caught.value.result is not None
    assert caught.value.result.reason is Reason.MINDER_LOST
    wait_until(lambda: not tag.alive(), LONG, "all of the cgroup is gone")
    assert leaves(parent) == []


@pytest.mark.parametrize("attrs", [SysAttrs(memory_max=1 << 26), SysAttrs(pids_max=10)])
def test_a_limit_holds_or_what_is_missing_is_named(
    attrs: SysAttrs, run: Run, tag: Tag, parent: Path
) -> None:
    cmd = Cmd("sh", "-c", "for i in 1 2 3; do true & done; wait", contain="cgroup", sys=attrs)
    controller = "memory" if attrs.memory_max else "pids"
    handed_down = (parent / "cgroup.subtree_control").read_text().split()
    if controller in handed_down:
        assert run(cmd).contain == "cgroup"
    else:
        with pytest.raises(StartError, match=r"cgroup\.subtree_control") as caught:
            run(cmd)
        assert caught.value.op == "contain"
    assert leaves(parent) == []


def made(tmp_path: Path, **limits: int | None) -> cgroup.Cgroup:
    return cgroup.Cgroup(Descriptors(), limits.get("memory"), limits.get("pids"), str(tmp_path))


def test_without_delegation_the_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="not delegated"):
        made(tmp_path / "not there").make()


def test_on_an_old_kernel_that_is_said(tmp_path: Path) -> None:
    """A plain folder has no cgroup.kill, as before Linux 5.14."""
    leaf = made(tmp_path)
    with pytest.raises(StartError, match=r"cgroup\.kill"):
        leaf.make()
    leaf.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("mountinfo", "path", "found"),
    [
        ("30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "/a/b", "/sys/fs/cgroup/a/b"),
        ("30 1 0:26 /a /cg rw shared:4 - cgroup2 none rw", "/a/b", "/cg/b"),
        ("30 1 0:26 / /cg rw - cgroup2 none rw", "/", "/cg"),
        ("29 1 0:25 / /old rw - cgroup cpu rw\n30 1 0:26 / /cg rw - cgroup2 x rw", "/", "/cg"),
    ],
)
def test_our_own_cgroup_is_found(tmp_path: Path, mountinfo: str, path: str, found: str) -> None:
    (tmp_path / "mountinfo").write_text(mountinfo + "\n")
    (tmp_path / "cgroup").write_text(f"4:memory:/x\n0::{path}\n")
    assert cgroup.own_cgroup(str(tmp_path)) == found


def test_without_any_cgroup_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "mountinfo").write_text("30 1 0:26 / /old rw - cgroup cpu rw\n")
    (tmp_path / "cgroup").write_text("0::/\n")
    with pytest.raises(StartError, match="no cgroup v2 is mounted"):
        cgroup.own_cgroup(str(tmp_path))
    (tmp_path / "cgroup").write_text("4:memory:/x\n")
    with pytest.raises(StartError, match="in no cgroup v2"):
        cgroup.own_cgroup(str(tmp_path))
