"""A program that handles Ctrl-Z (SIGTSTP) itself is never frozen by starting commands.

A child that is stopped between vfork and exec would keep its parent in the kernel until somebody
continues it: the program can then do nothing at all, and its handlers do not run.
"""

import os
import random
import select
import signal
import subprocess
import time

import pytest

from tests.helpers.alive import Tag
from tests.helpers.fresh import begin
from tests.helpers.limits import FACTOR, LONG
from tests.host.look import is_gone, needs_minder

pytestmark = needs_minder

STARTS = 300
# How long a handler may wait for its turn, on a busy machine; who is frozen is so for ever.
FROZEN = 3.0 * FACTOR

STARTING = """
    import faulthandler, os, signal, sys
    from osexec import DEVNULL, Cmd

    verb, starts = sys.argv[1], int(sys.argv[2])
    fields = {"contain": sys.argv[3]} if len(sys.argv) > 3 else {}
    cmd = Cmd("true", stdout=DEVNULL, **fields)
    cmd.run()
    signal.signal(signal.SIGTSTP, lambda number, frame: os.write(1, b"z"))
    os.write(1, b"b")
    for turn in range(starts):
        if verb == "run":
            cmd.run()
        else:
            cmd.start().wait()
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    os.write(1, b"e")
    sys.stdin.read()
"""


class Storm:
    """Ctrl-Z for the whole group, again and again; the commands are stopped, and continued."""

    def __init__(self, program: subprocess.Popen[bytes], seed: int) -> None:
        assert program.stdout is not None
        self._program = program
        self._fd = program.stdout.fileno()
        self._draw = random.Random(seed)
        self.signals = self.frozen = 0
        self.is_over = False

    def hear(self, wanted: bytes, limit: float) -> bool:
        """Wait for that byte, or the last."""
        end = time.monotonic() + limit
        while not self.is_over:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._fd], [], [], left)[0]:
                return False
            said = os.read(self._fd, 4096)
            self.is_over = b"e" in said or not said
            if wanted in said:
                return True
        return True

    def blow(self) -> None:
        """Until the program is through."""
        assert self.hear(b"b", LONG)
        end = time.monotonic() + LONG
        while not self.is_over and time.monotonic() < end and self.frozen < 3:
            self.signals += 1
            os.killpg(self._program.pid, signal.SIGTSTP)
            if not self.hear(b"z", FROZEN):
                self.frozen += 1
            os.killpg(self._program.pid, signal.SIGCONT)
            time.sleep(self._draw.uniform(0, 0.004))


@pytest.mark.parametrize("verb", ["run", "start"])
def test_ctrl_z_does_not_freeze_a_program_that_handles_it(verb: str, tag: Tag) -> None:
    seed = random.SystemRandom().randrange(2**32)
    # In a group of its own whose parent is in another of the session: else no Ctrl-Z stops it.
    with begin(STARTING, verb, STARTS, stdin=subprocess.PIPE, process_group=0) as program:
        try:
            storm = Storm(program, seed)
            storm.blow()
            print(f"seed {seed}: {storm.signals} signals")
            assert (storm.frozen, storm.is_over) == (0, True)
            is_gone(tag, program.pid)
            assert program.stdin is not None
            program.stdin.close()
            assert program.wait(LONG) == 0
        finally:
            program.send_signal(signal.SIGCONT)
            program.kill()
    assert storm.signals >= 20, "too few signals for the question"
