"""Imports point down the floors of the house, never up, and never sideways between drivers."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"
PACKAGE = SOURCE / "osexec"
MODULES = sorted(PACKAGE.rglob("*.py"))

FLOORS = {"_words": 0, "_core": 1, "_posix": 2, "_run": 3, "_drive": 4, "_cli": 7, "__main__": 7}
WHAT_PEOPLE_CALL = 5  # cmd.py, process.py, context.py: plain names in the package itself
WHAT_PEOPLE_IMPORT = 6  # osexec itself

# The words and the machine can not look at the world, so a test can tell them anything.
WORLD = {"os", "time", "select", "selectors", "socket", "threading", "_thread", "asyncio", "fcntl"}
WORLD |= {"subprocess", "_posixsubprocess"}
# Names from there that only turn one value into another, or are a base class.
VALUES = {"os.PathLike", "os.fsdecode", "os.fsencode", "os.fspath", "os.strerror"}
VALUES |= {"subprocess.CalledProcessError"}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def floor(module: str) -> int:
    """The floor of a module of ours, from its dotted name."""
    parts = module.split(".")
    if len(parts) == 1:
        return WHAT_PEOPLE_IMPORT
    return FLOORS.get(parts[1], WHAT_PEOPLE_CALL)


def imports(path: Path) -> Iterator[str]:
    """Every name a file imports ("os.fspath"), wherever in the file and also for types only."""
    package = module_name(path)
    if path.name != "__init__.py":
        package = package.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join(above + ([base] if base else []))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def our_imports(path: Path) -> set[str]:
    """The modules of ours that a file imports, or takes names from."""
    ours = (name for name in imports(path) if name.split(".")[0] == "osexec")
    return {name if is_module(name) else name.rpartition(".")[0] for name in ours}


def is_module(name: str) -> bool:
    path = SOURCE.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_imports_only_from_its_own_floor_and_below(path: Path) -> None:
    importer = module_name(path)
    higher = {name for name in our_imports(path) if floor(name) > floor(importer)}
    assert not higher, f"{importer} imports upwards: {sorted(higher)}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "_drive").glob("*.py")), ids=module_name)
def test_a_driver_imports_no_other_driver(path: Path) -> None:
    drivers = {name for name in our_imports(path) if name.startswith("osexec._drive.")}
    assert drivers <= {module_name(path)}


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if floor(module_name(path)) <= FLOORS["_core"]],
    ids=module_name,
)
def test_words_and_machine_cannot_look_at_the_world(path: Path) -> None:
    assert {name for name in imports(path) if name.split(".")[0] in WORLD} <= VALUES


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if floor(module_name(path)) == FLOORS["_cli"]],
    ids=module_name,
)
def test_the_command_line_uses_only_what_people_import(path: Path) -> None:
    inner = {name for name in our_imports(path) if name.split(".")[1:2] not in ([], ["_cli"])}
    assert not inner, f"{module_name(path)} reaches inside: {sorted(inner)}"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_needs_only_the_standard_library(path: Path) -> None:
    known = {*sys.stdlib_module_names, "osexec"}
    assert {name.split(".")[0] for name in imports(path)} <= known


def test_there_is_something_to_look_at() -> None:
    assert {floor(module_name(path)) for path in MODULES} == set(range(8))
