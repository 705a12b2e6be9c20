"""The verbs: what each returns, what it captures, and what it refuses."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import osexec
from osexec import (
    DEVNULL,
    PIPE,
    STDOUT,
    Capture,
    Cmd,
    DeadlineExceeded,
    ExitError,
    UsageError,
)
from tests.helpers.fresh import fresh
from tests.helpers.limits import FOREVER, LONG, SOON

BOTH = ("sh", "-c", "echo out; echo err >&2")


def test_run_gives_a_result() -> None:
    result = osexec.run("true")
    assert result.ok
    assert result.returncode == 0
    assert (result.stdout, result.stderr) == (None, None)


def test_run_prints_as_it_goes(capfd) -> None:
    osexec.run(*BOTH)
    assert capfd.readouterr() == ("out\n", "err\n")


def test_run_raises_for_a_failure_unless_told_not_to() -> None:
    with pytest.raises(ExitError) as caught:
        osexec.run("sh", "-c", "exit 3")
    assert caught.value.returncode == 3
    result = osexec.run("sh", "-c", "exit 3", check=False)
    assert result.returncode == 3
    assert not result.ok
    assert [type(error) for error in result.errors] == [ExitError]


def test_check_off_does_not_hide_a_timeout() -> None:
    with pytest.raises(DeadlineExceeded):
        osexec.run("sleep", str(FOREVER), check=False, timeout=SOON)


def test_output_is_bytes_exactly_as_written(capfd) -> None:
    assert osexec.output("printf", r"a\0b\377\r\n\n") == b"a\0b\xff\r\n\n"
    assert osexec.output(*BOTH) == b"out\n"
    assert capfd.readouterr() == ("", "")


def test_text_is_text_without_its_last_newlines() -> None:
    assert osexec.text("printf", r"a\n\nb \n\n\n") == "a\n\nb "
    assert osexec.text("true") == ""
    assert osexec.text("printf", r"\377", encoding="latin-1") == "ÿ"
    assert osexec.text("printf", r"\377") == r"\xff"
    with pytest.raises(UnicodeDecodeError):
        osexec.text("printf", r"\377", errors="strict")


def test_text_keeps_carriage_returns() -> None:
    assert osexec.text("printf", r"a\r\nb\r\n") == "a\r\nb\r"


def test_combined_output_keeps_the_order() -> None:
    line = "for i in 1 2 3; do echo $i; echo e$i >&2; done"
    assert osexec.combined_output("sh", "-c", line) == b"1\ne1\n2\ne2\n3\ne3\n"


@pytest.mark.parametrize("verb", ["output", "text", "combined_output"])
def test_a_failure_has_the_output_so_far(verb: str) -> None:
    with pytest.raises(ExitError) as caught:
        getattr(Cmd("sh", "-c", "echo out; echo err >&2; exit 3"), verb)()
    error = caught.value
    if verb == "combined_output":
        assert error.stdout == error.result.stdout == b"out\nerr\n"
    else:
        assert error.stdout == error.result.stdout == b"out\n"
        assert error.stderr == error.result.stderr == b"err\n"
        assert "err" in str(error)
    assert isinstance(error, subprocess.CalledProcessError)


@pytest.mark.parametrize("verb", ["output", "text", "combined_output", "run"])
def test_a_timeout_has_the_output_so_far(verb: str) -> None:
    cmd = Cmd("sh", "-c", f"echo out; sleep {FOREVER}")
    if verb == "run":
        cmd = cmd.replace(stdout=Capture())
    with pytest.raises(DeadlineExceeded) as caught:
        getattr(cmd, verb)(timeout=SOON * 2)
    assert caught.value.result.stdout == b"out\n"


def test_long_stderr_is_kept_at_both_ends() -> None:
    line = "head -c 100000 /dev/zero | tr '\\0' a >&2; echo THE END >&2; exit 3"
    with pytest.raises(ExitError) as caught:
        osexec.output("sh", "-c", line)
    kept = caught.value.result.stderr
    assert kept.startswith(b"a" * 32768 + b"\n")
    assert kept.endswith(b"aTHE END\n")
    omitted = 100_000 + len("THE END\n") - 65536
    assert f"omitting {omitted} bytes".encode() in kept
    assert caught.value.result.omitted == omitted
    assert "THE END" in str(caught.value)
    assert len(str(caught.value)) < 5000


def test_stderr_can_be_set_for_output() -> None:
    assert osexec.output(*BOTH, stderr=STDOUT) == b"out\nerr\n"
    assert osexec.output(*BOTH, stderr=DEVNULL) == b"out\n"
    with pytest.raises(ExitError) as caught:
        osexec.output("sh", "-c", "echo err >&2; exit 3", stderr=Capture())
    assert caught.value.result.stderr == b"err\n"


@pytest.mark.parametrize("verb", ["output", "text", "lines", "combined_output"])
def test_what_a_verb_captures_can_not_be_set(verb: str) -> None:
    with pytest.raises(UsageError, match="stdout"):
        getattr(Cmd("true", stdout=DEVNULL), verb)()


def test_combined_output_takes_both() -> None:
    with pytest.raises(UsageError, match="stderr"):
        Cmd("true", stderr=DEVNULL).combined_output()


@pytest.mark.parametrize("verb", ["output", "text", "combined_output", "run", "lines"])
@pytest.mark.parametrize("field", ["stdin", "stderr"])
def test_a_pipe_that_nobody_could_use_is_refused(verb: str, field: str) -> None:
    """Only `start()` gives a Process to read it from; otherwise the command would hang."""
    with pytest.raises(UsageError, match="PIPE"):
        list(getattr(Cmd("cat", **{field: PIPE}), verb)())


def test_the_module_functions_take_every_field(tmp_path: Path) -> None:
    fields = {"cwd": tmp_path, "extra_env": {"A": "1"}, "timeout": LONG}
    line = "echo $PWD $A"
    said = f"{tmp_path} 1"
    assert osexec.text("sh", "-c", line, **fields) == said
    assert osexec.output("sh", "-c", line, **fields).decode() == said + "\n"
    assert osexec.combined_output("sh", "-c", line, **fields).decode() == said + "\n"
    assert list(osexec.lines("sh", "-c", line, **fields)) == [said]
    assert osexec.run("sh", "-c", line, stdout=Capture(), **fields).stdout.decode() == said + "\n"
    assert osexec.start("sh", "-c", line, stdout=Capture(), **fields).wait().stdout is not None


def test_a_command_can_be_run_any_number_of_times() -> None:
    cmd = Cmd("echo", "hello")
    assert [cmd.text() for _ in range(3)] == ["hello"] * 3
    assert pickle.loads(pickle.dumps(cmd)).text() == "hello"
    assert cmd.replace(args=("echo", "other")).text() == "other"


def test_sh_runs_a_script_and_nothing_else_does() -> None:
    assert Cmd.sh("echo a | tr a b").text() == "b"
    assert Cmd("echo", "a | tr a b; $HOME *").text() == "a | tr a b; $HOME *"


def test_a_wrong_field_is_named() -> None:
    with pytest.raises(TypeError, match="comand"):
        Cmd("true", comand=1)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="comand"):
        Cmd("true").replace(comand=1)


@pytest.mark.parametrize("timeout", [-1, "1", float("nan"), True, []])
def test_what_is_no_timeout_is_refused(timeout: object) -> None:
    for verb in ("run", "output", "text", "combined_output", "lines", "start"):
        with pytest.raises(UsageError, match="timeout"):
            getattr(Cmd("true"), verb)(timeout=timeout)
    with pytest.raises(UsageError, match="timeout"):
        Cmd("true", timeout=timeout)  # type: ignore[arg-type]


def test_the_readme_way_to_a_script_works() -> None:
    said = fresh("import osexec; print(osexec.text('echo', 'hello'))", python=sys.executable)
    assert said.stdout == "hello\n"
