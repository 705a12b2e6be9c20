"""`osexec run`: one command, under a time limit, with our own streams."""

from __future__ import annotations

import math
import os
import signal
import warnings
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import osexec

from .ending import FAILED, Ending, ending_of, ending_of_error, signal_name
from .say import say
from .signals import OTHER, Mailbox, die_of

if TYPE_CHECKING:
    from .args import Asked


ECHO = 0.5
"""A second signal so soon is the first one again: timeout(1) sends its signal to its
child and then to the whole group, and some supervisors do the same."""


class Plan(NamedTuple):
    """What was asked for. 0 seconds mean no limit, as for timeout(1)."""

    words: tuple[str, ...]
    timeout: float
    signal: int
    wait_delay: float
    contain: str | None
    leaks: str | None
    cwd: str | None
    env: tuple[tuple[str, str], ...]
    quiet: bool
    report: str | None


def run(asked: Asked) -> int:
    """Run the command that was asked for; the exit status."""
    plan = plan_of(asked)
    be_transparent()
    warnings.simplefilter("ignore", osexec.LeakWarning)  # we say it in our own words
    told: int | None = None
    result: osexec.Result | None = None
    mailbox = Mailbox()
    try:
        process = command_of(plan).start(timeout=plan.timeout or None)
        result, told = follow(process, mailbox)
        ending = ending_of(plan, result, told)
    except Exception as error:  # noqa: BLE001  whatever it is, it is said and reported
        ending = ending_of_error(plan, error)
    mailbox.close()
    return finish(plan, ending, told, result)


def plan_of(asked: Asked) -> Plan:
    """The options under their names, with their types."""
    options: dict[str, Any] = asked.options  # the table of options says which type each has
    return Plan(
        words=asked.words,
        timeout=options["--timeout"],
        signal=options["--signal"],
        wait_delay=options["--wait-delay"],
        contain=options["--contain"],
        leaks=options["--leaks"],
        cwd=options["--cwd"],
        env=options["--env"],
        quiet=options["--quiet"],
        report=options["--report"],
    )


def command_of(plan: Plan) -> osexec.Cmd:
    """The plan as a command of the library."""
    return osexec.Cmd(
        *plan.words,
        cwd=plan.cwd,
        extra_env=dict(plan.env) or None,
        stdin=osexec.INHERIT,
        stdout=osexec.INHERIT,
        stderr=osexec.INHERIT,
        cancel=plan.signal,
        wait_delay=plan.wait_delay or math.inf,
        contain=plan.contain,
        leaks=plan.leaks,
        check=False,
    )


def follow(process: osexec.Process, mailbox: Mailbox) -> tuple[osexec.Result, int | None]:
    """Wait until the command has ended, and say which signal told us to stop.

    The first signal ends the command as a time-out would. A later one, or the
    first one after the time-out, kills whatever is left at once.
    """
    with process:
        Thread(target=_wait, args=(process, mailbox), daemon=True).start()
        told = _pass_on(process, mailbox)
    result = process.result
    return (process.wait() if result is None else result), told


def _pass_on(process: osexec.Process, mailbox: Mailbox) -> int | None:
    told, patient_until = None, 0.0
    while (number := mailbox.read()) != OTHER:
        if monotonic() < patient_until:
            continue
        process.cancel(f"{signal_name(number)} to osexec")
        if told is None:
            told, patient_until = number, monotonic() + ECHO
    return told


def _wait(process: osexec.Process, mailbox: Mailbox) -> None:
    try:
        process.wait()
    except osexec.Error:
        pass  # it is in the result
    finally:
        mailbox.post()


def finish(plan: Plan, ending: Ending, told: int | None, result: osexec.Result | None) -> int:
    """Say and report the ending; the exit status, unless it is a signal to die of."""
    if ending.message and not plan.quiet:
        say(ending.message)
    if plan.report is not None:
        from .report import make_report, write_report  # not at import: json is slow to load

        name = signal_name(told) if told is not None else None
        try:
            write_report(plan.report, make_report(plan.words, ending, name, result))
        except OSError as error:
            if not plan.quiet:
                say(f"the report could not be written to {plan.report}: {error.strerror}")
            return FAILED
    if ending.die_of is not None:
        die_of(ending.die_of)
    return ending.status


def be_transparent() -> None:
    """Undo what would make the command see another world than without us.

    An ignored SIGCHLD is inherited and would lose us the exit status; timeout(1)
    resets it as well. In the C locale Python sets LC_CTYPE for itself and so for
    every child (PEP 538).
    """
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        with open("/proc/self/environ", "rb") as file:
            given = file.read().split(b"\0")
    except OSError:
        return
    values = [entry[9:] for entry in given if entry.startswith(b"LC_CTYPE=")]
    if values:
        os.environb[b"LC_CTYPE"] = values[0]
    else:
        os.environ.pop("LC_CTYPE", None)
