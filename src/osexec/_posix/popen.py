"""Spawning with public names only: `subprocess.Popen`, on a thread of its own.

The thread is what makes it safe: Python runs signal handlers in the main
thread alone, so a Ctrl-C cannot fall between the fork and the moment when the
pid is known. Whoever waits for the thread may be interrupted, and finds the pid
in `started`, or waits until the thread has put it there.
"""

from __future__ import annotations

import os
from _thread import start_new_thread
from errno import EAGAIN
from subprocess import Popen
from threading import Event

from .._words.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .spawn import Request


def popen(request: Request, started: list[int]) -> int:
    """Start a child and return its pid."""
    env = None if request.env is None else _mapping(request.env)
    failed: list[BaseException] = []
    ended = Event()

    def work() -> None:
        try:
            started.append(_open(request, env))
        except BaseException as error:  # noqa: BLE001  it goes on in the caller
            failed.append(error)
        finally:
            ended.set()

    # Not Thread and its join(): on 3.11 and 3.12 a join that Ctrl-C had interrupted
    # waited for ever when it was repeated (tests/drive/test_slow_exec.py).
    try:
        start_new_thread(work, ())
    except RuntimeError as error:  # "can't start new thread": clone(2) said EAGAIN
        raise BlockingIOError(EAGAIN, str(error)) from None
    try:
        ended.wait()
    except BaseException:
        while not ended.is_set():
            ended.wait()  # as long as the exec takes; then the child can be ended
        raise
    if failed:
        raise failed.pop()
    return started[-1]


def _open(request: Request, env: dict[bytes, bytes] | None) -> int:
    stdin, stdout, stderr = (None if fd < 0 else fd for fd in request.stdio)
    group: int | None = request.process_group
    if group == -1:
        # Ours, which changes nothing, but keeps 3.13 from os.posix_spawn,
        # which stops every thread until the exec is done (gh-113117).
        group = None if request.new_session else os.getpgrp()
    process = Popen(
        request.argv,
        executable=request.path,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        close_fds=True,
        pass_fds=request.pass_fds,
        cwd=request.cwd,
        env=env,
        start_new_session=request.new_session,
        process_group=group,
        user=request.uid,
        group=request.gid,
        extra_groups=request.extra_groups,
        umask=request.umask,
    )
    process.returncode = 0  # the child is ours from here; Popen must neither reap nor warn
    return process.pid


def _mapping(env: list[bytes]) -> dict[bytes, bytes]:
    """Popen takes keys and values; an entry without "=" cannot be said to it."""
    pairs: dict[bytes, bytes] = {}
    for entry in env:
        key, equals, value = entry.partition(b"=")
        if not equals or not key:
            raise UsageError(f"environment entry {entry!r} needs a key and '=' on this Python")
        pairs[key] = value
    return pairs
