"""What the kernel sets up for a child, and how the child is ended."""

from __future__ import annotations

from signal import SIGKILL

from .errors import UsageError
from .rlimits import copied, limits
from .value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeAlias

    Signal: TypeAlias = tuple[int, float | None, bool]
    """A step as the machine takes it (`_core/deadline.py`)."""


class SysAttrs(Value):
    """What the kernel is to set up for the child (Go's SysProcAttr).

    Args:
        user: Run as this user, by name or number. The group and the supplementary
            groups become the user's own, unless given.
        group: Run with this group, by name or number.
        extra_groups: Supplementary groups, by name or number.
        umask: File mode creation mask.
        new_session: Make the child the leader of a new session, without a terminal.
        process_group: 0 makes the child the leader of a group of its own; another
            number joins that group of the same session.
        controlling_terminal: This descriptor, as the child numbers it, becomes its
            controlling terminal; needs `new_session` (Go's Setctty and Ctty).
        foreground: Its group becomes the foreground group of that terminal (else of
            the one that is its stdin), and gives it back at its end; makes a group of
            its own.
        rlimits: Limits of setrlimit(2): {"NOFILE": 64, "CPU": (10, 20)}, one number for
            the soft and the hard limit, or both; `math.inf` is no limit.
        nice: Added to its niceness (nice(2)).
        no_new_privs: Nothing below it ever gains rights, not by set-uid programs
            either (prctl(2)): `sudo` and `ping` may fail.
        memory_max: Bytes of memory for the whole tree; needs contain="cgroup".
        pids_max: How many processes and threads; needs contain="cgroup".

    The fields from `controlling_terminal` on, and `extra_files`, need the minder.
    """

    __slots__ = (
        "_limits",
        "controlling_terminal",
        "extra_groups",
        "foreground",
        "group",
        "memory_max",
        "new_session",
        "nice",
        "no_new_privs",
        "pids_max",
        "process_group",
        "rlimits",
        "umask",
        "user",
    )

    user: str | int | None
    group: str | int | None
    extra_groups: tuple[str | int, ...] | None
    umask: int | None
    new_session: bool
    process_group: int | None
    controlling_terminal: int | None
    foreground: bool
    rlimits: Mapping[str | int, Any] | None
    nice: int
    no_new_privs: bool
    memory_max: int | None
    pids_max: int | None

    _limits: tuple[tuple[int, int, int], ...]

    def __init__(
        self,
        *,
        user: str | int | None = None,
        group: str | int | None = None,
        extra_groups: Sequence[str | int] | None = None,
        umask: int | None = None,
        new_session: bool = False,
        process_group: int | None = None,
        controlling_terminal: int | None = None,
        foreground: bool = False,
        rlimits: Mapping[str | int, float | tuple[float, float]] | None = None,
        nice: int = 0,
        no_new_privs: bool = False,
        memory_max: int | None = None,
        pids_max: int | None = None,
    ) -> None:
        for name, value in (("user", user), ("group", group)):
            if value is not None and not _is_id(value):
                raise UsageError(f"{name}= takes a name or a number, not {value!r}")
        if extra_groups is not None:
            if not isinstance(extra_groups, list | tuple) or not all(map(_is_id, extra_groups)):
                raise UsageError(f"extra_groups= takes names or numbers, not {extra_groups!r}")
            extra_groups = tuple(extra_groups)
        if umask is not None and (type(umask) is not int or not 0 <= umask <= 0o777):
            raise UsageError(f"umask= takes a number from 0 to 0o777, not {umask!r}")
        for name, flag in (
            ("new_session", new_session),
            ("foreground", foreground),
            ("no_new_privs", no_new_privs),
        ):
            if type(flag) is not bool:
                raise UsageError(f"{name}= takes True or False, not {flag!r}")
        if process_group is not None and (
            type(process_group) is not int or not 0 <= process_group < 1 << 31
        ):
            raise UsageError(f"process_group= takes 0 or a group's number, not {process_group!r}")
        if new_session and process_group is not None:
            raise UsageError("new_session=True makes a group of its own: leave process_group= out")
        if controlling_terminal is not None:
            if type(controlling_terminal) is not int or not 0 <= controlling_terminal < 1 << 31:
                raise UsageError(
                    f"controlling_terminal= takes a descriptor of the child, such as 0, "
                    f"not {controlling_terminal!r}"
                )
            if not new_session:
                raise UsageError(
                    "controlling_terminal= needs a session without one: new_session=True"
                )
        if foreground and new_session and controlling_terminal is None:
            raise UsageError("foreground=True: a new session needs controlling_terminal= for that")
        if foreground and process_group:
            raise UsageError("foreground=True makes a group of its own: leave process_group= out")
        if type(nice) is not int or not -40 <= nice <= 40:
            raise UsageError(f"nice= takes a number that is added, from -40 to 40, not {nice!r}")
        for name, most in (("memory_max", memory_max), ("pids_max", pids_max)):
            if most is not None and (type(most) is not int or most <= 0):
                raise UsageError(f"{name}= takes a number above 0, not {most!r}")
        taken = () if rlimits is None else limits(rlimits)
        self._fill(
            user=user,
            group=group,
            extra_groups=extra_groups,
            umask=umask,
            new_session=new_session,
            process_group=process_group,
            controlling_terminal=controlling_terminal,
            foreground=foreground,
            rlimits=None if rlimits is None else copied(rlimits),
            nice=nice,
            no_new_privs=no_new_privs,
            memory_max=memory_max,
            pids_max=pids_max,
            _limits=taken,
        )

    def __hash__(self) -> int:
        return hash((self.user, self.group, self.umask, self.new_session, self.process_group))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (self._fields(),)


def _rebuilt(fields: dict[str, Any]) -> SysAttrs:
    return SysAttrs(**fields)


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value)
    # The highest number means "as it is" to setresuid(2): it is nobody's.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 0xFFFFFFFF


NO_ATTRS = SysAttrs()


class Step(Value):
    """One step of `cancel=`: a signal, and the longest wait before the next step.

    Args:
        signal: By number or name.
        delay: Seconds.
        scope: "child": to the command alone, as Go does. "tree": to everything below
            it, too, as far as `contain` can tell what that is.
    """

    __slots__ = ("delay", "scope", "signal")

    signal: int | str
    delay: float
    scope: str

    def __init__(self, signal: int | str, delay: float, scope: str = "child") -> None:
        if scope not in ("child", "tree"):
            raise UsageError(f"a step's scope is 'child' or 'tree', not {scope!r}")
        self._fill(signal=signal, delay=delay, scope=scope)


class Cancel(Value):
    """How a command is ended: signals in turn, or a function of the caller's."""

    __slots__ = ("function", "steps")

    steps: tuple[Signal, ...]
    function: Callable[[Any], object] | None

    def __init__(self, steps: tuple[Signal, ...], function: Callable[[Any], object] | None) -> None:
        self._fill(steps=steps, function=function)


KILL = Cancel(((SIGKILL, None, False),), None)
