"""What these tests share: the adversaries, built once, and `run`, with each driver."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers import nasty
from tests.helpers.alive import Tag
from tests.helpers.drivers import run as run
from tests.helpers.nasty import Family
from tests.helpers.ready import read_ready

LetLoose = Callable[[str], Family]


@pytest.fixture(scope="session")
def nasty_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adversaries' program."""
    return nasty.build(tmp_path_factory.mktemp("nasty"))


@pytest.fixture(scope="session")
def namespaces(nasty_program: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where an ordinary process may not make user and pid namespaces."""
    family = Family(
        nasty_program, nasty.KINDS["pid namespace of its own"], tmp_path_factory.mktemp("b")
    )
    try:
        with nasty.pipe() as (stdout, write_end), subprocess.Popen(family.words, stdout=write_end):
            said = read_ready(stdout)
            family.kill()
    finally:
        family.end()
    if said != "ready":
        pytest.skip(f"this machine has {said}")


@pytest.fixture
def let_loose(nasty_program: Path, tmp_path: Path, tag: Tag) -> Iterator[LetLoose]:
    """Makes a family by the name of its kind. Whoever is alive after the test is its failure."""
    families: list[Family] = []

    def make(kind: str) -> Family:
        families.append(Family(nasty_program, nasty.KINDS[kind], tmp_path))
        return families[-1]

    yield make
    left = [str(seen) for family in families for seen in family.end()]
    if left:
        pytest.fail("left alive:\n  " + "\n  ".join(left), pytrace=False)
