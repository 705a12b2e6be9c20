"""The order of errors, against every cell that was enumerated on Go itself.

A row says how the child ends, when the context is done, what Cancel returns,
which copy fails, how long the wait delay is, whether a grandchild holds stdout
and whether the child is stuck. Here it becomes the facts as Go saw them, and
`verdict()` must come to what Go's Wait returned.

In the rows with ctx=zombie the child had ended before the context, but Go first
looks at the context: its kill of a zombie succeeds, so it believes that it ended
the child. The same facts get the same verdict here. Our machine never reports
those facts (success in time is success): test_life.py.
"""

from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from osexec._core.verdict import Claim, verdict

DATA = Path(__file__).parent.parent / "conformance" / "data"


class Row(NamedTuple):
    """One cell; further columns of the file: a model's answer, the time, whether they agree."""

    exit: str
    ctx: str
    cancel: str
    copy: str
    waitdelay: str
    hold: str
    stuck: str
    got: str


def rows(name: str) -> list[Row]:
    lines = (DATA / name).read_text().splitlines()
    cells = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert tuple(cells[0][:8]) == Row._fields
    return [Row(*cell[:8]) for cell in cells[1:]]


GO = rows("precedence.tsv")
GO_119 = rows("precedence.go119.tsv")


class Facts(NamedTuple):
    """What `verdict()` is told."""

    returncode: int | None
    context_ended: bool
    cancel_failed: bool
    pipes_cut: bool
    copy_failed: bool


def facts(row: Row) -> Facts:
    """A row as Go saw it."""
    if row.ctx == "before_start":
        return Facts(None, True, False, False, False)
    # Cancel runs if the context is done before Wait has reaped the child.
    called = row.ctx in ("running", "zombie") and row.cancel != "nil"
    killed = row.ctx == "running" and row.cancel == "default"
    # A stuck child ignores Cancel, so the end of the wait delay kills it.
    killed = killed or row.stuck == "true"
    own = {"ok": 0, "nonzero": 3, "signal": -15}[row.exit]
    return Facts(
        returncode=-9 if killed else own,
        # "default" on a zombie: the kill succeeds, so Go believes it ended the child.
        context_ended=called and row.cancel in ("default", "ok"),
        cancel_failed=called and row.cancel == "err",
        # A failed writer closes its pipe at once, so nobody can hold it any longer.
        pipes_cut=row.hold == "true" and row.waitdelay == "short" and row.copy != "out",
        copy_failed=row.copy != "none",
    )


def in_gos_words(claims: tuple[Claim, ...], row: Row, code: int | None) -> str:
    """The winner, as the column `got` names it."""
    if not claims:
        return "nil"
    if claims[0] is Claim.EXIT:
        return {3: "ExitError(3)", -15: "ExitError(terminated)", -9: "ExitError(killed)"}[code or 0]
    if claims[0] is Claim.CONTEXT and row.ctx == "before_start":
        return "Start:ctx.Err()"
    return {
        Claim.CANCEL_FAILED: "wrapped(exec: canceling Cmd: arbitrary)",
        Claim.CONTEXT: "ctx.Err()",
        Claim.WAIT_DELAY: "ErrWaitDelay",
        Claim.COPY: f"copy({row.copy})",
    }[claims[0]]


def wrong(table: list[Row]) -> list[str]:
    """The rows in which we and Go disagree."""
    found = []
    for row in table:
        told = facts(row)
        ours = in_gos_words(verdict(**told._asdict()), row, told.returncode)
        if ours != row.got:
            found.append(f"{row}: ours is {ours}")
    return found


@pytest.mark.parametrize("ctx", ["none", "live", "before_start", "running", "after_exit", "zombie"])
def test_the_verdict_is_gos(ctx: str) -> None:
    table = [row for row in GO if row.ctx == ctx]
    assert table
    assert wrong(table) == []


def test_the_verdict_is_that_of_go_1_19() -> None:
    assert wrong(GO_119) == []


def test_no_cell_is_missing() -> None:
    assert (len(GO), len(set(GO))) == (954, 954)
    assert (len(GO_119), len(set(GO_119))) == (93, 93)


# What `verdict()` is told for each claim, in the order of precedence.
TELLING: list[tuple[Claim, dict[str, object]]] = [
    (Claim.START, {"start_failed": True}),
    (Claim.STATUS_LOST, {"status_lost": True}),
    (Claim.EXIT, {"returncode": -9}),
    (Claim.KILL_FAILED, {"kill_failed": True}),
    (Claim.CANCEL_FAILED, {"cancel_failed": True}),
    (Claim.CONTEXT, {"context_ended": True}),
    (Claim.WAIT_DELAY, {"pipes_cut": True}),
    (Claim.COPY, {"copy_failed": True}),
    (Claim.LEAK, {"leaked": True}),
]


def test_what_loses_is_kept_in_order() -> None:
    """All 512 combinations: nothing that went wrong is dropped, and nothing is made up."""
    assert [claim for claim, _ in TELLING] == list(Claim)
    for chosen in product((False, True), repeat=len(TELLING)):
        told: dict[str, object] = {}
        for (_, arguments), holds in zip(TELLING, chosen, strict=True):
            told.update(arguments if holds else {})
        expected = [claim for claim, holds in zip(Claim, chosen, strict=True) if holds]
        assert list(verdict(**told)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "told"), TELLING[:-1], ids=[claim.name for claim, _ in TELLING[:-1]]
)
def test_a_leak_gives_way_to_everything_else(other: Claim, told: dict[str, object]) -> None:
    """Go knows no leaks, so they change none of its cells."""
    assert verdict(**told, leaked=True) == (other, Claim.LEAK)  # type: ignore[arg-type]


def test_a_leak_alone_is_an_error() -> None:
    assert verdict(returncode=0, leaked=True) == (Claim.LEAK,)


@pytest.mark.parametrize("returncode", [0, None])
def test_nothing_wrong_is_no_claim(returncode: int | None) -> None:
    assert verdict(returncode=returncode) == ()


@pytest.mark.parametrize("returncode", [1, 255, -1, -15, -64])
def test_every_other_status_is_a_claim(returncode: int) -> None:
    assert verdict(returncode=returncode) == (Claim.EXIT,)
