"""The words that start a child in one of its roles: `Cmd(*role("orphan"))`."""

import sys
from pathlib import Path

from tests.helpers.child import ROLES

CHILD = Path(__file__).with_name("child.py")


def role(name: str, *args: object) -> tuple[str, ...]:
    """The arguments of a command that plays the role `name`; see `child.py` for what there is."""
    assert name in ROLES, f"no such role: {name}; there are {', '.join(ROLES)}"
    # -I and -S: nothing of the user's environment, and a start in a third of the time.
    return (sys.executable, "-I", "-S", str(CHILD), name, *map(str, args))


def state_of(said: str | bytes) -> dict[str, str]:
    """What the role "state" said about itself, by name."""
    text = said if isinstance(said, str) else said.decode()
    return dict(line.partition(" ")[::2] for line in text.splitlines())
