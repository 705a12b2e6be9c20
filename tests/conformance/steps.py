"""The steps of a scenario: what is done to the command while it runs, or instead of running it.

A step either adds its outcome to `calls` or, if it only waits or meddles, adds nothing. A step
that asks for what osexec does not offer is noted as `unsupported`, and the scenario goes on.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import osexec
from tests.conformance.record import RepeatedFieldError, describe, digest
from tests.conformance.scan import has_ended
from tests.conformance.streams import UnsupportedError
from tests.helpers.limits import POLL

if TYPE_CHECKING:
    from tests.conformance.play import Play

Step = dict[str, Any]


def perform(play: Play, step: Step) -> None:
    """Do one step; the 20 seconds of the whole scenario are its only bound."""
    op = step["op"]
    if op in SILENT:
        SILENT[op](play, step)
        return
    call: dict[str, Any] = {"op": op}
    output: bytes | None = b"" if op in READS else None
    try:
        output = RECORDED.get(op, unknown)(play, step) or output
    except Exception as error:  # noqa: BLE001 - any error is an answer
        call["err"] = describe(error, play.scene)
        if isinstance(error, ShortReadError):
            output = error.data
    else:
        call["err"] = describe(None, play.scene)
    if op in READS:
        call["out"] = digest(output, play.scene)
    play.calls.append(call)


class ShortReadError(EOFError):
    """The pipe ended before all the wanted bytes had come."""

    def __init__(self, data: bytes) -> None:
        super().__init__(f"the pipe ended after {len(data)} bytes")
        self.data = data


def started(play: Play) -> osexec.Process:
    if play.process is None:
        raise UnsupportedError("nothing was started")
    return play.process


def pipe(play: Play, name: str) -> Any:
    """Our end of a pipe; without a started command there is none, as if it were closed."""
    stream = getattr(play.process, name, None)
    if stream is None:
        raise ValueError(f"{name} is closed: there is no pipe")
    return stream


# Steps that add nothing to `calls`


def sleep(play: Play, step: Step) -> None:
    time.sleep(step.get("ms", 0) / 1000)


def wait_ready(play: Play, step: Step) -> None:
    while not play.scene.ready.exists():
        time.sleep(POLL)


def wait_zombie(play: Play, step: Step) -> None:
    """Until the child has ended; the library may have reaped it already."""
    pid = started(play).pid
    while not has_ended(pid):
        time.sleep(POLL)


def cancel_ctx(play: Play, step: Step) -> None:
    play.ending.cancel()


def steal_status(play: Play, step: Step) -> None:
    """Take the child's status behind the library's back, unless it was faster."""
    try:
        os.waitpid(started(play).pid, 0)
    except ChildProcessError:
        pass


# Steps whose outcome is recorded


def start(play: Play, step: Step) -> None:
    """The first start is the scenario's command; a later one is a command of its own."""
    process = play.builder.cmd().start(ctx=play.ending.context)
    if play.process is None:
        play.process = process
    else:
        play.extra.append(process)


def wait(play: Play, step: Step) -> None:
    started(play)
    play.wait()


def run(play: Play, step: Step) -> None:
    play.run()


def output(play: Play, step: Step) -> None:
    play.run_output()


def combined(play: Play, step: Step) -> None:
    play.run_combined()


def stdout_pipe(play: Play, step: Step) -> None:
    ask_for_pipe(play, "stdout")


def stdin_pipe(play: Play, step: Step) -> None:
    ask_for_pipe(play, "stdin")


def ask_for_pipe(play: Play, name: str) -> None:
    """A pipe is a field of the Cmd: asking for one where a stream is given is giving it twice."""
    if play.process is not None:
        raise UnsupportedError("a pipe can only be asked for before the start")
    fields = play.builder.fields()
    if getattr(play.streams, name) is None:
        del fields[name]
    try:
        osexec.Cmd(*play.builder.words(), **fields, **{name: osexec.PIPE})
    except TypeError as error:
        if "multiple values" in str(error):
            raise RepeatedFieldError(str(error)) from None
        raise
    setattr(play.streams, name, osexec.PIPE)


def send_signal(play: Play, step: Step) -> None:
    started(play).signal(signal.Signals[step["sig"]])


def kill(play: Play, step: Step) -> None:
    started(play).kill()


def write_stdin(play: Play, step: Step) -> None:
    stream = pipe(play, "stdin")
    rest = memoryview(step.get("text", "").encode())
    while rest:
        rest = rest[stream.write(rest) :]
    stream.flush()


def close_stdin(play: Play, step: Step) -> None:
    stream = pipe(play, "stdin")
    if stream.closed:  # Python closes twice without a word; the schema wants to know
        raise ValueError("stdin is closed already")
    stream.close()


def read_stdout(play: Play, step: Step) -> bytes:
    data: bytes = pipe(play, "stdout").read(step["n"])
    if len(data) < step["n"]:
        raise ShortReadError(data)
    return data


def read_all_stdout(play: Play, step: Step) -> bytes:
    data: bytes = pipe(play, "stdout").read()
    return data


def unknown(play: Play, step: Step) -> None:
    raise UnsupportedError(f"step {step['op']}")


SILENT: dict[str, Callable[[Play, Step], None]] = {
    "sleep": sleep,
    "wait_ready": wait_ready,
    "wait_zombie": wait_zombie,
    "cancel_ctx": cancel_ctx,
    "steal_status": steal_status,
}
RECORDED: dict[str, Callable[[Play, Step], bytes | None]] = {
    "start": start,
    "wait": wait,
    "run": run,
    "output": output,
    "combined": combined,
    "stdout_pipe": stdout_pipe,
    "stdin_pipe": stdin_pipe,
    "signal": send_signal,
    "kill": kill,
    "write_stdin": write_stdin,
    "close_stdin": close_stdin,
    "read_stdout": read_stdout,
    "read_all_stdout": read_all_stdout,
}
READS = ("read_stdout", "read_all_stdout")
