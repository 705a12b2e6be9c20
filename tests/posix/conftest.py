"""The same behaviour with each way to spawn and with each kernel facility switched off."""

import pytest

from osexec._posix import probe


def answer(monkeypatch: pytest.MonkeyPatch, **answers: bool) -> None:
    """Answer for the machine. What it can not do is not asked of it."""
    for facility, value in answers.items():
        if value and not probe.PROBES[facility]():
            pytest.skip(f"{facility} is not to be had here")
        monkeypatch.setitem(probe.ANSWERS, facility, value)


@pytest.fixture(autouse=True)
def no_minder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The direct way to a child; tests/minder, tests/contain and tests/host have the other."""
    answer(monkeypatch, minder=False)


@pytest.fixture(params=["fork_exec", "popen"])
def spawner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way to start a child."""
    answer(monkeypatch, fork_exec=request.param == "fork_exec")
    return request.param


@pytest.fixture(params=["pidfd", "no pidfd for groups", "no pidfd"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Linux as it is, before 6.9, and before 5.3 (or another POSIX system)."""
    with_pidfd = request.param != "no pidfd"
    answer(monkeypatch, pidfd=with_pidfd, pidfd_group=request.param == "pidfd")
    return request.param
