"""Why a start failed, naming what was missing: program, interpreter or directory.

The kernel gives one number for the whole of execve(2): ENOENT for a script may
mean its `#!` interpreter, and ENOENT for a binary its loader.
"""

from __future__ import annotations

import os
from errno import E2BIG, EACCES, EAGAIN, ENOENT, ENOEXEC, ENOTDIR, EPERM

from .._words.errors import StartError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .spawn import Request


def explain(request: Request, number: int, stage: str) -> StartError:
    """The error for `number`, seen while forking, setting up, or in exec.

    Args:
        stage: "fork", "exec", "setup" (a step before exec, unknown which), or that
            step: "chdir" or the name of the field that asked for it.
    """
    program = os.fsdecode(request.path)
    if stage == "fork":
        reason = " (the limit on processes or memory)" if number == EAGAIN else ""
        return StartError(number, f"cannot fork{reason} to run {program}", op="fork")
    if stage in ("setup", "chdir"):
        return _setup(request, number, program)
    if stage != "exec":
        return _step(request, number, stage, program)
    if number == ENOENT and request.cwd is not None and not os.path.isdir(request.cwd):
        return _setup(request, number, program)
    path = os.path.join(os.fsdecode(request.cwd or b""), program)
    if number in (ENOENT, ENOTDIR, EACCES) and os.path.isfile(path):
        interpreter = _interpreter(path)
        if interpreter is not None and not os.access(interpreter or "/", os.X_OK):
            what = f"cannot run {program}: its interpreter {interpreter!r} is missing"
            if os.path.exists(interpreter):
                what = f"cannot run {program}: its interpreter {interpreter!r} may not be executed"
            return StartError(number, what, filename=interpreter)
        if number == ENOENT:
            what = f"cannot run {program}: it is there, but its loader (see `ldd`) is not"
            return StartError(number, what, filename=path)
    return StartError(number, f"cannot run {program}{_remark(number, path)}", filename=program)


def _setup(request: Request, number: int, program: str) -> StartError:
    """A step before exec failed: nearly always the working directory."""
    if request.cwd is not None:
        cwd = os.fsdecode(request.cwd)
        if not os.path.isdir(cwd) or not os.access(cwd, os.X_OK):
            return StartError(
                number, f"cannot change to directory {cwd!r}", op="chdir", filename=cwd
            )
    changed = [
        f"{name}={value}"
        for name, value in (
            ("user", request.uid),
            ("group", request.gid),
            ("extra_groups", request.extra_groups),
            ("process_group", request.process_group if request.process_group > 0 else None),
        )
        if value is not None
    ]
    said = f" with {', '.join(changed)}" if changed else ""
    root = "; only root may change them" if number == EPERM and os.geteuid() != 0 else ""
    return StartError(number, f"cannot set up {program}{said}{root}", op="setup")


CONTAINMENTS = {
    "minder": "the minder cannot contain it",
    "protocol": "the minder is of another version than osexec: install osexec again",
    "namespace": (
        "contain='namespace' needs user namespaces without privilege, which this machine refuses "
        "(sysctl user.max_user_namespaces, AppArmor, or a container's seccomp filter)"
    ),
    "cgroup": "it cannot be started in its cgroup",
}


def _step(request: Request, number: int, stage: str, program: str) -> StartError:
    """The minder knows which step it was."""
    if stage in CONTAINMENTS:
        what = f"cannot contain {program}: {CONTAINMENTS[stage]}"
        return StartError(number, what, op="contain")
    values = {
        "process_group": request.process_group,
        "controlling_terminal": request.terminal,
        "nice": request.nice,
        "extra_groups": request.extra_groups,
        "group": request.gid,
        "user": request.uid,
        "extra_files": request.files,
    }
    said = f"{stage}={values[stage]}" if stage in values else stage
    if stage == "extra_groups" and request.uid is not None:
        said = f"user={request.uid} with its groups {request.extra_groups}"
    root = "; only root may" if number == EPERM and os.geteuid() != 0 else ""
    return StartError(number, f"cannot set up {program}: {said} was refused{root}", op="setup")


def _interpreter(path: str) -> str | None:
    """The file named after `#!`; None for a file that has none or cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            line = file.read(256).partition(b"\n")[0]
    except OSError:
        return None
    words = line[2:].split(None, 1) if line[:2] == b"#!" else []
    return os.fsdecode(words[0]) if words else None


def _remark(number: int, path: str) -> str:
    if os.path.isdir(path):
        return " (it is a directory)"
    if number == ENOEXEC:
        return " (neither a binary of this machine nor a script that begins with #!)"
    if number == E2BIG:
        return " (arguments and environment together are too long)"
    return ""
