"""Each kind of the minder, compiled once; sanitizers are asked after each test."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.minder.builds import (
    BY_PARENT,
    HAS_COMPILER,
    HERE,
    IS_ROOT,
    KINDS,
    Build,
    compile_command,
    compile_minder,
)
from tests.minder.layout import Flag


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a compiler there is no minder to test."""
    if not HAS_COMPILER:
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="there is no C compiler here"))


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder that every user of this machine may read: some minders run as another one."""
    with tempfile.TemporaryDirectory(prefix="osexec-minder-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


class Builds(dict[str, Build]):
    """Every kind that was asked for; each is compiled when it is first used."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._command = place / "command"
        compile_command(self._command)

    def __missing__(self, kind: str) -> Build:
        logs = self._place / f"logs-{len(self)}"
        logs.mkdir()
        logs.chmod(0o777)
        output = self._place / "-".join(["osexec-minder", *kind.replace(",", "").split()])
        compile_minder(kind, output)
        self[kind] = Build(kind, output, self._command, logs)
        return self[kind]


@pytest.fixture(scope="session")
def builds(place: Path) -> Builds:
    """The builds by their kind."""
    return Builds(place)


def checked(build: Build) -> Iterator[Build]:
    """A build whose sanitizers are asked afterwards."""
    yield build
    said = build.complaints()
    for log in build.logs.iterdir():
        log.unlink()
    if said:
        pytest.fail(said, pytrace=False)


@pytest.fixture(params=KINDS)
def build(request: pytest.FixtureRequest, builds: Builds) -> Iterator[Build]:
    """Each kind of build."""
    yield from checked(builds[request.param])


@pytest.fixture(params=[*KINDS, BY_PARENT])
def tree_build(request: pytest.FixtureRequest, builds: Builds) -> Iterator[Build]:
    """Each kind of build, and each way to find a child."""
    yield from checked(builds[request.param])


@pytest.fixture
def shipped(builds: Builds) -> Build:
    """The program that is in the wheel."""
    return builds["shipped"]


@pytest.fixture
def sanitized(builds: Builds) -> Iterator[Build]:
    """The program that complains."""
    yield from checked(builds["sanitized"])


WAYS = {"supervised": Flag.SUPERVISE, "in place": Flag(0)}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Flag:
    """With and without supervision the same is set up, and fails in the same way."""
    return WAYS[request.param]


@pytest.fixture
def stranger() -> dict[str, Any]:
    """Options for a minder without rights: as we are, or as nobody if we are root."""
    if not IS_ROOT:
        return {}
    return {"user": 65534, "group": 65534, "extra_groups": []}
