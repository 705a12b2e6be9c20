"""The tree of errors: who catches what, and that an error stays itself wherever it travels."""

import copy
import errno
import inspect
import pickle
import warnings
from subprocess import CalledProcessError

import pytest

import osexec
from osexec._words import errors
from osexec._words.errors import (
    Canceled,
    ContextError,
    DeadlineExceeded,
    Error,
    ExitCanceled,
    ExitDeadlineExceeded,
    ExitError,
    LeakWarning,
    LookPathError,
    StartError,
    UsageError,
    WaitDelayCanceled,
    WaitDelayDeadlineExceeded,
    WaitDelayExpired,
)
from osexec._words.result import Reason
from tests.words.samples import ERRORS, FAILED, KILLED, result

# Each error, and everything that catches it besides Error and Exception.
TREE: dict[str, set[type]] = {
    "Error": set(),
    "UsageError": {ValueError},
    "StartError": {OSError},
    "NulError": {UsageError, ValueError, StartError, OSError},
    "LookPathError": set(),
    "NotFoundError": {LookPathError, FileNotFoundError, OSError},
    "NotExecutableError": {LookPathError, PermissionError, OSError},
    "DotPathError": {LookPathError},
    "Canceled": {ContextError},
    "DeadlineExceeded": {ContextError, TimeoutError, OSError},
    "ExitError": {CalledProcessError},
    "ExitDeadlineExceeded": {
        ExitError,
        CalledProcessError,
        DeadlineExceeded,
        ContextError,
        TimeoutError,
        OSError,
    },
    "ExitCanceled": {ExitError, CalledProcessError, Canceled, ContextError},
    "CancelFailed": set(),
    "KillFailed": set(),
    "WaitDelayExpired": set(),
    "WaitDelayDeadlineExceeded": {
        WaitDelayExpired,
        DeadlineExceeded,
        ContextError,
        TimeoutError,
        OSError,
    },
    "WaitDelayCanceled": {WaitDelayExpired, Canceled, ContextError},
    "CopyError": set(),
    "LeakError": set(),
    "StatusLostError": set(),
}
CATCHERS = {
    *(cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, Exception)),
    *(OSError, ValueError, TimeoutError, FileNotFoundError, PermissionError),
    *(LookupError, RuntimeError, TypeError, KeyError, InterruptedError, BrokenPipeError),
}
every = pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)


def fields(error: Error) -> dict[str, object]:
    """What an error carries; causes of the caller's are compared by what they say."""
    known = {name: value for name, value in vars(error).items() if name != "result"}
    if isinstance(known.get("cause"), BaseException):
        known["cause"] = repr(known["cause"])
    for name in ("errno", "strerror", "filename", "args"):
        known[name] = getattr(error, name, None)
    return known


def test_every_error_is_tried_here() -> None:
    classes = {
        name
        for name, cls in inspect.getmembers(errors, inspect.isclass)
        if issubclass(cls, Error) and cls is not ContextError
    }
    assert classes == set(ERRORS) == set(TREE)


@pytest.mark.parametrize("name", TREE)
def test_an_error_is_caught_by_these_and_no_others(name: str) -> None:
    caught = {cls for cls in CATCHERS if isinstance(ERRORS[name], cls)}
    assert caught - {Error, Exception, type(ERRORS[name])} == TREE[name]


@every
def test_an_error_survives_pickling(error: Error) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(error, protocol))
        assert type(twin) is type(error)
        assert (str(twin), repr(twin)) == (str(error), repr(error))
        assert fields(twin) == fields(error)
        assert twin.result == error.result


@every
def test_an_error_survives_copying(error: Error) -> None:
    for twin in (copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert (str(twin), repr(twin)) == (str(error), repr(error))
        assert fields(twin) == fields(error)


@every
def test_notes_travel_with_an_error(error: Error) -> None:
    noted = copy.copy(error)
    noted.__notes__ = []
    noted.add_note("also: CopyError: the disk is full")
    assert pickle.loads(pickle.dumps(noted)).__notes__ == ["also: CopyError: the disk is full"]
    assert not hasattr(error, "__notes__")


@pytest.mark.parametrize(
    "cls", [ExitError, ExitDeadlineExceeded, ExitCanceled], ids=lambda cls: cls.__name__
)
def test_an_error_and_its_result_may_hold_each_other(cls: type[ExitError]) -> None:
    """`result.errors[0]` is the error whose `.result` it is."""
    ours = result(returncode=1)
    error = cls(ours, cause="why")
    object.__setattr__(ours, "errors", (error, WaitDelayExpired("and a pipe", result=ours)))
    error.add_note("also: WaitDelayExpired: and a pipe")
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert twin.result is not None
        assert twin.result is not ours
        assert twin.result.errors[0] is twin
        assert [other.result for other in twin.result.errors] == [twin.result] * 2
        assert twin.__notes__ == error.__notes__
    theirs = pickle.loads(pickle.dumps(ours))
    assert theirs.errors[0].result is theirs
    assert repr(theirs) == repr(ours)


@every
def test_a_repr_names_the_error_and_is_one_line(error: Error) -> None:
    assert repr(error).startswith(f"{type(error).__name__}(")
    assert "\n" not in repr(error)


@every
def test_an_error_says_something(error: Error) -> None:
    """Not OSError's "[Errno …]" and not CalledProcessError's "returned non-zero exit status"."""
    assert str(error)
    assert not str(error).startswith(("[Errno", "Command", "("))


@pytest.mark.parametrize("cls", [ExitDeadlineExceeded, WaitDelayDeadlineExceeded, DeadlineExceeded])
def test_a_timeout_is_caught_as_timeout_error(cls: type[DeadlineExceeded]) -> None:
    with pytest.raises(TimeoutError):
        raise ERRORS[cls.__name__]
    with pytest.raises(osexec.DeadlineExceeded):
        raise ERRORS[cls.__name__]


@pytest.mark.parametrize("cls", [ExitCanceled, WaitDelayCanceled, Canceled])
def test_a_cancellation_is_no_timeout(cls: type[Canceled]) -> None:
    assert not isinstance(ERRORS[cls.__name__], TimeoutError)


@pytest.mark.parametrize(
    ("name", "number", "filename"),
    [
        ("StartError", errno.ENOENT, "/nowhere"),
        ("NulError", errno.EINVAL, None),
        ("NotFoundError", None, None),
        ("DeadlineExceeded", None, None),
        ("ExitDeadlineExceeded", None, None),
    ],
)
def test_the_errno_is_the_systems_or_none(
    name: str, number: int | None, filename: str | None
) -> None:
    error = ERRORS[name]
    assert isinstance(error, OSError)
    assert (error.errno, error.filename) == (number, filename)


def test_a_start_error_says_what_was_done_with_what() -> None:
    error = StartError(errno.EACCES, "cannot run './x'", op="exec", filename="./x")
    assert str(error) == "cannot run './x': Permission denied [EACCES]"
    assert (error.op, error.strerror) == ("exec", "Permission denied")


def test_an_unknown_errno_is_shown_as_its_number() -> None:
    assert "[4095]" in str(StartError(4095, "cannot fork"))


def test_an_exit_error_has_what_calledprocesserror_has() -> None:
    error = ERRORS["ExitError"]
    assert isinstance(error, CalledProcessError)
    assert (error.returncode, error.cmd) == (3, ("make", "all"))
    assert (error.stdout, error.output, error.stderr) == (b"out", b"out", b"cc: no input\n")


@pytest.mark.parametrize(
    ("changes", "cause", "expected"),
    [
        ({"returncode": 3}, None, "make all exited with status 3 after 0.25 s"),
        ({"returncode": -15}, None, "make all died of SIGTERM after 0.25 s"),
        (
            {"returncode": -11, "core_dumped": True},
            None,
            "make all died of SIGSEGV after 0.25 s (core dumped)",
        ),
        ({"returncode": -40}, None, "make all died of signal 40 after 0.25 s"),
        ({"returncode": None}, None, "make all ended after 0.25 s"),
        (
            {"returncode": -9, "reason": Reason.DEADLINE},
            "timeout of 1 s",
            "make all died of SIGKILL after 0.25 s: timeout of 1 s",
        ),
        (
            {"returncode": -9, "reason": Reason.DEADLINE},
            None,
            "make all died of SIGKILL after 0.25 s: deadline exceeded",
        ),
        (
            {"returncode": 1, "reason": Reason.CANCELED},
            None,
            "make all exited with status 1 after 0.25 s: canceled",
        ),
        (
            {"returncode": 1, "reason": Reason.CANCELED},
            KeyError("k"),
            "make all exited with status 1 after 0.25 s: canceled: KeyError: 'k'",
        ),
        (
            {"returncode": 1, "reason": Reason.CANCELED},
            KeyboardInterrupt(),
            "make all exited with status 1 after 0.25 s: canceled: KeyboardInterrupt",
        ),
        (
            {"returncode": 1, "args": ("a b", "it's")},
            None,
            "'a b' 'it'\"'\"'s' exited with status 1 after 0.25 s",
        ),
    ],
)
def test_an_exit_error_says_command_end_time_and_cause(
    changes: dict[str, object], cause: BaseException | str | None, expected: str
) -> None:
    assert str(ExitError(result(**changes), cause=cause)) == expected


def test_an_exit_error_ends_with_the_end_of_stderr() -> None:
    lines = [f"line {number}" for number in range(30)]
    error = ExitError(result(returncode=1, stderr="\n".join([*lines, "", ""]).encode()))
    said = str(error).splitlines()
    assert said[0] == "make all exited with status 1 after 0.25 s; stderr ends with:"
    assert said[1:] == [f"  {line}" for line in lines[10:]]


def test_a_long_line_of_stderr_is_cut_and_bad_bytes_are_shown() -> None:
    error = ExitError(result(returncode=1, stderr=b"x" * 100_000 + b"\xff"))
    assert len(str(error)) < 2500
    assert str(error).endswith("x\\xff")


def test_an_empty_stderr_is_not_mentioned() -> None:
    assert "stderr" not in str(ExitError(result(returncode=1, stderr=b" \n\n")))


def test_a_cause_that_is_an_exception_is_the_pythons_cause() -> None:
    cause = ValueError("why")
    assert ExitCanceled(KILLED, cause=cause).__cause__ is cause
    assert Canceled("canceled", cause=cause).__cause__ is cause
    assert Canceled("canceled", cause="why").__cause__ is None


def test_a_leak_is_an_error_with_its_result_or_a_warning() -> None:
    error = ERRORS["LeakError"]
    assert error.result is not None
    assert str(error.result.leaked[0]) == "4713 (sleep 61)"
    assert not isinstance(error, CalledProcessError | OSError | ValueError | Warning)


def test_a_warning_of_leaks_is_a_resource_warning_and_no_error() -> None:
    """Like a file that was not closed: not shown by default, and there with `-W error`."""
    warning = LeakWarning("make all left processes behind: 4713 (sleep 61)")
    assert isinstance(warning, ResourceWarning)
    assert not isinstance(warning, Error)
    assert osexec.LeakWarning is LeakWarning
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(warning, protocol))
        assert type(twin) is LeakWarning
        assert (str(twin), twin.args) == (str(warning), warning.args)
    assert str(copy.deepcopy(warning)) == str(warning)
    with pytest.warns(LeakWarning, match="left processes behind"):
        warnings.warn(warning, stacklevel=1)


def test_an_error_before_the_start_has_no_result() -> None:
    for name in ("UsageError", "StartError", "NulError", "NotFoundError", "Canceled"):
        assert ERRORS[name].result is None
    assert ERRORS["ExitError"].result is FAILED
