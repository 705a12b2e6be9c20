"""The words of the machine: the states of a life, what it is told, what it answers."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where a life is."""

    __hash__ = object.__hash__  # Enum's own is Python code, and the table is asked at every fact

    RUNNING = "running"
    """The child is alive and nobody wants it to end."""
    ENDING = "ending"
    """The context is done; the child is being ended politely."""
    DRAINING = "draining"
    """The child exited by itself; its pipes are read to the end."""
    SWEEPING = "sweeping"
    """The child exited and the context is done; the rest of its tree is being ended."""
    FORCING = "forcing"
    """The time is up: kill, cut the pipes, leave."""
    DONE = "done"
    """Nothing is left to do."""


class Fact(Enum):
    """What the machine is told."""

    __hash__ = object.__hash__

    EXITED = "the child exited"
    CONTEXT_DONE = "the context is done"
    HURRY = "the grace is skipped"
    CANCEL_RETURNED = "the cancel returned"
    KILL_FAILED = "killing was refused"
    STREAM_ENDED = "a stream ended"
    TREE_EMPTY = "the tree is empty"
    TIMER = "the time has come"


class Act(Enum):
    """What the machine answers."""

    CANCEL = "call the caller's cancel function"
    SIGNAL = "send the step's signal to the child, or to all of its tree"
    SIGNAL_REST = "send the step's signal to what is left of the tree"
    KILL = "SIGKILL the child and its tree"
    NAME = "take down who outlived the child, before they are killed"
    LOOK = "see whether the tree is empty, and say so when it is"
    CUT = "read what is in the pipes, then close them"
    FINISH = "collect the status and close everything"
