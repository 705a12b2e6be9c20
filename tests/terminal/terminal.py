"""A terminal with a shell on it, and the user who presses keys: the test."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any, Self

from tests.helpers import proc
from tests.helpers.alive import NAME, Tag
from tests.helpers.fresh import environment
from tests.helpers.limits import LONG, VANISH
from tests.helpers.waiting import look_until, wait_until

SHELL = Path(__file__).with_name("shell.py")
COMMAND = (sys.executable, "-I", "-S", str(Path(__file__).with_name("command.py")))
MINDER = "osexec-minder"


class Terminal:
    """A pseudo-terminal, a shell that is its session's leader, and the shell's only job."""

    def __init__(self, said: Path, tag: Tag) -> None:
        self.tag = tag
        self.screen = b""
        self._said = said
        self._said.touch()
        self._master, self._slave = pty.openpty()
        self._orders_end, self._orders = os.pipe()
        self._shell: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._orders)
        self.hang_up()  # the shell leaves, or dies of it
        os.close(self._orders_end)
        if self._shell is not None:
            try:
                self._shell.wait(VANISH)
            except subprocess.TimeoutExpired:
                self._shell.kill()
                self._shell.wait()

    def __str__(self) -> str:
        return "said:\n  {}\nscreen:\n{}".format("\n  ".join(self.said), self.screen.decode())

    def begin(self, *words: str, option: str = "--foreground", pass_fds: tuple = ()) -> None:
        """Have the shell run a job."""
        self._shell = subprocess.Popen(
            [sys.executable, "-I", "-S", SHELL, str(self._orders_end), option, *words],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            pass_fds=(self._orders_end, *pass_fds),
            env=environment(TERMINAL_SAID=str(self._said), LC_ALL="C.UTF-8"),
        )
        self.let_go()

    def begin_host(
        self,
        contain: str,
        *words: str,
        option: str = "--foreground",
        pass_fds: tuple = (),
        **more: Any,
    ) -> None:
        """Have the shell run `host.py`; see there for what `more` may be."""
        options = json.dumps({"contain": contain, **more})
        host = (sys.executable, "-W", "error", "-m", "tests.terminal.host", options)
        self.begin(*host, *(words or COMMAND), option=option, pass_fds=pass_fds)

    def lend(self) -> int:
        """The end where a program sits, for a program that no shell of ours starts."""
        return self._slave

    def let_go(self) -> None:
        """That program has the end now; without this the terminal would not hang up."""
        os.close(self._slave)
        self._slave = -1

    # ------------------------------------------------------------ the user

    def press(self, keys: bytes | str) -> None:
        """Keys arrive at the terminal."""
        os.write(self._master, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, rows: int, columns: int) -> None:
        """Change the size of the window."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def foreground(self) -> int:
        """The group that gets the keys' signals."""
        return os.tcgetpgrp(self._master)

    def fg(self) -> None:
        """The user types `fg`."""
        os.write(self._orders, b"fg\n")

    def hang_up(self) -> None:
        """The user closes the window."""
        for fd in (self._master, self._slave):
            if fd >= 0:
                os.close(fd)
        self._master = self._slave = -1

    # ------------------------------------------------------- what is seen

    @property
    def said(self) -> list[str]:
        """What shell, host and command have said, a line each."""
        self._read()
        return self._said.read_text().splitlines()

    def hears(self, *lines: str) -> None:
        """Wait until each of the lines has been said, in any order."""
        look_until(lambda: not set(lines) - set(self.said), LONG)
        missing = set(lines) - set(self.said)
        assert not missing, f"not said: {missing}\n{self}"

    def counts(self, count: int, line: str) -> None:
        """Wait until the line has been said so many times; not once more."""
        look_until(lambda: self.said.count(line) >= count, LONG)
        assert self.said.count(line) == count, f"not {count} times {line!r}\n{self}"

    def stops_or_ends(self, turn: int = 1) -> bool:
        """Wait until the job stops for the `turn`-th time, or ends; whether it has stopped."""

        def has_ended() -> bool:
            return any(line.startswith("shell ended") for line in self.said)

        def has_stopped() -> bool:
            return sum(line.startswith("shell stopped") for line in self.said) >= turn

        _, in_time = look_until(lambda: has_ended() or has_stopped(), LONG)
        assert in_time, f"neither stopped nor ended\n{self}"
        return not has_ended()

    def answer(self, beginning: str) -> str:
        """Wait for the line that begins like that; the rest of it."""

        def look() -> str:
            return next((line for line in self.said if line.startswith(beginning + " ")), "")

        line, is_there = look_until(look, LONG)
        assert is_there, f"nobody said {beginning!r}\n{self}"
        return line[len(beginning) + 1 :]

    def shows(self, text: str) -> None:
        """Wait until the screen shows that."""

        def look() -> bool:
            self._read()
            return text.encode() in self.screen

        _, is_there = look_until(look, LONG)
        assert is_there, f"{text!r} is not on the screen\n{self}"

    def result(self) -> Any:
        """What the host says about its command."""
        return json.loads(self.answer("host result"))

    def ready(self) -> tuple[int, int]:
        """The pids of host and command, once both are ready."""
        return int(self.answer("host ready")), int(self.answer("command ready"))

    def minders(self) -> list[proc.Seen]:
        """The minders below this terminal."""
        return [seen for seen in self.everyone() if seen.command.startswith(MINDER)]

    def everyone(self) -> list[proc.Seen]:
        """Everybody whom the shell has started, and who is alive."""
        assert self._shell is not None
        ours = (os.getpid(), self._shell.pid)
        found = proc.carrying(f"{NAME}={self.tag.value}")
        return [seen for seen in found if seen.pid not in ours]

    def is_running(self, program: str, count: int = 1) -> bool:
        """Whether so many of the job's processes run that program."""
        words = [seen.command.split(" ")[0] for seen in self.everyone()]
        return words.count(program) == count

    def is_left_empty(self) -> None:
        """Nobody whom the shell has started is alive, no minder either."""
        look_until(lambda: not self.everyone(), VANISH)
        left = self.everyone()
        assert not left, f"left: {'; '.join(map(str, left))}\n{self}"

    def ends(self, status: int) -> None:
        """The job ends like that, and leaves nothing."""
        assert int(self.answer("shell ended")) == status, str(self)
        self.is_left_empty()

    def shell_dies_of(self, number: signal.Signals) -> None:
        """The shell dies of a signal."""
        assert self._shell is not None
        assert self._shell.wait(LONG) == -number

    def _read(self) -> None:
        """Take in what is on the screen, so that nobody has to wait for us."""
        while self._master >= 0 and select.select([self._master], [], [], 0)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # EIO: nobody has it open any more
                return
            self.screen += data


def groups(pid: int) -> tuple[int, int]:
    """The process group and the session of a process."""
    return os.getpgid(pid), os.getsid(pid)


def is_stopped(pid: int) -> bool:
    """By a signal, or by nobody."""
    seen = proc.look(pid)
    return seen is not None and seen.state == "T"


def wait_stopped(*pids: int) -> None:
    """Until all of them are stopped."""
    wait_until(lambda: all(map(is_stopped, pids)), LONG, "all are stopped")
