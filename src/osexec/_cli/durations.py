"""Durations as timeout(1) takes them: `0.5`, `30s`, `5m`, `2h`, `1d`."""

from __future__ import annotations

import re

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST = 1000 * 365 * 86400
PATTERN = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([smhd]?)", re.ASCII)


def parse_duration(text: str) -> float:
    """Seconds from a word of the command line; 0 is up to the caller (none, mostly).

    Raises:
        ValueError: It is not a duration; the message says what to write.
    """
    found = PATTERN.fullmatch(text)
    if found is None:
        if text.startswith("-") and PATTERN.fullmatch(text[1:]):
            raise ValueError(f"{text!r} is negative: write 0 for none, or 0.5, 30s, 5m, 2h, 1d")
        raise ValueError(f"{text!r} is not a duration: write 0.5, 30s, 5m, 2h or 1d")
    seconds = float(found[1]) * UNITS[found[2]]
    if seconds > LONGEST:
        raise ValueError(f"{text!r} is longer than a thousand years: write 0 for none")
    return seconds


def show_duration(seconds: float) -> str:
    """Seconds for a message: "0.2s", "300s"."""
    return f"{seconds:.15g}s"
