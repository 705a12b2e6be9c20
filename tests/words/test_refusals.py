"""What is refused before anything is started, and what the message says to write instead."""

import math
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from osexec import DEVNULL, PIPE, STDOUT, Capture, Cmd, SysAttrs
from osexec._words.errors import NulError
from tests.words.refusing import refusal, shown

WORDS: list[tuple[tuple[Any, ...], str]] = [
    ((), "no command: write Cmd('program', 'argument', …)"),
    (("",), "the program is an empty string"),
    ((["ls", "-l"],), "argument 0 is a list: write each word as its own argument, Cmd(*words)"),
    ((("ls",),), "argument 0 is a tuple: write each word as its own argument, Cmd(*words)"),
    (("ls", None), "argument 1 is None: leave it out, or write ''"),
    (("ls", 5), "argument 1 is 5: write '5'"),
    (("ls", 1.5), "argument 1 is 1.5: write '1.5'"),
    (("ls", True), "argument 1 is True: write 'True'"),
    (("ls", bytearray(b"x")), "argument 1 is a bytearray: arguments are str, bytes or os.PathLike"),
    (("ls", {"a": 1}), "argument 1 is a dict: arguments are str, bytes or os.PathLike"),
]

CONTAINMENTS = "'process' or 'group' or 'tree' or 'namespace' or 'cgroup'"
LEAKS = "'allow' or 'warn' or 'kill' or 'error'"

FIELDS: list[tuple[str, object, str]] = [
    ("cwd", 5, "cwd= takes a path, not int 5"),
    ("cwd", "", "cwd= is empty: leave it out, or name a path"),
    ("cwd", "a\0b", "cwd='a\\x00b' contains a NUL byte"),
    ("executable", ["a"], "executable= takes a path, not list ['a']"),
    ("executable", b"", "executable= is empty: leave it out, or name a path"),
    ("executable", b"a\0", "contains a NUL byte"),
    ("env", "A=1", "env= takes a mapping or a list of 'K=V', not 'A=1'"),
    ("env", 5, "env= takes a mapping or a list of 'K=V', not 5"),
    ("env", {"A": 1}, "env= takes str or bytes, not int: write str(…)"),
    ("env", {"A": None}, "env['A'] is None: leave the key out, or write ''"),
    ("env", {5: "1"}, "env= takes str or bytes, not int: write str(…)"),
    ("env", {"": "1"}, "env= has the key '': a key is not empty and has no '='"),
    ("env", {"A=B": "1"}, "env= has the key 'A=B': a key is not empty and has no '='"),
    ("env", {"A": "x\0y"}, "contains a NUL byte"),
    ("env", {"A\0": "x"}, "contains a NUL byte"),
    ("env", ["A=x\0y"], "the environment variable b'A' contains a NUL byte"),
    ("env", [("A", "1")], "env= takes str or bytes, not tuple: write str(…)"),
    ("extra_env", ["A=1"], "extra_env= takes a mapping, not ['A=1']"),
    ("extra_env", {"A": None}, "extra_env['A'] is None: leave the key out, or write ''"),
    ("timeout", "5", "timeout= takes seconds, not str '5'"),
    ("timeout", True, "timeout= takes seconds, not bool True"),
    ("timeout", -1, "timeout=-1: seconds cannot be negative or NaN; 0 means at once"),
    ("timeout", -0.001, "timeout=-0.001: seconds cannot be negative or NaN"),
    ("timeout", math.nan, "timeout=nan: seconds cannot be negative or NaN"),
    ("timeout", -math.inf, "timeout=-inf: seconds cannot be negative or NaN"),
    ("timeout", 10**400, "timeout="),
    ("timeout", timedelta(seconds=5), "timeout= takes seconds, not timedelta"),
    ("timeout", Decimal(5), "timeout= takes seconds, not Decimal"),
    ("wait_delay", "1", "wait_delay= takes seconds, not str '1'"),
    ("wait_delay", -1, "wait_delay=-1: seconds cannot be negative or NaN"),
    ("cancel", "SIGTREM", "there is no signal 'SIGTREM': write a name such as 'SIGTERM'"),
    ("cancel", "", "there is no signal '': write a name such as 'SIGTERM'"),
    ("cancel", 0, "0 is no signal: write a name such as 'SIGTERM', or its number"),
    ("cancel", -15, "-15 is no signal"),
    ("cancel", 65, "65 is no signal"),
    ("cancel", True, "True is no signal"),
    ("cancel", 1.5, "cancel= takes a signal, steps, a function or None, not 1.5"),
    ("cancel", 9.0, "cancel= takes a signal, steps, a function or None, not 9.0"),
    ("cancel", [], "cancel=[] has no step: write None to do nothing"),
    (
        "cancel",
        ("TERM", 1.0),
        "a step of cancel= is Step(signal, seconds) or Step(signal, seconds, scope='tree'), "
        "not 'TERM'",
    ),
    ("stdin", STDOUT, "stdin=STDOUT makes no sense: STDOUT is for stderr"),
    ("stdin", -2, "stdin=STDOUT makes no sense: STDOUT is for stderr"),
    ("stdin", -4, "stdin=-4 is no file descriptor"),
    ("stdin", True, "stdin=True is no file descriptor"),
    ("stdin", 1.5, "stdin= takes bytes, str, a path, a file, a reader or an iterable of bytes"),
    (
        "stdin",
        {"a": 1},
        "stdin= takes bytes, str, a path, a file, a reader or an iterable of bytes",
    ),
    (
        "stdin",
        Capture(),
        "stdin= takes bytes, str, a path, a file, a reader or an iterable of bytes",
    ),
    ("stdout", STDOUT, "stdout=STDOUT makes no sense: STDOUT is for stderr"),
    (
        "stdout",
        "log.txt",
        "stdout='log.txt': write pathlib.Path('log.txt') for a file of that name",
    ),
    ("stdout", b"log.txt", "write pathlib.Path("),
    ("stdout", [], "stdout=[] has no target: write DEVNULL to drop the output"),
    ("stdout", [PIPE], "PIPE and STDOUT cannot stand in a list"),
    ("stdout", [STDOUT, DEVNULL], "PIPE and STDOUT cannot stand in a list"),
    ("stdout", [[DEVNULL]], "stdout= takes DEVNULL, INHERIT, PIPE, a path, a file, Capture()"),
    ("stdout", ["log.txt"], "write pathlib.Path('log.txt') for a file of that name"),
    ("stdout", 1.5, "stdout= takes DEVNULL, INHERIT, PIPE, a path, a file, Capture()"),
    ("stdout", False, "stdout=False is no file descriptor"),
    ("stderr", True, "stderr=True is no file descriptor"),
    ("stderr", -9, "stderr=-9 is no file descriptor"),
    ("stderr", {"a": 1}, "stderr= takes DEVNULL, INHERIT, PIPE, a path, a file, Capture()"),
    ("pass_fds", 5, "pass_fds= takes a list of descriptors, not 5"),
    ("pass_fds", 0, "pass_fds= takes a list of descriptors, not 0"),
    ("pass_fds", "", "pass_fds= takes a list of descriptors, not ''"),
    ("pass_fds", iter([3]), "pass_fds= takes a list of descriptors, not <"),
    ("pass_fds", [-1], "pass_fds= has -1, which is no descriptor: write file.fileno()"),
    ("pass_fds", [1 << 31], "pass_fds= has 2147483648, which is no descriptor"),
    ("pass_fds", [True], "pass_fds= has True, which is no descriptor"),
    ("pass_fds", [sys.__stdin__], "which is no descriptor: write file.fileno()"),
    ("extra_files", 5, "extra_files= takes a list of files or descriptors, not 5"),
    ("extra_files", None, "extra_files= takes a list of files or descriptors, not None"),
    ("extra_files", "ab", "extra_files= takes a list of files or descriptors, not 'ab'"),
    ("extra_files", {3}, "extra_files= takes a list of files or descriptors, not {3}"),
    ("extra_files", iter([3]), "extra_files= takes a list of files or descriptors, not <"),
    ("extra_files", [-1], "extra_files= has -1, which is no file and no descriptor"),
    ("extra_files", [True], "extra_files= has True, which is no file and no descriptor"),
    ("extra_files", [1.5], "extra_files= has 1.5, which is no file and no descriptor"),
    ("extra_files", [None, "x"], "extra_files= has 'x', which is no file and no descriptor"),
    ("extra_files", [1 << 31], "extra_files= has 2147483648, which is no file and no descriptor"),
    ("extra_files", [None] * 4097, "extra_files= has 4097 files: 4096 can be placed"),
    ("extra_files", [PIPE], "which is no file and no descriptor"),
    ("contain", "pid", f"contain= takes {CONTAINMENTS}, not 'pid'"),
    ("contain", "", f"contain= takes {CONTAINMENTS}, not ''"),
    ("contain", True, f"contain= takes {CONTAINMENTS}, not True"),
    ("contain", ["group"], f"contain= takes {CONTAINMENTS}, not ['group']"),
    ("leaks", "forbid", f"leaks= takes {LEAKS}, not 'forbid'"),
    ("leaks", False, f"leaks= takes {LEAKS}, not False"),
    ("leaks", ("kill",), f"leaks= takes {LEAKS}, not ('kill',)"),
    ("check", 1, "check= takes True or False, not 1"),
    ("check", None, "check= takes True or False, not None"),
    ("encoding", "utf-9", "encoding='utf-9' is not known to Python"),
    ("encoding", None, "encoding=None is not known to Python"),
    ("encoding", "a\0b", "encoding='a\\x00b' is not known to Python"),
    ("encoding", "base64", "encoding='base64'"),
    ("errors", "loud", "errors='loud' is not known to Python"),
    ("errors", None, "errors=None is not known to Python"),
    ("sys", {"user": "root"}, "sys= takes SysAttrs(…), not {'user': 'root'}"),
    ("sys", False, "sys= takes SysAttrs(…), not False"),
]

ATTRIBUTES: list[tuple[dict[str, Any], str]] = [
    ({"user": ""}, "user= takes a name or a number, not ''"),
    ({"user": -1}, "user= takes a name or a number, not -1"),
    ({"user": 0xFFFFFFFF}, "user= takes a name or a number, not 4294967295"),
    ({"user": True}, "user= takes a name or a number, not True"),
    ({"group": 0xFFFFFFFF}, "group= takes a name or a number, not 4294967295"),
    ({"group": 1.5}, "group= takes a name or a number, not 1.5"),
    ({"extra_groups": "wheel"}, "extra_groups= takes names or numbers, not 'wheel'"),
    ({"extra_groups": b"ab"}, "extra_groups= takes names or numbers, not b'ab'"),
    ({"extra_groups": 5}, "extra_groups= takes names or numbers, not 5"),
    ({"extra_groups": [None]}, "extra_groups= takes names or numbers, not [None]"),
    ({"umask": 0o1000}, "umask= takes a number from 0 to 0o777, not 512"),
    ({"umask": "022"}, "umask= takes a number from 0 to 0o777, not '022'"),
    ({"umask": True}, "umask= takes a number from 0 to 0o777, not True"),
    ({"new_session": 1}, "new_session= takes True or False, not 1"),
    ({"process_group": -1}, "process_group= takes 0 or a group's number, not -1"),
    ({"process_group": 1 << 31}, "process_group= takes 0 or a group's number, not 2147483648"),
    ({"process_group": True}, "process_group= takes 0 or a group's number, not True"),
    (
        {"new_session": True, "process_group": 0},
        "new_session=True makes a group of its own: leave process_group= out",
    ),
    (
        {"controlling_terminal": 0},
        "controlling_terminal= needs a session without one: new_session=True",
    ),
    (
        {"controlling_terminal": 0, "foreground": True},
        "controlling_terminal= needs a session without one: new_session=True",
    ),
    *(
        (
            {"controlling_terminal": wrong, "new_session": True},
            f"controlling_terminal= takes a descriptor of the child, such as 0, not {wrong!r}",
        )
        for wrong in (-1, 1 << 31, True, "0", 0.0, "/dev/tty")
    ),
    ({"foreground": 1}, "foreground= takes True or False, not 1"),
    ({"foreground": None}, "foreground= takes True or False, not None"),
    (
        {"foreground": True, "process_group": 5},
        "foreground=True makes a group of its own: leave process_group= out",
    ),
    (
        {"foreground": True, "new_session": True},
        "foreground=True: a new session needs controlling_terminal= for that",
    ),
    ({"no_new_privs": 1}, "no_new_privs= takes True or False, not 1"),
    ({"no_new_privs": None}, "no_new_privs= takes True or False, not None"),
    *(
        ({"nice": wrong}, f"nice= takes a number that is added, from -40 to 40, not {wrong!r}")
        for wrong in (-41, 41, True, 1.5, "5", None)
    ),
    *(
        ({name: wrong}, f"{name}= takes a number above 0, not {wrong!r}")
        for name in ("memory_max", "pids_max")
        for wrong in (0, -1, True, 1.5, "1G", math.inf)
    ),
    ({"rlimits": {"FILES": 1}}, "rlimits= has 'FILES', which is no limit of this system"),
]


@pytest.mark.parametrize(("args", "message"), WORDS, ids=[shown(args) for args, _ in WORDS])
def test_a_wrong_word_is_refused(args: tuple[Any, ...], message: str) -> None:
    assert message in refusal(lambda: Cmd(*args))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    FIELDS,
    ids=[f"{name}={shown(value)}" for name, value, _ in FIELDS],
)
def test_a_wrong_field_is_refused(name: str, value: Any, message: str) -> None:
    assert message in refusal(lambda: Cmd("x", **{name: value}))


def test_every_field_is_tried() -> None:
    assert {name for name, _, _ in FIELDS} == set(Cmd("x")._fields()) - {"args"}


@pytest.mark.parametrize(
    ("fields", "message"), ATTRIBUTES, ids=[shown(fields) for fields, _ in ATTRIBUTES]
)
def test_a_wrong_attribute_is_refused(fields: dict[str, Any], message: str) -> None:
    assert message in refusal(lambda: SysAttrs(**fields))


def test_every_attribute_is_tried() -> None:
    assert {name for fields, _ in ATTRIBUTES for name in fields} == set(SysAttrs()._fields())


@pytest.mark.parametrize("size", [-1, True, 1.5, "10"])
@pytest.mark.parametrize("end", ["head", "tail"])
def test_a_wrong_size_of_a_capture_is_refused(end: str, size: object) -> None:
    message = refusal(lambda: Capture(**{end: size}))  # type: ignore[arg-type]
    assert message == f"Capture({end}=) takes a number of bytes, not {size!r}"


def test_a_group_of_its_own_and_one_of_others_is_refused() -> None:
    attrs = SysAttrs(process_group=5)
    message = refusal(lambda: Cmd("x", contain="group", sys=attrs))
    assert "process_group=5 joins another: write contain='process'" in message


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("a\0b",), "program 'a\\x00b' contains a NUL byte"),
        (("x", "a\0b"), "argument 1 ('a\\x00b') contains a NUL byte"),
        (("x", b"\0"), "argument 1 (b'\\x00') contains a NUL byte"),
    ],
)
def test_a_nul_byte_in_a_word_is_a_refusal_and_a_failed_start(
    args: tuple[str | bytes, ...], message: str
) -> None:
    with pytest.raises(NulError) as caught:
        Cmd(*args)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "make",
    [
        lambda text: Cmd("x", text),
        lambda text: Cmd("x", cwd=text),
        lambda text: Cmd("x", env={"A": text}),
        lambda text: Cmd("x", extra_env={text: "1"}),
    ],
    ids=["word", "cwd", "env", "extra_env"],
)
def test_text_that_no_file_name_can_hold_is_refused(make: Callable[[str], Cmd]) -> None:
    r"""A lone surrogate is nothing that os.fsencode knows, and not one of its own escapes."""
    assert "\\ud800" in refusal(lambda: make("\ud800"))
    make("\udcff")  # an escape: the byte 0xff


def test_a_field_that_is_not_there_is_pythons_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'shell'"):
        Cmd("x", shell=True)  # type: ignore[call-arg]
