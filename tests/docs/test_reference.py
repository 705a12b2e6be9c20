"""The reference is written from the docstrings, so that it cannot say something else."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_reference_is_what_the_docstrings_say() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "reference.py"), run_name="reference")
    page = (ROOT / "docs" / "reference.md").read_text()
    assert page == script["page"](), "run: python scripts/reference.py"
