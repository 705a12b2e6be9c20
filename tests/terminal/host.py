"""The Python program at the terminal that runs a command with osexec, and says what it sees.

    python -m tests.terminal.host OPTIONS WORD...

OPTIONS is JSON: "contain" ("default" leaves it out), "verb" (run or start), "hears" (signals that
it has a handler for), "fields" of the Cmd, "attrs" for SysAttrs, "stdin" (a descriptor's number;
null: leave it out), "closes" (close that descriptor in the host once the command runs, which then
needs "start"), "turns" (run it so often; the first result that differs, or the last), "then"
("read": it reads a line itself).
"""

import json
import os
import signal
import sys
from typing import Any

import osexec
from osexec import INHERIT, Capture, Cmd, SysAttrs
from tests.terminal.shell import say


def hear(name: str) -> None:
    """From now on this signal is said, and does nothing else."""
    signal.signal(signal.Signals[name], lambda number, frame: say(f"host {name}"))


def command(options: dict[str, Any], words: list[str]) -> Cmd:
    """The command that was asked for."""
    fields: dict[str, Any] = dict(options.get("fields", {}))
    if options["contain"] != "default":
        fields["contain"] = options["contain"]
    if fields.pop("capture", False):
        fields["stdout"] = Capture()
    if "attrs" in options:
        fields["sys"] = SysAttrs(**options["attrs"])
    stdin = options.get("stdin", 0)
    if stdin is not None:
        fields["stdin"] = INHERIT if stdin == 0 else stdin
    return Cmd(*words, check=False, **fields)


def outcome(cmd: Cmd, verb: str, closes: int | None) -> dict[str, Any]:
    """Run it to its end, and what came of it."""
    error = result = None
    try:
        if verb == "run":
            result = cmd.run()
        else:
            with cmd.start() as process:
                if closes is not None:
                    os.close(closes)
                result = process.wait()
    except KeyboardInterrupt:
        return {"error": "KeyboardInterrupt"}
    except osexec.StartError as failed:
        return {"error": type(failed).__name__, "text": str(failed)}
    except osexec.Error as failed:
        error, result = type(failed).__name__, failed.result
    if result is None:
        return {"error": error, "reason": None}  # its time was up before it was started
    return {
        "error": error,
        "returncode": result.returncode,
        "reason": result.reason.value,
        "contain": result.contain,
        "stdout": None if result.stdout is None else result.stdout.decode(),
        "leaked": len(result.leaked),
    }


def main() -> None:
    options = json.loads(sys.argv[1])
    for name in options.get("hears", ()):
        hear(name)
    cmd = command(options, sys.argv[2:])
    say(f"host ready {os.getpid()}")
    verb = options.get("verb", "run")
    told = outcome(cmd, verb, options.get("closes"))
    for _ in range(1, options.get("turns", 1)):
        before, told = told, outcome(cmd, verb, None)
        if told != before:
            break
    try:
        told["foreground"] = os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        told["foreground"] = None  # the terminal has gone
    say(f"host result {json.dumps(told)}")
    if options.get("then") == "read":
        say(f"host read {sys.stdin.readline().strip()}")


if __name__ == "__main__":
    main()
