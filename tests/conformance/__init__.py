"""What Go's os/exec does, as data, and a driver that holds osexec to it.

    python -m tests.conformance SCENARIOS.json RECORDS.jsonl [ID...]

`data/SCHEMA.md` says what a scenario and a record mean. The way of one scenario: `runner` gives it
a process of its own; there `one` goes through it with `scene` (where it happens), `streams` and
`build` (what is run), `play` and `steps` (running it), `scan` and `record` (what came of it).
Back in the parent, `compare` holds the record against Go's and against `expect`.
"""
