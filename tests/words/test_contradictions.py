"""Fields that are right each by itself, and what is said when they contradict each other."""

from typing import Any

import pytest

from osexec import Cmd, Step, SysAttrs
from tests.words.refusing import refusal

# What contradicts itself between the fields of a command: the fields, and what is said.
TOGETHER: list[tuple[dict[str, Any], str]] = [
    *(
        (
            {"contain": "process", "leaks": leaks},
            f"leaks={leaks!r} needs to know what the command started: contain='process' does not",
        )
        for leaks in ("warn", "kill", "error")
    ),
    *(
        (
            {"contain": contain, "leaks": leaks},
            f"leaks={leaks!r}: nothing outlives its command with contain={contain!r}; "
            "write contain='tree'",
        )
        for contain in ("namespace", "cgroup")
        for leaks in ("allow", "warn")
    ),
    *(
        (
            {"contain": contain, "sys": SysAttrs(**{name: 5})},
            f"{name}= is a limit of a cgroup: write contain='cgroup'",
        )
        for contain in (None, "process", "group", "tree", "namespace")
        for name in ("memory_max", "pids_max")
    ),
    *(
        (
            {"contain": "process", "cancel": steps},
            "scope='tree': contain='process' does not know what that is",
        )
        for steps in (
            [Step("TERM", 1.0, scope="tree")],
            [("INT", 1.0), Step("TERM", 1.0, scope="tree")],
        )
    ),
    (
        {"pass_fds": [3], "extra_files": [5]},
        "pass_fds= has 3, which is where extra_files[0] goes: pass it there",
    ),
    (
        {"pass_fds": [9, 4], "extra_files": [None, None]},
        "pass_fds= has 4, which is where extra_files[1] goes: pass it there",
    ),
]


@pytest.mark.parametrize(
    ("fields", "message"), TOGETHER, ids=[str(place) for place, _ in enumerate(TOGETHER)]
)
def test_fields_that_contradict_each_other_are_refused(
    fields: dict[str, Any], message: str
) -> None:
    assert message in refusal(lambda: Cmd("x", **fields))
    # The same when a changed copy is made.
    *some, last = fields
    first = Cmd("x")
    assert message in refusal(lambda: first.replace(**fields))
    if "sys" not in fields:
        first = first.replace(**{name: fields[name] for name in some})
        assert message in refusal(lambda: first.replace(**{last: fields[last]}))


@pytest.mark.parametrize(
    "fields",
    [
        *({"contain": "process", "leaks": leaks} for leaks in (None, "allow")),
        *(
            {"contain": contain, "leaks": leaks}
            for contain in (None, "group", "tree")
            for leaks in (None, "allow", "warn", "kill", "error")
        ),
        *(
            {"contain": contain, "leaks": leaks}
            for contain in ("namespace", "cgroup")
            for leaks in (None, "kill", "error")
        ),
        {"contain": "cgroup", "sys": SysAttrs(memory_max=1 << 20, pids_max=10)},
        *(
            {"contain": contain, "cancel": [Step("TERM", 1.0, scope="tree")]}
            for contain in (None, "group", "tree", "namespace", "cgroup")
        ),
        {"contain": "process", "cancel": [Step("TERM", 1.0), ("KILL", 0)]},
        {"pass_fds": [5, 0, 2], "extra_files": [5, None]},
        {"pass_fds": [3, 4], "extra_files": []},
        {"contain": "tree", "sys": SysAttrs(process_group=5)},
        {"contain": "group", "sys": SysAttrs(foreground=True)},
    ],
    ids=repr,
)
def test_fields_that_go_together_are_taken(fields: dict[str, Any]) -> None:
    cmd = Cmd("x", **fields)
    assert (cmd.contain, cmd.leaks) == (fields.get("contain"), fields.get("leaks"))
