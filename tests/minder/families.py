"""Commands with others below them, and looking at who is there."""

from tests.helpers import proc
from tests.helpers.ready import read_ready
from tests.helpers.waiting import wait_until
from tests.minder.harness import Client
from tests.minder.layout import Kind, Report

# Roles of command.c that stay, and how many processes each is in the end.
FAMILIES = {
    "many 12": 13,
    "many 200": 201,
    "deep 30": 31,
    "stubborn 5": 6,
    "bomb 50": 50,
    "reaper": 2,
    "threads": 4,
    "stopped": 2,
    "vfork": 2,
}


def line(client: Client) -> str:
    """The next line of a command's stdout."""
    assert client.popen.stdout is not None
    return read_ready(client.popen.stdout)


def begun(client: Client, lines: int = 1) -> int:
    """The pid of a command that has said "ready" so often."""
    pid = client.started()
    for _ in range(lines):
        assert line(client) == "ready"
    return pid


def below(client: Client) -> set[int]:
    """Everybody below the minder who is alive."""

    def look() -> set[int] | None:
        try:
            return proc.descendants(client.pid)
        except FileNotFoundError:
            return None  # somebody went while we looked

    found = wait_until(look, what="nobody goes") or set()
    return {pid for pid in found if pid != client.pid and proc.is_alive(pid)}


def kinds(reports: list[Report]) -> list[Kind]:
    return [report.kind for report in reports]
