"""What osexec does, on real programs: `python examples/demo.py`.

Each step prints what happened and checks it; the demo fails if one does not hold.
"""

import os
import signal
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import osexec
from osexec import Cmd

WORKING_C = '#include <stdio.h>\nint main(void) { puts("compiled and run"); return 0; }\n'
BROKEN_C = "int main(void) { return missing_name; }\n"

# Announces itself and then waits for work that never comes.
SERVER = "echo ready; while :; do sleep 1000; done"


def git_repository(scratch: Path) -> None:
    """A git repository: init, commit, log."""

    def git(*words: str) -> Cmd:
        return Cmd("git", *words, cwd=scratch, extra_env=quiet_git(scratch), timeout=60)

    (scratch / "note.txt").write_text("hello\n")
    for words in (["init", "--quiet"], ["add", "note.txt"], ["commit", "--quiet", "-m", "First"]):
        result = git(*words).run()
        say(f"git {words[0]}: status {result.returncode} in {ms(result.elapsed)}")
    log = git("log", "--format=%an: %s").text()
    say(f"git log says {log!r}")
    check(log == "Demo: First")


def quiet_git(home: Path) -> dict[str, str]:
    """An environment in which git needs no settings of the user."""
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in ID}
    return who | {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}


ID = (("NAME", "Demo"), ("EMAIL", "demo@example.org"))


def compiler(scratch: Path) -> None:
    """A C compiler: one program that works, one that does not."""
    (scratch / "works.c").write_text(WORKING_C)
    (scratch / "broken.c").write_text(BROKEN_C)
    result = osexec.run("cc", "-o", "works", "works.c", cwd=scratch, timeout=60)
    said = osexec.text(scratch / "works")
    say(f"compiled works.c in {ms(result.elapsed)}; it says {said!r}")
    check(said == "compiled and run")
    try:
        osexec.output("cc", "-o", "broken", "broken.c", cwd=scratch, timeout=60)
    except osexec.ExitError as error:
        say("broken.c fails, and the error says why:")
        for line in str(error).splitlines():
            say(f"    {line}")
        check("missing_name" in str(error))
    else:
        check(False)


def archive(scratch: Path) -> None:
    """tar into a file, gzip from that file, and back."""
    data = scratch / "data"
    data.mkdir()
    for number in range(100):
        (data / f"{number}.txt").write_text(f"file {number}\n" * 1000)
    tar, packed = scratch / "data.tar", scratch / "data.tar.gz"
    osexec.run("tar", "-cf", "-", "data", cwd=scratch, stdout=tar, timeout=60)
    osexec.run("gzip", "-c", stdin=tar, stdout=packed, timeout=60)
    say(f"tar wrote {tar.stat().st_size} bytes, gzip made {packed.stat().st_size} of them")
    with tarfile.open(packed) as opened:
        names = opened.getnames()
    say(f"the archive holds {len(names)} names")
    check(len(names) == 101)


def tree_that_will_not_end(scratch: Path) -> None:
    """A shell with two long sleeps, one of which runs away, under a timeout of one second."""
    away = "setsid" if osexec.run("true").contain == "tree" else "env"  # else: there is no minder
    script = f"echo started; {away} sleep 1000 & sleep 1000"
    say(f"sh -c {script!r}")
    started = time.monotonic()
    try:
        Cmd.sh(script, timeout=1, extra_env={TAG: "tree"}).output()
    except osexec.DeadlineExceeded as error:
        took = time.monotonic() - started
        result = error.result
        say(f"back after {took:.3f} s: {error}")
    else:
        raise Failed("the timeout did not come")
    alive = alive_with("tree")
    say(f"output until then {result.stdout!r}; contained by {result.contain}")
    if result.contain == "tree":
        say(f"the minder has ended {result.swept} processes besides the shell")
    say(f"alive: {alive or 'nothing'}")
    check(result.stdout == b"started\n")
    check(took < 1.5 and not alive)


TAG = f"OSEXEC_DEMO_{os.getpid()}"
"""A variable of the environment, which all below a command inherit, however far they run away."""


def alive_with(tag: str) -> list[int]:
    """The processes that carry a tag, from /proc; zombies have no environment any more."""
    alive = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            entries = environ.read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"{TAG}={tag}".encode() in entries:
            alive.append(int(environ.parent.name))
    return alive


def server(scratch: Path) -> None:
    """A server that says "ready", and is stopped by leaving the block."""
    started = time.monotonic()
    with Cmd.sh(SERVER, stdout=osexec.PIPE, extra_env={TAG: "server"}).start() as process:
        line = process.stdout.readline()
        say(f"pid {process.pid} says {line!r} after {ms(time.monotonic() - started)}")
        check(line == b"ready\n")
        check(process.poll() is None)
        check(process.pid in alive_with("server"))
        left = time.monotonic()
    say(f"left the block; stopped in {ms(time.monotonic() - left)}: {process.result}")
    check(process.result.signal == signal.SIGKILL)
    check(not alive_with("server"))


def many_at_once(scratch: Path) -> None:
    """64 commands from 8 threads."""
    started = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(lambda number: osexec.text("echo", str(number)), range(64)))
    say(f"64 commands in {ms(time.monotonic() - started)}, every answer its own")
    check(said == [str(number) for number in range(64)])


STEPS: tuple[Callable[[Path], None], ...] = (
    git_repository,
    compiler,
    archive,
    tree_that_will_not_end,
    server,
    many_at_once,
)


class Failed(Exception):
    """A step of the demo did not hold."""


def check(holds: bool) -> None:
    if not holds:
        raise Failed("this does not hold")


def say(text: str) -> None:
    print(f"   {text}")


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def missing_program(step: Callable[[Path], None]) -> str | None:
    """A program that the step is about and this machine does not have."""
    program = {git_repository: "git", compiler: "cc", archive: "gzip"}.get(step, "sh")
    try:
        osexec.look_path(program)
    except osexec.NotFoundError:
        return program
    return None


def main() -> int:
    failed = []
    for step in STEPS:
        print(f"== {step.__doc__}")
        if program := missing_program(step):
            say(f"left out: there is no {program} on this machine")
            continue
        with tempfile.TemporaryDirectory(prefix="osexec-demo-") as scratch:
            try:
                step(Path(scratch))
            except (osexec.Error, Failed) as error:
                say(f"FAILED: {error}")
                failed.append(step.__name__)
    print(f"failed: {', '.join(failed)}" if failed else "everything held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
