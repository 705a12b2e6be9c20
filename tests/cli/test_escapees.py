"""Commands that start what tries to get away: nothing is left, however osexec is made to end it.

Shell scripts, as people write them. The adversaries in C are in tests/contain.
"""

import signal
from pathlib import Path

import pytest

from osexec._posix import probe
from tests.cli.test_contain import needs
from tests.cli.tool import begin, read_report
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, LONG, VANISH
from tests.helpers.ready import read_ready
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.skipif(
    not probe.can("minder"), reason="osexec was installed without a C compiler"
)

SLEEP = f"sleep {FOREVER}"
DEAF = 'trap "" HUP INT QUIT TERM'
NEXT = 'sleep 0.02; setsid sh -c "$0" "$0" & exit'
"""A script that is somebody else all the time: it starts itself anew, in a session of its own."""

# What a shell runs before it says that it is ready, and how many processes that is.
SCRIPTS: dict[str, tuple[str, int]] = {
    "in the background": (f"{SLEEP} &", 1),
    "in a session of its own": (f"setsid {SLEEP} &", 1),
    "a double fork": (f"(setsid sh -c '{SLEEP} & {SLEEP} & exit' &)", 2),
    "three sessions deep": (f"setsid sh -c \"setsid sh -c 'setsid {SLEEP} & wait' & wait\" &", 3),
    "with nohup": (f"setsid nohup {SLEEP} </dev/null >/dev/null 2>&1 &", 1),
    "holds no stream": (f"setsid {SLEEP} </dev/null >/dev/null 2>&1 &", 1),
    "without an environment": (f"setsid env -i {SLEEP} & TAGLESS=$!", 0),
    "deaf to every polite signal": (f"({DEAF}; setsid sh -c '{SLEEP} & {SLEEP}; :') &", 3),
    "stopped": ("setsid sh -c 'kill -STOP $$' &", 1),
    "one after the other": (f"setsid sh -c '{NEXT}' '{NEXT}' &", 1),
    "fifty sessions": (f"i=0; while [ $((i+=1)) -le 50 ]; do setsid {SLEEP} & done", 50),
}


def script(name: str) -> str:
    """The command: it starts them, and waits for its own end."""
    return f"{SCRIPTS[name][0]}\necho ready $TAGLESS\nexec {SLEEP}"


def wait_started(name: str, said: str, tag: Tag) -> list[int]:
    """Wait until all of them are there; who carries no tag is answered."""
    word, *tagless = said.split()
    assert word == "ready"
    count = 2 + SCRIPTS[name][1]  # with the command, and osexec itself
    wait_until(lambda: len(tag.alive()) >= count, LONG, f"{count} processes")
    return [int(pid) for pid in tagless]


def assert_gone(tagless: list[int]) -> None:
    """Those that only their number tells."""
    assert not [pid for pid in tagless if is_there(pid)]


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_timeout_leaves_nothing(name: str, tag: Tag, tmp_path: Path) -> None:
    path = tmp_path / "report"
    words = ["--timeout", "1.5", "--wait-delay", "0.3", "--report", str(path)]
    with begin(*words, "--", "sh", "-c", script(name)) as process:
        assert process.stdout is not None
        tagless = wait_started(name, read_ready(process.stdout), tag)
        assert process.wait(LONG) == 124
    assert tag.everyone() == []
    assert_gone(tagless)
    report = read_report(path)
    assert (report["contain"], report["reason"], report["signal"]) == (
        "tree",
        "deadline",
        "SIGTERM",
    )
    assert report["leaked"] == []


@pytest.mark.parametrize("contain", ["tree", "namespace"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_signal_to_us_leaves_nothing(name: str, contain: str, tag: Tag) -> None:
    needs(contain)
    words = ["--contain", contain, "--wait-delay", "0.3"]
    with begin(*words, "--", "sh", "-c", script(name)) as process:
        assert process.stdout is not None
        tagless = wait_started(name, read_ready(process.stdout), tag)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=LONG)
    assert process.returncode == 143
    assert said == "osexec: stopped by SIGTERM: sh died of SIGTERM\n"
    assert tag.everyone() == []
    if contain == "tree":
        assert_gone(tagless)


@pytest.mark.parametrize("contain", ["tree", "namespace"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_our_own_death_leaves_nothing(name: str, contain: str, tag: Tag) -> None:
    """By SIGKILL, so there is nobody who could end anything but the minder."""
    needs(contain)
    with begin("--contain", contain, "--", "sh", "-c", script(name)) as process:
        assert process.stdout is not None
        tagless = wait_started(name, read_ready(process.stdout), tag)
        process.kill()
        process.wait(LONG)
        wait_until(lambda: not tag.everyone(), VANISH, "all of them vanish")
        if contain == "tree":  # else it is a number of the namespace
            wait_until(lambda: not any(map(is_there, tagless)), VANISH, "the tagless vanish")


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_leak_is_left_by_a_command_that_ends_by_itself(
    name: str, tag: Tag, tmp_path: Path
) -> None:
    path, go = tmp_path / "report", tmp_path / "go"
    ending = f"{SCRIPTS[name][0]}\necho ready $TAGLESS\nuntil [ -e '{go}' ]; do :; done; exit 4"
    with begin("--leaks", "kill", "--report", str(path), "--", "sh", "-c", ending) as process:
        assert process.stdout is not None
        tagless = wait_started(name, read_ready(process.stdout), tag)
        go.touch()
        assert process.wait(LONG) == 4
    assert tag.everyone() == []
    assert_gone(tagless)
    report = read_report(path)
    assert len(report["leaked"]) >= 1
    assert (report["reason"], report["exit_code"]) == ("exited", 4)
