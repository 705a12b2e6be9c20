"""What goes wrong with stdout and stderr: a writer that fails, and what is no target."""

import io
from pathlib import Path

import pytest

import osexec
from osexec import DEVNULL, STDOUT, Capture, Cmd, CopyError, ExitError, UsageError
from tests.helpers.drivers import error_of

OUT = Cmd("sh", "-c", "echo out")


class Writer:
    """A writer of the caller's that takes all."""

    def __init__(self) -> None:
        self.got = b""

    def write(self, data: bytes) -> object:
        self.got += bytes(data)
        return None


class Failing(Writer):
    """A writer that takes one piece and then fails."""

    def write(self, data: bytes) -> int:
        if self.got:
            raise KeyError("full")
        super().write(data)
        return len(data)


def test_a_writer_that_takes_nothing_does_not_spin_for_ever(run) -> None:
    class Full(Writer):
        def write(self, data: bytes) -> int:
            return 0

    error = error_of(run, OUT.replace(stdout=Full()))
    assert type(error) is CopyError


def test_a_failing_writer_is_a_copy_error_and_the_command_learns_of_it(run) -> None:
    error = error_of(run, Cmd("yes", stdout=Failing()))
    assert isinstance(error, ExitError)  # SIGPIPE
    assert [type(loser) for loser in error.result.errors] == [ExitError, CopyError]
    assert any("full" in note for note in error.__notes__)
    assert not error.result.output_complete


def test_a_failing_writer_of_a_command_that_ends_well_is_a_copy_error(run) -> None:
    class Refusing(Writer):
        def write(self, data: bytes) -> int:
            raise KeyError("full")

    error = error_of(run, OUT.replace(stdout=Refusing()))
    assert type(error) is CopyError
    assert isinstance(error.__cause__, KeyError)
    assert "stdout" in str(error)


def test_the_other_targets_go_on_when_one_fails(run) -> None:
    error = error_of(run, Cmd("seq", "100000", stdout=[Failing(), Capture()]))
    assert type(error) is CopyError
    assert error.result.stdout.endswith(b"100000\n")


def test_a_closed_memory_file_is_a_copy_error(run) -> None:
    memory = io.BytesIO()
    memory.close()
    error = error_of(run, OUT.replace(stdout=memory))
    assert isinstance(error, CopyError | UsageError)


def test_a_writer_whose_flush_fails_is_a_copy_error(run) -> None:
    class Unflushable(Writer):
        def flush(self) -> None:
            raise KeyError("disk")

    assert isinstance(error_of(run, OUT.replace(stdout=Unflushable())).__cause__, KeyError)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
@pytest.mark.parametrize(
    "value",
    ["file", b"file", 1.5, True, -7, object(), [], [osexec.PIPE], [STDOUT], ["file"], [None], {}],
)
def test_what_is_no_target_is_refused_at_once(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=name):
        Cmd("true", **{name: value})


def test_stdout_can_not_go_to_itself() -> None:
    with pytest.raises(UsageError, match="STDOUT"):
        Cmd("true", stdout=STDOUT)


def test_a_closed_descriptor_or_file_is_refused_before_the_start(run, tmp_path: Path) -> None:
    file = (tmp_path / "file").open("w")
    file.close()
    for value in (199, file, [199, Capture()], [file, Capture()]):
        error = error_of(run, OUT.replace(stdout=value))
        assert isinstance(error, UsageError)
        assert error.result is None


def test_a_file_open_for_reading_is_no_target(run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (tmp_path / "file").open("rb") as file:
        error = error_of(run, Cmd("echo", "x", stdout=file, stderr=DEVNULL))
    assert isinstance(error, UsageError | ExitError)
