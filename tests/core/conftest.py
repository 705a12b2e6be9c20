"""Nothing here starts a process, so nothing waits for the library's background thread."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _reactor() -> None:
    """Instead of the one of all other tests: starts nothing."""
