"""`osexec which`: the programs that names would run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import osexec

from .say import put, say

if TYPE_CHECKING:
    from .args import Asked


def which(asked: Asked) -> int:
    """Print one absolute path for each name; 1 if any was not found."""
    status = 0
    for name in asked.words:
        try:
            path = osexec.look_path(name)
        except osexec.Error as error:
            say(str(error))
            status = 1
        else:
            put(os.path.abspath(path))
    return status
