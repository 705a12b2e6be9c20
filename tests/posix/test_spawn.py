"""What a child is given between fork and exec, the same with each way to spawn."""

import os
import signal
from pathlib import Path

import pytest

import osexec
from osexec import Cmd, SysAttrs
from tests.helpers.roles import role, state_of

pytestmark = pytest.mark.usefixtures("spawner")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change users")


def state(**fields: object) -> dict[str, str]:
    """What a child says about itself."""
    return state_of(Cmd(*role("state"), **fields).text())


def environ(**fields: object) -> list[bytes]:
    """The environment of a child, in its order."""
    said = Cmd(*role("environment"), **fields).text().splitlines()
    return [bytes.fromhex(line.partition(" ")[2]) for line in said]


@pytest.mark.parametrize("kind", [str, os.fsencode, Path], ids=["str", "bytes", "path"])
def test_the_child_is_in_cwd(kind, tmp_path: Path) -> None:
    assert state(cwd=kind(str(tmp_path)))["cwd"] == str(tmp_path)


def test_a_program_with_a_slash_is_relative_to_cwd(tmp_path: Path) -> None:
    (tmp_path / "hello").symlink_to("/bin/echo")
    assert Cmd("./hello", "there", cwd=tmp_path).text() == "there"


def test_a_program_without_a_slash_is_not_looked_for_in_cwd(tmp_path: Path) -> None:
    (tmp_path / "only-here").symlink_to("/bin/echo")
    with pytest.raises(osexec.NotFoundError):
        Cmd("only-here", cwd=tmp_path).run()


def test_the_path_of_the_childs_environment_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "only-there").symlink_to("/bin/echo")
    with pytest.raises(osexec.NotFoundError):
        Cmd("only-there", extra_env={"PATH": str(tmp_path)}).run()


def test_pwd_follows_cwd_in_an_inherited_environment(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert b"PWD=" + os.fsencode(link) in environ(cwd=link)


def test_pwd_of_a_relative_cwd_is_absolute(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path)
    assert b"PWD=" + os.fsencode(tmp_path / "below") in environ(cwd="below")


def test_a_given_environment_gets_no_pwd(tmp_path: Path) -> None:
    assert environ(env={"A": "1"}, cwd=tmp_path) == [b"A=1"]


def test_an_inherited_environment_is_inherited_whole(monkeypatch) -> None:
    monkeypatch.setitem(os.environb, b"OSEXEC_BYTES", b"\xff\xfe =\n")
    ours = {key + b"=" + value for key, value in os.environb.items()}
    # readline, if something imported it, has set these two where Python does not see them.
    theirs = {e for e in environ() if not e.startswith((b"LINES=", b"COLUMNS="))}
    assert theirs == {e for e in ours if not e.startswith((b"LINES=", b"COLUMNS="))}


def test_a_mapping_is_the_whole_environment() -> None:
    assert environ(env={"A": "1", "B": "", "C": "ä"}) == [b"A=1", b"B=", "C=ä".encode()]


def test_an_environment_of_bytes() -> None:
    assert environ(env={b"A": b"\xff"}) == [b"A=\xff"]


def test_an_empty_environment_is_empty() -> None:
    assert environ(env={}) == []
    assert environ(env=[]) == []


def test_the_last_of_a_key_wins_at_its_own_place() -> None:
    assert environ(env=["A=1", "B=2", "A=3", b"C=4"]) == [b"B=2", b"A=3", b"C=4"]


def test_extra_env_lies_over_the_given_environment() -> None:
    assert environ(env={"A": "1", "B": "2"}, extra_env={"B": "3", "C": "4"}) == [
        b"A=1",
        b"B=3",
        b"C=4",
    ]


def test_extra_env_lies_over_the_inherited_environment(tmp_path: Path) -> None:
    entries = environ(extra_env={"OSEXEC_EXTRA": "x", "PWD": "mine"}, cwd=tmp_path)
    assert b"OSEXEC_EXTRA=x" in entries
    assert b"PWD=mine" in entries
    assert [entry for entry in entries if entry.startswith(b"PWD=")] == [b"PWD=mine"]


def test_executable_is_run_under_the_name_of_the_first_word() -> None:
    told = Cmd("my name", "-c", "echo $0", executable="/bin/sh")
    assert told.text() == "my name"


def test_executable_without_a_slash_is_looked_up() -> None:
    assert Cmd("my name", "-c", "echo $0", executable="sh").text() == "my name"


@pytest.mark.parametrize("word", ["", " ", "a b", "*", "$HOME", "ä", "-n"])
def test_a_word_arrives_as_it_is(word: str) -> None:
    told = Cmd(*role("echo-args", word, "end")).text().splitlines()
    assert told == [f"arg {os.fsencode(word).hex()}", f"arg {b'end'.hex()}"]


def test_bytes_that_are_no_text_arrive_as_they_are() -> None:
    assert Cmd("printf", "%s", b"\xff\x01").output() == b"\xff\x01"


@needs_root
def test_a_user_comes_with_its_own_groups() -> None:
    child = Cmd("sh", "-c", "id -u; id -g; id -G", sys=SysAttrs(user="nobody"))
    uid, gid, groups = child.text().splitlines()
    assert uid == Cmd("id", "-u", "nobody").text()
    assert gid == Cmd("id", "-g", "nobody").text()
    assert groups == Cmd("id", "-G", "nobody").text()


@needs_root
def test_user_group_and_groups_by_number() -> None:
    attrs = SysAttrs(user=12345, group=23456, extra_groups=[34567, 45678])
    assert Cmd("sh", "-c", "id -u; id -g; id -G", sys=attrs).text().splitlines() == [
        "12345",
        "23456",
        "23456 34567 45678",
    ]


@needs_root
def test_a_user_by_number_does_not_keep_the_groups_of_root() -> None:
    assert Cmd("id", "-G", sys=SysAttrs(user=12345, group=23456)).text() == "23456"


@needs_root
def test_groups_alone() -> None:
    attrs = SysAttrs(group="nogroup", extra_groups=["daemon"])
    assert Cmd("id", "-Gn", sys=attrs).text() == "nogroup daemon"


def test_umask(tmp_path: Path) -> None:
    assert state(sys=SysAttrs(umask=0o027))["umask"] == "0o27"
    assert state(sys=SysAttrs(umask=0))["umask"] == "0o0"


def test_the_umask_is_inherited() -> None:
    before = os.umask(0o031)
    try:
        assert state()["umask"] == "0o31"
    finally:
        os.umask(before)


def test_a_new_session() -> None:
    child = state(sys=SysAttrs(new_session=True))
    assert child["sid"] == child["pgid"] == child["pid"]


def test_a_group_of_its_own() -> None:
    child = state(sys=SysAttrs(process_group=0))
    assert child["pgid"] == child["pid"]
    assert child["sid"] == str(os.getsid(0))


def test_the_group_of_another() -> None:
    with osexec.start("cat", stdin=osexec.PIPE, sys=SysAttrs(process_group=0)) as leader:
        child = state(sys=SysAttrs(process_group=leader.pid))
        assert child["pgid"] == str(leader.pid)


def test_our_group_with_process_containment() -> None:
    child = state(contain="process")
    assert child["pgid"] == str(os.getpgrp())


def test_signals_that_python_ignores_are_not_ignored_in_the_child() -> None:
    # grep, since a Python ignores them itself.
    ignored = int(Cmd("grep", "SigIgn", "/proc/self/status").text().split()[1], 16)
    assert not ignored & 1 << signal.SIGPIPE - 1
    assert not ignored & 1 << signal.SIGXFSZ - 1


def test_no_signal_is_blocked_in_the_child() -> None:
    ours = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert int(state()["SigBlk"], 16) == sum(1 << number - 1 for number in ours)


def test_our_own_signal_mask_is_as_before() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    Cmd("true").run()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
