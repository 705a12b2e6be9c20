r"""Lines end at "\n" and nowhere else, however the bytes come."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osexec._core.lines import LineSplitter


def lines_of(data: bytes) -> list[bytes]:
    """What bytes.split says, without the nothing after a last line end."""
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def split(pieces: list[bytes]) -> list[bytes]:
    splitter = LineSplitter()
    found = [line for piece in pieces for line in splitter.feed(piece)]
    return found + splitter.finish()


@given(st.lists(st.binary(max_size=8) | st.sampled_from([b"\n", b"a\nb", b"\r\n", b""])))
def test_lines_do_not_depend_on_how_the_bytes_come(pieces: list[bytes]) -> None:
    assert split(pieces) == lines_of(b"".join(pieces))


@given(st.text("a\n", max_size=12).map(str.encode), st.data())
def test_a_cut_anywhere_changes_nothing(data: bytes, draw: st.DataObject) -> None:
    places = draw.draw(st.lists(st.integers(0, len(data))))
    marks = [0, *sorted(places), len(data)]
    assert split([data[a:b] for a, b in pairwise(marks)]) == lines_of(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"a\r\nb\r\n", [b"a\r", b"b\r"]),
        (
            b"a\rb\x0bc\x0cd\x1ce\xc2\x85f\xe2\x80\xa8g",
            [b"a\rb\x0bc\x0cd\x1ce\xc2\x85f\xe2\x80\xa8g"],
        ),
        (b"\xff\xfe\n\x00\n", [b"\xff\xfe", b"\x00"]),
    ],
    ids=[
        "nothing",
        "an empty line",
        "no line end",
        "one line",
        "an empty line between",
        "carriage returns stay",
        "what str.splitlines would cut",
        "any bytes",
    ],
)
def test_a_line_ends_at_a_newline_only(data: bytes, expected: list[bytes]) -> None:
    assert split([data]) == expected
    assert split([data[i : i + 1] for i in range(len(data))]) == expected


def test_a_line_comes_as_soon_as_it_is_complete() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"one") == []
    assert splitter.feed(b" line\nand ") == [b"one line"]
    assert splitter.feed(b"another\n") == [b"and another"]
    assert splitter.finish() == []


def test_a_finished_splitter_is_empty() -> None:
    splitter = LineSplitter()
    splitter.feed(b"rest")
    assert splitter.finish() == [b"rest"]
    assert splitter.finish() == []


class Counted(bytes):
    """Bytes that count how many of them were searched for a line end."""

    searched = 0

    def split(self, *args: object, **kwargs: object) -> list[bytes]:
        Counted.searched += len(self)
        return super().split(*args, **kwargs)  # type: ignore[arg-type]


def test_a_long_line_is_not_searched_again() -> None:
    """Else a line of 100 MB would cost its square."""
    splitter = LineSplitter()
    Counted.searched = 0
    for _ in range(1000):
        assert splitter.feed(Counted(b"x" * 100)) == []
    assert splitter.feed(Counted(b"\n")) == [b"x" * 100_000]
    assert Counted.searched == 100_001
