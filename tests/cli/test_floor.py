"""The command line stands on what people import, and on nothing below."""

import ast
import sys
from pathlib import Path

import pytest

import osexec

FILES = sorted((Path(osexec.__file__).parent / "_cli").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_command_line_uses_only_public_names(path: Path) -> None:
    used = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used |= {node.attr} if node.value.id == "osexec" else set()
        elif isinstance(node, ast.ImportFrom) and node.module == "osexec" and not node.level:
            used |= {alias.name for alias in node.names}
    of_the_module = {name for name in used if name.startswith("__") and name.endswith("__")}
    assert used - of_the_module <= set(osexec.__all__)
    assert of_the_module <= {"__file__", "__version__"}


def test_importing_osexec_does_not_import_the_command_line() -> None:
    program = "import osexec, sys; print('osexec._cli' in sys.modules)"
    assert osexec.output(sys.executable, "-c", program) == b"False\n"


def test_importing_the_entry_point_starts_nothing() -> None:
    program = "import osexec.__main__, sys; print('osexec._cli' in sys.modules)"
    assert osexec.output(sys.executable, "-c", program) == b"False\n"
