"""A slow exec: no child is lost in it, and no other thread waits for it.

Both are known traps. A Ctrl-C in the exec makes `subprocess.Popen` forget a child that runs, and
on 3.13 a default Popen holds the GIL until the exec is done.
"""

import json
import random
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.alive import Tag
from tests.helpers.fresh import ask, begin, environment
from tests.helpers.limits import EXEC, LONG, STALL
from tests.helpers.pythons import pythons
from tests.helpers.slow_exec import NOT_HERE, slow_program

TRIALS = 40
MANY_TRIALS = 200

# vfork: the thread sleeps in the kernel until the exec is done. fork: groups are to be set, so the
# child is forked and the thread reads from a pipe that ends with the exec. popen: public names.
SPAWNERS = ("vfork", "fork", "popen")
CASES = list(product(pythons(), SPAWNERS, ("run", "start")))
Case = tuple[str, str, str]

INTERRUPTED = """
    import json, os, random, sys, warnings
    import osexec
    from osexec import Cmd, SysAttrs
    from osexec._posix import probe
    from tests.helpers.interrupts import CtrlC, Traces

    spawner, verb, program, seed, trials, longest = sys.argv[1:]
    probe.ANSWERS["fork_exec"] = spawner != "popen"
    warnings.simplefilter("ignore", ResourceWarning)  # a start that is interrupted is dropped
    attrs = SysAttrs(extra_groups=os.getgroups()) if spawner == "fork" else None
    cmd = Cmd(program, "1000", sys=attrs)
    go = cmd.run if verb == "run" else lambda: cmd.start().wait()
    osexec.start("true").wait()
    ctrl_c, draw, traces, found = CtrlC(), random.Random(int(seed)), Traces(), []
    for trial in range(int(trials)):
        moment = draw.uniform(0, float(longest))
        told = f"trial {trial}, Ctrl-C after {moment:.4f} s: "
        if not ctrl_c.hits(go, moment):
            found.append(told + "it was swallowed")
        found += [told + line for line in traces.take_new()]
        if len(found) > 2:
            break
    print(json.dumps(found))
"""

STALLED = """
    import json, os, sys, threading, time
    from osexec import Cmd, SysAttrs
    from osexec._posix import probe

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
            go()
            assert time.perf_counter() - begin > slow, "the exec was not slow"
            figures.append(max(gaps))
        return min(figures)

    threading.Thread(target=tick, daemon=True).start()
    said = {}
    for spawner in ("vfork", "fork", "popen"):
        probe.ANSWERS["fork_exec"] = spawner != "popen"
        attrs = SysAttrs(extra_groups=os.getgroups()) if spawner == "fork" else None
        cmd = Cmd(program, "0", sys=attrs)
        said[spawner + " run"] = longest(cmd.run)
        said[spawner + " start"] = longest(lambda: cmd.start().wait())
    stop.set()
    print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A `sleep` whose exec takes EXEC seconds."""
    with ExitStack() as stack:
        try:
            path = tmp_path_factory.mktemp("slow") / "slow-sleep"
            stack.enter_context(slow_program("sleep", path, EXEC))
        except OSError as error:
            if error.errno not in NOT_HERE:
                raise
            pytest.skip(f"an exec can not be made slow here: fanotify says {error}")
        yield path


def interrupt_all(slow: Path, trials: int) -> dict[Case, list[str]]:
    """What went wrong in each case; they run at the same time, since they mostly wait."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    with ExitStack() as stack:
        running = {}
        for version, spawner, verb in CASES:
            tag = Tag(secrets.token_hex(8))
            arguments = (spawner, verb, slow, seed, trials, 1.3 * EXEC)
            options: dict[str, Any] = {"python": pythons()[version], "env": environment(**tag.env)}
            child = stack.enter_context(begin(INTERRUPTED, *arguments, **options))
            stack.callback(child.kill)
            running[version, spawner, verb] = child, tag
        return {case: outcome(child, tag, trials) for case, (child, tag) in running.items()}


def outcome(child: subprocess.Popen[bytes], tag: Tag, trials: int) -> list[str]:
    """What went wrong."""
    try:
        out, err = child.communicate(timeout=LONG + 2 * trials * EXEC)
    except subprocess.TimeoutExpired:
        tag.kill()
        return ["it hangs"]
    finally:
        survivors = tag.alive()
        tag.kill()
    if child.returncode:
        return [f"status {child.returncode}", err.decode()]
    return json.loads(out) + [f"alive at the end: {seen}" for seen in survivors]


@pytest.fixture(scope="module")
def interrupted(slow: Path) -> dict[Case, list[str]]:
    return interrupt_all(slow, TRIALS)


@pytest.mark.parametrize(("version", "spawner", "verb"), CASES)
def test_ctrl_c_in_a_slow_exec_loses_no_child(
    version: str, spawner: str, verb: str, interrupted: dict[Case, list[str]]
) -> None:
    assert interrupted[version, spawner, verb] == []


@pytest.mark.stress
def test_ctrl_c_at_many_moments_of_a_slow_exec(slow: Path) -> None:
    outcomes = interrupt_all(slow, MANY_TRIALS)
    assert not any(outcomes.values()), outcomes


@pytest.mark.parametrize("version", list(pythons()))
def test_another_thread_goes_on_during_a_slow_exec(version: str, slow: Path) -> None:
    said = ask(STALLED, slow, 2, EXEC, python=pythons()[version])
    for way, stall in said.items():
        print(f"{version} {way}: {1000 * stall:.1f} ms")
    assert max(said.values()) < STALL
