"""What these tests share: a terminal, and each containment that must make no difference at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import osexec
from tests.helpers.alive import Tag
from tests.terminal.terminal import Terminal

BUILT = Path(osexec.__file__).with_name("_bin") / "osexec-minder"


@pytest.fixture
def terminal(tag: Tag, tmp_path: Path) -> Iterator[Terminal]:
    """A terminal of its own, with nobody at it yet."""
    with Terminal(tmp_path / "said", tag) as terminal:
        yield terminal


@pytest.fixture
def other(tag: Tag, tmp_path: Path) -> Iterator[Terminal]:
    """Another terminal, without a shell."""
    with Terminal(tmp_path / "said by nobody", tag) as terminal:
        yield terminal


@pytest.fixture(params=["process", "tree", "default"])
def contain(request: pytest.FixtureRequest) -> str:
    """The reference ("process" adds nothing to the command), and what must look the same."""
    if request.param == "tree" and not BUILT.exists():
        pytest.skip("the minder is not built here")
    return request.param


def has_minder(contain: str) -> bool:
    """Whether a command that is contained like that has a minder."""
    return contain == "tree" or (contain == "default" and BUILT.exists())
