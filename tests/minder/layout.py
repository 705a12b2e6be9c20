"""The messages of `minder/protocol.h`, written down a second time, and compared with it by a test.

`STRUCTS` and the enums are in the words of the header; the rest packs and unpacks with them.
"""

import enum
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

VERSION = 1
LIMIT = 32768
UNLIMITED = 2**64 - 1  # Python's RLIM_INFINITY is -1


class Kind(enum.IntEnum):
    """The first byte of a message."""

    SETUP = ord("S")
    SIGNAL = ord("K")
    SWEEP = ord("W")
    RELEASE = ord("R")
    STARTED = ord("s")
    FAILED = ord("f")
    EXITED = ord("x")
    ALIVE = ord("a")
    EMPTY = ord("e")
    REFUSED = ord("r")


class Flag(enum.IntFlag):
    """What SETUP asks for."""

    SUPERVISE = 1 << 0
    NEW_SESSION = 1 << 1
    SET_GROUP = 1 << 2
    SET_TERMINAL = 1 << 3
    FOREGROUND = 1 << 4
    SET_UMASK = 1 << 5
    SET_NICE = 1 << 6
    SET_GROUPS = 1 << 7
    SET_GID = 1 << 8
    SET_UID = 1 << 9
    NO_NEW_PRIVS = 1 << 10
    PLACE_FILES = 1 << 11
    NAMESPACE = 1 << 12
    JOIN_CGROUP = 1 << 13
    ALL_FLAGS = (1 << 14) - 1


class Stage(enum.IntEnum):
    """Where a start failed."""

    STAGE_PROTOCOL = 1
    STAGE_MINDER = 2
    STAGE_FORK = 3
    STAGE_SESSION = 4
    STAGE_GROUP = 5
    STAGE_TERMINAL = 6
    STAGE_LIMITS = 7
    STAGE_NICE = 8
    STAGE_GROUPS = 9
    STAGE_GID = 10
    STAGE_UID = 11
    STAGE_PRIVILEGES = 12
    STAGE_CWD = 13
    STAGE_FILES = 14
    STAGE_NAMESPACE = 15
    STAGE_CGROUP = 16
    STAGE_EXEC = 17
    STAGE_FOREGROUND = 18


# Each member and its format; all are where they are without padding of the compiler's.
STRUCTS: dict[str, dict[str, str]] = {
    "setup": {
        "kind": "B",
        "version": "B",
        "flags": "H",
        "owner": "i",
        "process_group": "i",
        "terminal": "i",
        "umask": "I",
        "nice": "i",
        "gid": "I",
        "uid": "I",
        "cgroup": "i",
        "groups_count": "H",
        "files_count": "H",
        "keep_count": "H",
        "limits_count": "H",
        "cwd_length": "H",
        "reserved": "H",
    },
    "limit": {"resource": "I", "reserved": "I", "soft": "Q", "hard": "Q"},
    "order": {"kind": "B"},
    "signal_order": {"kind": "B", "number": "B", "whole_tree": "B"},
    "started": {"kind": "B", "reserved": "3s", "pid": "i"},
    "failed": {"kind": "B", "stage": "B", "reserved": "2s", "error": "i"},
    "exited": {"kind": "B", "empty": "B", "reserved": "2s", "status": "i", "rusage": "144s"},
    "alive": {"kind": "B", "reserved": "3s", "count": "I"},
    "empty": {"kind": "B", "reserved": "3s", "swept": "I"},
    "refused": {"kind": "B", "order": "B", "reserved": "2s", "error": "i", "pid": "i"},
}

FORMATS = {name: struct.Struct("=" + "".join(each.values())) for name, each in STRUCTS.items()}
ENTRY = struct.Struct("=iI")  # of an ALIVE: pid, length of the command that follows
RUSAGE = struct.Struct("=18q")


def offset_of(name: str, member: str) -> int:
    """Where a member of a struct is."""
    members = list(STRUCTS[name])
    before = members[: members.index(member)]
    return struct.calcsize("=" + "".join(STRUCTS[name][each] for each in before))


def patched(message: bytes, member: str, value: int) -> bytes:
    """A SETUP with another value in one member of its head."""
    data = bytearray(message)
    struct.pack_into("=" + STRUCTS["setup"][member], data, offset_of("setup", member), value)
    return bytes(data)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A SETUP in words; what is not asked for has values that would be noticed."""

    flags: int = Flag.SUPERVISE
    owner: int | None = None  # None: this process
    process_group: int = 0
    terminal: int = -1
    umask: int = 0o777
    nice: int = 19
    gid: int = 12345
    uid: int = 12345
    cgroup: int = -1
    limits: Sequence[tuple[int, int, int]] = ()
    groups: Sequence[int] = ()
    files: Sequence[int] = ()
    keep: Sequence[int] = ()
    cwd: bytes = b""

    def pack(self) -> bytes:
        """As the minder reads it."""
        cwd = self.cwd + b"\0" if self.cwd else b""
        head = FORMATS["setup"].pack(
            Kind.SETUP,
            VERSION,
            self.flags,
            os.getpid() if self.owner is None else self.owner,
            self.process_group,
            self.terminal,
            self.umask,
            self.nice,
            self.gid,
            self.uid,
            self.cgroup,
            len(self.groups),
            len(self.files),
            len(self.keep),
            len(self.limits),
            len(cwd),
            0,
        )
        limits = b"".join(
            FORMATS["limit"].pack(which, 0, soft & UNLIMITED, hard & UNLIMITED)
            for which, soft, hard in self.limits
        )
        numbers = struct.pack(f"={len(self.groups)}I", *self.groups)
        numbers += struct.pack(f"={len(self.files)}i", *self.files)
        numbers += struct.pack(f"={len(self.keep)}i", *self.keep)
        return head + limits + numbers + cwd


@dataclass(frozen=True)
class Report:
    """A message of the minder: its kind, its members, and for ALIVE who lived."""

    kind: Kind
    members: dict[str, Any]
    named: tuple[tuple[int, bytes], ...] = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self.members[name]
        except KeyError:
            raise AttributeError(f"{self.kind.name} has no {name}") from None


def parse(message: bytes) -> Report:
    """The report in a message; any deviation from the header is a failure."""
    kind = Kind(message[0])
    assert kind.name.lower() in FORMATS and kind > ord("Z"), f"{kind.name} is no report"
    head = FORMATS[kind.name.lower()]
    assert len(message) >= head.size, message
    values = head.unpack_from(message)
    members = dict(zip(STRUCTS[kind.name.lower()], values, strict=True))
    assert not any(members.pop("reserved")), f"reserved bytes are used: {message!r}"
    named = []
    at = head.size
    if kind == Kind.ALIVE:
        while at < len(message):
            pid, length = ENTRY.unpack_from(message, at)
            at += ENTRY.size
            command = message[at : at + length]
            assert len(command) == length, "a name overruns its message"
            named.append((pid, command))
            at += length
        assert len(named) <= members["count"]
    assert at == len(message), f"{len(message) - at} bytes too many: {message!r}"
    if kind == Kind.EXITED:
        members["rusage"] = RUSAGE.unpack(members["rusage"])
    return Report(kind, members, tuple(named))
