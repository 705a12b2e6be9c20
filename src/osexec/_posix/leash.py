"""The messages between us and a minder: `minder/protocol.h` in Python. Makes no system call."""

from __future__ import annotations

from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .spawn import Request

VERSION = 1
LIMIT = 32768
"""The longest message, in bytes."""

SETUP = Struct("=BBHiiiIiIIiHHHHHH")
RLIMIT = Struct("=IIQQ")
STARTED = Struct("=B3xi")
FAILED = Struct("=BB2xi")
EXITED = Struct("=BB2xi18q")
ALIVE = Struct("=B3xI")
NAMED = Struct("=iI")
EMPTY = Struct("=B3xI")
REFUSED = Struct("=BB2xii")

(
    SUPERVISE,
    NEW_SESSION,
    SET_GROUP,
    SET_TERMINAL,
    FOREGROUND,
    SET_UMASK,
    SET_NICE,
    SET_GROUPS,
    SET_GID,
    SET_UID,
    NO_NEW_PRIVS,
    PLACE_FILES,
    NAMESPACE,
    JOIN_CGROUP,
) = (1 << bit for bit in range(14))

STAGES = (
    "",
    "protocol",
    "minder",
    "fork",
    "new_session",
    "process_group",
    "controlling_terminal",
    "rlimits",
    "nice",
    "extra_groups",
    "group",
    "user",
    "no_new_privs",
    "chdir",
    "extra_files",
    "namespace",
    "cgroup",
    "exec",
    "foreground",
)
"""Where a start failed, by its number: the field that asked for it, where there is one."""

SWEEP = b"W"
RELEASE = b"R"


def signal(number: int, whole_tree: bool) -> bytes:
    """The order to signal the command, or all."""
    return bytes((ord("K"), number, whole_tree))


def setup(request: Request, owner: int, supervise: bool, namespace: bool = False) -> bytes:
    """What the command is to be, all but its words and its environment.

    Raises:
        ValueError: It does not fit into a message.
    """
    groups = request.extra_groups
    keep = request.pass_fds if request.files else ()
    cwd = b"" if request.cwd is None else request.cwd + b"\0"
    flags = (
        supervise * SUPERVISE
        | request.new_session * NEW_SESSION
        | (request.process_group >= 0) * SET_GROUP
        | request.takes_terminal * SET_TERMINAL
        | request.foreground * FOREGROUND
        | (request.umask >= 0) * SET_UMASK
        | (request.nice != 0) * SET_NICE
        | (groups is not None) * SET_GROUPS
        | (request.gid is not None) * SET_GID
        | (request.uid is not None) * SET_UID
        | request.no_new_privs * NO_NEW_PRIVS
        | bool(request.files) * PLACE_FILES
        | namespace * NAMESPACE
        | (request.cgroup is not None) * JOIN_CGROUP
    )
    head = SETUP.pack(
        ord("S"),
        VERSION,
        flags,
        owner,
        request.process_group,
        request.terminal,
        max(request.umask, 0),
        request.nice,
        request.gid or 0,
        request.uid or 0,
        -1 if request.cgroup is None else request.cgroup,
        len(groups or ()),
        len(request.files),
        len(keep),
        len(request.limits),
        len(cwd),
        0,
    )
    if flags <= SUPERVISE and not cwd and not request.limits:
        return head
    message = b"".join(
        (
            head,
            *(RLIMIT.pack(which, 0, soft, hard) for which, soft, hard in request.limits),
            Struct(f"={len(groups or ())}I").pack(*(groups or ())),
            Struct(f"={len(request.files)}i").pack(*request.files),
            Struct(f"={len(keep)}i").pack(*keep),
            cwd,
        )
    )
    if len(message) > LIMIT:
        raise ValueError(f"what was asked for takes {len(message)} bytes, and {LIMIT} can be sent")
    return message


def rusage(values: list[int]) -> tuple[float, ...]:
    """The fields of a struct_rusage, from the kernel's struct rusage."""
    user, user_us, system, system_us, *counts = values
    return (user + user_us / 1e6, system + system_us / 1e6, *counts)


def alive(message: bytes) -> tuple[list[tuple[int, str]], int]:
    """Who lived, as (pid, command), and how many there were in all."""
    _, count = ALIVE.unpack_from(message)
    place, found = ALIVE.size, []
    while place < len(message):
        pid, length = NAMED.unpack_from(message, place)
        place += NAMED.size
        words = message[place : place + length].rstrip(b"\0\n").replace(b"\0", b" ")
        found.append((pid, words.decode("utf-8", "backslashreplace")))
        place += length
    return found, count
