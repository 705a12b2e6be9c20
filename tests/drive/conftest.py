"""What these tests share: each driver, and each kernel facility switched off."""

import pytest

from osexec._posix import probe
from tests.helpers.drivers import DRIVERS, Run
from tests.helpers.drivers import run as run


@pytest.fixture(params=DRIVERS)
def drive(request: pytest.FixtureRequest) -> Run:
    """Runs a command to its end, with each driver: `drive(cmd, ctx=…, timeout=…)`."""
    return DRIVERS[request.param]


@pytest.fixture(params=["pidfd", "no pidfd for groups", "no pidfd"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Linux as it is, before 6.9, and before 5.3 (or another POSIX system)."""
    if request.param != "pidfd":
        monkeypatch.setitem(probe.ANSWERS, "pidfd_group", False)
        monkeypatch.setitem(probe.ANSWERS, "pidfd", request.param != "no pidfd")
    return request.param
