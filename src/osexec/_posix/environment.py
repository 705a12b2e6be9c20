"""The environment block of a child, by Go's rules.

From Go 1.27's os/exec (dedupEnv, environ): the last of several entries with the
same key wins, at its own place; an entry without "=" is kept as it is; a
leading "=" belongs to the key; PWD follows the working directory when the
environment is inherited.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def block(
    given: Mapping[bytes, bytes] | tuple[bytes, ...] | None,
    extra: Mapping[bytes, bytes] | None,
    cwd: bytes | None,
) -> list[bytes] | None:
    """The entries "K=V" for the child; None to inherit ours unchanged."""
    if given is None:
        if extra is None and cwd is None:
            return None
        entries = dict(os.environb)
        if cwd is not None:
            # Absolute, but with symbolic links kept: what a shell would say.
            entries.pop(b"PWD", None)  # Go puts it last
            if cwd[:1] != b"/":
                cwd = os.path.join(os.getcwdb(), cwd)
            entries[b"PWD"] = os.path.normpath(cwd)
        if extra:
            entries.update(extra)
        return _joined(entries)
    if isinstance(given, tuple):
        return deduplicated([*given, *_joined(extra or {})])
    return _joined({**given, **(extra or {})})


def _joined(entries: Mapping[bytes, bytes]) -> list[bytes]:
    return [key + b"=" + value for key, value in entries.items()]


def deduplicated(entries: Iterable[bytes]) -> list[bytes]:
    """Without earlier entries of a key that comes again."""
    seen: set[bytes] = set()
    kept: list[bytes] = []
    for entry in reversed(list(entries)):
        cut = entry.find(b"=", 1)  # from 1: a leading "=" is part of the key
        if entry[:1] == b"=" and cut < 0:
            cut = 0
        if cut >= 0:
            key = entry[:cut]
            if key in seen:
                continue
            seen.add(key)
        if entry:
            kept.append(entry)
    kept.reverse()
    return kept
