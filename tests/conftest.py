"""What every test gets: a tag for its processes, a look at what it left, and a gate."""

import signal
import threading
from collections.abc import Iterator

import hypothesis
import pytest

from tests.helpers.leaks import tag as tag
from tests.helpers.stress import box as box

# An example that meets a busy machine is slow, not wrong.
hypothesis.settings.register_profile("osexec", deadline=None)
hypothesis.settings.load_profile("osexec")

# A run in the background (a shell's `&`, nohup) begins with these ignored, and what is ignored
# stays so in every child: a Ctrl-C that a test sends would reach nobody.
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        is_int = number == signal.SIGINT
        signal.signal(number, signal.default_int_handler if is_int else signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _reactor() -> None:
    """The library's one background thread stays once it has begun, so it begins before the tests.

    Its thread and descriptors are then part of what every test finds.
    """
    import osexec

    osexec.start("true").wait()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """An event for a reader, writer or cancel function to block on; it opens after the test."""
    gate = threading.Event()
    yield gate
    gate.set()
