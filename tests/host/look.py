"""Who is there, minders included; and the reason to skip where there are none."""

import os
from pathlib import Path

import pytest

import osexec
from tests.helpers import proc
from tests.helpers.alive import NAME, Tag
from tests.helpers.limits import VANISH
from tests.helpers.waiting import look_until

BUILT = Path(osexec.__file__).with_name("_bin") / "osexec-minder"

needs_minder = pytest.mark.skipif(not BUILT.exists(), reason="the minder is not built here")


def everyone(tag: Tag, *besides: int) -> list[proc.Seen]:
    """Everybody alive who carries the tag, a minder too; but not these."""
    found = proc.carrying(f"{NAME}={tag.value}")
    return [seen for seen in found if seen.pid not in (os.getpid(), *besides)]


def is_gone(tag: Tag, *besides: int, limit: float = VANISH) -> None:
    """Fail, naming the survivors, unless all but these are gone in time."""
    look_until(lambda: not everyone(tag, *besides), limit)
    left = everyone(tag, *besides)
    assert not left, "left: " + "; ".join(map(str, left))


def running(tag: Tag, program: str) -> list[int]:
    """The pids of those that run that program."""
    return [seen.pid for seen in everyone(tag) if seen.command.split(" ")[0] == program]
