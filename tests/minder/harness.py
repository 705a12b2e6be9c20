"""A client of the minder: starts one, gives orders, and reads its reports, all within a limit.

`with Client(program, words, setup) as client:` leaves nothing: the end of the block is the end of
file for the minder, and it fails if the minder does not go then.
"""

import os
import resource
import select
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.helpers.limits import FOREVER, LONG, VANISH
from tests.minder.layout import FORMATS, LIMIT, Kind, Report, Setup, parse

Word = str | bytes | Path
SIZE = 1 << 17  # of a read: a report that is longer than the limit is seen as such


class Watched:
    """A process whose end is seen at once, whoever its parent is and whenever that looks."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._fd = os.pidfd_open(pid)

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._fd)

    def is_over(self, limit: float = 0) -> bool:
        """Whether it has ended, or does within `limit` seconds."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(limit * 1000))

    def wait_over(self, limit: float = LONG) -> None:
        """Fail unless it ends within `limit` seconds."""
        assert self.is_over(limit), f"{self.pid} is still there after {limit:g} s"


class Client:
    """The owner's end of one minder.

    `path` is what is executed; without it, the first word. `setup` may be any bytes; none sends
    nothing. `launch` makes words that come before the minder's, out of the socket's number; the
    minder is told `number`, if that is another one.
    """

    def __init__(
        self,
        program: Word,
        words: Sequence[Word],
        setup: Setup | bytes | None = None,
        *,
        path: Word | None = None,
        env: Mapping[bytes, bytes] | None = None,
        pass_fds: Sequence[int] = (),
        launch: Callable[[int], Sequence[Word]] = lambda fd: (),
        number: object = None,
        **options: Any,
    ) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket = ours
        setup = Setup() if setup is None else setup
        with theirs:
            try:
                if setup:
                    ours.send(setup.pack() if isinstance(setup, Setup) else setup)
                fd = theirs.fileno()
                mine = [program, str(fd if number is None else number)]
                given = [words[0] if path is None else path, *words] if words else []
                settings: dict[str, Any] = {
                    "stdin": subprocess.DEVNULL,
                    "stdout": subprocess.DEVNULL,
                    "stderr": subprocess.DEVNULL,
                    "pass_fds": [fd, *pass_fds],
                    "env": env,
                }
                self.popen = subprocess.Popen([*launch(fd), *mine, *given], **(settings | options))
            except BaseException:
                ours.close()
                raise
        self.pid = self.popen.pid
        self._watched = Watched(self.pid)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.socket.close()
        with self._watched as watched:
            in_time = watched.is_over(LONG if error is None else VANISH)
        if not in_time:
            os.kill(self.pid, signal.SIGKILL)
        self.popen.wait()
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if stream is not None:
                stream.close()
        assert in_time or error is not None, f"the minder stays for {LONG:g} s after end of file"

    # Reports

    def message(self, limit: float = LONG) -> bytes:
        """The next message as it is; empty at the end of file."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        assert poll.poll(limit * 1000), f"the minder says nothing for {limit:g} s"
        try:
            data = self.socket.recv(SIZE)
        except ConnectionResetError:
            # It has left and not read all that we said, which is told before what it said.
            data = self.socket.recv(SIZE)
        assert len(data) <= LIMIT
        return data

    def report(self, limit: float = LONG) -> Report | None:
        """The next report; None at the end of file."""
        message = self.message(limit)
        return parse(message) if message else None

    def expect(self, kind: Kind, limit: float = LONG) -> Report:
        """The next report, which must be of that kind."""
        report = self.report(limit)
        assert report is not None and report.kind == kind, f"{report} instead of {kind.name}"
        return report

    def started(self) -> int:
        """The pid of the command."""
        pid = self.expect(Kind.STARTED).pid
        assert pid > 0
        return pid

    def failed(self) -> tuple[int, int]:
        """Stage and errno of a start that must fail, after which the minder is gone."""
        report = self.expect(Kind.FAILED)
        self.ended()
        return report.stage, report.error

    def exited(self) -> Report:
        """How the command ended."""
        return self.expect(Kind.EXITED)

    def ended(self) -> int:
        """Its status as in `Popen.returncode`, once there is the end of file and it is gone."""
        report = self.report()
        assert report is None, f"{report} instead of the end of file"
        return self.gone()

    def rest(self) -> list[Report]:
        """All reports that come before the end of file."""
        reports = []
        while (report := self.report()) is not None:
            reports.append(report)
        return reports

    def quiet(self, limit: float) -> None:
        """Fail if anything is said within `limit` seconds."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        assert not poll.poll(limit * 1000), f"unasked: {self.report()}"

    # Orders

    def send(self, message: bytes) -> None:
        """Any message."""
        self.socket.send(message)

    def signal(self, number: int, whole_tree: bool = False) -> None:
        self.send(FORMATS["signal_order"].pack(Kind.SIGNAL, number, whole_tree))

    def sweep(self) -> None:
        self.send(FORMATS["order"].pack(Kind.SWEEP))

    def release(self) -> None:
        self.send(FORMATS["order"].pack(Kind.RELEASE))

    def close(self) -> None:
        """The end of file."""
        self.socket.close()

    # The process

    def is_over(self, limit: float) -> bool:
        """Whether it has ended, or does within `limit` seconds."""
        return self._watched.is_over(limit)

    def gone(self, limit: float = LONG) -> int:
        """Its status, once it has ended."""
        self._watched.wait_over(limit)
        return self.popen.wait()


@contextmanager
def group() -> Iterator[int]:
    """A process group that is neither ours nor the minder's, with somebody in it.

    It is no orphan, since we are the parent of that one: what stops a group works in it.
    """
    with subprocess.Popen(["/bin/sleep", str(FOREVER)], process_group=0) as other:
        try:
            yield other.pid
        finally:
            other.kill()


def status_of(pid: int) -> dict[str, str]:
    """/proc/PID/status, by name."""
    with open(f"/proc/{pid}/status", errors="surrogateescape") as file:
        pairs = (line.split(":", 1) for line in file)
        return {name: value.strip() for name, value in pairs}


def stat_of(pid: int) -> dict[str, int]:
    """Some of /proc/PID/stat: ppid, pgrp, session, tty, foreground and nice."""
    with open(f"/proc/{pid}/stat", errors="surrogateescape") as file:
        words = file.read().rsplit(")", 1)[1].split()
    names = {"ppid": 1, "pgrp": 2, "session": 3, "tty": 4, "foreground": 5, "nice": 16}
    return {name: int(words[at]) for name, at in names.items()}


def fds_of(pid: int) -> dict[int, str]:
    """The descriptors of a process and what each points at."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            pass  # closed meanwhile, as that which listed our own
    return found


def limit_of(pid: int, which: int) -> tuple[int, int]:
    """Soft and hard limit of a process."""
    return resource.prlimit(pid, which)


def as_rusage(values: Sequence[int]) -> dict[str, float]:
    """The figures of EXITED that mean something on Linux."""
    return {
        "utime": values[0] + values[1] / 1e6,
        "stime": values[2] + values[3] / 1e6,
        "maxrss": values[4],
        "minflt": values[8],
        "majflt": values[9],
    }
