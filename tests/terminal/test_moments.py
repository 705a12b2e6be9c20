"""Ctrl-Z and Ctrl-C at any moment of a start or a run: nothing hangs and nothing is left.

Not for "process": a child that is stopped between vfork and exec keeps its parent in the kernel,
where the shell does not see it stop; and what is below a child that was killed lives on.
"""

import random
import time
from pathlib import Path

import pytest

from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER
from tests.terminal.conftest import BUILT
from tests.terminal.terminal import Terminal

pytestmark = [
    pytest.mark.skipif(not BUILT.exists(), reason="the minder is not built here"),
    pytest.mark.parametrize("contain", ["tree", "default"]),
    pytest.mark.parametrize("verb", ["run", "start"]),
]

STOPS = 15
TURNS = 100
INTERRUPTS = 10
# The time in which a start and a first look at the command happen.
LATEST = 0.012


@pytest.fixture
def draw() -> random.Random:
    """Random moments; the seed is printed."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    return random.Random(seed)


def test_ctrl_z_at_any_moment(
    terminal: Terminal, contain: str, verb: str, draw: random.Random
) -> None:
    terminal.begin_host(contain, "sh", "-c", "exit 5", verb=verb, turns=TURNS)
    terminal.answer("host ready")
    for turn in range(1, STOPS + 1):
        time.sleep(draw.uniform(0, LATEST))
        terminal.press(b"\x1a")
        if not terminal.stops_or_ends(turn):
            break
        terminal.fg()
    result = terminal.result()
    assert (result["error"], result["returncode"], result["foreground"]) == (None, 5, True)
    terminal.ends(0)


def test_ctrl_c_at_any_moment(
    tag: Tag, tmp_path: Path, contain: str, verb: str, draw: random.Random
) -> None:
    line = f"setsid sleep {FOREVER} & sleep {FOREVER} & sleep {FOREVER}"
    for turn in range(INTERRUPTS):
        with Terminal(tmp_path / str(turn), tag) as terminal:
            terminal.begin_host(contain, "sh", "-c", line, verb=verb)
            terminal.answer("host ready")
            time.sleep(draw.uniform(0, LATEST))
            terminal.press(b"\x03")
            assert terminal.result() == {"error": "KeyboardInterrupt", "foreground": True}
            terminal.ends(0)
