"""From a description to a running child: lookup, environment, streams, spawn."""

from __future__ import annotations

import os

from .._posix.environment import block
from .._posix.lookup import look_path
from .._posix.spawn import Request, spawn
from .._posix.users import credentials
from .._words.attrs import NO_ATTRS
from .._words.streams import Stream
from .stdio import NOT_CHANGED, Wiring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._posix.descriptors import Descriptors
    from .._posix.process import Child
    from .._words.spec import Spec


def program(spec: Spec) -> str | bytes:
    """The file to execute. A name with a slash is taken as it is, relative to `cwd`.

    Raises:
        LookPathError: A bare name was not found, or only relative to the
            current directory.
    """
    name = spec.executable if spec.executable is not None else spec.args[0]
    if isinstance(name, os.PathLike):
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
    cwd = None if spec.cwd is None else os.fsencode(spec.cwd)
    options: dict[str, Any] = {}
    if attrs is not NO_ATTRS:
        uid, gid, groups = credentials(attrs.user, attrs.group, attrs.extra_groups)
        options = {
            "uid": uid,
            "gid": gid,
            "extra_groups": groups,
            "umask": -1 if attrs.umask is None else attrs.umask,
            "new_session": attrs.new_session,
        }
    group = attrs.process_group
    if contain == "group" and not attrs.new_session:
        group = 0
    stdin, stdout, stderr = wiring.stdio
    request = Request(
        [os.fsencode(word) for word in spec.args],
        os.fsencode(path),
        (stdin, stdout, stderr),
        cwd=cwd,
        env=block(spec._env, spec._extra_env, cwd),
        pass_fds=spec.pass_fds,
        process_group=-1 if group is None else group,
        **options,
    )
    return spawn(request, fds, started)


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
