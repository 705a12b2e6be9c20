"""The demo holds, step by step."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

PATH = Path(__file__).parent.parent / "examples" / "demo.py"
spec = importlib.util.spec_from_file_location("demo", PATH)
assert spec is not None and spec.loader is not None
demo = importlib.util.module_from_spec(spec)
spec.loader.exec_module(demo)


@pytest.mark.parametrize("step", demo.STEPS, ids=lambda step: step.__name__)
def test_a_step_of_the_demo_holds(step: Callable[[Path], None], tmp_path: Path) -> None:
    assert demo.missing_program(step) is None, "the tests need what the demo shows"
    step(tmp_path)
