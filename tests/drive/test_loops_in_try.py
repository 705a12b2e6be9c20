"""A Ctrl-C at the jump back of a loop must meet the `finally` and `except` around the loop.

CPython 3.12 and 3.13 compile `while condition:` with a second test at its end. In a `try` or
`with` the jump behind that test is not in the exception table, and just there Python looks for
signals: the KeyboardInterrupt passes by the `finally`. `while True:` with a `break` has no such
gap, nor has a plain `for`, nor a loop in a function of its own that is called in the `try`. A `for`
whose body ends with an `if` has it: the way past the `if` is a jump back of its own. 3.11 has none.
"""

from pathlib import Path

import pytest

from tests.helpers.fresh import SOURCE, ask
from tests.helpers.pythons import pythons

GAPS = """
    import ast, dis, json, sys, types
    from pathlib import Path

    def guarded(node):
        if isinstance(node, ast.With):
            return True
        if not isinstance(node, ast.Try):
            return False
        names = {name.id for one in node.handlers if one.type is not None
                 for name in ast.walk(one.type) if isinstance(name, ast.Name)}
        return bool(node.finalbody) or bool(names & {"BaseException", "KeyboardInterrupt"})

    def loops(tree):
        for node in filter(guarded, ast.walk(tree)):
            for statement in node.body:
                for loop in ast.walk(statement):
                    if isinstance(loop, (ast.While, ast.For)):
                        yield range(loop.lineno, loop.end_lineno + 1)

    def codes(code):
        yield code
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                yield from codes(constant)

    def gaps(path):
        source = path.read_text()
        inside = list(loops(ast.parse(source)))
        for code in codes(compile(source, str(path), "exec")):
            table = dis.Bytecode(code).exception_entries
            for one in dis.get_instructions(code):
                if not one.opname.startswith("JUMP_BACKWARD") or "NO_INTERRUPT" in one.opname:
                    continue
                line = one.positions.lineno
                covered = any(entry.start <= one.offset < entry.end for entry in table)
                if not covered and any(line in loop for loop in inside):
                    yield f"{path.name}:{line} in {code.co_qualname}"

    found = []
    for path in sorted(Path(sys.argv[1]).rglob("*.py")):
        # Python runs no signal handlers on the threads of worker.py.
        if path.name != "worker.py":
            found += gaps(path)
    print(json.dumps(found))
"""


@pytest.mark.parametrize("version", list(pythons()))
def test_every_loop_in_a_try_is_covered_to_its_end(version: str) -> None:
    assert ask(GAPS, SOURCE / "osexec", python=pythons()[version]) == []


WHILE = "while x:\n            x()"
FOR = "for y in x:\n            if y:\n                x()"


@pytest.mark.parametrize(("loop", "line"), [(WHILE, 3), (FOR, 4)], ids=["while", "for and if"])
def test_the_gap_is_seen_where_it_is(loop: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        f"def bad(x):\n    try:\n        {loop}\n    finally:\n        x.end()\n"
    )
    found = {version: ask(GAPS, tmp_path, python=python) for version, python in pythons().items()}
    if not any(found.values()):
        pytest.skip("no Python here has the gap")
    assert {f"bad.py:{line} in bad"} == {seen for lines in found.values() for seen in lines}
