"""Every Python that is found here: some things differ from one to the next."""

import subprocess
import sys
from functools import cache
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "pythons"


@cache
def pythons() -> dict[str, str]:
    """Versions ("3.12") and the interpreters to run; this one stands for its own version."""
    said = subprocess.run(["sh", SCRIPT], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = dict(line.split(maxsplit=1) for line in said.splitlines())
    return {**found, "{}.{}".format(*sys.version_info): sys.executable}
