"""Endings that are hard to provoke: the words and the numbers for them."""

from typing import Any

import osexec
from osexec import ExitError, Holder, KillFailed, LeakError, Reason, StatusLostError
from osexec._cli.args import parse
from osexec._cli.ending import ending_of
from osexec._cli.run import plan_of

PLAN = plan_of(parse(["run", "--timeout", "3", "program"]))
WARNING = plan_of(parse(["run", "--leaks", "warn", "program"]))
LEFT = (Holder(4712, "sleep 60"), Holder(4713, "sleep 61"))


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
        "swept": 0,
        "memory_peak": None,
        "contain": "tree",
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


def test_a_lost_minder_is_125() -> None:
    lost = ended(returncode=None, reason=Reason.MINDER_LOST, errors=(StatusLostError("lost"),))
    ending = ending_of(PLAN, lost, None)
    assert (ending.status, ending.reason, ending.error) == (125, "minder_lost", "lost")
    assert ending.message == "program was ended: the minder that contained it was killed"


def test_a_leak_that_is_an_error_is_125() -> None:
    left = ended(leaked=LEFT, swept=2, errors=(LeakError("program left two behind"),))
    ending = ending_of(PLAN, left, None)
    assert (ending.status, ending.reason) == (125, "leaked")
    assert ending.message == ending.error == "program left two behind"


def test_a_leak_does_not_change_the_status_of_a_failure() -> None:
    failed = ended(returncode=3, leaked=LEFT)
    errors = (ExitError(failed), LeakError("program left two behind"))
    ending = ending_of(PLAN, ended(returncode=3, leaked=LEFT, errors=errors), None)
    assert (ending.status, ending.reason) == (3, "exited")
    assert ending.message == "program left two behind"


def test_all_who_are_left_running_are_named_in_one_line() -> None:
    ending = ending_of(WARNING, ended(leaked=LEFT), None)
    assert (ending.status, ending.reason, ending.error) == (0, "exited", None)
    assert ending.message == "program left running: 4712 (sleep 60), 4713 (sleep 61)"


def test_who_is_left_running_is_only_named_if_that_was_asked_for() -> None:
    assert ending_of(PLAN, ended(leaked=LEFT), None).message == ""
    assert ending_of(WARNING, ended(), None).message == ""


def test_who_is_left_running_is_named_beside_a_closed_pipe() -> None:
    piped = ended(returncode=-13, reason=Reason.SIGNALLED, leaked=LEFT)
    ending = ending_of(WARNING, piped, None)
    assert (ending.status, ending.die_of) == (141, None)
    assert ending.message == "program left running: 4712 (sleep 60), 4713 (sleep 61)"


def test_who_is_left_running_is_named_beside_a_death() -> None:
    died = ended(returncode=-11, reason=Reason.SIGNALLED, leaked=LEFT)
    message = ending_of(WARNING, died, None).message
    assert "program died of SIGSEGV" in message
    assert "4712 (sleep 60), 4713 (sleep 61)" in message
