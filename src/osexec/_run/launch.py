"""From a description to a running child: lookup, environment, streams, spawn."""

from __future__ import annotations

import os
from errno import ENOSYS

from .._posix import probe
from .._posix.environment import block
from .._posix.lookup import look_path
from .._posix.spawn import Request
from .._posix.users import credentials
from .._words.attrs import NO_ATTRS
from .._words.errors import StartError
from .._words.streams import Stream
from .minded import MindedTree
from .stdio import NOT_CHANGED, Wiring
from .tree import Tree

MINDED = ("tree", "namespace", "cgroup")
"""The containments that a minder keeps."""
SEALED = ("namespace", "cgroup")
"""Those that nothing can outlive."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._posix.descriptors import Descriptors
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
    """How the command is contained, if it does not say: in a tree, where there is a minder.

    Else "group", unless the child reads from our terminal: in a group of its own it
    would be stopped by SIGTTIN at the first read, and never end (credentials(7)).

    Raises:
        StartError: What was asked for cannot be had here.
    """
    contain = spec.contain
    if contain is None:
        if probe.can("minder"):
            return "tree"
        contain = _without_minder(spec, stdin)
    elif contain in MINDED and not probe.can("minder"):
        raise no_minder(f"contain={contain!r}")
    if contain == "process" and spec.leaks not in (None, "allow"):
        raise no_minder(f"leaks={spec.leaks!r}, with our terminal as the command's stdin,")
    return contain


def _without_minder(spec: Spec, stdin: int) -> str:
    if spec.sys.process_group:
        return "process"
    if spec.sys.new_session or spec.stdin is None or spec.stdin is Stream.DEVNULL:
        return "group"
    return "process" if _is_terminal(0 if stdin == NOT_CHANGED else stdin) else "group"


def no_minder(wanted: str) -> StartError:
    """The error for what only the minder can do, where it is not there."""
    missing = probe.minder_missing() or "osexec-minder is switched off"
    what = f"{wanted} cannot be had here: {missing}"
    return StartError(ENOSYS, what, op="contain")


def tree_for(spec: Spec, contain: str, fds: Descriptors) -> Tree | MindedTree:
    """What will hold the command.

    Raises:
        StartError: The cgroup cannot be had.
    """
    if contain == "cgroup":
        from .._posix.cgroup import Cgroup

        return MindedTree(fds, cgroup=Cgroup(fds, spec.sys.memory_max, spec.sys.pids_max))
    if contain in MINDED:
        return MindedTree(fds, contain == "namespace")
    return Tree(fds, contain == "group")


def request_of(spec: Spec, path: str | bytes, contain: str, wiring: Wiring) -> Request:
    """What is to happen between fork and exec.

    Raises:
        StartError, UsageError: It cannot be had here.
    """
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
    request.pass_fds = spec.pass_fds
    request.files = wiring.files
    if contain not in MINDED and not request.is_plain and not probe.can("minder"):
        raise no_minder("extra_files=, or what was asked for with sys=,")
    return request


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
    request.limits = attrs._limits
    request.nice = attrs.nice
    request.no_new_privs = attrs.no_new_privs
    request.foreground = attrs.foreground
    if attrs.controlling_terminal is not None:
        request.takes_terminal = True
        request.terminal = attrs.controlling_terminal


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
