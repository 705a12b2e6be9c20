"""Making execve(2) slow: a program that keeps the kernel waiting before it lets a file be run.

With fanotify(7) the kernel asks for permission before a marked file is executed, and whoever
executes it waits for the answer, as on a slow disk or a busy network file system. Needs root.

    python -I -S slow_exec.py FILE SECONDS

says "ready", then answers each request SECONDS after it came, until its stdin ends. When it ends,
however it ends, the kernel lets everybody through.
"""

import ctypes
import errno
import os
import select
import shutil
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# linux/fanotify.h
FAN_CLASS_CONTENT = 0x4
FAN_CLOEXEC = 0x1
FAN_MARK_ADD = 0x1
FAN_OPEN_EXEC_PERM = 0x40000
FAN_ALLOW = 0x1
AT_FDCWD = -100
EVENT = struct.Struct("=IBBHQii")  # event_len, vers, reserved, metadata_len, mask, fd, pid
ANSWER = struct.Struct("=iI")  # fd, response

NOT_HERE = {errno.EPERM, errno.ENOSYS, errno.EINVAL}


def mark(path: str) -> int:
    """A descriptor at which the kernel asks before `path` is executed."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = int(libc.fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, os.O_RDONLY | os.O_CLOEXEC))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "fanotify_init")
    mask = ctypes.c_uint64(FAN_OPEN_EXEC_PERM)
    if libc.fanotify_mark(fd, FAN_MARK_ADD, mask, AT_FDCWD, os.fsencode(path)) < 0:
        raise OSError(ctypes.get_errno(), "fanotify_mark")
    return fd


def questions(fd: int) -> Iterator[int]:
    """The open file of each request that is there now."""
    data = os.read(fd, 65536)
    while data:
        length, _, _, _, _, file, _ = EVENT.unpack_from(data)
        yield file
        data = data[length:]


def answer_late(fd: int, delay: float) -> None:
    """Allow each request `delay` seconds after it came, until stdin ends."""
    late: deque[tuple[float, int]] = deque()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.register(0, select.POLLIN)
    while True:
        left = None if not late else max(0.0, late[0][0] - time.monotonic()) * 1000
        ready = [ready for ready, _ in poll.poll(left)]
        if 0 in ready:
            return
        if fd in ready:
            late.extend((time.monotonic() + delay, file) for file in questions(fd))
        while late and late[0][0] <= time.monotonic():
            _, file = late.popleft()
            os.write(fd, ANSWER.pack(file, FAN_ALLOW))
            os.close(file)


@contextmanager
def slow_program(program: str, path: Path, delay: float) -> Iterator[Path]:
    """A copy of `program` at `path` whose exec takes `delay` seconds while the block lasts.

    Raises:
        OSError: It is not to be had here if `errno` is one of `NOT_HERE`.
    """
    shutil.copy(shutil.which(program) or program, path)
    words = [sys.executable, "-I", "-S", __file__, str(path), str(delay)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as helper:
        assert helper.stdin is not None and helper.stdout is not None
        said = helper.stdout.readline().strip()
        if said != b"ready":
            raise OSError(int(said), os.strerror(int(said)))
        try:
            yield path
        finally:
            helper.stdin.close()


if __name__ == "__main__":
    try:
        asked = mark(sys.argv[1])
    except OSError as error:
        print(error.errno, flush=True)
    else:
        print("ready", flush=True)
        answer_late(asked, float(sys.argv[2]))
