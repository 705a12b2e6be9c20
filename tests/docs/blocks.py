"""The code blocks of a Markdown page, each with its language and its place.

A comment `<!-- no test: REASON -->` on the last line before a block says that it is not run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\s*$")
NO_TEST = re.compile(r"^\s*<!-- no test: (?P<reason>.+) -->$")


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    line: int
    """The number of its first line in the page, counted from 1."""
    text: str
    no_test: str | None = None
    """Why it is not run."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a console block, and what it printed."""

    command: str
    output: str


def blocks(page: str) -> Iterator[Block]:
    reason = None
    lines = iter(enumerate(page.splitlines(), 1))
    for number, line in lines:
        if fence := FENCE.match(line):
            indent = len(fence["indent"])
            body = []
            for _, inner in lines:
                if inner.strip() == "```":
                    break
                body.append(inner[indent:])
            yield Block(fence["language"], number + 1, "\n".join(body) + "\n", reason)
        if line.strip():
            found = NO_TEST.match(line)
            reason = found["reason"] if found else None


def steps(block: Block) -> Iterator[Step]:
    """The `$ ` lines of a console block, each with the lines up to the next one."""
    command, output = None, ""
    for line in block.text.splitlines(keepends=True):
        if line.startswith("$ "):
            if command is not None:
                yield Step(command, output)
            command, output = line[2:], ""
        elif command is not None and command.endswith("\\\n"):
            command += line.removeprefix("> ")
        else:
            output += line
    if command is not None:
        yield Step(command, output)
