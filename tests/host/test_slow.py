"""An exec that is slow, the command's or the minder's: Ctrl-C leaves no child, nobody else waits.

tests/drive/test_slow_exec.py asks the same of each way to start a child without a minder.
"""

import json
import random
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import osexec
from tests.helpers.alive import Tag
from tests.helpers.fresh import TESTS, ask, begin, environment
from tests.helpers.limits import EXEC, GRACE, LONG, SHORT, STALL
from tests.helpers.pythons import pythons
from tests.helpers.slow_exec import NOT_HERE, slow_program
from tests.host.look import BUILT, everyone, is_gone, needs_minder

pytestmark = needs_minder

TRIALS = 12
WHAT = ("command", "minder")
CASES = list(product(pythons(), WHAT, ("run", "start")))
Case = tuple[str, str, str]
# Longer than any time-out here and what a call may take beyond it.
VERY_SLOW = 4 * GRACE

INTERRUPTED = """
    import json, os, random, sys, warnings
    import osexec
    from osexec import Cmd
    from tests.helpers import proc
    from tests.helpers.alive import NAME
    from tests.helpers.interrupts import CtrlC, Traces
    from tests.helpers.limits import VANISH
    from tests.helpers.waiting import look_until

    verb, program, seed, trials, longest = sys.argv[1:]
    warnings.simplefilter("ignore", ResourceWarning)  # a start that is interrupted is dropped
    entry = f"{NAME}={os.environ[NAME]}"

    def others():
        return [str(seen) for seen in proc.carrying(entry) if seen.pid != os.getpid()]

    cmd = Cmd(program, "1000")
    go = cmd.run if verb == "run" else lambda: cmd.start().wait()
    assert osexec.start("true").wait().contain == "tree"
    ctrl_c, draw, traces, found = CtrlC(), random.Random(int(seed)), Traces(), []
    for trial in range(int(trials)):
        moment = draw.uniform(0, float(longest))
        told = f"trial {trial}, Ctrl-C after {moment:.4f} s: "
        if not ctrl_c.hits(go, moment):
            found.append(told + "it was swallowed")
        found += [told + line for line in traces.take_new()]
        look_until(lambda: not others(), VANISH)
        found += [told + "alive " + line for line in others()]
        if len(found) > 2:
            break
    print(json.dumps(found))
"""

STALLED = """
    import json, sys, threading, time
    from osexec import Cmd

    program, turns, slow = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    gaps, stop = [], threading.Event()

    def tick():
        last = time.perf_counter()
        while not stop.is_set():
            time.sleep(0.0005)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    def longest(go):
        # The least of some: a busy machine stalls a thread now and then, the library every time.
        figures = []
        for turn in range(turns):
            gaps.clear()
            begin = time.perf_counter()
            result = go()
            assert time.perf_counter() - begin > slow, "the exec was not slow"
            assert result.contain == "tree", result
            figures.append(max(gaps))
        return min(figures)

    threading.Thread(target=tick, daemon=True).start()
    cmd = Cmd(program, "0")
    said = {"run": longest(cmd.run), "start": longest(lambda: cmd.start().wait())}
    stop.set()
    print(json.dumps(said))
"""


def slow_copy(stack: ExitStack, program: str, path: Path, delay: float) -> None:
    """A copy of a program whose exec is slow."""
    try:
        stack.enter_context(slow_program(program, path, delay))
    except OSError as error:
        if error.errno not in NOT_HERE:
            raise
        pytest.skip(f"an exec can not be made slow here: fanotify says {error}")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, str]]]:
    """What is slow, and then: the program to run, and where the library is imported from."""
    source = Path(osexec.__file__).parent
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("slow")
        program = folder / "slow-sleep"
        slow_copy(stack, "sleep", program, EXEC)
        library = folder / "library" / "osexec"
        shutil.copytree(source, library, ignore=shutil.ignore_patterns("__pycache__", BUILT.name))
        slow_copy(stack, str(BUILT), library / "_bin" / BUILT.name, EXEC)
        yield {
            "command": (str(program), f"{source.parent}:{TESTS}"),
            "minder": ("sleep", f"{library.parent}:{TESTS}"),
        }


@pytest.fixture(scope="module")
def interrupted(slow: dict[str, tuple[str, str]]) -> dict[Case, list[str]]:
    """What went wrong in each case; they run at the same time, since they mostly wait."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    with ExitStack() as stack:
        running = {}
        for version, what, verb in CASES:
            program, path = slow[what]
            tag = Tag(secrets.token_hex(8))
            options: dict[str, Any] = {
                "python": pythons()[version],
                "env": environment(**tag.env, PYTHONPATH=path),
            }
            arguments = (verb, program, seed, TRIALS, 1.3 * EXEC)
            child = stack.enter_context(begin(INTERRUPTED, *arguments, **options))
            stack.callback(child.kill)
            running[version, what, verb] = child, tag
        return {case: outcome(child, tag) for case, (child, tag) in running.items()}


def outcome(child: subprocess.Popen[bytes], tag: Tag) -> list[str]:
    """What went wrong."""
    try:
        out, err = child.communicate(timeout=LONG + 2 * TRIALS * EXEC)
    except subprocess.TimeoutExpired:
        tag.kill()
        return ["it hangs"]
    finally:
        survivors = everyone(tag)
        tag.kill()
    if child.returncode:
        return [f"status {child.returncode}", err.decode()]
    return json.loads(out) + [f"alive at the end: {seen}" for seen in survivors]


@pytest.mark.parametrize(("version", "what", "verb"), CASES)
def test_ctrl_c_in_a_slow_exec_leaves_no_child(
    version: str, what: str, verb: str, interrupted: dict[Case, list[str]]
) -> None:
    assert interrupted[version, what, verb] == []


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("version", list(pythons()))
def test_another_thread_goes_on_during_a_slow_exec(
    version: str, what: str, slow: dict[str, tuple[str, str]]
) -> None:
    program, path = slow[what]
    options: dict[str, Any] = {
        "python": pythons()[version],
        "env": environment(PYTHONPATH=path),
    }
    said = ask(STALLED, program, 2, EXEC, **options)
    for verb, stall in said.items():
        print(f"{version} {verb}: {1000 * stall:.1f} ms")
    assert max(said.values()) < STALL


@pytest.mark.parametrize("verb", ["run", "start"])
def test_a_time_out_does_not_wait_for_a_slow_exec(verb: str, tag: Tag, tmp_path: Path) -> None:
    with ExitStack() as stack:
        program = tmp_path / "very-slow-sleep"
        slow_copy(stack, "sleep", program, VERY_SLOW)
        helpers = [seen.pid for seen in everyone(tag)]
        cmd = osexec.Cmd(str(program), "1000", timeout=SHORT)
        begun = time.monotonic()
        with pytest.raises(osexec.DeadlineExceeded):
            cmd.run() if verb == "run" else cmd.start().wait()
        assert time.monotonic() - begun < SHORT + GRACE
        is_gone(tag, *helpers, limit=GRACE)
