"""What the kernel sets up for a child, and how the child is ended."""

from __future__ import annotations

from signal import SIGKILL

from .errors import UsageError
from .value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    Step: TypeAlias = tuple[int, float | None]


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
    """

    __slots__ = ("extra_groups", "group", "new_session", "process_group", "umask", "user")

    user: str | int | None
    group: str | int | None
    extra_groups: tuple[str | int, ...] | None
    umask: int | None
    new_session: bool
    process_group: int | None

    def __init__(
        self,
        *,
        user: str | int | None = None,
        group: str | int | None = None,
        extra_groups: Sequence[str | int] | None = None,
        umask: int | None = None,
        new_session: bool = False,
        process_group: int | None = None,
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
        if type(new_session) is not bool:
            raise UsageError(f"new_session= takes True or False, not {new_session!r}")
        if process_group is not None and (type(process_group) is not int or process_group < 0):
            raise UsageError(f"process_group= takes 0 or a group's number, not {process_group!r}")
        if new_session and process_group is not None:
            raise UsageError("new_session=True makes a group of its own: leave process_group= out")
        self._fill(
            user=user,
            group=group,
            extra_groups=extra_groups,
            umask=umask,
            new_session=new_session,
            process_group=process_group,
        )


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


NO_ATTRS = SysAttrs()


class Cancel(Value):
    """How a command is ended: signals in turn, or a function of the caller's."""

    __slots__ = ("function", "steps")

    steps: tuple[Step, ...]
    function: Callable[[Any], object] | None

    def __init__(self, steps: tuple[Step, ...], function: Callable[[Any], object] | None) -> None:
        self._fill(steps=steps, function=function)


KILL = Cancel(((SIGKILL, None),), None)
