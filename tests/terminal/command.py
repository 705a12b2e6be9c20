"""The command at the terminal: says which signals reach it, and reads one line of keys.

    python -I -S command.py

The line "end 7" ends it with status 7. A terminal that hangs up ends it when it has heard of it.
Stops are left to the kernel. It imports little, because it is started often.
"""

import os
import signal
import time

HEARD = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGCONT,
    signal.SIGWINCH,
)


def say(text: str) -> None:
    """One line, in one write, in the file of `shell.py`."""
    fd = os.open(os.environ["TERMINAL_SAID"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, f"command {text}\n".encode())
    os.close(fd)


heard = []


def hear(number: int, frame: object) -> None:
    """Say it."""
    heard.append(number)
    say(signal.Signals(number).name)


def leave(status: int) -> None:
    """The terminal has gone; its signal may yet be on the way."""
    while signal.SIGHUP not in heard:
        time.sleep(0.01)
    raise SystemExit(status)


def main() -> None:
    for number in HEARD:
        signal.signal(number, hear)
    say(f"ready {os.getpid()}")
    line = b""
    while not line.endswith(b"\n"):
        try:
            key = os.read(0, 1)
        except OSError as error:
            say(f"read failed {error.errno}")
            leave(90)
        if not key:
            say("read nothing")
            leave(91)
        line += key
    text = line.decode().strip()
    say(f"read {text}")
    if text.startswith("end "):
        raise SystemExit(int(text[4:]))


if __name__ == "__main__":
    main()
