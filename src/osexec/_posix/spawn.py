"""Starting a child, behind one seam: `_posixsubprocess.fork_exec`, or public `Popen`.

fork_exec is what `subprocess` itself calls. Calling it directly avoids what
Popen does around it: a Ctrl-C during a slow exec loses the pid, and on 3.13 a
default Popen stops every Python thread until the exec is done. Its signature is
private, so it is used only where `probe` knows it; elsewhere `popen.py` does
the same with public names. `os.posix_spawn` is no base: it holds the GIL
through the exec on every version and has no working directory.
"""

from __future__ import annotations

import os
from errno import EAGAIN, ENOMEM, ETXTBSY
from itertools import starmap
from signal import SIGKILL
from time import sleep

try:
    from _posixsubprocess import fork_exec
except ImportError:  # another Python; `probe` says no
    fork_exec = None  # type: ignore[assignment]

from . import probe
from .failure import explain
from .process import Child, left, reap_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .._words.errors import StartError
    from .descriptors import Descriptors

BRIEF = (ETXTBSY, EAGAIN)
PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.1, 0.1)
"""Seconds between attempts after these two, 0.39 s together.

ETXTBSY: another thread forked while the program was open for writing, and its
copy of the descriptor lives until it execs (golang/go#22315): it passes by
itself. EAGAIN: the process limit is reached (fork(2)); it may pass.
"""


class Request:
    """What a child is to be: everything that happens between fork and exec."""

    cwd: bytes | None = None
    env: list[bytes] | None = None
    pass_fds: tuple[int, ...] = ()
    new_session = False
    process_group = -1
    uid: int | None = None
    gid: int | None = None
    extra_groups: list[int] | None = None
    umask = -1

    # What Python cannot do safely between fork and exec: only the minder does it.
    files: tuple[int, ...] = ()
    """To become 3, 4, …; -1 for a number that is to be closed."""
    terminal = 0
    takes_terminal = False
    foreground = False
    limits: tuple[tuple[int, int, int], ...] = ()
    nice = 0
    no_new_privs = False
    cgroup: int | None = None

    @property
    def is_plain(self) -> bool:
        """Nothing of it needs the minder."""
        return not (
            self.files
            or self.foreground
            or self.limits
            or self.nice
            or self.no_new_privs
            or self.takes_terminal
        )

    def __init__(
        self, argv: Sequence[bytes], path: bytes, stdio: tuple[int, int, int], **options: Any
    ) -> None:
        self.argv = argv
        self.path = path
        self.stdio = stdio
        for name, value in options.items():
            setattr(self, name, value)


def spawn(request: Request, fds: Descriptors, started: list[int]) -> Child:
    """Start a child; when this returns it has made its exec.

    Args:
        fds: Owns the pidfd, and everything made on the way.
        started: The pid is here from the moment the child exists, whatever
            interrupts us; empty again if the attempt failed and was reaped.

    Raises:
        StartError: Nothing is left of the attempt.
    """
    if left:
        reap_left()
    attempt = _fork_exec if probe.can("fork_exec") else _popen
    for pause in PAUSES:
        try:
            return attempt(request, fds, started)
        except OSError as error:
            if error.errno not in BRIEF:
                raise
        sleep(pause)
    return attempt(request, fds, started)


def _fork_exec(request: Request, fds: Descriptors, started: list[int]) -> Child:
    stdin, stdout, stderr = request.stdio
    error_read, error_write = fds.pipe()
    argument = (
        request.argv,
        (request.path,),
        True,  # close every descriptor that is not passed
        tuple(sorted({*request.pass_fds, error_write})) if request.pass_fds else (error_write,),
        request.cwd,
        request.env,
        stdin,
        -1,
        -1,
        stdout,
        -1,
        stderr,
        error_read,
        error_write,
        True,  # SIGPIPE, SIGXFZ and SIGXFSZ back to default; Python ignores them
        request.new_session,
        request.process_group,
        request.gid,
        request.extra_groups,
        request.uid,
        request.umask,
        None,  # no preexec_fn: it may run no Python safely after fork
        True,  # vfork where it is safe
    )
    assert fork_exec is not None  # `probe` has looked
    try:
        # The pid goes from the C call into the list without a bytecode between,
        # where a Ctrl-C would lose a running child that nobody knows.
        started.extend(starmap(fork_exec, (argument,)))
    except OSError as error:
        fds.close(error_read)
        fds.close(error_write)
        raise explain(request, error.errno or EAGAIN, "fork") from None
    fds.close(error_write)  # its number is free now for the pidfd
    child = _held(request, started, fds)
    told = os.read(error_read, 500)
    fds.close(error_read)
    if told:
        child.reap_failed()
        started.clear()
        raise _told(request, told)
    return child


def _told(request: Request, told: bytes) -> StartError:
    """The child's last words: b"OSError:<hex errno>:<"noexec…" before exec, else empty>"."""
    try:
        kind, number, where = told.split(b":", 2)
        if kind == b"OSError":
            return explain(request, int(number, 16), "setup" if where[:6] == b"noexec" else "exec")
    except ValueError:
        pass
    return explain(request, EAGAIN, "fork")


def _popen(request: Request, fds: Descriptors, started: list[int]) -> Child:
    from .popen import popen

    try:
        popen(request, started)
    except OSError as error:
        started.clear()
        if error.errno is None:
            raise
        # Popen names the executable if exec itself failed, the directory or
        # nothing if a step before it did, and nothing if it could not fork.
        stage = "exec" if error.filename == request.path else "setup"
        if error.filename is None and error.errno in (EAGAIN, ENOMEM):
            stage = "fork"
        raise explain(request, error.errno, stage) from None
    return _held(request, started, fds)


def _held(request: Request, started: list[int], fds: Descriptors) -> Child:
    """The child that has just been started, ready to be signalled and waited for."""
    try:
        return Child(started[-1], fds)
    except (OSError, RuntimeError) as error:  # no descriptor for its pidfd, or no thread
        end_by_number(started)
        raise explain(request, getattr(error, "errno", None) or EAGAIN, "fork") from error


def end_by_number(started: list[int]) -> None:
    """End and reap a child that could not be held.

    Its number is safe to use: it is a child of ours that nobody has reaped.
    """
    try:
        os.kill(started[-1], SIGKILL)
        os.waitpid(started[-1], 0)
    except (ProcessLookupError, ChildProcessError):
        pass
    started.clear()
