"""A leaf of the delegated cgroup v2 that this process lives in: one command and all below it.

The kernel's rules are in cgroups(7) and its Documentation/admin-guide/cgroup-v2.rst. A leaf can
only be made where the directory of our own cgroup may be written (delegation), and has limits
only if our cgroup hands the controller down (cgroup.subtree_control).
"""

from __future__ import annotations

import os
from errno import EACCES, EBUSY, ENOENT, ENOSYS
from itertools import count
from time import monotonic, sleep

from .._words.errors import StartError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .descriptors import Descriptors

PAUSE = 0.002
"""Seconds between two attempts to remove what its last members are leaving."""

_numbers = count(1)


class Cgroup:
    """A leaf, from its making to its removal."""

    path = ""

    def __init__(
        self,
        fds: Descriptors,
        memory_max: int | None,
        pids_max: int | None,
        root: str | None = None,
    ) -> None:
        self._fds = fds
        self._limits = {"memory.max": memory_max, "pids.max": pids_max}
        self._root = root

    def make(self) -> int:
        """Make it, with its limits, and return a descriptor of its directory.

        Raises:
            StartError: It cannot be had here; the message says what is missing.
                What was made is for `remove`.
        """
        parent = own_cgroup() if self._root is None else self._root
        self.path = os.path.join(parent, f"osexec-{os.getpid()}-{next(_numbers)}")
        try:
            os.mkdir(self.path)
        except OSError as error:
            raise _missing(
                error.errno or EACCES, f"{parent} may not be written: it is not delegated to us"
            ) from error
        self._require("cgroup.kill", "the kernel is older than 5.14")
        for name, most in self._limits.items():
            if most is not None:
                self._limit(name, most, parent)
        return self._fds.open(self.path, os.O_RDONLY | os.O_DIRECTORY)

    def peak(self) -> int | None:
        """The most memory it used at once, in bytes; None where the kernel does not count it."""
        try:
            with open(os.path.join(self.path, "memory.peak"), "rb", buffering=0) as file:
                return int(file.read(32))
        except OSError:
            return None

    def kill(self) -> None:
        """SIGKILL to all in it, whoever they run as."""
        try:
            self._write("cgroup.kill", "1")
        except OSError:
            pass  # removed already

    def remove(self, limit: float = 0.0) -> None:
        """Take it away, once nobody is left in it; after `limit` seconds it stays."""
        until = monotonic() + limit
        while self.path:
            try:
                os.rmdir(self.path)
                return
            except OSError as error:
                if error.errno != EBUSY or monotonic() >= until:
                    return
            sleep(PAUSE)

    def _limit(self, name: str, most: int, parent: str) -> None:
        controller = name.partition(".")[0]
        self._require(
            name,
            f"the {controller} controller is not handed down in {parent}/cgroup.subtree_control",
        )
        self._write(name, str(most))

    def _require(self, name: str, otherwise: str) -> None:
        if not os.path.exists(os.path.join(self.path, name)):
            raise _missing(ENOENT, f"there is no {name}: {otherwise}")

    def _write(self, name: str, text: str) -> None:
        fd = os.open(os.path.join(self.path, name), os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def own_cgroup(proc: str = "/proc/self") -> str:
    """The directory of the cgroup v2 that this process is in.

    Raises:
        StartError: No cgroup v2 is mounted, or it is not to be seen from here.
    """
    path = _own_path(f"{proc}/cgroup")
    for line in _lines(f"{proc}/mountinfo"):
        # "36 35 0:31 ROOT POINT options … - cgroup2 …" (proc_pid_mountinfo(5))
        before, dash, after = line.partition(" - ")
        if not dash or after.split(" ", 1)[0] != "cgroup2":
            continue
        root, point = before.split(" ")[3:5]
        if root == "/":
            return (point + path).rstrip("/")
        if path == root or path.startswith(root + "/"):
            return (point + path[len(root) :]).rstrip("/")
    raise _missing(ENOSYS, "no cgroup v2 is mounted")


def _own_path(file: str) -> str:
    for line in _lines(file):
        if line.startswith("0::"):
            return line[3:]
    raise _missing(ENOSYS, "this process is in no cgroup v2")


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _missing(number: int, what: str) -> StartError:
    return StartError(number, f"contain='cgroup' cannot be had here: {what}", op="contain")
