"""osexec against Go's os/exec: a test for each scenario, and tests of the driver around them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from osexec._posix.probe import ANSWERS, can
from tests.conformance import runner
from tests.conformance.__main__ import load_records
from tests.conformance.compare import differences
from tests.conformance.impossible import IMPOSSIBLE, MINDED
from tests.helpers import proc

DATA = Path(__file__).parent / "data"
SCENARIOS = DATA / "scenarios.json"
RECORDS = DATA / "records.jsonl"
# Scenarios of our own, for the parts of the schema that the others do not use; Go was not asked.
OWN = DATA / "own.json"


def load(path):
    return {scenario["id"]: scenario for scenario in json.loads(path.read_text())}


ALL = load(SCENARIOS)
ALL_OWN = load(OWN)
RUNS, SET_ASIDE = runner.sort_out(list(ALL.values()))
# A hanging scenario is ended after this many seconds, in the tests of just that.
BRIEF = 2.0


@pytest.fixture(scope="session")
def answers(request):
    """What came of each scenario that this session tests: they run two at a time."""
    names = {
        item.callspec.params["name"]
        for item in request.session.items
        if "answers" in getattr(item, "fixturenames", ())
    }
    records = {}
    for path in (SCENARIOS, OWN):
        wanted = [each for name, each in load(path).items() if name in names]
        records |= {each["id"]: record for each, record in runner.run_all(path, wanted)}
    return records


@pytest.fixture(scope="session")
def go():
    return load_records(RECORDS)


@pytest.mark.parametrize("name", [scenario["id"] for scenario in RUNS])
def test_answers_as_go_or_as_expected(name, answers, go):
    fail_on(differences(ALL[name], answers[name], go.get(name)))


@pytest.mark.parametrize("name", list(ALL_OWN))
def test_answers_as_our_own_scenarios_expect(name, answers):
    fail_on(differences(ALL_OWN[name], answers[name], None))


def fail_on(found):
    if found:
        pytest.fail("\n".join(map(str, found)), pytrace=False)


def test_every_scenario_is_run_or_named():
    assert len(ALL) == 92
    assert {scenario["id"] for scenario in RUNS} | set(SET_ASIDE) == set(ALL)
    needing_root = {name for name, scenario in ALL.items() if scenario.get("needs") == "root"}
    needing_the_minder = set() if can("minder") else set(MINDED)
    assert set(SET_ASIDE) - needing_root == set(IMPOSSIBLE) | needing_the_minder


def test_only_these_can_not_be_written_with_osexec():
    assert [name[:3] for name in IMPOSSIBLE] == ["a15", "a16", "f01", "f02", "f03", "f04", "f05"]
    assert set(IMPOSSIBLE) <= set(ALL)


def test_without_the_minder_only_these_are_set_aside(monkeypatch):
    assert list(MINDED) == ["d13_extra_files", "d14_extra_nil", "e25_setsid_escapee"]
    monkeypatch.setitem(ANSWERS, "minder", True)
    _, with_minder = runner.sort_out(list(ALL.values()))
    monkeypatch.setitem(ANSWERS, "minder", False)
    _, without = runner.sort_out(list(ALL.values()))
    assert without == with_minder | MINDED
    assert not set(with_minder) & set(MINDED)


# The driver


def scenario(name, **fields):
    nothing = dict.fromkeys(["env", "stdin", "stdout", "stderr", "ctx", "cancel"])
    return {"id": name, "api": "run", "wait_delay_ms": 0, "compare": [], **nothing, **fields}


def drive(tmp_path, scenarios, *words, records=()):
    """The command line on a scenario file of our own."""
    (tmp_path / "scenarios.json").write_text(json.dumps(scenarios))
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))
    files = [str(tmp_path / "scenarios.json"), str(tmp_path / "records.jsonl")]
    return subprocess.run(
        [sys.executable, "-m", "tests.conformance", *files, *words],
        cwd=runner.ROOT,
        env=runner.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_last_line_counts_and_the_status_tells(tmp_path):
    good = scenario("good", argv=["true"], expect={"err.kind": "none", "exit_code": 0})
    bad = scenario("bad", argv=["false"], expect={"err.kind": "none", "exit_code": [0, 2]})
    done = drive(tmp_path, [good, bad])
    lines = done.stdout.splitlines()
    assert lines[0].startswith('FAIL bad: err.kind: wanted "none", got "exit"; exit_code: wanted ')
    assert lines[1:] == ["1 passed, 1 failed"]
    assert done.returncode == 1
    done = drive(tmp_path, [good, bad], "good")
    assert (done.stdout, done.returncode) == ("1 passed, 0 failed\n", 0)


def test_a_scenario_is_compared_with_the_record_of_its_id(tmp_path):
    wanted = {"id": "x", "err": {"kind": "exit"}, "exit_code": 4}
    compared = scenario("x", argv=["sh", "-c", "exit 4"], compare=["err.kind", "exit_code"])
    done = drive(tmp_path, [compared], records=[wanted])
    assert (done.stdout, done.returncode) == ("1 passed, 0 failed\n", 0)


def test_scenarios_that_are_not_run_are_named(tmp_path):
    done = drive(tmp_path, [scenario("f01_double_start"), scenario("f02_wait_unstarted")])
    lines = done.stdout.splitlines()
    assert lines[0].startswith("not run: f01_double_start (")
    assert "f02_wait_unstarted (" in lines[0]
    assert lines[1:] == ["0 passed, 0 failed"]
    assert done.returncode == 0


def test_what_osexec_lacks_is_a_failure_and_not_a_crash(tmp_path):
    wanted = {"err.kind": "none"}
    lacking = [
        scenario("death", argv=["true"], pdeathsig="SIGTERM", expect=wanted),
        scenario("api", argv=["true"], api="no such api", expect=wanted),
        scenario("stdin", argv=["true"], stdin={"kind": "no such"}, expect=wanted),
    ]
    done = drive(tmp_path, lacking)
    assert done.stdout.count('err.kind: wanted "none", got "unsupported"') == 3
    assert done.stdout.splitlines()[-1] == "0 passed, 3 failed"


def test_a_hanging_scenario_is_ended_with_all_that_it_left(tmp_path):
    sleeper = {"argv": ["sh", "-c", "sleep 999 & sleep 999"], "api": "start_wait"}
    hanging = scenario("hangs", **sleeper, steps=[{"op": "sleep", "ms": 60_000}])
    untagged = scenario("untagged", **sleeper, steps=hanging["steps"], env=["A=1"], env_raw=True)
    hanging["expect"] = untagged["expect"] = {"err.kind": "HANG"}
    before = set(sleepers())
    done = drive(tmp_path, [hanging, untagged], f"--limit={BRIEF}")
    assert done.stdout == "2 passed, 0 failed\n"
    assert set(sleepers()) <= before


def sleepers():
    pids = [int(folder.name) for folder in proc.PROC.iterdir() if folder.name.isdecimal()]
    return [seen.pid for pid in pids if (seen := proc.look(pid)) and "sleep 999" in seen.command]


def test_unknown_ids_are_refused(tmp_path):
    done = drive(tmp_path, [scenario("x", argv=["true"])], "y")
    assert (done.returncode, done.stderr) == (2, "no such scenario: y\n")
