"""The table of durations."""

import pytest

from osexec._cli.durations import parse_duration, show_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("3.", 3),
        ("30s", 30),
        ("5m", 300),
        ("1.5m", 90),
        ("2h", 7200),
        ("1d", 86400),
        ("0s", 0),
        ("007", 7),
        ("365000d", 365000 * 86400),
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "x", "5x", "5 s", " 5", "5s ", "s", ".", "5S", "1h30m", "1e3", "inf", "nan", "٣", "5\n"],
)
def test_what_is_not_a_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a duration: write 0\.5, 30s, 5m, 2h or 1d"):
        parse_duration(text)


def test_a_negative_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="'-5s' is negative"):
        parse_duration("-5s")


@pytest.mark.parametrize("text", ["365001d", "9" * 400])
def test_a_duration_beyond_all_clocks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longer than a thousand years"):
        parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0.2s"), (300.0, "300s"), (0.1 + 0.2, "0.3s")])
def test_a_duration_is_shown_in_seconds(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text
