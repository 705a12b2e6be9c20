"""The steps of cancel=, to the command alone or to all below it; and the grace of a tree."""

import math
import signal
import sys
from time import monotonic
from typing import Any

import pytest

import osexec
from osexec import Canceled, Cmd, Context, Step, UsageError
from tests.contain.conftest import LetLoose
from tests.helpers.alive import Tag
from tests.helpers.drivers import Run, by_caller, error_of
from tests.helpers.limits import DELAY, FOREVER, GRACE, LONG
from tests.helpers.roles import role

SLEEP = f"sleep {FOREVER}"
# As setsid(1): what follows runs in a session of its own.
SETSID = (
    *(sys.executable, "-I", "-S", "-c"),
    "import os, sys; os.fork() and os._exit(0); os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])",
)
# A leader, and a child in another session: both say what they hear, and go on.
HEARD = """
    trap 'echo leader 15' TERM
    trap 'echo leader 10' USR1
    "$@"
    while :; do sleep 0.01; done
"""
# A leader that obeys at once.
OBEYS = HEARD.replace("15'", "15; exit 3'")


class Ready:
    """A writer that cancels when it is told "ready", and keeps what was written."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.data = b""
        self.at = math.nan

    def write(self, data: bytes) -> None:
        self.data += data
        if b"ready\n" in self.data and not self.ctx.done:
            self.at = monotonic()
            self.ctx.cancel("ready")


def ended(run: Run, *words: str, **fields: Any) -> tuple[Any, list[str], float]:
    """A command that is cancelled when it is ready: its error, its lines, and how long it took."""
    ctx = Context(timeout=LONG)
    said = Ready(ctx)
    error = error_of(run, Cmd(*words, stdout=said, **fields), ctx=ctx)
    seconds = monotonic() - said.at
    assert isinstance(error, Canceled), error
    assert error.result.leaked == ()
    return error, said.data.decode().splitlines(), seconds


def heard(
    script: str, steps: list[object], tag: Tag, contain: str = "tree"
) -> tuple[list[str], osexec.Result]:
    """What leader and child have heard when the command was ended by `steps`."""
    words = ("sh", "-c", script, "sh", *SETSID, *role("tell-signals"))
    error, lines, _ = ended(by_caller, *words, contain=contain, cancel=steps)
    assert tag.alive() == []
    assert tag.minders() == []
    unasked = {"ready", f"signal {signal.SIGCONT.value}"}  # in case it is stopped
    return sorted(line for line in lines if line not in unasked), error.result


def test_a_step_is_for_the_command_alone(tag: Tag) -> None:
    said, result = heard(HEARD, [Step("TERM", DELAY)], tag)
    assert said == ["leader 15"]
    assert result.signal is signal.SIGKILL


def test_a_plain_pair_is_such_a_step(tag: Tag) -> None:
    said, _ = heard(HEARD, [("TERM", DELAY)], tag)
    assert said == ["leader 15"]


def test_a_step_for_the_tree_reaches_another_session(tag: Tag) -> None:
    said, result = heard(HEARD, [Step("TERM", DELAY, scope="tree")], tag)
    assert said == ["leader 15", "signal 15"]
    assert result.signal is signal.SIGKILL


def test_a_step_for_the_tree_reaches_into_a_namespace(tag: Tag, namespaces: None) -> None:
    steps = [Step("TERM", DELAY, scope="tree")]
    said, _ = heard(HEARD, steps, tag, "namespace")
    assert said == ["leader 15", "signal 15"]


def test_each_step_has_its_own_scope(tag: Tag) -> None:
    steps = [Step("USR1", DELAY, scope="tree"), Step("TERM", DELAY)]
    said, _ = heard(HEARD, steps, tag)
    assert said == ["leader 10", "leader 15", "signal 10"]


@pytest.mark.parametrize("scope", ["child", "tree"])
def test_what_the_command_leaves_hears_it_once(scope: str, tag: Tag) -> None:
    """When the command obeys, the rest is asked, too. A second TERM would mean "now" to many."""
    said, result = heard(OBEYS, [Step("TERM", DELAY, scope=scope)], tag)
    assert said == ["leader 15", "signal 15"]
    assert result.returncode == 3


def test_in_a_group_the_tree_is_the_group(run: Run, tag: Tag) -> None:
    line = """
        trap 'echo leader; wait; exit' TERM
        sh -c 'trap "echo child; exit" TERM; echo ready; while :; do sleep 0.01; done' &
        while :; do sleep 0.01; done
    """
    steps = [Step("TERM", LONG, scope="tree")]
    _, lines, seconds = ended(run, "sh", "-c", line, contain="group", cancel=steps)
    assert sorted(lines) == ["child", "leader", "ready"]
    assert seconds < GRACE
    assert tag.alive() == []


# ------------------------------------------------------------------------ the grace

DEAF = f"trap '' TERM; echo ready; {SLEEP} & wait; {SLEEP}"


def test_the_grace_counts_until_the_tree_is_empty(run: Run, tag: Tag) -> None:
    """The leader obeys; a grandchild in another session does not, and is killed after it."""
    line = """
        trap 'exit 3' TERM
        "$@"
        while :; do sleep 0.01; done
    """
    steps = [Step("TERM", DELAY, scope="tree")]
    words = ("sh", "-c", line, "sh", *SETSID, "sh", "-c", DEAF)
    error, lines, seconds = ended(run, *words, contain="tree", cancel=steps)
    assert lines == ["ready"]
    assert error.result.returncode == 3
    assert DELAY <= seconds < DELAY + GRACE
    assert tag.alive() == []


def test_who_obeys_is_not_waited_for_longer(run: Run, tag: Tag) -> None:
    line = f'"$@" sh -c "echo ready; exec {SLEEP}"; exec {SLEEP}'
    steps = [Step("TERM", LONG, scope="tree")]
    words = ("sh", "-c", line, "sh", *SETSID)
    error, _, seconds = ended(run, *words, contain="tree", cancel=steps)
    assert error.result.signal is signal.SIGTERM
    assert seconds < GRACE
    assert error.result.swept == 0
    assert tag.alive() == []


def test_all_end_when_the_context_is_done_after_the_leaders_exit(run: Run, tag: Tag) -> None:
    """The leader is gone, a grandchild that ignores TERM holds a pipe, then it is cancelled."""
    line = 'LEADER=$$ "$@"; exit 0'
    deaf = f"while kill -0 $LEADER 2>/dev/null; do sleep 0.01; done; {DEAF}"
    steps = [Step("TERM", DELAY, scope="tree")]
    words = ("sh", "-c", line, "sh", *SETSID, "sh", "-c", deaf)
    error, lines, seconds = ended(run, *words, contain="tree", cancel=steps)
    assert lines == ["ready"]
    assert error.result.returncode == 0
    assert DELAY <= seconds < DELAY + GRACE
    assert tag.alive() == []
    assert tag.minders() == []


def test_a_grandchild_without_its_leader_hears_the_step(run: Run, tag: Tag) -> None:
    words = ("sh", "-c", '"$@"; exit 0', "sh", *SETSID, *role("tell-signals"))
    steps = [Step("TERM", DELAY, scope="tree")]
    _, lines, _ = ended(run, *words, contain="tree", cancel=steps)
    assert lines.count("signal 15") == 1
    assert tag.alive() == []


def test_a_stopped_grandchild_hears_the_step_and_obeys(run: Run, tag: Tag) -> None:
    """A signal that waits for a SIGCONT would cost the whole grace."""
    line = f"sh -c 'echo ready; kill -STOP $$; {SLEEP}' & {SLEEP}"
    steps = [Step("TERM", LONG, scope="tree")]
    _, _, seconds = ended(run, "sh", "-c", line, contain="tree", cancel=steps)
    assert seconds < GRACE
    assert tag.alive() == []


@pytest.mark.parametrize("cancel", ["KILL", "TERM", [Step("TERM", DELAY, scope="tree")]])
def test_the_stopped_end_however_they_are_ended(
    cancel: object, run: Run, let_loose: LetLoose, tag: Tag
) -> None:
    family = let_loose("stopped")
    fields = {"contain": "tree", "cancel": cancel, "wait_delay": DELAY}
    _, _, seconds = ended(run, *family.words, **fields)
    assert seconds < DELAY + GRACE
    assert family.alive() == []
    assert tag.minders() == []


def test_nothing_survives_though_nothing_is_to_be_done(run: Run, let_loose: LetLoose) -> None:
    """cancel=None: the wait delay is the only bound, and what is left then ends."""
    family = let_loose("setsid")
    _, _, seconds = ended(run, *family.words, contain="tree", cancel=None, wait_delay=DELAY)
    assert DELAY <= seconds < DELAY + GRACE
    assert family.alive() == []


def test_a_cancel_function_and_then_the_tree(run: Run, let_loose: LetLoose) -> None:
    family = let_loose("daemon")
    fields = {"contain": "tree", "cancel": osexec.Process.terminate, "wait_delay": DELAY}
    error, _, _ = ended(run, *family.words, **fields)
    assert error.result.signal is signal.SIGTERM
    assert family.alive() == []


# ------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    "make",
    [
        lambda: Step("TERM", 1.0, scope="group"),
        lambda: Step("TERM", 1.0, scope=""),
        lambda: Cmd("true", cancel=[Step("TREM", 1.0)]),
        lambda: Cmd("true", cancel=[Step("TERM", -1.0)]),
        lambda: Cmd("true", cancel=[Step("TERM", "1")]),  # type: ignore[arg-type]
        lambda: Cmd("true", cancel=[Step("TERM", None)]),  # type: ignore[arg-type]
        lambda: Cmd("true", cancel=[("TERM", 1.0, "tree", 4)]),
    ],
)
def test_a_wrong_step_is_refused(make) -> None:
    with pytest.raises(UsageError):
        make()


def test_a_step_is_a_value() -> None:
    step = Step("TERM", 2.0, scope="tree")
    assert step == Step("TERM", 2.0, scope="tree")
    assert step != Step("TERM", 2.0)
    assert len({step, Step("TERM", 2.0, scope="tree")}) == 1
    assert "tree" in repr(step)
    cmd = Cmd("true", cancel=[step])
    assert cmd == cmd.replace()
