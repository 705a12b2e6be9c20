"""Ctrl-C at every bytecode of the library where Python may see it: nothing is left, ever."""

import pytest

from tests.helpers.alive import Tag
from tests.helpers.fresh import ask
from tests.helpers.limits import LONG
from tests.helpers.pythons import pythons

pytestmark = pytest.mark.stress

# Those with sys.monitoring.
VERSIONS = [version for version in pythons() if version != "3.11"]

WAYS = {
    "run": 'Cmd("true").run()',
    "run of a long one": 'Cmd("sleep", "1000").run(timeout=0.001)',
    "run of a failing start": 'Cmd("/nothing", stdin=b"x").run()',
    "run with streams": 'Cmd("cat", stdin=b"x" * 100000, stdout=Capture()).run(timeout=1000)',
    "run of a tree": 'Cmd("sh", "-c", "sleep 1000 & sleep 1000").run(timeout=0.004)',
    "run in a context": 'Cmd("true").run(ctx=Context(timeout=1000))',
    "lines": 'list(Cmd("echo", "x").lines())',
    "lines left early": 'next(Cmd("yes").lines())',
    "start and wait": 'Cmd("true").start().wait()',
    "start of a long one": 'Cmd("sleep", "1000").start(timeout=0.001).wait()',
    "start of a failing start": 'Cmd("/nothing", stdin=PIPE).start()',
    "start and drop": 'Cmd("sleep", "1000").start()',
    "start with pipes": """
with Cmd("cat", stdin=PIPE, stdout=PIPE).start() as process:
    process.stdin.write(b"x")
    process.stdin.close()
    process.stdout.read()
""",
    "a block that is left": """
with Cmd("sleep", "1000").start():
    pass
""",
}

CODE = """
import gc, json, os, sys, warnings
import osexec
from osexec import Capture, Cmd, Context, PIPE
from osexec._posix import probe
from tests.helpers.bytecodes import everywhere
from tests.helpers.interrupts import Traces

probe.ANSWERS["fork_exec"] = sys.argv[1] == "fork_exec"
way = compile(sys.argv[2], "<way>", "exec")
warnings.simplefilter("ignore", ResourceWarning)
sys.unraisablehook = lambda args: None  # a Ctrl-C in a __del__ is Python's to print

def go():
    try:
        exec(way, globals())
    except osexec.Error:
        pass
    finally:
        globals().pop("process", None)

osexec.start("true").wait()
go()
gc.collect()
traces, found, places = Traces(), [], 0
for where in everywhere(os.path.dirname(osexec.__file__), go):
    places += 1
    found += [f"{where}: {line}" for line in traces.take_new()]
go()
print(json.dumps([places, found]))
"""


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("spawner", ["fork_exec", "popen"])
@pytest.mark.parametrize("version", VERSIONS)
def test_ctrl_c_at_every_bytecode(version: str, spawner: str, way: str, tag: Tag) -> None:
    places, found = ask(CODE, spawner, WAYS[way], python=pythons()[version], timeout=4 * LONG)
    print(f"{places} places")
    assert places > 50
    assert found == []
    assert tag.alive() == []
