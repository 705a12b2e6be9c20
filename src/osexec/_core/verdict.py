"""Which error a caller sees when several things went wrong. Nothing else decides it.

The order is Go's: start error > lost status or exit > a failed kill, a failed
cancel, the context > wait delay > copy error. It was enumerated on Go itself
(954 cells for 1.27.3, 93 for 1.19.8), and a test takes every cell through
`verdict()`. What loses is not dropped: it stays in the list, after the winner.
"""

from __future__ import annotations

from enum import Enum


class Claim(Enum):
    """Something that went wrong; the members stand in order of precedence."""

    START = "the command could not be started"
    STATUS_LOST = "somebody else collected the status"
    EXIT = "it ended with a non-zero status or by a signal"
    KILL_FAILED = "killing it was refused, or did not help"
    CANCEL_FAILED = "cancelling it failed"
    CONTEXT = "the context ended it, or was done before the start"
    WAIT_DELAY = "a pipe was still open when the time was up"
    COPY = "the caller's reader or writer failed"
    LEAK = "it left processes behind, and must not"


def verdict(
    *,
    start_failed: bool = False,
    status_lost: bool = False,
    returncode: int | None = None,
    kill_failed: bool = False,
    cancel_failed: bool = False,
    context_ended: bool = False,
    pipes_cut: bool = False,
    copy_failed: bool = False,
    leaked: bool = False,
) -> tuple[Claim, ...]:
    """Everything that went wrong, the winner first; empty for a success.

    Args:
        context_ended: The context was done before the start, or its cancel
            took effect on a child that had not yet exited.
        pipes_cut: The time was up with a pipe open.
    """
    facts = (
        start_failed,
        status_lost,
        bool(returncode),
        kill_failed,
        cancel_failed,
        context_ended,
        pipes_cut,
        copy_failed,
        leaked,
    )
    return tuple(claim for claim, holds in zip(Claim, facts, strict=True) if holds)
