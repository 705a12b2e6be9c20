"""The description of one command: frozen, picklable, validated once."""

from __future__ import annotations

import codecs
from os import PathLike, fsencode
from signal import SIGKILL

from . import check as checks
from .attrs import KILL, NO_ATTRS, Step, SysAttrs
from .errors import UsageError
from .value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, TypeAlias

    from .attrs import Cancel

    Word: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]
    Env: TypeAlias = Mapping[str, str] | Mapping[bytes, bytes] | Iterable[str | bytes]

CONTAINMENTS = ("process", "group", "tree", "namespace", "cgroup")
LEAKS = ("allow", "warn", "kill", "error")


class Spec(Value):
    """What to run. `Cmd` adds the verbs; everything below needs only this."""

    __slots__ = (
        "_argv",
        "_env",
        "_extra_env",
        "_found",
        "_plan",
        "args",
        "cancel",
        "check",
        "contain",
        "cwd",
        "encoding",
        "env",
        "errors",
        "executable",
        "extra_env",
        "extra_files",
        "leaks",
        "pass_fds",
        "stderr",
        "stdin",
        "stdout",
        "sys",
        "timeout",
        "wait_delay",
    )

    args: tuple[str | bytes, ...]
    cwd: str | bytes | None
    env: Env | None
    extra_env: Mapping[str, str] | Mapping[bytes, bytes] | None
    executable: str | bytes | PathLike[str] | PathLike[bytes] | None
    stdin: Any
    stdout: Any
    stderr: Any
    pass_fds: tuple[int, ...]
    extra_files: tuple[Any, ...]
    timeout: float | None
    cancel: Any
    wait_delay: float | None
    contain: str | None
    leaks: str | None
    check: bool
    encoding: str
    errors: str
    sys: SysAttrs

    _argv: list[bytes]
    _plan: Cancel
    _env: Mapping[bytes, bytes] | tuple[bytes, ...] | None
    _extra_env: Mapping[bytes, bytes] | None
    _found: tuple[str, str] | None

    def _describe(self, args: tuple[Any, ...], fields: dict[str, Any]) -> None:
        """Validate and keep; raises UsageError before anything is opened."""
        attrs = fields["sys"] if fields["sys"] is not None else NO_ATTRS
        if not isinstance(attrs, SysAttrs):
            raise UsageError(f"sys= takes SysAttrs(…), not {attrs!r}")
        contain = checks.choice("contain", fields["contain"], CONTAINMENTS)
        leaks = checks.choice("leaks", fields["leaks"], LEAKS)
        pass_fds = checks.descriptors(fields["pass_fds"])
        extra_files = checks.files(fields["extra_files"], pass_fds)
        extra_env = fields["extra_env"]
        if extra_env is not None and not hasattr(extra_env, "items"):
            raise UsageError(f"extra_env= takes a mapping, not {extra_env!r:.60}")
        env: Any = fields["env"]
        cancel: Any = fields["cancel"]
        plan = KILL if cancel is SIGKILL else checks.cancel_plan(cancel)
        _fit(contain, leaks, attrs, plan)
        if hasattr(env, "items"):
            env = dict(env)
        elif hasattr(env, "__iter__") and not isinstance(env, str | bytes):
            env = tuple(env)  # an iterator gives its entries once
        env_block = checks.environment(env)
        words = checks.words(args)
        self._fill(
            args=words,
            _argv=[fsencode(word) for word in words],
            cwd=checks.path("cwd", fields["cwd"]),
            env=env,
            extra_env=None if extra_env is None else dict(extra_env),
            executable=executable(fields["executable"]),
            stdin=checks.input_of(fields["stdin"]),
            stdout=checks.output_of("stdout", fields["stdout"]),
            stderr=checks.output_of("stderr", fields["stderr"]),
            pass_fds=pass_fds,
            extra_files=extra_files,
            timeout=checks.seconds("timeout", fields["timeout"]),
            cancel=steps_of(cancel) if isinstance(cancel, list) else cancel,
            wait_delay=checks.seconds("wait_delay", fields["wait_delay"]),
            contain=contain,
            leaks=leaks,
            check=checks.truth("check", fields["check"]),
            encoding=checks.codec("encoding", fields["encoding"], codecs.lookup),
            errors=checks.codec("errors", fields["errors"], codecs.lookup_error),
            sys=attrs,
            _plan=plan,
            _env=env_block,
            _extra_env=checks.environment(extra_env, "extra_env"),
            _found=None,
        )


def _fit(contain: str | None, leaks: str | None, attrs: SysAttrs, plan: Cancel) -> None:
    """Refuse what contradicts itself."""
    if contain == "group" and attrs.process_group:
        raise UsageError(
            f"contain='group' needs a group of the command's own, but process_group="
            f"{attrs.process_group} joins another: write contain='process'"
        )
    if contain == "process" and leaks not in (None, "allow"):
        raise UsageError(
            f"leaks={leaks!r} needs to know what the command started: contain='process' does not"
        )
    if contain == "process" and any(whole_tree for _, _, whole_tree in plan.steps):
        raise UsageError("scope='tree': contain='process' does not know what that is")
    if contain in ("namespace", "cgroup") and leaks in ("allow", "warn"):
        raise UsageError(
            f"leaks={leaks!r}: nothing outlives its command with contain={contain!r}; "
            "write contain='tree'"
        )
    for name in ("memory_max", "pids_max"):
        if getattr(attrs, name) is not None and contain != "cgroup":
            raise UsageError(f"{name}= is a limit of a cgroup: write contain='cgroup'")


def steps_of(cancel: list[Any]) -> tuple[Any, ...]:
    """The steps as they were written, but for the lists."""
    return tuple(step if isinstance(step, Step) else tuple(step) for step in cancel)


def executable(value: Any) -> Any:
    """A file to run: a path object is that file, a bare name as text is looked up."""
    path = checks.path("executable", value)
    return value if isinstance(value, PathLike) else path
