"""The command line: hold osexec to a scenario file, or perform one scenario alone."""

import argparse
import json
import sys
from pathlib import Path

from tests.conformance import compare, one, runner


def main(words: list[str]) -> int:
    """`[SCENARIOS, RECORDS, ID...]`, or `["--one", SCENARIOS, ID]`; returns the exit status."""
    if words[:1] == ["--one"]:
        return one.main(words[1:])
    args = parser().parse_args(words)
    scenarios = {each["id"]: each for each in json.loads(args.scenarios.read_text())}
    unknown = [name for name in args.ids if name not in scenarios]
    if unknown:
        print(f"no such scenario: {', '.join(unknown)}", file=sys.stderr)
        return 2
    chosen = [scenarios[name] for name in args.ids or scenarios]
    runs, set_aside = runner.sort_out(chosen)
    failed = report(runner.run_all(args.scenarios, runs, args.jobs, args.limit), args)
    if set_aside:
        print("not run: " + "; ".join(f"{name} ({why})" for name, why in set_aside.items()))
    print(f"{len(runs) - failed} passed, {failed} failed")
    return 1 if failed else 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description="Run every scenario in a process of its own and compare with Go's records.",
        epilog="python -m tests.conformance --one SCENARIOS.json ID prints the record of one.",
    )
    parser.add_argument("scenarios", metavar="SCENARIOS.json", type=Path)
    parser.add_argument("records", metavar="RECORDS.jsonl", type=Path)
    parser.add_argument("ids", metavar="ID", nargs="*", help="only these (default: all)")
    parser.add_argument("--jobs", type=int, default=runner.JOBS, help="how many at once")
    parser.add_argument("--limit", type=float, default=runner.LIMIT, help="seconds for each")
    parser.add_argument("--verbose", action="store_true", help="show the records of failures")
    return parser


def report(outcomes: runner.Outcomes, args: argparse.Namespace) -> int:
    """Print a line for each failure, as they come; returns how many."""
    references = load_records(args.records)
    failed = 0
    for scenario, record in outcomes:
        name = scenario["id"]
        found = compare.differences(scenario, record, references.get(name))
        if found:
            failed += 1
            print(f"FAIL {name}: " + "; ".join(map(str, found)), flush=True)
            if args.verbose:
                print(json.dumps(record, indent=2), flush=True)
    return failed


def load_records(path: Path) -> dict[str, compare.Record]:
    """Go's records by id."""
    records = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return {record["id"]: record for record in records}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
