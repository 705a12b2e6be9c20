"""A role of a child that no test plays is dead weight; it fails the run."""

import ast
from pathlib import Path

from tests.helpers.child import ROLES

TESTS = Path(__file__).parent


def played_roles() -> set[str]:
    """The names in every `role("name", ...)` of the tests, `helpers` excepted."""
    played = set()
    for path in TESTS.rglob("*.py"):
        if path.parent.name == "helpers":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="role"), args=[ast.Constant(value=str(name)), *_]):
                    played.add(name)
    return played


def test_every_role_of_the_child_is_played() -> None:
    assert sorted(set(ROLES) - played_roles()) == []
