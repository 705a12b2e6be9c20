"""What is public is in four places: the code, `__all__`, the reference and the typed use."""

import ast
import inspect
import types
from pathlib import Path

import pytest

import osexec

ROOT = Path(__file__).parent.parent


def test_all_has_no_doubles() -> None:
    """Its order is the formatter's (RUF022)."""
    assert sorted(osexec.__all__) == sorted(set(osexec.__all__))


def test_all_is_every_public_name() -> None:
    public = {
        name
        for name, value in vars(osexec).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    public -= {"annotations"}  # from __future__
    assert public | {"__version__"} == set(osexec.__all__)


@pytest.mark.parametrize("name", osexec.__all__)
def test_a_public_name_has_a_docstring(name: str) -> None:
    value = getattr(osexec, name)
    if not isinstance(value, str | int):
        # The class's own text, not one that it inherits.
        assert inspect.isclass(value) is False or "__doc__" in vars(value)
        assert (value.__doc__ or "").strip()


@pytest.mark.parametrize("name", osexec.__all__)
def test_a_public_method_has_a_docstring(name: str) -> None:
    value = getattr(osexec, name)
    if inspect.isclass(value) and value.__module__.startswith("osexec"):
        methods = {
            method: inspect.unwrap(function)
            for method, function in vars(value).items()
            if not method.startswith("_")
            and isinstance(function, types.FunctionType | property | classmethod | staticmethod)
        }
        assert [method for method, function in methods.items() if not function.__doc__] == []


@pytest.mark.parametrize("name", osexec.__all__)
def test_a_public_name_is_in_the_reference(name: str) -> None:
    reference = (ROOT / "docs" / "reference.md").read_text()
    words = {word.strip("`(),.:*") for word in reference.replace("(", " (").split()}
    assert words & {name, f"osexec.{name}"}


def test_the_typed_use_has_every_public_name() -> None:
    used = set()
    for node in ast.walk(ast.parse((ROOT / "tests" / "typing" / "api.py").read_text())):
        match node:
            case ast.Attribute(value=ast.Name(id="osexec"), attr=name):
                used.add(name)
    assert used == set(osexec.__all__)


def test_the_exports_are_written_for_type_checkers() -> None:
    """`from .cmd import Cmd as Cmd`: a tool may not guess which imports are meant for export."""
    for node in ast.parse(Path(osexec.__file__).read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            for alias in node.names:
                assert alias.asname, f"{alias.name}: write `import {alias.name} as ...`"
                assert alias.asname == alias.name or alias.asname.startswith("_")
