"""Three writings of one protocol: the header, what these tests use, and what the library uses.

The header's own names are taken from its text, and a compiler says what they are.
"""

import re
import struct
import subprocess
from pathlib import Path

import pytest

from osexec._posix import leash
from tests.minder import layout
from tests.minder.builds import CC, ROOT, STRICT, run_compiler
from tests.minder.layout import Stage

HEADER = ROOT / "minder" / "protocol.h"
STRUCT = re.compile(r"^struct (\w+) \{(.*?)^\};", re.M | re.S)
ENUM = re.compile(r"^enum (\w+) \{(.*?)^\};", re.M | re.S)
COMMENT = re.compile(r"/\*.*?\*/", re.S)

Sizes = dict[str, tuple[int, dict[str, tuple[int, int]]]]


def structs_in(text: str) -> dict[str, list[str]]:
    """The members of each struct of the header."""
    found = {}
    for name, body in STRUCT.findall(text):
        members: list[str] = []
        for line in COMMENT.sub("", body).split(";"):
            _, _, names = line.strip().partition(" ")
            members += [re.sub(r"\[.*", "", each).strip() for each in names.split(",") if names]
        found[name] = members
    return found


def constants_in(text: str) -> list[str]:
    """The names of all enums, and of the macros that are numbers."""
    names = [
        entry.split("=")[0].strip()
        for _, body in ENUM.findall(text)
        for entry in COMMENT.sub("", body).split(",")
        if entry.strip()
    ]
    return names + re.findall(r"^#define (\w+) \d+", text, re.M)


@pytest.fixture(scope="session")
def header(place: Path) -> tuple[Sizes, dict[str, int]]:
    """What a compiler makes of the header: sizes, members as (offset, size), and constants."""
    text = HEADER.read_text()
    lines = []
    for name, members in structs_in(text).items():
        lines.append(f'printf("{name} . 0 %zu\\n", sizeof(struct {name}));')
        for member in members:
            at = f"offsetof(struct {name}, {member}), sizeof(((struct {name} *)0)->{member})"
            lines.append(f'printf("{name} {member} %zu %zu\\n", {at});')
    for name in constants_in(text):
        lines.append(f'printf("{name} %d\\n", (int){name});')
    source = place / "layout.c"
    source.write_text(
        f'#include "{HEADER}"\n#include <stddef.h>\n#include <stdio.h>\n'
        "int main(void)\n{\n" + "\n".join(lines) + "\nreturn 0;\n}\n"
    )
    run_compiler([*CC, *STRICT, "-o", place / "layout", source])
    said = subprocess.run([place / "layout"], stdout=subprocess.PIPE, text=True, check=True)
    sizes: Sizes = {}
    constants: dict[str, int] = {}
    for line in said.stdout.splitlines():
        match line.split():
            case [name, ".", _, size]:
                sizes[name] = (int(size), {})
            case [name, member, at, size]:
                sizes[name][1][member] = (int(at), int(size))
            case [name, value]:
                constants[name] = int(value)
    return sizes, constants


def test_the_header_was_read_whole(header: tuple[Sizes, dict[str, int]]) -> None:
    sizes, constants = header
    text = HEADER.read_text()
    assert len(sizes) == len(re.findall(r"^struct", text, re.M)) >= 10
    assert {"SETUP", "REFUSED", "ALL_FLAGS", "STAGE_EXEC", "MESSAGE_LIMIT"} <= constants.keys()


def test_the_structs_of_the_tests_are_those_of_the_header(
    header: tuple[Sizes, dict[str, int]],
) -> None:
    ours: Sizes = {}
    for name, members in layout.STRUCTS.items():
        places = {
            member: (layout.offset_of(name, member), struct.calcsize("=" + form))
            for member, form in members.items()
        }
        ours[name] = (layout.FORMATS[name].size, places)
    assert ours == header[0]


def test_the_constants_of_the_tests_are_those_of_the_header(
    header: tuple[Sizes, dict[str, int]],
) -> None:
    ours = {
        each.name: int(each)
        for kind in (layout.Kind, layout.Flag, layout.Stage)
        for each in kind.__members__.values()
    }
    ours["ALL_FLAGS"] = int(layout.Flag.ALL_FLAGS)
    ours |= {"PROTOCOL_VERSION": layout.VERSION, "MESSAGE_LIMIT": layout.LIMIT}
    assert ours == header[1]


ALIASES = {"rlimit": "limit"}


def test_the_structs_of_the_library_are_those_of_the_header(
    header: tuple[Sizes, dict[str, int]],
) -> None:
    sizes = header[0]
    seen = set()
    for name, value in vars(leash).items():
        if not isinstance(value, struct.Struct):
            continue
        if name == "NAMED":  # not in the header as a struct: one entry of an ALIVE
            assert value.format == layout.ENTRY.format
            continue
        known = ALIASES.get(name.lower(), name.lower())
        size, members = sizes[known]
        assert value.size == size, name
        assert starts_of(value) <= {at for at, _ in members.values()} | within(members), name
        assert value.format.startswith("="), name
        seen.add(known)
    assert seen == sizes.keys() - {"order", "signal_order"}


def starts_of(ours: struct.Struct) -> set[int]:
    """Where each value of a format begins, found by looking at which bytes it reads."""
    plain = ours.unpack(bytes(ours.size))
    starts: dict[int, int] = {}
    for at in range(ours.size):
        data = bytearray(ours.size)
        data[at] = 1
        for place, (one, other) in enumerate(zip(plain, ours.unpack(bytes(data)), strict=True)):
            if one != other:
                starts.setdefault(place, at)
    return set(starts.values())


def within(members: dict[str, tuple[int, int]]) -> set[int]:
    """The places within an array of 8-byte numbers."""
    return {at + step for at, size in members.values() if size > 8 for step in range(0, size, 8)}


def test_the_orders_of_the_library_are_those_of_the_header() -> None:
    order = layout.FORMATS["order"]
    assert order.pack(layout.Kind.SWEEP) == leash.SWEEP
    assert order.pack(layout.Kind.RELEASE) == leash.RELEASE
    for whole_tree in (False, True):
        ours = layout.FORMATS["signal_order"].pack(layout.Kind.SIGNAL, 15, whole_tree)
        assert leash.signal(15, whole_tree) == ours


def test_the_constants_of_the_library_are_those_of_the_header(
    header: tuple[Sizes, dict[str, int]],
) -> None:
    known = header[1]
    ours = {name: getattr(leash, name) for name in layout.Flag.__members__ if name != "ALL_FLAGS"}
    assert ours == {name: known[name] for name in ours}
    assert known["ALL_FLAGS"] == sum(ours.values())
    assert known["PROTOCOL_VERSION"] == leash.VERSION
    assert known["MESSAGE_LIMIT"] == leash.LIMIT
    assert len(leash.STAGES) == 1 + len(layout.Stage)


def test_the_words_of_the_stages_are_in_their_order() -> None:
    # The library names most of them by the field that asked for it.
    for stage in (Stage.STAGE_PROTOCOL, Stage.STAGE_MINDER, Stage.STAGE_FORK, Stage.STAGE_EXEC):
        assert leash.STAGES[stage] == stage.name.removeprefix("STAGE_").lower()
    assert "session" in leash.STAGES[Stage.STAGE_SESSION]
    assert "limits" in leash.STAGES[Stage.STAGE_LIMITS]
    assert "dir" in leash.STAGES[Stage.STAGE_CWD]
    assert "files" in leash.STAGES[Stage.STAGE_FILES]


def test_a_long_list_of_limits_and_files_is_packed_without_gaps() -> None:
    setup = layout.Setup(
        limits=[(7, 1, 2)], groups=[3, 4], files=[5, -1], keep=[6], cwd=b"/", owner=9
    ).pack()
    size = layout.FORMATS["setup"].size
    assert len(setup) == size + 24 + 8 + 8 + 4 + 2
    assert setup[size:] == struct.pack("=IIQQIIiii", 7, 0, 1, 2, 3, 4, 5, -1, 6) + b"/\0"
