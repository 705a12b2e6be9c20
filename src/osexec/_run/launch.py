"""From a description to a running child: lookup, environment, streams, spawn."""

from __future__ import annotations

import os

from .._posix.environment import block
from .._posix.lookup import look_path
from .._posix.spawn import Request, spawn
from .._posix.users import credentials
from .._words.attrs import NO_ATTRS
from .._words.streams import Stream
from .stdio import NOT_CHANGED, Wiring, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._posix.descriptors import Descriptors
    from .._posix.process import Child
    from .._words.attrs import SysAttrs
    from .._words.spec import Spec


def program(spec: Spec) -> str | bytes:
    """The file to execute. A name with a slash is taken as it is, relative to `cwd`.

    Raises:
        LookPathError: A bare name was not found, or only relative to the
            current directory.
    """
    name = spec.args[0] if spec.executable is None else spec.executable
    if type(name) is str:
        if "/" in name:
            return name
    elif isinstance(name, os.PathLike):
        return os.fspath(name)
    if b"/" in name if isinstance(name, bytes) else "/" in name:
        return name
    name = os.fsdecode(name)
    where = os.environ.get("PATH", "")
    found = spec._found
    if found is None or found[0] != where or not os.access(found[1], os.X_OK):
        found = (where, look_path(name))
        object.__setattr__(spec, "_found", found)
    return found[1]


def containment(spec: Spec, stdin: int) -> str:
    """How the command is contained, if it does not say.

    "group", unless the child reads from our terminal: in a group of its own it
    would be stopped by SIGTTIN at the first read, and never end (credentials(7)).
    """
    if spec.contain is not None:
        return spec.contain
    if spec.sys.process_group:
        return "process"
    if spec.sys.new_session or spec.stdin is None or spec.stdin is Stream.DEVNULL:
        return "group"
    return "process" if _is_terminal(0 if stdin == NOT_CHANGED else stdin) else "group"


def start_child(
    spec: Spec,
    path: str | bytes,
    contain: str,
    wiring: Wiring,
    fds: Descriptors,
    started: list[int],
) -> Child:
    """Spawn; see `_posix.spawn.spawn`."""
    attrs = spec.sys
    stdin, stdout, stderr = wiring.stdio
    path = spec._argv[0] if path is spec.args[0] else os.fsencode(path)
    request = Request(spec._argv, path, (stdin, stdout, stderr))
    if contain == "group":
        request.process_group = 0
    if attrs is not NO_ATTRS:
        _set_attributes(request, attrs)
    if spec.cwd is not None:
        request.cwd = os.fsencode(spec.cwd)
    request.env = block(spec._env, spec._extra_env, request.cwd)
    for fd in spec.pass_fds:
        checked("pass_fds", fd)
    request.pass_fds = spec.pass_fds
    return spawn(request, fds, started)


def _set_attributes(request: Request, attrs: SysAttrs) -> None:
    request.uid, request.gid, request.extra_groups = credentials(
        attrs.user, attrs.group, attrs.extra_groups
    )
    if attrs.umask is not None:
        request.umask = attrs.umask
    if attrs.new_session:  # it makes a group too; setpgid(2) would be refused after it
        request.new_session = True
        request.process_group = -1
    elif attrs.process_group is not None:
        request.process_group = attrs.process_group


def environ(spec: Spec) -> list[bytes]:
    """The environment that the command would get."""
    cwd = None if spec.cwd is None else os.fsencode(spec.cwd)
    entries = block(spec._env, spec._extra_env, cwd)
    if entries is None:
        entries = [key + b"=" + value for key, value in os.environb.items()]
    return entries


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False
