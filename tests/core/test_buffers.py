"""Captured output: all of it, or head and tail with Go's marker between."""

import tracemalloc
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osexec._core.buffers import HeadTail, Whole, buffer


def kept(head: int, tail: int, data: bytes) -> bytes:
    """What a bounded capture is to give, said the slow way."""
    omitted = len(data) - head - tail
    if omitted <= 0:
        return data
    return data[:head] + f"\n... omitting {omitted} bytes ...\n".encode() + data[head + omitted :]


def cuts(data: bytes) -> list[list[bytes]]:
    """Every way to cut data into pieces."""
    ways = []
    for marks in product((False, True), repeat=max(0, len(data) - 1)):
        pieces = [data[:1]]
        for place, cut in enumerate(marks, 1):
            if cut:
                pieces.append(b"")
            pieces[-1] += data[place : place + 1]
        ways.append(pieces)
    return ways


@pytest.mark.parametrize("size", range(8))
def test_head_and_tail_are_right_for_every_small_size_and_every_cut(size: int) -> None:
    data = bytes(range(65, 65 + size))
    for head, tail in product(range(5), repeat=2):
        for pieces in cuts(data):
            both = HeadTail(head, tail)
            for piece in pieces:
                assert both.write(piece) == len(piece)
            assert both.getvalue() == kept(head, tail, data), (head, tail, pieces)
            assert both.omitted == max(0, size - head - tail)
            assert both.total == size


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], b""),
        ([b"a", b"bc", b"d", b"e"], b"ab\n... omitting 1 bytes ...\nde"),
        ([b"ab"], b"ab"),
        ([b"abcd"], b"abcd"),
        ([b"abcdefghi"], b"ab\n... omitting 5 bytes ...\nhi"),
        ([b"abcdef", b"", b"g", b"hi"], b"ab\n... omitting 5 bytes ...\nhi"),
    ],
    ids=["nothing", "one by one", "head only", "full", "at once", "with an empty piece"],
)
def test_the_marker_is_gos(pieces: list[bytes], expected: bytes) -> None:
    """Rows like those of Go's TestPrefixSuffixSaver, which has N = 2."""
    both = HeadTail(2, 2)
    for piece in pieces:
        both.write(piece)
    assert both.getvalue() == expected


@given(st.integers(0, 40), st.integers(0, 40), st.lists(st.binary(max_size=100), max_size=30))
def test_head_and_tail_do_not_depend_on_how_the_output_comes(
    head: int, tail: int, pieces: list[bytes]
) -> None:
    both = HeadTail(head, tail)
    for piece in pieces:
        both.write(piece)
        both.getvalue()  # looking changes nothing
    assert both.getvalue() == kept(head, tail, b"".join(pieces))


@pytest.mark.parametrize("piece_size", [1000, 65536])
def test_the_memory_of_head_and_tail_is_bounded(piece_size: int) -> None:
    piece = bytes(piece_size)
    both = HeadTail(5000, 5000)
    tracemalloc.start()
    try:
        for _ in range(1000):
            both.write(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The head, the tail up to three times before it is trimmed, spare room, and one piece.
    assert peak < 2 * (5000 + 3 * 5000) + piece_size + 2000
    assert both.omitted == 1000 * piece_size - 10000


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_without_a_bound_everything_is_kept(pieces: list[bytes]) -> None:
    whole = Whole()
    for piece in pieces:
        assert whole.write(piece) == len(piece)
    assert whole.getvalue() == b"".join(pieces)
    assert whole.omitted == 0


def test_everything_is_handed_out_without_a_second_copy() -> None:
    whole = Whole()
    for _ in range(64):
        whole.write(bytes(65536))
    tracemalloc.start()
    try:
        data = whole.getvalue()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(data) == 64 * 65536
    assert peak < len(data) * 1.2


@pytest.mark.parametrize(
    ("head", "tail", "expected"),
    [
        (None, None, b"abcdef"),
        (2, None, b"ab\n... omitting 4 bytes ...\n"),
        (None, 2, b"\n... omitting 4 bytes ...\nef"),
        (0, 0, b"\n... omitting 6 bytes ...\n"),
        (3, 3, b"abcdef"),
    ],
)
def test_an_end_without_a_bound_is_not_kept_if_the_other_has_one(
    head: int | None, tail: int | None, expected: bytes
) -> None:
    kept = buffer(head, tail)
    kept.write(b"abcdef")
    assert kept.getvalue() == expected
