"""`--contain`: how far what the command starts is held together, and what ends with it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from osexec._posix import probe
from tests.cli.tool import begin, environment, read_report, run
from tests.helpers import proc
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, LONG
from tests.helpers.ready import read_ready
from tests.helpers.roles import role, state_of

MINDED = ("tree", "namespace", "cgroup")
VALUES = ("process", "group", *MINDED)
SLEEP = f"sleep {FOREVER}"
FREE = f"{SLEEP} </dev/null >/dev/null 2>&1"
"""It does not hold our streams, so that a test comes back when it lives on."""
PAIR = f"{FREE} & echo ready; exec {SLEEP}"
ESCAPEE = f"setsid {FREE} & echo ready; exec {SLEEP}"
"""One process that leaves its group and its session, and one that does not."""

with_minder = pytest.mark.skipif(
    not probe.can("minder"), reason="osexec was installed without a C compiler"
)


def needs(contain: str) -> None:
    """Skip where this machine does not have it; found out without osexec."""
    if contain in MINDED and not os.path.exists(probe.MINDER):
        pytest.skip("osexec was installed without a C compiler")
    if contain == "namespace":
        if shutil.which("unshare") is None:
            pytest.skip("there is no unshare(1) to see whether there are namespaces")
        made = subprocess.run(["unshare", "-Urpf", "true"], capture_output=True, check=False)
        if made.returncode != 0:
            pytest.skip(f"no namespaces here: {made.stderr!r}")
    if contain == "cgroup" and own_cgroup() is None:
        pytest.skip("no cgroup v2 that is delegated to us")


def own_cgroup() -> Path | None:
    """The folder of our own cgroup, if we may make others in it."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    names = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
    for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        folder = Path(root, *names)
        if (folder / "cgroup.procs").exists() and os.access(folder, os.W_OK):
            return folder
    return None


def end_by_timeout(path: Path, *words: str, count: int, tag: Tag) -> dict[str, Any]:
    """The report of a command whose time is up after `count` of its tree were seen alive."""
    options = ["--timeout", "1.5", "--report", str(path)]
    with begin(*options, *words) as process:
        assert process.stdout is not None
        assert read_ready(process.stdout) == "ready"
        tag.wait_count(1 + count)  # and osexec itself
        _, said = process.communicate(timeout=LONG)
    assert process.returncode == 124
    assert said.startswith("osexec: sh timed out after 1.5s: it died of SIGTERM")
    return read_report(path)


@pytest.mark.parametrize("contain", ["group", *MINDED])
def test_what_the_command_started_ends_with_it(contain: str, tag: Tag, tmp_path: Path) -> None:
    needs(contain)
    words = ["--contain", contain, "--", "sh", "-c", PAIR]
    report = end_by_timeout(tmp_path / "report", *words, count=2, tag=tag)
    assert tag.everyone() == []
    assert (report["contain"], report["leaked"]) == (contain, [])


@pytest.mark.parametrize("contain", MINDED)
def test_what_left_its_session_ends_too(contain: str, tag: Tag, tmp_path: Path) -> None:
    needs(contain)
    words = ["--contain", contain, "--", "sh", "-c", ESCAPEE]
    report = end_by_timeout(tmp_path / "report", *words, count=2, tag=tag)
    assert tag.everyone() == []
    assert (report["contain"], report["leaked"]) == (contain, [])


def test_a_group_does_not_hold_who_leaves_it(tag: Tag, tmp_path: Path) -> None:
    words = ["--contain", "group", "--", "sh", "-c", ESCAPEE]
    report = end_by_timeout(tmp_path / "report", *words, count=2, tag=tag)
    assert (report["contain"], report["swept"]) == ("group", 0)
    (left,) = tag.alive()
    assert left.command == SLEEP
    tag.kill()


def test_a_process_is_ended_alone(tag: Tag, tmp_path: Path) -> None:
    words = ["--contain", "process", "--", "sh", "-c", PAIR]
    report = end_by_timeout(tmp_path / "report", *words, count=2, tag=tag)
    assert (report["contain"], report["swept"], report["leaked"]) == ("process", 0, [])
    (left,) = tag.alive()
    assert left.command == SLEEP
    assert left.pid != report["pid"]
    tag.kill()


@with_minder
def test_a_tree_is_the_usual_one(tag: Tag, tmp_path: Path) -> None:
    words = ["--", "sh", "-c", ESCAPEE]
    report = end_by_timeout(tmp_path / "report", *words, count=2, tag=tag)
    assert report["contain"] == "tree"
    assert tag.everyone() == []


@pytest.mark.parametrize("contain", VALUES)
def test_a_status_is_a_status_however_it_is_contained(contain: str, tmp_path: Path) -> None:
    needs(contain)
    path = tmp_path / "report"
    done = run("--contain", contain, "--report", str(path), "--", "sh", "-c", "echo out; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "")
    report = read_report(path)
    assert (report["contain"], report["exit_code"], report["reason"]) == (contain, 3, "exited")
    assert (report["leaked"], report["swept"]) == ([], 0)


@pytest.mark.parametrize("contain", VALUES)
def test_a_death_is_a_death_however_it_is_contained(contain: str) -> None:
    needs(contain)
    for name, status in (("TERM", 143), ("KILL", 137)):
        done = run("--contain", contain, "--", "sh", "-c", f"kill -{name} $$")
        assert (done.returncode, done.stderr) == (status, f"osexec: sh died of SIG{name}\n")


@pytest.mark.parametrize("contain", VALUES)
def test_what_was_not_started_has_its_status_however_contained(contain: str) -> None:
    needs(contain)
    for program, status in (("no-such-program", 127), ("/no/such/program", 127), ("/", 126)):
        assert run("--contain", contain, "--", program).returncode == status


@pytest.mark.parametrize(
    ("contain", "leads"),
    [("process", False), ("group", True), ("tree", False), (None, not probe.can("minder"))],
)
def test_whether_the_command_leads_a_group(contain: str | None, leads: bool) -> None:
    """In ours, it reads our terminal, and gets our Ctrl-C."""
    if contain is not None:
        needs(contain)
    options = () if contain is None else ("--contain", contain)
    state = state_of(run(*options, "--", *role("state"), process_group=0).stdout)
    assert (state["pgid"] == state["pid"]) is leads
    assert state["sid"] == str(os.getsid(0))


@pytest.mark.parametrize("contain", VALUES)
def test_a_long_wait_leaves_the_streams_alone(contain: str) -> None:
    """What the minder has of our streams does not hold them."""
    needs(contain)
    done = run("--contain", contain, "--", "sh", "-c", "cat; echo err >&2", input="in\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "in\n", "err\n")


def test_memory_is_counted_where_the_kernel_counts_it(tmp_path: Path) -> None:
    needs("cgroup")
    own = own_cgroup()
    assert own is not None
    path = tmp_path / "report"
    with begin("--contain", "cgroup", "--report", str(path), "--", "true") as process:
        assert process.wait(LONG) == 0
    peak = read_report(path)["memory_peak"]
    handed_down = (own / "cgroup.subtree_control").read_text().split()
    if "memory" in handed_down:
        assert isinstance(peak, int)
        assert 0 < peak < 1 << 30
    else:
        assert peak is None
    assert list(own.glob(f"osexec-{process.pid}-*")) == [], "its folder is left"


@pytest.mark.parametrize("contain", [value for value in VALUES if value != "cgroup"])
def test_memory_is_not_counted_otherwise(contain: str, tmp_path: Path) -> None:
    needs(contain)
    path = tmp_path / "report"
    assert run("--contain", contain, "--report", str(path), "--", "true").returncode == 0
    assert read_report(path)["memory_peak"] is None


@with_minder
def test_the_report_says_how_many_were_ended_by_force(tag: Tag, tmp_path: Path) -> None:
    """Besides the command: those who did not end by themselves when they were asked to."""
    path = tmp_path / "report"
    deaf = f"sh -c 'trap \"\" TERM; echo ready; {SLEEP}; :'"
    words = ["--timeout", "1.5", "--wait-delay", "0.2", "--report", str(path)]
    with begin(*words, "--", "sh", "-c", f"{deaf} & exec {SLEEP}") as process:
        assert process.stdout is not None
        assert read_ready(process.stdout) == "ready"
        # osexec, the command, the deaf one and its child.
        tag.wait_count(4)
        process.communicate(timeout=LONG)
    assert process.returncode == 124
    report = read_report(path)
    assert (report["signal"], report["swept"]) == ("SIGTERM", 2)
    assert tag.everyone() == []


# ------------------------------------------------------------------ without the minder

UNMINDED = """
import sys
from osexec._posix import probe
from osexec._cli.main import main
probe.ANSWERS["minder"] = False
sys.exit(main(sys.argv[1:]))
"""


def unminded(*words: str) -> subprocess.CompletedProcess[str]:
    """`osexec run` where there is no minder."""
    return subprocess.run(
        [sys.executable, "-c", UNMINDED, "run", *words],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


def test_without_a_minder_a_group_is_the_usual_one(tag: Tag, tmp_path: Path) -> None:
    path = tmp_path / "report"
    words = ["--timeout", "0.5", "--report", str(path)]
    done = unminded(*words, "--", "sh", "-c", f"{SLEEP} & exec {SLEEP}")
    assert done.returncode == 124
    report = read_report(path)
    assert (report["contain"], report["swept"]) == ("group", 0)
    assert tag.everyone() == []


@pytest.mark.parametrize("contain", MINDED)
def test_what_cannot_be_had_is_refused_and_nothing_is_started(contain: str, tmp_path: Path) -> None:
    path, mark = tmp_path / "report", tmp_path / "mark"
    done = unminded("--contain", contain, "--report", str(path), "--", "touch", str(mark))
    assert done.returncode == 125
    assert done.stderr.startswith(f"osexec: contain={contain!r} cannot be had here: osexec-minder")
    report = read_report(path)
    assert (report["reason"], report["started"]) == ("not_started", False)
    assert (report["contain"], report["swept"], report["memory_peak"]) == (None, 0, None)
    assert not mark.exists()


@pytest.mark.parametrize("contain", ["process", "group"])
def test_what_needs_no_minder_is_there_without_it(contain: str) -> None:
    assert unminded("--contain", contain, "--", "sh", "-c", "exit 3").returncode == 3


def test_the_parent_of_a_command_alone_is_osexec(tag: Tag) -> None:
    with begin("--contain", "process", "--", "sh", "-c", "echo $PPID; read -r x") as process:
        assert process.stdout is not None
        assert int(read_ready(process.stdout)) == process.pid
        assert tag.minders() == []
    assert process.returncode == 1
    assert not proc.is_alive(process.pid)
