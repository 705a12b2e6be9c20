"""Users and groups by name or number, never half: a user comes with its own groups.

Popen(user=…) alone leaves a process of root's with root's groups.
"""

from __future__ import annotations

import os

from .._words.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def credentials(
    user: str | int | None,
    group: str | int | None,
    extra_groups: Sequence[str | int] | None,
) -> tuple[int | None, int | None, list[int] | None]:
    """(uid, gid, supplementary groups) to set in the child; None leaves ours.

    Raises:
        UsageError: No such user or group, or a user without a known group.
    """
    gid = None if group is None else _gid(group)
    groups = None if extra_groups is None else [_gid(one) for one in extra_groups]
    if user is None:
        return None, gid, groups
    from pwd import getpwnam, getpwuid

    try:
        entry = getpwnam(user) if isinstance(user, str) else getpwuid(user)
    except KeyError:
        if isinstance(user, str):
            raise UsageError(f"there is no user {user!r}") from None
        if gid is None:
            raise UsageError(
                f"user {user} is not in the user database: say which group= it is to have"
            ) from None
        return user, gid, [] if groups is None else groups
    if entry.pw_uid == os.geteuid() and gid is None and groups is None:
        return None, None, None  # we are that user: nothing to change, and no right to
    if gid is None:
        gid = entry.pw_gid
    if groups is None:
        groups = os.getgrouplist(entry.pw_name, gid)
    return entry.pw_uid, gid, groups


def _gid(group: str | int) -> int:
    if isinstance(group, int):
        return group
    from grp import getgrnam

    try:
        return getgrnam(group).gr_gid
    except KeyError:
        raise UsageError(f"there is no group {group!r}") from None
