"""Endings that are hard to provoke: the words and the numbers for them."""

from typing import Any

import osexec
from osexec import KillFailed, Reason, StatusLostError
from osexec._cli.args import parse
from osexec._cli.ending import ending_of
from osexec._cli.run import plan_of

PLAN = plan_of(parse(["run", "--timeout", "3", "program"]))


def ended(**fields: Any) -> osexec.Result:
    usual: dict[str, Any] = {
        "args": ("program",),
        "pid": 4711,
        "returncode": 0,
        "core_dumped": False,
        "reason": Reason.EXITED,
        "stdout": None,
        "stderr": None,
        "output_complete": True,
        "omitted": 0,
        "holders": (),
        "leaked": (),
        "started_at": 0.0,
        "elapsed": 0.0,
        "rusage": None,
        "contain": "group",
        "errors": (),
    }
    return osexec.Result(**(usual | fields))


def test_a_lost_status_is_125() -> None:
    lost = ended(returncode=None, reason=Reason.STATUS_LOST, errors=(StatusLostError("lost"),))
    ending = ending_of(PLAN, lost, None)
    assert (ending.status, ending.reason) == (125, "status_lost")
    assert (
        ending.message == "program ended, but its exit status was lost: somebody else collected it"
    )


def test_a_command_that_cannot_be_ended_is_125() -> None:
    alive = ended(returncode=None, reason=Reason.DEADLINE, errors=(KillFailed("refused"),))
    ending = ending_of(PLAN, alive, None)
    assert (ending.status, ending.reason, ending.error) == (125, "deadline", "refused")
    assert ending.message == "program could not be ended and may still run as process 4711"


def test_a_core_dump_is_mentioned() -> None:
    dumped = ended(returncode=-11, reason=Reason.SIGNALLED, core_dumped=True)
    assert ending_of(PLAN, dumped, None).message == "program died of SIGSEGV (core dumped)"


def test_a_signal_to_us_that_came_too_late_changes_nothing() -> None:
    ending = ending_of(PLAN, ended(returncode=3), 15)
    assert (ending.status, ending.message, ending.die_of) == (3, "", None)


def test_ctrl_c_that_reached_the_command_first_is_ours_too() -> None:
    both = ended(returncode=-2, reason=Reason.SIGNALLED)
    ending = ending_of(PLAN, both, 2)
    assert (ending.status, ending.message, ending.die_of) == (130, "", 2)
