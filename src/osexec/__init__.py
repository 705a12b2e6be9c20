"""osexec runs external commands.

The call comes back on time, leaves nothing running, loses no output and no
error, and says why. It is Go's os/exec carried to Python, and further.

    import osexec
    osexec.run("make", "-j4", timeout=600)
    sha = osexec.text("git", "rev-parse", "HEAD")

To read the source, begin with `_core/life.py`; docs/internals.md is the tour.
"""

from __future__ import annotations

from ._words.attrs import Step as Step
from ._words.attrs import SysAttrs as SysAttrs
from ._words.errors import Canceled as Canceled
from ._words.errors import CancelFailed as CancelFailed
from ._words.errors import ContextError as ContextError
from ._words.errors import CopyError as CopyError
from ._words.errors import DeadlineExceeded as DeadlineExceeded
from ._words.errors import DotPathError as DotPathError
from ._words.errors import Error as Error
from ._words.errors import ExitCanceled as ExitCanceled
from ._words.errors import ExitDeadlineExceeded as ExitDeadlineExceeded
from ._words.errors import ExitError as ExitError
from ._words.errors import KillFailed as KillFailed
from ._words.errors import LeakError as LeakError
from ._words.errors import LeakWarning as LeakWarning
from ._words.errors import LookPathError as LookPathError
from ._words.errors import NotExecutableError as NotExecutableError
from ._words.errors import NotFoundError as NotFoundError
from ._words.errors import StartError as StartError
from ._words.errors import StatusLostError as StatusLostError
from ._words.errors import UsageError as UsageError
from ._words.errors import WaitDelayCanceled as WaitDelayCanceled
from ._words.errors import WaitDelayDeadlineExceeded as WaitDelayDeadlineExceeded
from ._words.errors import WaitDelayExpired as WaitDelayExpired
from ._words.result import Holder as Holder
from ._words.result import Reason as Reason
from ._words.result import Result as Result
from ._words.streams import Capture as Capture
from ._words.streams import Stream as _Stream
from .cmd import Cmd as Cmd
from .cmd import combined_output as combined_output
from .cmd import lines as lines
from .cmd import look_path as look_path
from .cmd import output as output
from .cmd import run as run
from .cmd import start as start
from .cmd import text as text
from .context import Context as Context
from .process import Process as Process

__version__ = "0.1.0"

DEVNULL = _Stream.DEVNULL
"""The null device."""
INHERIT = _Stream.INHERIT
"""The stream that this process has."""
PIPE = _Stream.PIPE
"""A file object on the Process."""
STDOUT = _Stream.STDOUT
"""For stderr: wherever stdout goes."""

__all__ = [
    "DEVNULL",
    "INHERIT",
    "PIPE",
    "STDOUT",
    "CancelFailed",
    "Canceled",
    "Capture",
    "Cmd",
    "Context",
    "ContextError",
    "CopyError",
    "DeadlineExceeded",
    "DotPathError",
    "Error",
    "ExitCanceled",
    "ExitDeadlineExceeded",
    "ExitError",
    "Holder",
    "KillFailed",
    "LeakError",
    "LeakWarning",
    "LookPathError",
    "NotExecutableError",
    "NotFoundError",
    "Process",
    "Reason",
    "Result",
    "StartError",
    "StatusLostError",
    "Step",
    "SysAttrs",
    "UsageError",
    "WaitDelayCanceled",
    "WaitDelayDeadlineExceeded",
    "WaitDelayExpired",
    "__version__",
    "combined_output",
    "lines",
    "look_path",
    "output",
    "run",
    "start",
    "text",
]


def _show_where_names_are_imported_from() -> None:
    """Tracebacks and repr say `osexec.ExitError`, not the file it is written in."""
    for name in __all__:
        value = globals()[name]
        if isinstance(value, type):
            value.__module__ = __name__


_show_where_names_are_imported_from()
