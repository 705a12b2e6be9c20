"""SysAttrs(controlling_terminal=, foreground=): a terminal for the command, and its foreground.

How Ctrl-C, Ctrl-Z and a prompt behave is tested where terminals are.
"""

import os
import pty
import sys
from collections.abc import Iterator

import pytest

from osexec import Capture, Cmd, StartError, SysAttrs, UsageError
from tests.helpers.alive import Tag
from tests.helpers.drivers import Run, error_of
from tests.helpers.fresh import ask
from tests.helpers.limits import LONG
from tests.helpers.roles import role

CONTAINED = ["process", "tree"]

# What the command's terminal is, whose foreground it is, and whether it leads its session.
LOOK = """
import json, os
try:
    fd = os.open("/dev/tty", os.O_RDWR)
    said = [os.tcgetpgrp(fd) == os.getpgrp(), os.getsid(0) == os.getpid()]
except OSError as error:
    said = error.strerror
os.write(1, json.dumps(said).encode())
"""


@pytest.fixture
def terminal() -> Iterator[int]:
    """The command's end of a new terminal."""
    master, slave = pty.openpty()
    yield slave
    os.close(master)
    os.close(slave)


@pytest.fixture(params=CONTAINED)
def contain(request: pytest.FixtureRequest) -> str:
    return request.param


def look() -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", LOOK)


def said_by(run: Run, stdin: int, contain: str, **attrs: object) -> str:
    cmd = Cmd(*look(), stdin=stdin, stdout=Capture(), contain=contain, sys=SysAttrs(**attrs))
    return (run(cmd, timeout=LONG).stdout or b"").decode()


def test_a_new_session_has_no_terminal(contain: str, run: Run, terminal: int) -> None:
    said = said_by(run, terminal, contain, new_session=True)
    assert said == '"No such device or address"'


def test_it_gets_the_terminal_it_was_given(contain: str, run: Run, terminal: int) -> None:
    said = said_by(run, terminal, contain, new_session=True, controlling_terminal=0)
    assert said == "[true, true]"  # who leads a session begins in the foreground


def test_the_terminal_may_be_any_of_its_descriptors(contain: str, run: Run, terminal: int) -> None:
    attrs = SysAttrs(new_session=True, controlling_terminal=4)
    cmd = Cmd(*look(), stdout=Capture(), contain=contain, extra_files=[None, terminal], sys=attrs)
    assert run(cmd, timeout=LONG).stdout == b"[true, true]"


def test_a_terminal_needs_a_session() -> None:
    with pytest.raises(UsageError, match="new_session"):
        SysAttrs(controlling_terminal=0)


def test_what_is_no_terminal_is_refused(contain: str, run: Run, tag: Tag) -> None:
    attrs = SysAttrs(new_session=True, controlling_terminal=0)
    error = error_of(run, Cmd("true", contain=contain, sys=attrs))
    assert isinstance(error, StartError)
    assert error.op == "setup"
    assert "controlling_terminal=0" in str(error)
    assert tag.minders() == []


FOREGROUND = """
    import fcntl, json, os, sys, termios
    from osexec import Capture, Cmd, SysAttrs

    contain, how, *words = sys.argv[1:]
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # we lead a session: now it has a terminal
    assert os.tcgetpgrp(0) == os.getpgrp()
    attrs = {
        "own group": SysAttrs(process_group=0, foreground=True),
        "our group": SysAttrs(process_group=0),
    }[how]
    cmd = Cmd(*words, stdin=0, stdout=Capture(), contain=contain, sys=attrs)
    said = json.loads(cmd.run(timeout=30).stdout)
    print(json.dumps([said, os.tcgetpgrp(0) == os.getpgrp()]))
"""


@pytest.mark.parametrize("how", ["own group", "our group"])
def test_the_foreground_is_the_commands_and_then_ours_again(
    how: str, contain: str, terminal: int
) -> None:
    said, is_ours_again = ask(
        FOREGROUND, contain, how, *look(), stdin=terminal, start_new_session=True
    )
    is_in_front, leads_session = said
    assert is_in_front == (how == "own group")
    assert not leads_session
    # A minder gives it back. One that has become the command is not there any more to do so.
    if contain == "tree" or how == "our group":
        assert is_ours_again


def test_the_foreground_of_what_is_no_terminal_is_refused(contain: str, run: Run, tag: Tag) -> None:
    attrs = SysAttrs(process_group=0, foreground=True)
    error = error_of(run, Cmd("true", contain=contain, sys=attrs))
    assert isinstance(error, StartError)
    assert error.op == "setup"
    assert "foreground" in str(error)
    assert tag.minders() == []


def test_a_command_in_our_group_reads_from_our_terminal(terminal: int) -> None:
    """In a group of its own it would be stopped at its first read."""
    code = """
        import fcntl, json, os, sys, termios
        from osexec import INHERIT, Capture, Cmd
        from tests.helpers.roles import state_of

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        cmd = Cmd(*sys.argv[1:], stdin=INHERIT, stdout=Capture(), contain="tree")
        state = state_of(cmd.run(timeout=30).stdout)
        print(json.dumps(int(state["pgid"]) == os.getpgrp()))
    """
    assert ask(code, *role("state"), stdin=terminal, start_new_session=True) is True
