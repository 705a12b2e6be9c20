"""The environment block, row by row as in the test of Go's dedupEnv, and what is refused."""

import os

import pytest

from osexec import Cmd, UsageError
from osexec._posix.environment import block, deduplicated

ROWS = [
    ([], []),
    (["k1=v1", "k2=v2", "K1=v3"], ["k1=v1", "k2=v2", "K1=v3"]),
    (["k1=v1", "K1=V2", "k1=v3"], ["K1=V2", "k1=v3"]),
    (["a=b", "a=c", "a=d"], ["a=d"]),
    (["=a", "=b", "foo", "bar"], ["=b", "foo", "bar"]),
    (["=a=1", "=b=2", "=a=3"], ["=b=2", "=a=3"]),
    (["dodgy", "entries"], ["dodgy", "entries"]),
    (["dodgy", "dodgy"], ["dodgy", "dodgy"]),
    (["a=", "a"], ["a=", "a"]),
    (["a=1", "ab=2", "a =3"], ["a=1", "ab=2", "a =3"]),
    (["a=x=y", "a=z=w"], ["a=z=w"]),
]


@pytest.mark.parametrize(("given", "kept"), ROWS)
def test_the_last_of_a_key_wins_and_the_rest_stays(given: list[str], kept: list[str]) -> None:
    assert deduplicated(map(os.fsencode, given)) == [os.fsencode(entry) for entry in kept]


@pytest.mark.parametrize(("given", "kept"), ROWS)
def test_a_command_says_the_same(given: list[str], kept: list[str]) -> None:
    assert Cmd("true", env=given).environ() == kept


def test_nothing_given_is_nothing_changed() -> None:
    assert block(None, None, None) is None


def test_an_inherited_environment_is_ours(monkeypatch) -> None:
    monkeypatch.setenv("OSEXEC_ONE", "1")
    assert sorted(Cmd("true").environ()) == sorted(f"{k}={v}" for k, v in os.environ.items())


def test_extra_replaces_at_the_place_of_the_key() -> None:
    cmd = Cmd("true", env={"A": "1", "B": "2"}, extra_env={"A": "3"})
    assert cmd.environ() == ["A=3", "B=2"]


def test_extra_over_a_list_wins_and_comes_last() -> None:
    cmd = Cmd("true", env=["A=1", "B=2"], extra_env={"A": "3"})
    assert cmd.environ() == ["B=2", "A=3"]


def test_pwd_of_ours_is_replaced_when_there_is_a_cwd(monkeypatch) -> None:
    monkeypatch.setenv("PWD", "/somewhere/else")
    entries = Cmd("true", cwd="/usr/bin").environ()
    assert [entry for entry in entries if entry.startswith("PWD=")] == ["PWD=/usr/bin"]


def test_without_a_cwd_pwd_stays(monkeypatch) -> None:
    monkeypatch.setenv("PWD", "/somewhere/else")
    assert "PWD=/somewhere/else" in Cmd("true").environ()


def test_a_later_change_of_the_mapping_changes_nothing() -> None:
    env, extra = {"A": "1"}, {"B": "2"}
    cmd = Cmd("true", env=env, extra_env=extra)
    env["A"] = extra["B"] = "changed"
    assert cmd.environ() == ["A=1", "B=2"]


@pytest.mark.parametrize("field", ["env", "extra_env"])
@pytest.mark.parametrize("entry", [{"A": "x\0y"}, {"A\0B": "x"}, {b"A": b"\0"}])
def test_a_nul_is_refused_at_construction(field: str, entry: object) -> None:
    with pytest.raises(UsageError, match=r"environment.*NUL"):
        Cmd("true", **{field: entry})


def test_a_nul_in_a_list_is_refused_at_construction() -> None:
    with pytest.raises(UsageError, match=r"environment.*NUL"):
        Cmd("true", env=["A=1", "B=\0"])


@pytest.mark.parametrize(
    "env", ["A=1", b"A=1", 7, {"A": 1}, {"A": None}, {1: "A"}, {"": "x"}, {"A=B": "x"}, [1], [None]]
)
def test_what_is_no_environment_is_refused(env: object) -> None:
    with pytest.raises(UsageError, match="env"):
        Cmd("true", env=env)  # type: ignore[arg-type]


@pytest.mark.parametrize("extra", [["A=1"], "A=1", {"A": 1}, {"": ""}])
def test_what_is_no_extra_environment_is_refused(extra: object) -> None:
    with pytest.raises(UsageError, match="extra_env"):
        Cmd("true", extra_env=extra)  # type: ignore[arg-type]
