"""What a refusal is, whatever was refused."""

from collections.abc import Callable

import pytest

from osexec import Error, UsageError


def refusal(make: Callable[[], object]) -> str:
    """The message of the UsageError that `make` must raise."""
    with pytest.raises(UsageError) as caught:
        make()
    # Whoever catches ValueError, as with subprocess, is served too; nothing was started.
    assert isinstance(caught.value, ValueError | Error)
    assert caught.value.result is None
    return str(caught.value)


def shown(value: object) -> str:
    """A value as the id of a test."""
    said = repr(value)
    return type(value).__name__ if said.startswith("<") else said[:40]
