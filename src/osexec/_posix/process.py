"""One child: noticed, signalled and reaped without ever touching a stranger.

A pid belongs to the child until it is reaped, and may then belong to anyone.
So a signal goes through a pidfd, which cannot be reused (pidfd_open(2), Linux
5.3); without one it goes under the lock that reaping takes, and never after.
"""

from __future__ import annotations

import os
import signal
from _thread import RLock
from select import POLLIN, poll

from . import probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .descriptors import Descriptors

PIDFD_GET_INFO = 0xC040FF0B  # _IOWR(0xFF, 11, struct pidfd_info of 64 bytes), Linux 6.13
PIDFD_INFO_EXIT = 1 << 3  # exit information, also after the reap, Linux 6.15

LOOK = os.WEXITED | os.WNOHANG | os.WNOWAIT
"""Options of waitid(2): whether it has ended, without reaping it."""

left: list[Child] = []
"""Children that could not be killed, to be reaped when they end."""


class Status:
    """How a child ended. `returncode` is None if somebody else collected it."""

    __slots__ = ("core_dumped", "returncode", "rusage")

    def __init__(
        self,
        returncode: int | None,
        core_dumped: bool = False,
        rusage: tuple[float, ...] | None = None,
    ) -> None:
        self.returncode = returncode
        self.core_dumped = core_dumped
        self.rusage = rusage


LOST = Status(None)


class Child:
    """A direct child of this process. `exit_fd` becomes readable when it ends."""

    __slots__ = ("_fds", "_lock", "_pidfd", "_status", "exit_fd", "pid", "reaped")

    def __init__(self, pid: int, fds: Descriptors) -> None:
        self.pid = pid
        self.reaped = False
        self._fds = fds
        self._lock = RLock()  # reentrant: a signal handler may signal the child too
        self._status: Status | None = None
        self._pidfd: int | None = None
        self.exit_fd: int | None = None
        if probe.can("pidfd"):
            self._open_pidfd()
        else:
            from .waiter import watch_exit

            self.exit_fd = watch_exit(pid, fds)

    def _open_pidfd(self) -> None:
        try:
            fd = self._fds.pidfd(self.pid)
        except ProcessLookupError:
            self._lose()  # reaped by a stranger before we could look
            return
        self._pidfd = self.exit_fd = fd
        try:
            os.waitid(os.P_PIDFD, fd, LOOK)
        except ChildProcessError:
            # Reaped already; if the number lives, it is a stranger's.
            status = _exit_info(fd)
            if status is None:
                self._fds.close(fd)
                self._pidfd = self.exit_fd = None
                self._lose()
            else:
                self.reaped = True
                self._status = status

    def _lose(self) -> None:
        self.reaped = True
        self._status = LOST

    def peek(self) -> Status | None:
        """How it ended, without reaping it; None while it runs."""
        if self._status is not None:
            return self._status
        try:
            if self._pidfd is not None:
                info = os.waitid(os.P_PIDFD, self._pidfd, LOOK)
            else:
                info = os.waitid(os.P_PID, self.pid, LOOK)
        except ChildProcessError:
            with self._lock:
                self.reaped = True
                self._status = self._recover()
            return self._status
        if info is None:
            return None
        dumped = info.si_code == os.CLD_DUMPED
        exited = info.si_code == os.CLD_EXITED
        code = info.si_status if exited else -info.si_status
        self._status = Status(code, dumped)
        return self._status

    def reap(self) -> Status | None:
        """Collect the status, once; later calls give the same answer. None while it runs."""
        status = self.peek()
        if status is None or self.reaped:
            return status
        with self._lock:
            # wait4 and not waitid: only it tells the rusage. It takes a number,
            # and the zombie that peek() just saw still holds it.
            self.reaped = True  # first: from here on the number may be a stranger's
            try:
                _, _, status.rusage = os.wait4(self.pid, os.WNOHANG)
            except ChildProcessError:
                pass  # stolen between the two calls; the status is known all the same
            except ImportError:
                pass  # reaped, but the interpreter exits and has no struct_rusage any more
        return status

    def signal(self, number: int) -> None:
        """Send a signal to the child alone.

        Raises:
            ProcessLookupError: It has ended and been reaped.
            PermissionError: It runs as somebody else.
        """
        with self._lock:
            if self.reaped:
                raise ProcessLookupError(f"process {self.pid} has already finished")
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, number)
            else:
                os.kill(self.pid, number)

    def signal_group(self, number: int) -> bool:
        """Send a signal to the group that the child leads; False if no such group is left."""
        with self._lock:
            try:
                if self._pidfd is not None and probe.can("pidfd_group"):
                    # By identity, not by number: right also after the reap.
                    flags = probe.PIDFD_SIGNAL_PROCESS_GROUP
                    signal.pidfd_send_signal(self._pidfd, number, None, flags)
                elif self.reaped:
                    return False  # the group's number may be another group's by now
                else:
                    os.killpg(self.pid, number)
            except ProcessLookupError:
                return False
        return True

    def join(self, limit_ms: int) -> bool:
        """Wait until it has ended and collect it; False if the time passes first."""
        if self.exit_fd is not None and not self.reaped:
            poller = poll()
            poller.register(self.exit_fd, POLLIN)
            poller.poll(limit_ms)
        return self.reap() is not None

    def reap_failed(self) -> None:
        """Collect a child that could not exec and is leaving; returns when it is gone."""
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass
        self.reaped = True
        self.close()

    def close(self) -> None:
        """Close what we hold of it."""
        with self._lock:
            fd, self.exit_fd, self._pidfd = self.exit_fd, None, None
            if fd is not None:
                self._fds.close(fd)

    def leave(self) -> None:
        """Give up on a child that cannot be killed; it is reaped by a later `reap_left`."""
        if not self.reaped:
            left.append(self)

    def _recover(self) -> Status:
        status = _exit_info(self._pidfd) if self._pidfd is not None else None
        return status or LOST


def reap_left() -> None:
    """Reap children that were left behind unkillable, if they have ended since."""
    for child in left[:]:
        with child._lock:
            try:
                ended, _ = os.waitpid(child.pid, os.WNOHANG)
            except ChildProcessError:
                ended = child.pid
            child.reaped = child.reaped or bool(ended)
        if ended and child in left:
            left.remove(child)


def _exit_info(pidfd: int) -> Status | None:
    """The status that the kernel keeps with a pidfd after somebody else's reap.

    With SIGCHLD ignored, or a thread in waitpid(-1), this is the only place
    where the truth still is (ioctl_pidfd(2), PIDFD_GET_INFO).
    """
    if not probe.can("pidfd_info"):
        return None
    from fcntl import ioctl

    info = bytearray(64)
    info[0] = PIDFD_INFO_EXIT
    try:
        ioctl(pidfd, PIDFD_GET_INFO, info)
    except OSError:
        return None
    if not int.from_bytes(info[:8], "little") & PIDFD_INFO_EXIT:
        return None
    raw = int.from_bytes(info[60:64], "little")
    return Status(os.waitstatus_to_exitcode(raw), os.WCOREDUMP(raw))
