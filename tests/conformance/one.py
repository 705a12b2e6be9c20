"""One scenario, in this process, from its scratch folder to its record.

The order is the schema's: folder, files, a warm-up, conditions, count, run, steps, close, 200 ms,
scan, count. The process ends afterwards, so nothing that was changed is put back.
"""

import argparse
import faulthandler
import json
import tempfile
import time
import uuid
from pathlib import Path

import osexec
from tests.conformance import record as words
from tests.conformance import scan
from tests.conformance.compare import Record, Scenario
from tests.conformance.play import Play
from tests.conformance.scene import Scene, reset_signals

SETTLE = 0.2
# How long before the end of its time a hanging scenario says where it hangs.
LAST_WORDS = 0.5


def main(arguments: list[str]) -> int:
    """Print the record of one scenario."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance --one")
    parser.add_argument("scenarios", metavar="SCENARIOS.json", type=Path)
    parser.add_argument("id", metavar="ID")
    parser.add_argument("--tag", default=uuid.uuid4().hex, help="the tag for its processes")
    parser.add_argument("--scratch", help="an empty folder to work in (default: a new one)")
    parser.add_argument("--limit", type=float, help="seconds after which somebody ends us")
    args = parser.parse_args(arguments)
    scenario = next(
        each for each in json.loads(args.scenarios.read_text()) if each["id"] == args.id
    )
    if args.limit:
        faulthandler.dump_traceback_later(max(args.limit - LAST_WORDS, 0.1))
    with tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as folder:
        told = perform(scenario, Scene(args.scratch or folder, args.tag))
    print(json.dumps(told), flush=True)
    return 0


def perform(scenario: Scenario, scene: Scene) -> Record:
    """Run the scenario and say what came of it."""
    filled = scene.fill_in(scenario)
    reset_signals()
    scene.make_files(filled)
    warm_up()
    scene.set_conditions(filled)
    before = scan.count_descriptors()
    play = Play(filled, scene)
    play.perform()
    play.close()
    time.sleep(SETTLE)
    told = tell(play, scenario)
    told |= look_around(scenario, scene, before)
    scan.kill_tagged(scene.tag)
    return told


def warm_up() -> None:
    """Open what the library opens once, for both ways of running a command."""
    osexec.run("true")
    osexec.start("true", stdout=osexec.DEVNULL).wait()
    osexec.output("true")


def tell(play: Play, scenario: Scenario) -> Record:
    """The record, without what is left behind."""
    told: Record = {
        "id": scenario["id"],
        "impl": f"osexec {osexec.__version__}",
        "err": words.describe(play.error, play.scene),
        "started": play.has_started,
        **words.status(play.result, play.is_success),
        "stdout": play.captured("stdout"),
        "stderr": play.captured("stderr"),
        # What the error object itself carries; an empty one is none, as in Go.
        "err_stderr": words.digest(getattr(play.error, "stderr", None) or None, play.scene),
        **words.elapsed(play.seconds),
        "cancel_called": play.builder.cancel_called,
        **words.beyond_go(play.error, play.result),
    }
    optional = {"value": play.value, "list": play.list, "calls": play.calls or None}
    told |= {name: value for name, value in optional.items() if value is not None}
    if scenario.get("collect"):
        told["collected"] = play.scene.collect(scenario["collect"])
    return told


def look_around(scenario: Scenario, scene: Scene, before: int) -> Record:
    """What the scenario left behind."""
    return {
        "fd_leak": scan.count_descriptors() - before,
        "children_left": None if scenario.get("env_raw") else len(scan.tagged(scene.tag)),
        "zombies_left": scan.count_zombies(),
    }


def hung(scenario: Scenario, message: str) -> Record:
    """The record of a scenario that did not come back."""
    return {
        "id": scenario["id"],
        "impl": f"osexec {osexec.__version__}",
        "err": {"kind": "HANG", "msg": message},
        "elapsed_class": "hang",
    }
