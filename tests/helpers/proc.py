"""Looking at processes through /proc: who is our child, who carries a tag, who is alive."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Seen:
    """A process at the moment we looked: its pid may belong to someone else by now."""

    pid: int
    state: str
    command: str

    def __str__(self) -> str:
        return f"{self.pid} ({self.state}) {self.command}"


def look(pid: int) -> Seen | None:
    """What /proc says about `pid` now, or None if there is no such process."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may itself contain spaces and parentheses. (proc_pid_stat(5))
    name, rest = stat[stat.index("(") + 1 :].rsplit(")", 1)
    command = " ".join(os.fsdecode(word) for word in words).strip()
    return Seen(pid, rest.split()[0], command or f"[{name}]")


def is_alive(pid: int) -> bool:
    """There is such a process, and it is no zombie."""
    seen = look(pid)
    return seen is not None and seen.state not in "ZX"


def children(pid: int | None = None) -> set[int]:
    """The pids of the children of a process (default: ours), zombies included."""
    found: set[int] = set()
    for task in (PROC / str(pid or "self") / "task").glob("*/children"):
        try:
            found.update(map(int, task.read_text().split()))
        except (FileNotFoundError, ProcessLookupError):
            pass  # the thread, or the whole process, has ended
    return found


def descendants(pid: int) -> set[int]:
    """`pid` and everyone below it, as far as the links to the parents reach."""
    found = {pid}
    for child in children(pid):
        found |= descendants(child)
    return found


def carrying(entry: str) -> list[Seen]:
    """The living processes that were started with `entry` ("NAME=value") in their environment."""
    wanted = entry.encode()
    found = []
    for folder in PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            environ = (folder / "environ").read_bytes()  # empty for a zombie
        except OSError:
            continue  # gone, or not ours to read
        seen = look(int(folder.name)) if wanted in environ.split(b"\0") else None
        if seen and seen.state not in "ZX":
            found.append(seen)
    return found


def kill_quietly(pid: int) -> None:
    """SIGKILL; it is fine if the process has ended."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def reap_quietly(pid: int) -> None:
    """Collect a killed child of ours; it is fine if somebody else was faster."""
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass
