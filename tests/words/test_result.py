"""A result: frozen, short to read, picklable, and plain values for JSON."""

import copy
import json
import pickle
import resource
from signal import SIGKILL, SIGRTMIN, SIGTERM

import pytest

from osexec._words.errors import ExitError, WaitDelayExpired
from osexec._words.result import Holder, Reason, Result, readable, shown, signal_name, status_text
from tests.words.samples import result

USAGE = resource.getrusage(resource.RUSAGE_SELF)
# A real-time signal without a name of its own in Python.
REAL_TIME = SIGRTMIN + 6


def with_errors() -> Result:
    ours = result(
        args=("make", b"all\xff"),
        returncode=-SIGTERM,
        reason=Reason.DEADLINE,
        stdout=b"caf\xc3\xa9 \xff\x00",
        stderr=b"",
        output_complete=False,
        omitted=10,
        holders=(Holder(4712, "sleep 60"),),
        leaked=(Holder(4713, "sleep 61"),),
        swept=3,
        memory_peak=1 << 20,
        rusage=USAGE,
        contain="cgroup",
    )
    errors = (ExitError(ours, cause="timeout of 1 s"), WaitDelayExpired("a pipe", result=ours))
    object.__setattr__(ours, "errors", errors)
    return ours


def test_a_result_becomes_json() -> None:
    ours = with_errors()
    told = json.loads(json.dumps(ours.to_dict()))
    usage = told.pop("rusage")
    assert told == {
        "args": ["make", "all\\xff"],
        "pid": 4711,
        "returncode": -15,
        "exit_code": -1,
        "signal": "SIGTERM",
        "core_dumped": False,
        "reason": "deadline",
        "timed_out": True,
        "stdout": "café \\xff\x00",
        "stderr": "",
        "output_complete": False,
        "omitted": 10,
        "holders": [{"pid": 4712, "command": "sleep 60"}],
        "leaked": [{"pid": 4713, "command": "sleep 61"}],
        "swept": 3,
        "memory_peak": 1048576,
        "started_at": 1700000000.5,
        "elapsed": 0.25,
        "contain": "cgroup",
        "errors": [
            {
                "type": "ExitError",
                "message": "make 'all\\xff' died of SIGTERM after 0.25 s: timeout of 1 s",
            },
            {"type": "WaitDelayExpired", "message": "a pipe"},
        ],
    }
    assert usage["ru_maxrss"] == USAGE.ru_maxrss
    assert usage["ru_utime"] == USAGE.ru_utime


def test_what_is_not_known_is_null_in_json() -> None:
    told = json.loads(json.dumps(result(returncode=None, reason=Reason.STATUS_LOST).to_dict()))
    for name in ("returncode", "exit_code", "signal", "stdout", "stderr", "rusage", "memory_peak"):
        assert told[name] is None
    assert told["reason"] == "status lost"
    assert told["swept"] == 0


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (Reason.EXITED, "exited"),
        (Reason.SIGNALLED, "signalled"),
        (Reason.CANCELED, "canceled"),
        (Reason.DEADLINE, "deadline"),
        (Reason.STATUS_LOST, "status lost"),
        (Reason.MINDER_LOST, "minder lost"),
    ],
)
def test_a_reason_is_one_word_in_json(reason: Reason, word: str) -> None:
    assert result(reason=reason).to_dict()["reason"] == word
    assert len(Reason) == 6


def test_the_dict_has_every_field_and_the_answers_to_come_from_them() -> None:
    ours = result()
    derived = {"exit_code", "signal", "timed_out"}
    assert set(ours.to_dict()) == set(ours._fields()) | derived


@pytest.mark.parametrize(
    ("returncode", "exit_code", "signal", "name"),
    [
        (0, 0, None, None),
        (3, 3, None, None),
        (255, 255, None, None),
        (-SIGKILL, -1, SIGKILL, "SIGKILL"),
        (-SIGTERM, -1, SIGTERM, "SIGTERM"),
        (-SIGRTMIN, -1, SIGRTMIN, "SIGRTMIN"),
        (-REAL_TIME, -1, REAL_TIME, f"signal {REAL_TIME}"),
        (None, None, None, None),
    ],
)
def test_a_status_is_told_in_pythons_way_and_in_gos(
    returncode: int | None, exit_code: int | None, signal: int | None, name: str | None
) -> None:
    ours = result(returncode=returncode)
    assert (ours.returncode, ours.exit_code, ours.signal) == (returncode, exit_code, signal)
    assert ours.to_dict()["signal"] == name


@pytest.mark.parametrize("reason", Reason)
def test_only_a_deadline_is_a_timeout(reason: Reason) -> None:
    assert result(reason=reason).timed_out is (reason is Reason.DEADLINE)


def test_a_result_is_ok_when_nothing_went_wrong() -> None:
    assert result().ok
    assert not with_errors().ok


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "<Result: make all, exited, status 0, 0.250 s>"),
        (
            {"returncode": -9, "reason": Reason.SIGNALLED},
            "<Result: make all, signalled, SIGKILL, 0.250 s>",
        ),
        (
            {"returncode": None, "reason": Reason.STATUS_LOST},
            "<Result: make all, status lost, 0.250 s>",
        ),
        (
            {"returncode": None, "reason": Reason.MINDER_LOST},
            "<Result: make all, minder lost, 0.250 s>",
        ),
        (
            {"stdout": b"x" * 100_000, "stderr": b"", "output_complete": False},
            "<Result: make all, exited, status 0, 0.250 s, stdout 100000 bytes, stderr 0 bytes, "
            "output incomplete>",
        ),
    ],
)
def test_a_repr_is_short(changes: dict[str, object], expected: str) -> None:
    assert repr(result(**changes)) == expected


def test_a_repr_of_a_long_command_is_cut() -> None:
    assert len(repr(result(args=("x",) * 10_000))) < 500


def test_a_result_is_frozen() -> None:
    ours = result()
    with pytest.raises(AttributeError, match="Result is frozen: pid cannot be set"):
        ours.pid = 1
    with pytest.raises(AttributeError, match="Result is frozen: pid cannot be deleted"):
        del ours.pid
    with pytest.raises(AttributeError, match="Result is frozen"):
        ours.other = 1


def test_a_result_survives_pickling() -> None:
    ours = result(rusage=USAGE, holders=(Holder(4712, "sleep 60"),), stdout=b"\x00\xff")
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(ours, protocol))
        assert twin == ours
        assert twin.rusage.ru_maxrss == USAGE.ru_maxrss
        assert hash(twin) == hash(ours)


def test_a_result_with_errors_survives_pickling() -> None:
    ours = with_errors()
    twin = pickle.loads(pickle.dumps(ours))
    assert twin.to_dict() == ours.to_dict()
    assert all(error.result is twin for error in twin.errors)


def test_a_copy_of_a_value_that_cannot_change_is_the_value() -> None:
    ours = result()
    assert copy.copy(ours) is ours


def test_results_are_equal_when_all_of_them_is() -> None:
    assert result() == result()
    assert result() != result(pid=1)
    assert result() != result(swept=1)
    assert result() != result(memory_peak=1)
    assert result() != ("make", "all")
    assert len({result(), result(), result(pid=1)}) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc", "abc"),
        ("é\n", "é\n"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\udcff", "\\xff"),  # a file name that could not be decoded
    ],
)
def test_what_cannot_be_decoded_is_shown_with_backslashes(text: str | bytes, expected: str) -> None:
    assert readable(text) == expected


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("ls", "-l"), "ls -l"),
        (("ls", "a b", ""), "ls 'a b' ''"),
        ((b"ls", "$HOME"), "ls '$HOME'"),
        (("x" * 400,), "x" * 300 + "… (400 characters)"),
    ],
)
def test_a_command_is_shown_as_a_shell_would_take_it(
    args: tuple[str | bytes, ...], expected: str
) -> None:
    assert shown(args) == expected


def test_signals_have_names() -> None:
    assert signal_name(15) == "SIGTERM"
    assert signal_name(REAL_TIME) == f"signal {REAL_TIME}"
    assert status_text(3) == "status 3"
    assert status_text(-9) == "SIGKILL"


def test_a_holder_says_who_it_is() -> None:
    assert str(Holder(4712, "sleep 60")) == "4712 (sleep 60)"
    assert Holder(1, "init") == Holder(1, "init") != Holder(2, "init")
