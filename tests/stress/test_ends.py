"""A thousand commands that end at the same time, or nearly."""

import resource
import time

import pytest

from osexec import Canceled, Capture, Cmd, Context, DeadlineExceeded
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, LONG
from tests.helpers.stress import TimeBox

AT_ONCE = 1_000


def has_room() -> bool:
    """Each command needs descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft == resource.RLIM_INFINITY or soft >= 8 * AT_ONCE


pytestmark = [
    pytest.mark.stress,
    pytest.mark.skipif(not has_room(), reason="the limit on descriptors is too low"),
]


def test_a_thousand_are_cancelled_at_once(tag: Tag) -> None:
    ctx = Context()
    cmd = Cmd("sleep", str(FOREVER), stdout=Capture())
    processes = [cmd.start(ctx=ctx) for _ in range(AT_ONCE)]
    begin = time.monotonic()
    ctx.cancel("all of you")
    for process in processes:
        with pytest.raises(Canceled):
            process.wait(LONG)
    print(f"ended in {time.monotonic() - begin:.2f} s")
    assert tag.alive() == []


def test_a_thousand_timeouts(tag: Tag, box: TimeBox) -> None:
    cmd = Cmd("sleep", str(FOREVER))
    limits = [box.random.uniform(1, 3) for _ in range(AT_ONCE)]
    processes = [cmd.start(timeout=limit) for limit in limits]
    late = []
    for process, limit in zip(processes, limits, strict=True):
        with pytest.raises(DeadlineExceeded):
            process.wait(LONG)
        assert process.result is not None
        late.append(process.result.elapsed - limit)
    print(f"the latest came {1000 * max(late):.0f} ms late")
    assert tag.alive() == []
