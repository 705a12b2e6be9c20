"""Copies of the test process, made by os.fork() in the middle of everything."""

import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.helpers.limits import LONG
from tests.helpers.waiting import look_until


class Copy:
    """A copy of this process that calls a function and leaves; status 0 if that went well."""

    def __init__(self, function: Callable[[], object]) -> None:
        with warnings.catch_warnings():
            # "use of fork() may lead to deadlocks in the child": that it does not is tested.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                function()
                status = 0
            except BaseException:  # noqa: BLE001  the exit status tells
                traceback.print_exc()
            finally:
                os._exit(status)
        self._status: int | None = None

    def wait(self, limit: float = LONG) -> None:
        """Fail unless it ends well in time."""
        status, in_time = look_until(self._look, limit)
        if not in_time:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        assert in_time, f"the copy hangs for {limit:g} s"
        assert status == "0", f"the copy failed with status {status}"

    def _look(self) -> str:
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return "" if self._status is None else str(self._status)


@contextmanager
def living_copy() -> Iterator[int]:
    """A copy that does nothing but live as long as the block; its pid."""
    read_end, write_end = os.pipe()

    def live() -> None:
        os.close(write_end)
        os.read(read_end, 1)  # until the block is left

    copy = Copy(live)
    try:
        yield copy.pid
    finally:
        os.close(read_end)
        os.close(write_end)
        copy.wait()
