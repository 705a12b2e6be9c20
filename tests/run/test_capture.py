"""A capture that keeps the head and the tail, says what is missing, and counts it."""

import pytest

from osexec import Capture, Cmd, UsageError

HUNDRED = Cmd("sh", "-c", "printf %0100d 7")
ALL = b"0" * 99 + b"7"


def kept(run, **bounds: int) -> tuple[bytes, int]:
    result = run(HUNDRED.replace(stdout=Capture(**bounds)))
    return result.stdout, result.omitted


def test_without_a_bound_everything_is_kept(run) -> None:
    assert kept(run) == (ALL, 0)


def test_bounds_that_are_not_reached_change_nothing(run) -> None:
    assert kept(run, head=100) == (ALL, 0)
    assert kept(run, tail=100) == (ALL, 0)
    assert kept(run, head=50, tail=50) == (ALL, 0)
    assert kept(run, head=99, tail=1) == (ALL, 0)


def test_head_and_tail_stand_around_what_is_missing(run) -> None:
    assert kept(run, head=3, tail=2) == (b"000\n... omitting 95 bytes ...\n07", 95)


def test_the_head_alone_and_the_tail_alone(run) -> None:
    assert kept(run, head=3) == (b"000\n... omitting 97 bytes ...\n", 97)
    assert kept(run, tail=2) == (b"\n... omitting 98 bytes ...\n07", 98)


def test_nothing_at_all(run) -> None:
    assert kept(run, head=0) == (b"\n... omitting 100 bytes ...\n", 100)
    assert kept(run, head=0, tail=0) == (b"\n... omitting 100 bytes ...\n", 100)


def test_both_streams_are_counted_together(run) -> None:
    cmd = Cmd("sh", "-c", "printf %0100d 1; printf %0200d 2 >&2")
    result = run(cmd.replace(stdout=Capture(head=10), stderr=Capture(tail=10)))
    assert result.omitted == 90 + 190
    assert result.output_complete  # all of it was read


def test_the_tail_is_the_very_end_of_many_pieces(run) -> None:
    cmd = Cmd("seq", "300000", stdout=Capture(head=4, tail=21))
    result = run(cmd)
    total = sum(len(b"%d\n" % number) for number in range(1, 300_001))
    assert result.stdout == (
        b"1\n2\n\n... omitting %d bytes ...\n299998\n299999\n300000\n" % (total - 25)
    )


@pytest.mark.parametrize(
    "bounds", [{"head": -1}, {"tail": -1}, {"head": 1.5}, {"tail": "9"}, {"head": True}]
)
def test_what_is_no_number_of_bytes_is_refused(bounds: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="Capture"):
        Capture(**bounds)  # type: ignore[arg-type]
