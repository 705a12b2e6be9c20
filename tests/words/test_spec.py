"""A command as a value: frozen, compared, pickled, changed by copying."""

import copy
import math
import pickle
import sys
from pathlib import Path, PurePosixPath
from signal import SIGINT, SIGKILL, SIGTERM
from typing import Any

import pytest

from osexec import DEVNULL, INHERIT, PIPE, STDOUT, Capture, Cmd, Step, SysAttrs, UsageError
from osexec._words.attrs import Cancel

CONTAINMENTS = ("process", "group", "tree", "namespace", "cgroup")


def nothing(process: object) -> None:
    """A cancel function; at the top of the module, so that it can be pickled."""


FULL: dict[str, Any] = {
    "cwd": "/tmp",
    "env": {"A": "1"},
    "extra_env": {"B": "2"},
    "executable": "/bin/true",
    "stdin": b"input",
    "stdout": Capture(head=10),
    "stderr": STDOUT,
    "pass_fds": (5, 7),
    "extra_files": (9, None),
    "timeout": 1.5,
    "cancel": ((SIGINT, 1.0), (SIGTERM, 2.0)),
    "wait_delay": math.inf,
    "contain": "group",
    "leaks": "kill",
    "check": False,
    "encoding": "latin-1",
    "errors": "strict",
    "sys": SysAttrs(umask=0o22),
}


def test_a_command_keeps_what_it_was_given() -> None:
    cmd = Cmd("make", "all", **FULL)
    assert cmd.args == ("make", "all")
    for name, value in FULL.items():
        assert getattr(cmd, name) == value, name


def test_the_defaults_are_those_of_the_design() -> None:
    cmd = Cmd("make")
    assert (cmd.cancel, cmd.wait_delay, cmd.timeout, cmd.contain) == (SIGKILL, None, None, None)
    assert (cmd.stdin, cmd.stdout, cmd.stderr, cmd.env, cmd.cwd) == (None,) * 5
    assert (cmd.leaks, cmd.pass_fds, cmd.extra_files) == (None, (), ())
    assert (cmd.check, cmd.encoding, cmd.errors) == (True, "utf-8", "backslashreplace")


def test_a_command_is_frozen() -> None:
    cmd = Cmd("make")
    with pytest.raises(
        AttributeError, match="Cmd is frozen: cwd cannot be set; make a changed copy"
    ):
        cmd.cwd = "/"
    with pytest.raises(AttributeError, match="Cmd is frozen"):
        cmd.colour = "red"
    with pytest.raises(AttributeError, match="Cmd is frozen: cwd cannot be deleted"):
        del cmd.cwd


def test_what_the_caller_changes_later_does_not_change_the_command() -> None:
    env, extra, steps, words = {"A": "1"}, {"B": "2"}, [(SIGTERM, 1.0)], ["all"]
    files = [5, None]
    cmd = Cmd("make", *words, env=env, extra_env=extra, cancel=steps, extra_files=files)
    files.clear()
    env["A"] = extra["B"] = "changed"
    steps.clear()
    words.clear()
    assert (cmd.env, cmd.extra_env, cmd.args) == ({"A": "1"}, {"B": "2"}, ("make", "all"))
    assert cmd.cancel == ((SIGTERM, 1.0),)
    assert cmd.extra_files == (5, None)


def test_an_iterator_given_as_the_environment_is_read_once_and_kept() -> None:
    cmd = Cmd("make", env=(entry for entry in ["A=1", "B=2"]))
    assert cmd.env == ("A=1", "B=2")
    assert cmd.replace(cwd="/").env == ("A=1", "B=2")


def test_commands_are_equal_when_all_of_them_is() -> None:
    assert Cmd("make", **FULL) == Cmd("make", **FULL)
    assert hash(Cmd("make", **FULL)) == hash(Cmd("make", **FULL))
    for name in FULL:
        some = {key: value for key, value in FULL.items() if key != name}
        assert Cmd("make", **some) != Cmd("make", **FULL), name
    assert Cmd("make") != Cmd("make", "all")
    assert Cmd("make") != ("make",)
    assert len({Cmd("make"), Cmd("make"), Cmd("make", cwd="/")}) == 2


@pytest.mark.parametrize("cmd", [Cmd("make"), Cmd("make", "all", **FULL), Cmd("x", cancel=nothing)])
def test_a_command_survives_pickling(cmd: Cmd) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(cmd, protocol))
        assert type(twin) is Cmd
        assert twin == cmd
        assert twin._plan == cmd._plan
    assert copy.copy(cmd) is cmd
    assert copy.deepcopy(cmd) == cmd


def test_a_changed_copy_leaves_the_first_alone() -> None:
    first = Cmd("make", "all", **FULL)
    second = first.replace(cwd=None, args=("ninja",))
    assert (second.args, second.cwd) == (("ninja",), None)
    assert (first.args, first.cwd) == (("make", "all"), "/tmp")
    assert second.replace(cwd="/tmp", args=["make", "all"]) == first
    assert first.replace() == first


def test_a_changed_copy_is_checked_like_a_new_command() -> None:
    cmd = Cmd("make")
    with pytest.raises(UsageError, match="timeout=-1"):
        cmd.replace(timeout=-1)
    with pytest.raises(UsageError, match=r"Cmd has no field 'shell'; it has cancel, check"):
        cmd.replace(shell=True)
    with pytest.raises(UsageError, match=r"replace\(args=\) takes a sequence of words, not 'make'"):
        cmd.replace(args="make")


def test_a_changed_copy_of_a_subclass_is_of_the_subclass() -> None:
    class Make(Cmd):
        __slots__ = ()

    assert type(Make("make").replace(cwd="/")) is Make


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        (SIGTERM, ((SIGTERM, None, False),)),
        (15, ((SIGTERM, None, False),)),
        ("SIGTERM", ((SIGTERM, None, False),)),
        ("term", ((SIGTERM, None, False),)),
        (SIGKILL, ((SIGKILL, None, False),)),
        (34, ((34, None, False),)),
        (40, ((40, None, False),)),
        ([("INT", 1), (SIGTERM, 2.5)], ((SIGINT, 1.0, False), (SIGTERM, 2.5, False))),
        ((("INT", 0),), ((SIGINT, 0.0, False),)),
        ([("INT", math.inf)], ((SIGINT, math.inf, False),)),
        (None, ()),
    ],
)
def test_what_ends_a_command_may_be_written_so(
    written: object, steps: tuple[tuple[int, float | None, bool], ...]
) -> None:
    assert Cmd("x", cancel=written)._plan == Cancel(steps, None)  # type: ignore[arg-type]


def test_a_function_may_end_a_command() -> None:
    assert Cmd("x", cancel=nothing)._plan == Cancel((), nothing)


@pytest.mark.parametrize(
    "field",
    [
        {"cwd": b"/tmp"},
        {"cwd": PurePosixPath("/tmp")},
        {"executable": Path("/bin/true")},
        {"env": {}},
        {"env": {b"A": b"1"}},
        {"env": ["A=1", b"B=2", "no equals sign"]},
        {"env": {"A": ""}},
        {"timeout": 0},
        {"timeout": math.inf},
        {"wait_delay": 0},
        {"stdin": DEVNULL},
        {"stdin": -1},
        {"stdin": "text"},
        {"stdin": bytearray(b"x")},
        {"stdin": iter([b"x"])},
        {"stdin": 0},
        {"stdout": PIPE},
        {"stdout": -3},
        {"stdout": Path("/tmp/x")},
        {"stdout": [PurePosixPath("/tmp/x"), Capture(), INHERIT]},
        {"stderr": STDOUT},
        {"stderr": -2},
        {"stderr": 2},
        {"pass_fds": {3, 4}},
        {"pass_fds": range(3, 5)},
        *({"contain": contain} for contain in CONTAINMENTS),
        *({"leaks": leaks} for leaks in ("allow", "warn", "kill", "error")),
        {"extra_files": [0, None, 5]},
        {"extra_files": (sys.__stdin__,)},
        {"extra_files": []},
        {"extra_files": [None] * 4096},
        {"cancel": [Step("TERM", 1.0, scope="tree"), ("INT", 2)]},
        {"encoding": "UTF8"},
        {"errors": "surrogateescape"},
        {"sys": SysAttrs(new_session=True, controlling_terminal=0)},
        {"sys": SysAttrs(new_session=True, controlling_terminal=3, foreground=True)},
        {"sys": SysAttrs(foreground=True, process_group=0)},
        {"sys": SysAttrs(rlimits={"NOFILE": 64}, nice=-40, no_new_privs=True)},
    ],
    ids=repr,
)
def test_a_field_may_be_written_so(field: dict[str, Any]) -> None:
    Cmd("x", **field)


@pytest.mark.parametrize(
    ("given", "meant"), [(-1, PIPE), (-3, DEVNULL)], ids=["subprocess.PIPE", "subprocess.DEVNULL"]
)
def test_the_constants_of_subprocess_mean_the_same(given: int, meant: object) -> None:
    assert Cmd("x", stdout=given).stdout is meant
    assert Cmd("x", stderr=-2).stderr is STDOUT


@pytest.mark.parametrize("word", ["", "é", b"\xff", "a b", "-x", "*", PurePosixPath("/tmp")])
def test_a_word_goes_as_it_is(word: object) -> None:
    told = str(word) if isinstance(word, PurePosixPath) else word
    assert Cmd("x", word).args == ("x", told)  # type: ignore[arg-type]


def test_a_program_given_as_a_path_is_that_file_and_not_looked_up() -> None:
    """A path object drops the dot of "./make"."""
    assert Cmd(PurePosixPath("make"), PurePosixPath("all")).args == ("./make", "all")
    assert Cmd(PurePosixPath("/bin/make")).args == ("/bin/make",)


ATTRIBUTES: dict[str, Any] = {
    "user": "nobody",
    "group": 5,
    "extra_groups": ("a", 5),
    "umask": 0o22,
    "new_session": True,
    "controlling_terminal": 0,
    "foreground": True,
    "rlimits": {"NOFILE": 64, "CPU": (1, 2)},
    "nice": 5,
    "no_new_privs": True,
    "memory_max": 1 << 30,
    "pids_max": 100,
}


def test_attributes_keep_what_they_were_given() -> None:
    attrs = SysAttrs(**ATTRIBUTES)
    for name, value in ATTRIBUTES.items():
        assert getattr(attrs, name) == value, name
    assert set(ATTRIBUTES) == set(attrs._fields()) - {"process_group"}


def test_attributes_are_equal_when_all_of_them_is() -> None:
    attrs = SysAttrs(**ATTRIBUTES)
    assert attrs == SysAttrs(**ATTRIBUTES)
    assert hash(attrs) == hash(SysAttrs(**ATTRIBUTES))
    # A new session is the terminal's condition, and the terminal that of being in front.
    for name in set(ATTRIBUTES) - {"new_session", "controlling_terminal"}:
        some = {key: value for key, value in ATTRIBUTES.items() if key != name}
        assert SysAttrs(**some) != attrs, name
    assert SysAttrs(new_session=True) != SysAttrs()
    assert SysAttrs(new_session=True, controlling_terminal=0) != SysAttrs(new_session=True)
    assert SysAttrs(process_group=0) != SysAttrs()


def test_attributes_survive_pickling() -> None:
    attrs = SysAttrs(**ATTRIBUTES)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(attrs, protocol))
        assert type(twin) is SysAttrs
        assert twin == attrs
        assert twin._limits == attrs._limits
    assert copy.copy(attrs) is attrs
    assert copy.deepcopy(attrs) == attrs


def test_by_default_the_kernel_is_to_do_nothing() -> None:
    attrs = SysAttrs()
    off = {"new_session": False, "foreground": False, "no_new_privs": False, "nice": 0}
    assert {name: value for name, value in attrs._fields().items() if value is not None} == off


def test_attributes_are_a_value() -> None:
    attrs = SysAttrs(user="nobody", extra_groups=["a", 5], umask=0)
    assert attrs.extra_groups == ("a", 5)
    assert pickle.loads(pickle.dumps(attrs)) == attrs == copy.deepcopy(attrs)
    assert attrs != SysAttrs()
    with pytest.raises(AttributeError, match="SysAttrs is frozen"):
        attrs.user = "root"


def test_a_capture_is_a_value() -> None:
    assert pickle.loads(pickle.dumps(Capture(head=1, tail=2))) == Capture(head=1, tail=2)
    assert repr(Capture(head=1)) == "Capture(head=1, tail=None)"
