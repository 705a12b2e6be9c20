"""Where a scenario happens: its scratch folder, its files, and the conditions in the driver."""

import ctypes
import os
import platform
import re
import signal
from pathlib import Path
from typing import Any

from tests.conformance.compare import Scenario
from tests.conformance.scan import TAG

TMP = "$TMP"
BIG = re.compile(r"\$BIG:(\d+)")


class Scene:
    """The scratch folder of one scenario, and the way between its real name and `$TMP`."""

    def __init__(self, scratch: str, tag: str) -> None:
        self.tmp = os.path.realpath(scratch)
        self.tag = tag
        self._held: list[int] = []
        os.chmod(self.tmp, 0o755)

    @property
    def ready(self) -> Path:
        """The file by which a command says that it is ready."""
        return Path(self.tmp, "ready")

    def fill_in(self, value: Any) -> Any:
        """The value with `$TMP` and `$BIG:N` written out in every string, however deep."""
        if isinstance(value, str):
            return BIG.sub(lambda big: "y" * int(big[1]), value.replace(TMP, self.tmp))
        if isinstance(value, list):
            return [self.fill_in(each) for each in value]
        if isinstance(value, dict):
            return {name: self.fill_in(each) for name, each in value.items()}
        return value

    def hide(self, text: str) -> str:
        """The text with `$TMP` in place of the real name."""
        return text.replace(self.tmp, TMP)

    def hide_bytes(self, data: bytes) -> bytes:
        return data.replace(os.fsencode(self.tmp), TMP.encode())

    def make_files(self, scenario: Scenario) -> None:
        """The folders, links and files of the scenario, in their order."""
        for entry in scenario.get("files") or ():
            path = Path(self.tmp, entry["name"])
            if entry.get("dir"):
                path.mkdir()
            elif entry.get("link") is not None:
                path.symlink_to(entry["link"])
            else:
                path.write_bytes(entry.get("text", "").encode())
            if entry.get("link") is None and (entry.get("mode") or not entry.get("dir")):
                path.chmod(int(entry.get("mode") or "0644", 8))

    def set_conditions(self, scenario: Scenario) -> None:
        """What the scenario asks of the driver itself."""
        for entry in scenario.get("parent_env") or ():
            name, _, value = entry.partition("=")
            os.environ[name] = value
        if scenario.get("parent_cwd"):
            os.chdir(scenario["parent_cwd"])
        for name in scenario.get("parent_ignore") or ():
            signal.signal(signal.Signals[name], signal.SIG_IGN)
        for _ in range(scenario.get("parent_open_files") or 0):
            self._held.append(os.open(os.devnull, os.O_RDONLY))
        if scenario.get("parent_inheritable_fd"):
            self._held.append(os.dup2(0, scenario["parent_inheritable_fd"], inheritable=True))
        os.environ[TAG] = self.tag

    def collect(self, names: list[str]) -> dict[str, str | None]:
        """The content of files, under the names that the scenario gives them."""
        return {name: self._content(Path(self.fill_in(name))) for name in names}

    def _content(self, path: Path) -> str | None:
        try:
            data = path.read_bytes()
        except OSError:
            return None
        return self.hide_bytes(data).decode("utf-8", "replace")


def reset_signals() -> None:
    """Take back what whoever started us ignores or blocks (nohup, a shell's `&`): it would show.

    SIGPIPE and SIGXFSZ are Python's own to ignore, and the library's to restore in the child.
    """
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            is_int = number == signal.SIGINT
            signal.signal(number, signal.default_int_handler if is_int else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    _reset_internal_signals()


def _reset_internal_signals() -> None:
    """Put back what glibc's posix_spawn leaves ignored in what it starts, as make does its shells.

    32 and 33 belong to the thread library, so only the kernel itself can be asked.
    """
    number = {"x86_64": 13, "aarch64": 134}.get(platform.machine())  # rt_sigaction(2)
    if number is not None:
        default = bytes(32)  # struct kernel_sigaction with SIG_DFL and no flags
        for internal in (32, 33):
            ctypes.CDLL(None).syscall(number, internal, default, None, 8)
