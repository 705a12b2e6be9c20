"""Noticing an exit without pidfd: a thread that blocks in waitid(2) for one child."""

from __future__ import annotations

import os
from threading import Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .descriptors import Descriptors


def watch_exit(pid: int, fds: Descriptors) -> int:
    """A descriptor that becomes readable (end of file) when the child can be reaped.

    The thread ends with the child. The writing end is the thread's own, so it
    is never closed by two.
    """
    read_end, write_end = fds.pipe()
    fds.release(write_end)
    thread = Thread(target=_wait, args=(pid, write_end), name="osexec-waiter", daemon=True)
    try:
        thread.start()
    except BaseException:
        os.close(write_end)
        raise
    return read_end


def _wait(pid: int, write_end: int) -> None:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    except ChildProcessError:
        pass  # reaped by somebody else: an end as well
    finally:
        os.close(write_end)
