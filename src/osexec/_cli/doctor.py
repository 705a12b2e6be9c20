"""`osexec doctor`: what this machine offers, found out by trying."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, NamedTuple

import osexec

from . import probes
from .say import one_line, put

if TYPE_CHECKING:
    from collections.abc import Callable

    from .args import Asked


class Finding(NamedTuple):
    """One answer. `ok` is None for a plain fact."""

    name: str
    ok: bool | None
    detail: str

    def __str__(self) -> str:
        answer = {True: "yes ", False: "no ", None: ""}[self.ok]
        return f"{self.name}: {answer}{one_line(self.detail)}"


FACTS = (probes.python, probes.kernel, probes.descriptors, probes.pipe_size)
TRIALS = (
    probes.run,
    probes.minder,
    probes.tree,
    probes.namespace,
    probes.cgroup,
    probes.process_groups,
    probes.pidfd,
    probes.pidfd_group_signal,
    probes.pidfd_exit_status,
)


def doctor(asked: Asked) -> int:
    """Print what was found; 1 if not even `true` could be run."""
    findings = examine()
    if asked.options["--json"]:
        found = {name: {"ok": ok, "detail": detail} for name, ok, detail in findings}
        put(json.dumps(found, indent=2))
    else:
        put("\n".join(map(str, findings)))
    return 0 if all(ok for name, ok, _ in findings if name == "run") else 1


def examine() -> list[Finding]:
    """Everything worth knowing, in the order in which it is read."""
    disposition = signal.getsignal(signal.SIGCHLD)
    if disposition is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # or the trials below would lose theirs
    facts = [attempt(fact.__name__, fact, True) for fact in FACTS]
    return [
        Finding("osexec", None, osexec.__version__),
        *facts,
        attempt("sigchld", lambda: probes.sigchld(disposition)),
        *(attempt(trial.__name__, trial) for trial in TRIALS),
    ]


def attempt(name: str, probe: Callable[[], str], fact: bool = False) -> Finding:
    """The answer of one probe. What it raises is an answer, too."""
    try:
        return Finding(name, None if fact else True, probe())
    except probes.Missing as missing:
        return Finding(name, False, str(missing))
    except Exception as error:  # noqa: BLE001  a machine may refuse in any way; all are worth printing
        return Finding(name, False, f"{type(error).__name__}: {error}")
