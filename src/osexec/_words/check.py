"""What may be written for each field of a command. Every refusal says what to write instead."""

from __future__ import annotations

import math
from enum import Enum
from os import PathLike, fsencode, fspath
from signal import Signals

from .attrs import Cancel, Step
from .errors import NulError, UsageError
from .streams import Capture, Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .attrs import Signal

MOST_FILES = 4096
"""As many as the minder places."""
_AS_INT = {-1: Stream.PIPE, -2: Stream.STDOUT, -3: Stream.DEVNULL}  # as in subprocess


def words(args: tuple[Any, ...]) -> tuple[str | bytes, ...]:
    """The words of a command, each text or bytes.

    Raises:
        UsageError: With the call that was probably meant.
    """
    if not args:
        raise UsageError("no command: write Cmd('program', 'argument', …)")
    found: list[str | bytes] = []
    for place, arg in enumerate(args):
        if isinstance(arg, str | bytes):
            word = arg
        elif isinstance(arg, PathLike):
            word = fspath(arg) if place else _file(fspath(arg))
        else:
            raise UsageError(_not_a_word(place, arg))
        if b"\0" in _encoded(f"argument {place}", word):
            raise NulError(f"argument {place} ({word!r})" if place else f"program {word!r}")
        found.append(word)
    if not found[0]:
        raise UsageError("no command: the program is an empty string")
    return tuple(found)


def _file(path: str | bytes) -> str | bytes:
    """A path object as the program means that file, though `Path("./x")` drops its dot."""
    if isinstance(path, bytes):
        return path if b"/" in path or not path else b"./" + path
    return path if "/" in path or not path else "./" + path


def _encoded(what: str, value: str | bytes) -> bytes:
    try:
        return fsencode(value)
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{what} {value!r} cannot be encoded ({error.reason}): write bytes"
        ) from None


def _not_a_word(place: int, arg: object) -> str:
    kind = type(arg).__name__
    if isinstance(arg, list | tuple):
        return f"argument {place} is a {kind}: write each word as its own argument, Cmd(*words)"
    if arg is None:
        return f"argument {place} is None: leave it out, or write ''"
    if isinstance(arg, int | float):
        return f"argument {place} is {arg!r}: write {str(arg)!r}"
    return f"argument {place} is a {kind}: arguments are str, bytes or os.PathLike"


def path(name: str, value: Any) -> str | bytes | None:
    """A file name, or None."""
    if value is None:
        return None
    if isinstance(value, PathLike):
        value = fspath(value)
    if not isinstance(value, str | bytes):
        raise UsageError(f"{name}= takes a path, not {type(value).__name__} {value!r}")
    if not value:
        raise UsageError(f"{name}= is empty: leave it out, or name a path")
    if b"\0" in _encoded(f"{name}=", value):
        raise UsageError(f"{name}={value!r} contains a NUL byte")
    return value


def seconds(name: str, value: Any) -> float | None:
    """A duration: zero, positive or infinite; None if not given."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{name}= takes seconds, not {type(value).__name__} {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise UsageError(f"{name}= is too large a number: write math.inf") from None
    if math.isnan(number) or number < 0:
        raise UsageError(f"{name}={value!r}: seconds cannot be negative or NaN; 0 means at once")
    return number


def environment(env: Any, name: str = "env") -> Mapping[bytes, bytes] | tuple[bytes, ...] | None:
    """An environment as bytes: a mapping, or Go's list of "K=V"."""
    if env is None:
        return None
    if hasattr(env, "items"):
        return dict(_pair(name, key, value) for key, value in env.items())
    if isinstance(env, str | bytes) or not hasattr(env, "__iter__"):
        raise UsageError(f"{name}= takes a mapping or a list of 'K=V', not {env!r:.60}")
    return tuple(_text(name, entry) for entry in env)


def _pair(name: str, key: Any, value: Any) -> tuple[bytes, bytes]:
    raw = _text(name, key)
    if not raw or b"=" in raw:
        raise UsageError(f"{name}= has the key {key!r}: a key is not empty and has no '='")
    if value is None:
        raise UsageError(f"{name}[{key!r}] is None: leave the key out, or write ''")
    return raw, _text(name, value)


def _text(name: str, value: Any) -> bytes:
    if not isinstance(value, str | bytes):
        raise UsageError(f"{name}= takes str or bytes, not {type(value).__name__}: write str(…)")
    raw = _encoded(f"{name}=", value)
    if b"\0" in raw:
        key = raw.partition(b"=")[0].partition(b"\0")[0]
        raise UsageError(f"{name}=: the environment variable {key!r} contains a NUL byte")
    return raw


def signal_number(value: Any) -> int:
    """A signal by number, member or name ("SIGTERM", "TERM")."""
    if isinstance(value, str):
        name = value.upper()
        name = name if name.startswith("SIG") else f"SIG{name}"
        if name in Signals.__members__:
            return Signals[name]
        raise UsageError(f"there is no signal {value!r}: write a name such as 'SIGTERM'")
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 64:
        return value
    raise UsageError(f"{value!r} is no signal: write a name such as 'SIGTERM', or its number")


def cancel_plan(value: Any) -> Cancel:
    """How to end the command, from what may be written for `cancel=`."""
    if value is None:
        return Cancel((), None)
    if isinstance(value, list | tuple):
        if not value:
            raise UsageError("cancel=[] has no step: write None to do nothing")
        return Cancel(tuple(_step(step) for step in value), None)
    if isinstance(value, str | int):
        return Cancel(((signal_number(value), None, False),), None)
    if callable(value):
        return Cancel((), value)
    raise UsageError(f"cancel= takes a signal, steps, a function or None, not {value!r}")


def _step(step: Any) -> Signal:
    if isinstance(step, list | tuple) and len(step) == 2:
        step = Step(*step)
    if not isinstance(step, Step):
        raise UsageError(
            f"a step of cancel= is Step(signal, seconds) or Step(signal, seconds, scope='tree'), "
            f"not {step!r}"
        )
    delay = seconds("Step(delay)", step.delay)
    if delay is None:
        raise UsageError(f"the step {step!r} needs its seconds")
    return signal_number(step.signal), delay, step.scope == "tree"


def input_of(value: Any) -> Any:
    """What stdin is connected to."""
    value = _stream("stdin", value)
    if value is Stream.STDOUT:
        raise UsageError("stdin=STDOUT makes no sense: STDOUT is for stderr")
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    ways = ("read", "recv", "fileno", "__iter__", "__next__")
    if value is None or isinstance(value, Stream | int | str | bytes | PathLike):
        return value
    if isinstance(value, dict) or not any(hasattr(value, way) for way in ways):
        raise UsageError(
            "stdin= takes bytes, str, a path, a file, a reader or an iterable of bytes, "
            f"not {value!r}"
        )
    return value


def output_of(name: str, value: Any) -> Any:
    """What stdout or stderr is connected to."""
    if isinstance(value, list | tuple):
        targets = tuple(_target(name, target) for target in value)
        if not targets:
            raise UsageError(f"{name}=[] has no target: write DEVNULL to drop the output")
        if sum(isinstance(target, Capture) for target in targets) > 1:
            raise UsageError(f"{name}=[…] has more than one Capture(): one is enough")
        return targets
    value = _stream(name, value)
    if value is Stream.STDOUT and name != "stderr":
        raise UsageError(f"{name}=STDOUT makes no sense: STDOUT is for stderr")
    if value is None or isinstance(value, Stream):
        return value
    return _target(name, value)


def _target(name: str, value: Any) -> Any:
    """A place where bytes can go, alone or in a list."""
    if value is Stream.PIPE or value is Stream.STDOUT:
        raise UsageError(f"{name}=[… {value!r} …]: PIPE and STDOUT cannot stand in a list")
    if isinstance(value, str | bytes):
        raise UsageError(f"{name}={value!r}: write pathlib.Path({value!r}) for a file of that name")
    if isinstance(value, Stream | Capture | PathLike):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if any(hasattr(value, way) for way in ("write", "sendall")):
        return value
    raise UsageError(
        f"{name}= takes DEVNULL, INHERIT, PIPE, a path, a file, Capture(), a writer "
        f"or a list of those, not {value!r}"
    )


def _stream(name: str, value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, Enum):
        if isinstance(value, bool) or value < -3:
            raise UsageError(f"{name}={value!r} is no file descriptor")
        return _AS_INT.get(value, value)
    return value


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> Any:
    """One of a few words, or None."""
    if value is not None and value not in allowed:
        raise UsageError(f"{name}= takes {' or '.join(map(repr, allowed))}, not {value!r}")
    return value


def truth(name: str, value: Any) -> bool:
    """True or False."""
    if type(value) is not bool:
        raise UsageError(f"{name}= takes True or False, not {value!r}")
    return value


def descriptors(value: Any) -> tuple[int, ...]:
    """Descriptors that the child keeps under their numbers."""
    if value == ():
        return ()
    if not isinstance(value, list | tuple | set | frozenset | range):
        raise UsageError(f"pass_fds= takes a list of descriptors, not {value!r}")
    for fd in value:
        if not isinstance(fd, int) or isinstance(fd, bool) or not 0 <= fd < 1 << 31:
            raise UsageError(f"pass_fds= has {fd!r}, which is no descriptor: write file.fileno()")
    return tuple(value)


def files(value: Any, pass_fds: tuple[int, ...]) -> tuple[Any, ...]:
    """What the child gets as 3, 4, …: descriptors, real files, or None for a closed one."""
    if not isinstance(value, list | tuple):
        raise UsageError(f"extra_files= takes a list of files or descriptors, not {value!r}")
    if len(value) > MOST_FILES:
        raise UsageError(f"extra_files= has {len(value)} files: {MOST_FILES} can be placed")
    for file in value:
        if file is None or hasattr(file, "fileno"):
            continue
        if not isinstance(file, int) or isinstance(file, bool) or not 0 <= file < 1 << 31:
            raise UsageError(f"extra_files= has {file!r}, which is no file and no descriptor")
    for fd in pass_fds:
        if 3 <= fd < 3 + len(value):
            raise UsageError(
                f"pass_fds= has {fd}, which is where extra_files[{fd - 3}] goes: pass it there"
            )
    return tuple(value)


def codec(name: str, value: Any, look_up: Any) -> str:
    """An encoding, or a way to handle errors, that Python knows."""
    if value in ("utf-8", "backslashreplace"):
        return str(value)
    try:
        found = look_up(value)
        if not getattr(found, "_is_text_encoding", True):
            raise LookupError(f"{value!r} is no text encoding")
    except (LookupError, TypeError, ValueError):
        raise UsageError(f"{name}={value!r} is not known to Python") from None
    return str(value)
