"""One test, every driver: `run(cmd)` in the calling thread, and on the background thread."""

from collections.abc import Callable
from typing import Any

import pytest

from osexec import Cmd, Error, Result

Run = Callable[..., Result]


def by_caller(cmd: Cmd, **options: Any) -> Result:
    """Run it to its end in this thread."""
    return cmd.run(**options)


def by_reactor(cmd: Cmd, **options: Any) -> Result:
    """Start it and wait for it; the background thread does the work."""
    return cmd.start(**options).wait()


DRIVERS = {"caller": by_caller, "reactor": by_reactor}


@pytest.fixture(params=DRIVERS)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a command to its end, with each driver."""
    return DRIVERS[request.param]


def error_of(run: Run, cmd: Cmd, **options: Any) -> Any:
    """The error of a run that must fail."""
    with pytest.raises(Error) as caught:
        run(cmd, **options)
    return caught.value
