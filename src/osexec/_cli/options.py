"""The options of each command, as one table for reading them and for the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .checks import (
    read_contain,
    read_cwd,
    read_duration,
    read_env,
    read_leaks,
    read_report,
    read_signal,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class Option(NamedTuple):
    """One option: its name, what stands for its value if it takes one, how that is read."""

    name: str
    value: str = ""
    read: Callable[[str], object] | None = None
    default: object = None
    many: bool = False
    help: str = ""


RUN = (
    Option("--timeout", "D", read_duration, 0.0, help="end the command after this time (0: never)"),
    Option("--signal", "S", read_signal, read_signal("TERM"), help="the first signal then (TERM)"),
    Option("--wait-delay", "D", read_duration, 5.0, help="from that to KILL (5s; 0: no KILL)"),
    Option(
        "--contain", "HOW", read_contain, help="process, group, tree (usual), namespace or cgroup"
    ),
    Option(
        "--leaks", "WHAT", read_leaks, help="what outlives it: allow (usual), warn, kill or error"
    ),
    Option("--cwd", "D", read_cwd, help="the directory to run in"),
    Option("--env", "K=V", read_env, (), many=True, help="set a variable; may be repeated"),
    Option("--quiet", default=False, help="do not say how the command ended"),
    Option("--report", "FILE", read_report, help="write what happened as JSON (-: to stderr)"),
)
WHICH: tuple[Option, ...] = ()
DOCTOR = (Option("--json", default=False, help="write JSON"),)

COMMANDS = {"run": RUN, "which": WHICH, "doctor": DOCTOR}
