"""The foreground of a terminal, lent to a command and taken back.

Only the foreground process group may read from its terminal (credentials(7)). The command makes
its group the foreground one before its exec; when it has ended, nobody but us gives it back.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .descriptors import Descriptors
    from .spawn import Request


class Foreground:
    """Who has a terminal before a command gets it."""

    def __init__(self, request: Request, fds: Descriptors) -> None:
        self._group: int | None = None
        try:
            self._fd = fds.adopt(os.dup(before_start(request, request.terminal)))
            self._group = os.tcgetpgrp(self._fd)
        except OSError:
            pass  # it is no terminal, or not ours: the start will say so

    def give_back(self) -> None:
        """Make it as it was, if a group that is gone, or the command's, has it now."""
        group, self._group = self._group, None
        if group is None:
            return
        # A background process that does this is stopped, unless it has this blocked.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            if os.tcgetpgrp(self._fd) != group:
                os.tcsetpgrp(self._fd, group)
        except OSError:
            pass  # hung up, or our group has ended
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def before_start(request: Request, fd: int) -> int:
    """Which of our descriptors the child will have as `fd`."""
    if fd < 3:
        ours = request.stdio[fd]
        return fd if ours < 0 else ours
    return request.files[fd - 3] if fd - 3 < len(request.files) else fd
