"""What this kernel and this Python can do: asked once, by trying.

Tests answer in the kernel's place by setting `ANSWERS`, and run the same
behaviour with a facility switched off.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PIDFD_SIGNAL_PROCESS_GROUP = 4
"""Flag of pidfd_send_signal(2): the process group led by that process (Linux 6.9)."""

MINDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "_bin", "osexec-minder")
"""The program that contains a tree; built with the package, if there was a C compiler."""

ANSWERS: dict[str, bool] = {}


def can(facility: str) -> bool:
    """Whether `facility` works here."""
    answer = ANSWERS.get(facility)
    if answer is None:
        answer = ANSWERS[facility] = PROBES[facility]()
    return answer


def _pidfd() -> bool:
    """pidfd_open (Linux 5.3), pidfd_send_signal (5.1) and waitid(P_PIDFD) (5.4)."""
    if not (hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")):
        return False
    try:
        fd = os.pidfd_open(os.getpid())
    except OSError:
        return False
    try:
        signal.pidfd_send_signal(fd, 0)
        os.waitid(os.P_PIDFD, fd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:  # we are not our own child: the right answer
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _pidfd_group() -> bool:
    """A signal to the group of a pidfd: safe even when the leader's number is free again."""
    if not can("pidfd"):
        return False
    fd = os.pidfd_open(os.getpid())
    try:
        signal.pidfd_send_signal(fd, 0, None, PIDFD_SIGNAL_PROCESS_GROUP)
    except ProcessLookupError:  # we lead no group: understood, and no such group
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _fork_exec() -> bool:
    """`_posixsubprocess.fork_exec` has the 23 arguments known from CPython 3.11 to 3.13."""
    try:
        from _posixsubprocess import fork_exec  # noqa: F401  the import is the question
    except ImportError:
        return False
    return sys.implementation.name == "cpython" and (3, 11) <= sys.version_info[:2] <= (3, 13)


def minder_missing() -> str:
    """What keeps the minder from working here, for people; empty if nothing does."""
    if not os.path.exists(MINDER):
        return (
            "osexec-minder is not there: osexec was installed without a C compiler "
            "(install one, and osexec again)"
        )
    if not os.access(MINDER, os.X_OK):
        return f"{MINDER!r} may not be executed (a file system that is mounted noexec?)"
    try:
        own = os.readlink("/proc/self")
    except OSError:
        return "/proc is not mounted, and the minder finds processes there"
    if own != str(os.getpid()):
        return "/proc is that of another pid namespace, and the minder finds processes there"
    return ""


PROBES: dict[str, Callable[[], bool]] = {
    "pidfd": _pidfd,
    "pidfd_group": _pidfd_group,
    "pidfd_info": lambda: can("pidfd"),
    "fork_exec": _fork_exec,
    "minder": lambda: not minder_missing(),
}
