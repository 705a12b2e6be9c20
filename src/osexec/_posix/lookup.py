"""Finding a program as Go's LookPath does.

The rules, from Go 1.27's lp_unix.go: the parent's PATH, never the child's; no
PATH, no program; an empty entry means the current directory; a hit that is
only relative to the current directory is refused (ErrDot) and ends the search;
"", "." and ".." are never found (CVE-2025-47906).
"""

from __future__ import annotations

import os
from errno import EACCES, EISDIR, ENOENT
from stat import S_ISDIR

from .._words.errors import DotPathError, NotExecutableError, NotFoundError


def look_path(name: str) -> str:
    """The path of the program `name`, absolute unless `name` has a slash."""
    if "/" in name:
        number = _refusal(name)
        if number == 0:
            return name
        if number in (EACCES, EISDIR):
            what = "is a directory" if number == EISDIR else "may not be executed"
            raise NotExecutableError(f"{name!r} {what}", name=name, number=number)
        raise NotFoundError(f"{name!r}: no such file", name=name, number=number)
    if name not in ("", ".", ".."):
        found = _search(name)
        if found:
            return found
    raise NotFoundError(
        f"{name!r}: executable file not found in PATH{_hint(name)}", name=name, number=ENOENT
    )


def _search(name: str) -> str | None:
    for directory in _directories():
        path = os.path.join(directory, name) if directory not in ("", ".") else name
        if _refusal(path):
            continue
        if not os.path.isabs(path):
            raise DotPathError(
                f"{name!r}: refused, since it is found only relative to the current directory "
                f"({path!r}); write './{path}' to mean that file",
                name=name,
                path=path,
            )
        return path
    return None


def _directories() -> list[str]:
    path = os.environ.get("PATH", "")
    return path.split(os.pathsep) if path else []


def _refusal(path: str) -> int:
    """0 if the file can be executed, else the errno that says why not."""
    try:
        if S_ISDIR(os.stat(path).st_mode):
            return EISDIR
    except (OSError, ValueError) as error:
        return getattr(error, "errno", None) or EACCES
    # faccessat(2) for the effective user, so that noexec mounts and ACLs count.
    return 0 if os.access(path, os.X_OK, effective_ids=True) else EACCES


def _hint(name: str) -> str:
    """What the caller may have meant."""
    for directory in _directories():
        path = os.path.join(directory or ".", name)
        if name and os.path.isfile(path):
            return f"; {path} is there, but may not be executed"
    words = name.split()
    if len(words) > 1:
        call = ", ".join(f'"{word}"' for word in words)
        return f"; give each word as an argument of its own: Cmd({call})"
    return ""
