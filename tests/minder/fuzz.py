"""Messages that nobody would send, and what may come of each.

`is_well_formed` is the header's comments as a function: it decides what must be refused.
"""

import random
import struct
from collections.abc import Callable
from subprocess import PIPE

from tests.helpers.ready import read_ready
from tests.minder.builds import Build
from tests.minder.layout import FORMATS, LIMIT, STRUCTS, VERSION, Flag, Kind, Setup, Stage, patched

HEAD = FORMATS["setup"]
COUNTS = ("groups_count", "files_count", "keep_count", "limits_count", "cwd_length")
NUMBERS = (0, 1, 2, 3, 4, 7, 63, 255, 4096, 65535, 2**31 - 1, 2**31, 2**32 - 1)
MOST_FILES = 4096  # the minder takes fewer than a message could name


def is_well_formed(message: bytes) -> bool | None:
    """What the header says; None where it leaves room."""
    if not HEAD.size <= len(message) <= LIMIT:
        return False
    head = dict(zip(STRUCTS["setup"], HEAD.unpack_from(message), strict=True))
    if head["kind"] != Kind.SETUP or head["version"] != VERSION or head["reserved"]:
        return False
    if head["flags"] & ~int(Flag.ALL_FLAGS) or head["owner"] <= 0:
        return False
    limits = 24 * head["limits_count"]
    numbers = 4 * (head["groups_count"] + head["files_count"] + head["keep_count"])
    if len(message) != HEAD.size + limits + numbers + head["cwd_length"]:
        return False
    if head["cwd_length"] and message[-1]:
        return False
    if any(any(message[at + 4 : at + 8]) for at in range(HEAD.size, HEAD.size + limits, 24)):
        return False
    if head["files_count"] > MOST_FILES:
        return None
    if head["flags"] & (Flag.NAMESPACE | Flag.JOIN_CGROUP) and not head["flags"] & Flag.SUPERVISE:
        return None
    if head["gid"] == 2**32 - 1 or head["uid"] == 2**32 - 1:
        return None
    at = HEAD.size + limits + 4 * head["groups_count"]
    files = struct.unpack_from(f"={head['files_count']}i", message, at)
    keep = struct.unpack_from(f"={head['keep_count']}i", message, at + 4 * len(files))
    return None if min(*files, 0, 0) < -1 or min(*keep, 0, 0) < 0 else True


def odd_setup(draw: random.Random) -> bytes:
    """A SETUP that is right, nearly right, or no SETUP at all."""
    some = draw.choice([0, Flag.PLACE_FILES, Flag.SET_UMASK, draw.randrange(2**14)])
    setup = Setup(
        flags=draw.choice([0, Flag.SUPERVISE]) | some,
        process_group=draw.choice([0, 1, -1, 2**31 - 1]),
        terminal=draw.choice([-1, 0, 1, 3, 99]),
        umask=draw.choice(NUMBERS),
        nice=draw.choice([0, 1, 19, -1, 2**31 - 1, -(2**31)]),
        gid=draw.choice(NUMBERS),
        uid=draw.choice(NUMBERS),
        cgroup=draw.choice([-1, 0, 3, 2**31 - 1]),
        limits=[
            (draw.randrange(20), draw.choice(NUMBERS), draw.choice([0, 2**63, 2**64 - 1]))
            for _ in range(draw.choice([0, 0, 1, 5]))
        ],
        groups=draw.choices(NUMBERS, k=draw.choice([0, 0, 1, 40])),
        files=draw.choices([-1, 0, 1, 2, 3, 99, 2**31 - 1], k=draw.choice([0, 0, 1, 5, 300])),
        keep=draw.choices([0, 1, 3, 99, -1, 2**31 - 1], k=draw.choice([0, 0, 1, 5, 300])),
        cwd=draw.choice([b"", b"", b"/", b"/tmp", b"/nowhere", b"x" * draw.randrange(1, 5000)]),
    )
    return draw.choice(MUTATIONS)(draw, setup.pack())


def as_it_is(draw: random.Random, message: bytes) -> bytes:
    return message


def flipped(draw: random.Random, message: bytes) -> bytes:
    """Other bytes here and there."""
    data = bytearray(message)
    for _ in range(draw.randrange(1, 4)):
        data[draw.randrange(len(data))] = draw.randrange(256)
    return bytes(data)


def flipped_head(draw: random.Random, message: bytes) -> bytes:
    return flipped(draw, message[: HEAD.size]) + message[HEAD.size :]


def other_count(draw: random.Random, message: bytes) -> bytes:
    return patched(message, draw.choice(COUNTS), draw.choice([1, 2, 255, 4097, 8192, 65535]))


def cut(draw: random.Random, message: bytes) -> bytes:
    return message[: draw.randrange(1, len(message))]


def longer(draw: random.Random, message: bytes) -> bytes:
    return message + draw.randbytes(draw.choice([1, 4, 24, 1000, 40_000]))


def noise(draw: random.Random, message: bytes) -> bytes:
    return draw.randbytes(draw.choice([1, 2, HEAD.size, 100, 5000]))


def noise_after_the_head(draw: random.Random, message: bytes) -> bytes:
    return message[: HEAD.size] + draw.randbytes(len(message) - HEAD.size)


Mutation = Callable[[random.Random, bytes], bytes]
MUTATIONS: list[Mutation] = [
    *(as_it_is, as_it_is, flipped, flipped_head, other_count, cut, longer, noise),
    noise_after_the_head,
]


def try_setup(build: Build, message: bytes) -> None:
    """Start a command that ends by itself, and look whether the answer is one that may be."""
    with build.role("args", setup=message) as client:
        reports = client.rest()
        status = client.gone()
    kinds = [report.kind for report in reports]
    # Nothing is said by what has become the command; that may die of a limit that it was given.
    assert status >= 0 or not kinds, f"it died of signal {-status}"
    assert status != 86, "a sanitizer ended it"
    refused = kinds == [Kind.FAILED] and reports[0].stage == Stage.STAGE_PROTOCOL
    expected = is_well_formed(message)
    if expected is False:
        assert refused, kinds
    elif expected is True:
        assert not refused
    if kinds and kinds[0] == Kind.STARTED:
        assert kinds in ([Kind.STARTED, Kind.EXITED], [Kind.STARTED, Kind.EXITED, Kind.EMPTY])
        # A sanitizer that ended the child before its exec would look like this.
        assert reports[1].status != 86 << 8
    elif kinds and kinds != [Kind.EXITED, Kind.EMPTY]:
        assert kinds == [Kind.FAILED]


def odd_order(draw: random.Random) -> bytes:
    """An order that is right, nearly right, or none; never one that ends a command."""
    kind = draw.choice([*b"KWRSsfxaer?", draw.randrange(256)])
    length = draw.choice([1, 1, 2, 3, 3, 3, 4, 48, 1000, 40_000])
    order = bytes([kind]) + draw.randbytes(length - 1)
    if kind == Kind.SIGNAL and length == 3:
        order = bytes([kind, draw.choice([0, 1, 15, 17, 18, 19, 34, 63, 64, 65, 255]), order[2]])
        order = order[:2] + bytes([draw.choice([0, 1, 2, 255])])
    return b"?" if order == b"W" else order


def is_taken(order: bytes) -> bool:
    """Whether an order means something while a command runs."""
    return len(order) == 3 and order[0] == Kind.SIGNAL and 1 <= order[1] <= 64 and order[2] <= 1


def try_orders(build: Build, orders: list[bytes]) -> None:
    """Each order that is none is refused, in their order, and the command is unharmed."""
    with build.role("signals", stdout=PIPE) as client:
        client.started()
        assert client.popen.stdout is not None
        assert read_ready(client.popen.stdout) == "ready"
        for order in orders:
            client.send(order)
            if not is_taken(order):
                refused = client.expect(Kind.REFUSED)
                assert refused.members["order"] == order[0]
        client.signal(9)
        assert client.exited().status == 9
        assert client.ended() == 0
