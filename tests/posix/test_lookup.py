"""Finding a program by the rules of Go's LookPath."""

import os
import re
from pathlib import Path

import pytest

import osexec
from osexec import Cmd, DotPathError, NotExecutableError, NotFoundError, look_path


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scratch folder as the current directory, with programs in some of its folders."""
    monkeypatch.chdir(tmp_path)
    for folder, name, mode in (
        ("one", "both", 0o755),
        ("two", "both", 0o755),
        ("one", "plain", 0o644),
        ("two", "plain", 0o755),
        ("one", "only-plain", 0o644),
        (".", "here", 0o755),
    ):
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\necho $0\n")
        path.chmod(mode)
    (tmp_path / "one" / "folder").mkdir()
    return tmp_path


def set_path(monkeypatch: pytest.MonkeyPatch, *entries: object) -> None:
    monkeypatch.setenv("PATH", ":".join(map(str, entries)))


def test_the_first_hit_of_the_path_wins(place: Path, monkeypatch) -> None:
    set_path(monkeypatch, place / "nowhere", place / "two", place / "one")
    assert look_path("both") == str(place / "two" / "both")


def test_a_file_that_may_not_be_executed_is_passed_over(place: Path, monkeypatch) -> None:
    set_path(monkeypatch, place / "one", place / "two")
    assert look_path("plain") == str(place / "two" / "plain")


def test_a_hit_that_may_not_be_executed_is_hinted_at(place: Path, monkeypatch) -> None:
    set_path(monkeypatch, place / "one")
    with pytest.raises(NotFoundError, match="may not be executed") as caught:
        look_path("only-plain")
    assert caught.value.name == "only-plain"
    assert str(place / "one" / "only-plain") in str(caught.value)


def test_a_directory_is_no_program(place: Path, monkeypatch) -> None:
    set_path(monkeypatch, place / "one")
    with pytest.raises(NotFoundError):
        look_path("folder")


@pytest.mark.parametrize("name", ["", ".", ".."])
@pytest.mark.parametrize("path", ["/bin", "", "."])
def test_names_that_mean_a_directory_are_never_found(name: str, path: str, monkeypatch) -> None:
    monkeypatch.setenv("PATH", path)
    with pytest.raises(NotFoundError) as caught:
        look_path(name)
    assert caught.value.name == name


def test_an_empty_path_finds_nothing(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotFoundError):
        look_path("here")


def test_without_a_path_nothing_is_found(monkeypatch) -> None:
    monkeypatch.delenv("PATH")
    with pytest.raises(NotFoundError):
        look_path("sh")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".", "here"),
        (":/bin", "here"),
        ("/nowhere:", "here"),
        ("/nowhere::/bin", "here"),
        ("./", "./here"),
    ],
)
def test_a_hit_in_the_current_directory_is_refused(path: str, found: str, monkeypatch) -> None:
    monkeypatch.setenv("PATH", path)
    with pytest.raises(DotPathError) as caught:
        look_path("here")
    assert (caught.value.name, caught.value.path) == ("here", found)


def test_a_hit_in_a_relative_directory_is_refused_with_its_path(monkeypatch) -> None:
    set_path(monkeypatch, "one")
    with pytest.raises(DotPathError) as caught:
        look_path("both")
    assert caught.value.path == "one/both"


def test_a_refused_hit_ends_the_search(place: Path, monkeypatch) -> None:
    set_path(monkeypatch, "one", place / "two")
    with pytest.raises(DotPathError):
        look_path("both")


def test_an_earlier_absolute_hit_wins_over_a_relative_one(place: Path, monkeypatch) -> None:
    set_path(monkeypatch, place / "two", ".", "one")
    assert look_path("both") == str(place / "two" / "both")


def test_nothing_in_the_current_directory_is_no_refusal(monkeypatch) -> None:
    monkeypatch.setenv("PATH", ".:/bin")
    assert look_path("sh") == "/bin/sh"


@pytest.mark.parametrize("name", ["./here", "one/both", "one/../here"])
def test_a_name_with_a_slash_is_tried_directly(name: str, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert look_path(name) == name


def test_an_absolute_name_is_tried_directly(place: Path, monkeypatch) -> None:
    monkeypatch.delenv("PATH")
    assert look_path(str(place / "here")) == str(place / "here")


@pytest.mark.parametrize("name", ["./nothing", "here/below", "/no/such/file", "nowhere/"])
def test_a_name_with_a_slash_that_is_not_there(name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        look_path(name)
    assert caught.value.name == name


@pytest.mark.parametrize("name", ["one/plain", "./one", "one/"])
def test_a_name_with_a_slash_that_may_not_be_executed(name: str) -> None:
    with pytest.raises(NotExecutableError) as caught:
        look_path(name)
    assert caught.value.name == name
    assert isinstance(caught.value, PermissionError)


def test_a_name_that_is_not_text_is_refused() -> None:
    with pytest.raises(osexec.UsageError):
        look_path(7)  # type: ignore[arg-type]


def test_a_name_with_a_nul_is_not_found() -> None:
    with pytest.raises((osexec.LookPathError, osexec.UsageError)):
        look_path("a\0b")


def test_a_command_line_as_a_program_shows_the_right_call() -> None:
    with pytest.raises(NotFoundError, match=re.escape('Cmd("git", "status")')):
        Cmd("git status").run()


def test_a_refused_hit_can_be_run_by_its_path(monkeypatch) -> None:
    monkeypatch.setenv("PATH", ".:/bin")
    with pytest.raises(DotPathError) as caught:
        Cmd("here").run()
    assert Cmd("here", executable=f"./{caught.value.path}").text() == "./here"


def test_not_found_is_a_file_not_found_error_and_no_start_error() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        Cmd("no-such-program").run()
    assert isinstance(caught.value, NotFoundError)
    assert not isinstance(caught.value, osexec.StartError)
    assert caught.value.result is None


def test_a_program_is_looked_up_again_when_the_path_changes(place: Path, monkeypatch) -> None:
    cmd = Cmd("both")
    set_path(monkeypatch, place / "one", "/bin")
    assert cmd.text() == str(place / "one" / "both")
    set_path(monkeypatch, place / "two", "/bin")
    assert cmd.text() == str(place / "two" / "both")


def test_a_program_is_looked_up_again_when_it_has_moved(place: Path, monkeypatch) -> None:
    cmd = Cmd("both")
    set_path(monkeypatch, place / "one", place / "two", "/bin")
    assert cmd.text() == str(place / "one" / "both")
    (place / "one" / "both").unlink()
    assert cmd.text() == str(place / "two" / "both")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may search every directory")
def test_a_directory_that_may_not_be_searched_is_passed_over(place: Path, monkeypatch) -> None:
    (place / "one").chmod(0)
    try:
        set_path(monkeypatch, place / "one", place / "two")
        assert look_path("both") == str(place / "two" / "both")
    finally:
        (place / "one").chmod(0o755)
