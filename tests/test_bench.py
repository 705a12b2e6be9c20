"""The benchmarks run and print their tables. What the figures are is no test's business."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.fresh import environment
from tests.helpers.limits import LONG

BENCH = Path(__file__).parent.parent / "bench"
TINY = ["--rounds", "1", "--seed", "1"]


def bench(*words: str, status: int = 0, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(BENCH / words[0]), *words[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(**env),
        text=True,
        timeout=LONG,
        check=False,
    )
    assert done.returncode == status, done.stdout
    return done.stdout


def rows(printed: str) -> list[list[str]]:
    """The cells of the tables' lines, without the rules."""
    lines = [line for line in printed.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_spawn_prints_its_three_tables() -> None:
    printed = bench("spawn.py", "--quick", "--batch", "1", "--peers", "c", *TINY)
    found = rows(printed)
    names = [row[0] for row in found]
    assert names.count("way") == 3
    assert "seed 1" in printed
    for name in ("subprocess.run", "run(capture_output, timeout)", "osexec.run, group, timeout"):
        assert name in names
    assert all(float(row[1]) > 0 for row in found if row[0] != "way")


def test_spawn_says_what_it_uses_without_a_compiler() -> None:
    printed = bench(
        "spawn.py", "--quick", "--batch", "1", "--peers", "c", *TINY, CC="no-such-compiler"
    )
    assert "without c: no C compiler" in printed
    assert "program: no C compiler: true" in printed
    assert [row[0] for row in rows(printed)].count("way") == 3


def test_a_peer_that_does_not_exist_is_refused() -> None:
    assert "ada is none of c, go" in bench("spawn.py", "--peers", "c,ada", status=2)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["output.py", "--quick", "--mib", "1"], "osexec Cmd.output"),
        (["many.py", "--counts", "10", "--idle", "0.1"], "osexec.start, timeout"),
        (["latency.py", "--batch", "1"], "osexec.start, wait"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_others_print_their_tables(words: list[str], name: str) -> None:
    assert name in [row[0] for row in rows(bench(*words, *TINY))]


def test_a_ratio_is_taken_inside_the_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is ten times as slow in one round changes no ratio."""
    monkeypatch.syspath_prepend(BENCH)
    from measure import Series, Way

    nothing = Way("nothing", lambda count: [0.0] * count)
    quick = Series(nothing, [[1.0, 3.0], [20.0, 20.0], [2.0, 2.0]])
    slow = Series(nothing, [[4.0, 4.0], [40.0, 40.0], [4.0, 4.0]])
    assert slow.ratio(quick) == 2.0
    assert quick.median == 2.0
    assert quick.least == 1.0
