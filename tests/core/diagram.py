"""The machine as a picture and the order of errors as a table, for docs/internals.md.

`python -m tests.core.diagram` prints both. The page has them between
`<!-- state diagram -->` or `<!-- verdict table -->` and `<!-- end -->`;
test_diagram_in_docs.py says when they are out of date.
"""

from osexec._core.facts import Fact, State
from osexec._core.life import TABLE
from osexec._core.verdict import Claim


def arrows() -> dict[tuple[State, State], list[Fact]]:
    """Which facts lead from a state to another, in the order of the table."""
    found: dict[tuple[State, State], list[Fact]] = {}
    for (state, fact), (_, tos) in TABLE.items():
        for to in tos:
            found.setdefault((state, to), []).append(fact)
    return found


def mermaid() -> str:
    """The table as a Mermaid diagram: one line for each (state, next), with the facts."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {State.RUNNING.value}"]
    for (state, to), facts in arrows().items():
        said = ", ".join(fact.value for fact in facts)
        lines.append(f"    {state.value} --> {to.value}: {said}")
    return "\n".join([*lines, f"    {State.DONE.value} --> [*]", "```"])


def verdicts() -> str:
    """The claims as a Markdown table, the winner first."""
    rows = ["| | claim | it means |", "| --- | --- | --- |"]
    rows += [
        f"| {place} | `{claim.name}` | {claim.value} |" for place, claim in enumerate(Claim, 1)
    ]
    return "\n".join(rows)


SECTIONS = {"state diagram": mermaid, "verdict table": verdicts}


def section(name: str) -> str:
    """A section as it must stand in the page, its marks included."""
    return f"<!-- {name} -->\n{SECTIONS[name]()}\n<!-- end -->"


if __name__ == "__main__":
    print("\n\n".join(section(name) for name in SECTIONS))
