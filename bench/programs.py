"""The programs that the benchmarks run, built at the start into a temporary folder.

A program that only exits, and does so without libc, leaves nothing to measure but the caller.
Without a C compiler the usual small programs take their place, and the header says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCES = Path(__file__).parent / "peers"
FLAGS = ["-O1", "-static", "-nostartfiles", "-fno-stack-protector", "-Wl,--build-id=none"]


class Unavailable(Exception):
    """What is needed for this figure is not here; the text says what."""


class Programs:
    """Builds programs on demand. `tiny()` gives the words of a command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = [os.environ["CC"]] if os.environ.get("CC") else ["cc", "gcc"]
        self.compiler = next(filter(None, map(shutil.which, names)), None)
        self.why_not = "" if self.compiler else "no C compiler"
        if self.compiler:
            self._try_out()

    @property
    def note(self) -> str:
        """Which programs these are, for the header."""
        if self.compiler:
            return "tiny static programs without libc"
        return f"{self.why_not}: true, sh, cat and head instead of the tiny programs"

    def tiny(self, name: str, number: int = 0) -> list[str]:
        """The command `name` of tiny.c, given its `number`."""
        if self.compiler is None:
            return self._instead(name, number)
        path = self.folder / f"{name}-{number}"
        if not path.exists():
            defines = [f"-DPROGRAM={name.upper()}", f"-DNUMBER={number}"]
            self.compile("tiny.c", path, *FLAGS, *defines)
        return [str(path)]

    def compile(self, source: str, path: Path, *options: str) -> None:
        """Build a file of peers/ with the C compiler."""
        if self.compiler is None:
            raise Unavailable(self.why_not)
        build([self.compiler, *options, str(SOURCES / source), "-o", str(path)])

    def _try_out(self) -> None:
        """A compiler without a static libc is as good as none."""
        try:
            words = self.tiny("quick")
            status = subprocess.run(words, check=False).returncode
            self.why_not = f"the tiny program ended with {status}" if status else ""
        except Unavailable as error:
            self.why_not = str(error)
        if self.why_not:
            self.compiler = None

    def _instead(self, name: str, number: int) -> list[str]:
        words = {
            "quick": ["true"],
            "linger": ["sh", "-c", f"exec >&- 2>&-; sleep {number / 1e6}"],
            "hold": ["sh", "-c", "printf .; exec cat >/dev/null"],
            "fill": ["head", "-c", f"{number}M", "/dev/zero"],
            "stay": ["sleep", "1000000"],
        }.get(name)
        if words is None:
            raise Unavailable(f"{self.why_not}, and no usual program does this")
        path = shutil.which(words[0])
        if path is None:
            raise Unavailable(f"{self.why_not}, and no {words[0]}")
        return [path, *words[1:]]


def build(words: list[str], **env: str) -> None:
    """Run a compiler; its complaint is in the Unavailable."""
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **env},
        text=True,
        check=False,
    )
    if done.returncode != 0:
        complaint = (done.stdout.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise Unavailable(f"{Path(words[0]).name} failed: {complaint}")


@contextmanager
def programs() -> Iterator[Programs]:
    """Programs in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="osexec-bench-") as folder:
        yield Programs(Path(folder))
