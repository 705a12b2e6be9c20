"""docs/internals.md shows the machine that there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from osexec._core.facts import State
from osexec._core.life import TABLE
from osexec._core.verdict import Claim
from tests.core.diagram import SECTIONS, mermaid, section, verdicts

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "internals.md"


@pytest.mark.parametrize("name", SECTIONS)
def test_the_page_has_the_section_as_it_is_drawn_now(name: str) -> None:
    page = PAGE.read_text()
    found = re.findall(rf"<!-- {name} -->\n.*?<!-- end -->", page, re.DOTALL)
    assert found == [section(name)], "paste it anew from: python -m tests.core.diagram"


def test_the_diagram_has_every_step_of_the_table() -> None:
    lines = mermaid().splitlines()
    for (state, fact), (_, tos) in TABLE.items():
        for to in tos:
            (line,) = (line for line in lines if f"{state.value} --> {to.value}:" in line)
            assert fact.value in line


def test_the_diagram_begins_with_a_running_child_and_ends_when_nothing_is_left() -> None:
    lines = [line.strip() for line in mermaid().splitlines()]
    assert f"[*] --> {State.RUNNING.value}" in lines
    assert f"{State.DONE.value} --> [*]" in lines
    assert [line for line in lines if line.startswith(f"{State.DONE.value} -->")] == [
        f"{State.DONE.value} --> [*]"
    ]


def test_the_table_has_the_claims_in_order() -> None:
    assert re.findall(r"`(\w+)`", verdicts()) == [claim.name for claim in Claim]


def test_the_module_prints_both() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.diagram"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\n\n".join(map(section, SECTIONS)) + "\n"
