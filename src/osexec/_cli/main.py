"""The command line from its words to its exit status."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from .args import BadUsage, parse
from .ending import BY_SIGNAL, FAILED
from .say import put, say
from .signals import die_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .args import Asked


def main(argv: Sequence[str]) -> int:
    """Do what the words say; the exit status."""
    try:
        return perform(parse(argv))
    except BadUsage as error:
        say(str(error))
        return FAILED
    except KeyboardInterrupt:
        die_of(signal.SIGINT)
    except BrokenPipeError:
        silence_stdout()
        return BY_SIGNAL + signal.SIGPIPE
    except OSError as error:
        say(str(error))
        silence_stdout()
        return FAILED


def perform(asked: Asked) -> int:
    """One function for each command; what a command needs is only imported for it."""
    if asked.command == "run":
        from .run import run

        return run(asked)
    if asked.command == "which":
        from .which import which

        return which(asked)
    if asked.command == "doctor":
        from .doctor import doctor

        return doctor(asked)
    if asked.command == "help":
        from .help import help_text

        put(help_text(*asked.words))
        return 0
    from osexec import __version__

    put(f"osexec {__version__}")
    return 0


def silence_stdout() -> None:
    """Let the interpreter's own flush at exit find nothing to fail on."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
