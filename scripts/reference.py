"""Write docs/reference.md from the docstrings: `python scripts/reference.py`; a test compares."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator
from pathlib import Path

import osexec

PAGE = Path(__file__).parent.parent / "docs" / "reference.md"
GROUPS = {
    "Running": ["Cmd", "run", "output", "text", "combined_output", "lines", "start", "look_path"],
    "A started command": ["Process"],
    "When it must end": ["Context"],
    "What happened": ["Result", "Reason", "Holder"],
    "What to set up": ["Step", "SysAttrs", "Capture", "DEVNULL", "INHERIT", "PIPE", "STDOUT"],
}
HEAD = """\
# Reference

Every public name of `osexec`, from its docstring (`scripts/reference.py` writes this page).
Seconds are floats on the monotonic clock unless a name says otherwise. The examples assume:

```python
from osexec import Cmd, Context, run
```
"""


def page() -> str:
    """The whole page."""
    groups = dict(GROUPS)
    named = {name for names in groups.values() for name in names}
    named |= {"LeakWarning", "__version__"}
    errors = [name for name in osexec.__all__ if name not in named]
    groups["Errors"] = sorted(errors, key=lambda name: [c.__name__ for c in lineage(name)])
    parts = [HEAD]
    for title, names in groups.items():
        parts.append(f"\n## {title}\n")
        for name in names:
            parts.extend(entry(name))
    parts.append("\n## Warnings\n")
    parts.extend(entry("LeakWarning"))
    parts.append("\n## Version\n\n`__version__`: the version, as text.\n")
    return "\n".join(parts)


def lineage(name: str) -> list[type]:
    """The ancestors of an error among ours, the root first."""
    value = getattr(osexec, name)
    return [c for c in reversed(value.__mro__) if issubclass(c, osexec.Error)]


def entry(name: str) -> Iterator[str]:
    """One public name with its members."""
    value = getattr(osexec, name)
    if not inspect.isclass(value):
        call = name + signature(value) if callable(value) else name
        yield f"\n### `{call}`\n\n{text(value) or CONSTANTS[name]}\n"
        return
    if issubclass(value, osexec.Error | Warning):
        bases = ", ".join(base.__name__ for base in value.__bases__)
        yield f"\n### `{name}({bases})`\n\n{text(value)}\n"
        return
    if issubclass(value, osexec.Reason):
        yield f"\n### `{name}`\n\n{text(value)}\n"
        yield "\n".join(f"- `{member.name}`: `{member.value!r}`" for member in value) + "\n"
        return
    yield f"\n### `{name}`\n\n```text\n{name}{signature(value)}\n```\n\n{text(value)}\n"
    for member, function in vars(value).items():
        if member.startswith("_"):
            continue
        if isinstance(function, property):
            yield f"- `{name}.{member}`: {' '.join(text(function).split())}"
        elif isinstance(function, types.FunctionType | classmethod):
            real = getattr(value, member)
            yield f"\n#### `{name}.{member}{signature(real)}`\n\n{text(real)}\n"
    attributes = [a for a in getattr(value, "__annotations__", {}) if not a.startswith("_")]
    if issubclass(value, osexec.Result):
        yield f"\nAttributes: {', '.join(f'`{a}`' for a in attributes)}.\n"


CONSTANTS = {
    "DEVNULL": "The null device.",
    "INHERIT": "The stream that this process has.",
    "PIPE": "A file object on the Process.",
    "STDOUT": "For stderr: wherever stdout goes.",
}


def signature(value: object) -> str:
    """The signature as it is written, without `self`."""
    assert callable(value)
    try:
        found = inspect.signature(value)
    except ValueError:
        return ""
    parameters = [p for p in found.parameters.values() if p.name != "self"]
    shown = str(found.replace(parameters=parameters)).replace("'", "")
    return " ".join(shown.replace("<the ambient context>", "ambient").split())


def text(value: object) -> str:
    """A docstring as Markdown: sections become bold lines, examples become code."""
    if not isinstance(value, type | types.FunctionType | types.MethodType | property):
        return ""
    out: list[str] = []
    in_example = False
    for line in (inspect.getdoc(value) or "").splitlines():
        if line in SECTIONS:
            out.append(f"**{line[:-1]}**")
            out.append("")
            in_example = line == "Example:"
            if in_example:
                out.append("```python")
        else:
            out.append(line.removeprefix("    ") if in_example else line)
    if in_example:
        out.append("```")
    return "\n".join(listed(out))


def listed(lines: list[str]) -> Iterator[str]:
    """Indented "name: text" lines as a list."""
    for line in lines:
        if re.match(r"    [\w`][\w`, …]*: ", line):
            yield f"- {line.strip()}"
        else:
            yield line.strip() if line.startswith("    ") else line


SECTIONS = {f"{name}:" for name in ("Args", "Returns", "Raises", "Cancellation", "Example")}
SECTIONS |= {"Leaves behind:"}

if __name__ == "__main__":
    PAGE.write_text(page())
