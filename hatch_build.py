"""Builds the minder into the package; without a C compiler the package works without it."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BINARY = "osexec/_bin/osexec-minder"


class MinderHook(BuildHookInterface[Any]):
    """Compiles `minder/*.c`, and tags the wheel with the platform it is for."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        sys.path.insert(0, str(root / "scripts"))
        try:
            from build_minder import BuildError, build
        finally:
            sys.path.pop(0)
        binary = root / "src" / BINARY
        binary.parent.mkdir(exist_ok=True)
        try:
            kind = build(binary)
        except BuildError as error:
            binary.unlink(missing_ok=True)
            self.app.display_warning(f"built without the minder, for contain='tree': {error}")
            return
        self.app.display_info(f"the minder was built ({kind})")
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["force_include"][str(binary)] = BINARY
