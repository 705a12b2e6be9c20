"""Fixtures for the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

MakeFile = Callable[..., Path]


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    """Makes a file with a name, a text and a mode."""

    def make(name: str, text: str = "#!/bin/sh\n", mode: int = 0o755) -> Path:
        path = tmp_path / name
        path.write_text(text)
        path.chmod(mode)
        return path

    return make
