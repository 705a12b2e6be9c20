"""The tables that the benchmarks print. They are Markdown, to be put into a page as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from measure import Measured, Series

Column = tuple[str, Callable[[Series], str]]

MEDIAN: Column = ("median us", lambda series: f"{series.median * 1e6:.0f}")
LEAST: Column = ("min us", lambda series: f"{series.least * 1e6:.0f}")


def percentile(percent: int) -> Column:
    """A column of single runs: that many of 100 took no longer."""
    head = "median us" if percent == 50 else f"p{percent} us"
    return head, lambda series: f"{series.percentile(percent) * 1e6:.0f}"


def print_times(title: str, found: Measured, bases: dict[str, str], *columns: Column) -> None:
    """A row for each way. `bases` maps a label to a way: a column "x LABEL" with the ratios."""
    shown: list[Column] = [
        ("way", lambda series: series.way.name),
        *columns,
        *(ratio(label, found[name]) for label, name in bases.items() if name in found),
        ("", lambda series: series.way.note),
    ]
    rows = [[show(series) for _, show in shown] for series in found.values()]
    print_table(title, [head for head, _ in shown], rows)


def ratio(label: str, base: Series) -> Column:
    return f"x {label}", lambda series: f"{series.ratio(base):.2f}"


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """The first column, and one without a head, is text; the others are numbers.

    A column without a head and without words is left out.
    """
    rows = [list(row) for row in rows]
    columns = [
        Printed(name, [row[i] for row in rows], is_text=i == 0 or not name)
        for i, name in enumerate(head)
        if name or any(row[i] for row in rows)
    ]
    lines = zip(*(column.cells() for column in columns), strict=True)
    print(f"\n{title}\n")
    for line in lines:
        print("|" + "|".join(line) + "|", flush=True)


class Printed:
    """A column as it is printed: all cells of one width."""

    def __init__(self, head: str, cells: list[str], *, is_text: bool) -> None:
        self._head = head
        self._cells = cells
        self._is_text = is_text

    def cells(self) -> list[str]:
        width = max(len(cell) for cell in (self._head, *self._cells))
        rule = "-" * (width + 2) if self._is_text else "-" * (width + 1) + ":"
        head, *rest = (self._padded(cell, width) for cell in (self._head, *self._cells))
        return [head, rule, *rest]

    def _padded(self, cell: str, width: int) -> str:
        return f" {cell.ljust(width) if self._is_text else cell.rjust(width)} "
