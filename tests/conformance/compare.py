"""Is the record what it must be? Against Go's on the compared fields, and against `expect`.

Pure: a scenario and two records in, differences out. Field names are those of the schema, with
`err.kind` for the kind inside `err`.
"""

import json
from dataclasses import dataclass
from typing import Any

Scenario = dict[str, Any]
Record = dict[str, Any]

STREAMS = ("stdout", "stderr", "err_stderr")
SHOWN = 300
# A driver that did not come back, or broke, has no more to say than that.
BROKEN = ("HANG", "crash")
# In `expect` a list means "any of these", except where the value itself is a list.
LISTS = ("calls", "list")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as it must be."""

    field: str
    wanted: object
    got: object

    def __str__(self) -> str:
        if self.field == "message":
            return f"message: {shown(self.got)}"
        return f"{self.field}: wanted {shown(self.wanted)}, got {shown(self.got)}"


def shown(value: object) -> str:
    """A value on one line, cut if it is long."""
    text = json.dumps(value, default=str)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def differences(scenario: Scenario, record: Record, reference: Record | None) -> list[Difference]:
    """What is wrong with `record`; `expect` overrides `reference`, field by field.

    If something is wrong, the error's message comes last, because it often says why.
    """
    found = failing_fields(scenario, record, reference)
    message = value_of(record, "err.msg")
    if found and message:
        if value_of(record, "err.kind") in BROKEN:
            found = found[:1]  # the other fields are missing because of the first
        found.append(Difference("message", None, message))
    return found


def failing_fields(
    scenario: Scenario, record: Record, reference: Record | None
) -> list[Difference]:
    expect = scenario.get("expect") or {}
    found = [
        difference
        for field, wanted in expect.items()
        if (difference := against_expectation(field, wanted, record)) is not None
    ]
    for field in scenario.get("compare") or ():
        if field in expect:
            continue
        if reference is None:
            return [*found, Difference("record", "a record of Go's to compare with", None)]
        difference = against_reference(field, reference, record)
        if difference is not None:
            found.append(difference)
    return found


def value_of(record: Record, field: str) -> Any:
    """The field's value, None if it is absent."""
    value: Any = record
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


# Against Go's record


def against_reference(field: str, reference: Record, record: Record) -> Difference | None:
    wanted, got = value_of(reference, field), value_of(record, field)
    if plain(field, wanted, reference) == plain(field, got, record):
        return None
    return Difference(field, brief(field, wanted), brief(field, got))


def plain(field: str, value: Any, record: Record) -> Any:
    """The part of a value that is compared: "", [] and an absent value are the same."""
    if field in STREAMS:
        if value is None or (not value["len"] and not record.get("started")):
            return None  # nothing started: nothing captured and empty are the same
        return value["len"], value["sha256"]
    if field == "calls":
        return [call_triple(call) for call in value or ()]
    return None if value in ("", [], {}) else value


def call_triple(call: dict[str, Any]) -> tuple[object, object, object]:
    """(op, kind of error, text that came out) of one step."""
    return call["op"], value_of(call, "err.kind"), value_of(call, "out.text")


def brief(field: str, value: Any) -> Any:
    """The part of a value that is worth showing."""
    if field in STREAMS and value is not None:
        return {name: value.get(name) for name in ("len", "text", "head") if value.get(name)}
    if field == "calls":
        return [call_triple(call) for call in value or ()]
    return value


# Against `expect`


def against_expectation(field: str, wanted: Any, record: Record) -> Difference | None:
    if wanted is None:  # not compared
        return None
    if field == "msg_contains":
        message = value_of(record, "err.msg") or ""
        texts = [wanted] if isinstance(wanted, str) else wanted
        missing = [text for text in texts if text not in message]
        return Difference("err.msg", {"contains": missing}, message) if missing else None
    got = value_of(record, field)
    if field == "also":
        missing = [kind for kind in wanted if kind not in (got or ())]
        return Difference(field, {"contains": missing}, got) if missing else None
    if any(is_as_expected(field, choice, got) for choice in choices(field, wanted)):
        return None
    return Difference(field, wanted, brief(field, got))


def choices(field: str, wanted: Any) -> list[Any]:
    """The values of which any will do."""
    return wanted if isinstance(wanted, list) and field not in LISTS else [wanted]


def is_as_expected(field: str, wanted: Any, got: Any) -> bool:
    if field == "calls":
        return [call_expected(call) for call in wanted] == [call_triple(call) for call in got or ()]
    if field in STREAMS and isinstance(wanted, dict):
        return got is not None and all(got.get(name) == part for name, part in wanted.items())
    if wanted in (None, "", [], {}):
        return got in (None, "", [], {})
    # 0 == False in Python, not here: a count is no answer to a question.
    return bool(wanted == got) and isinstance(wanted, bool) == isinstance(got, bool)


def call_expected(call: Any) -> tuple[object, object, object]:
    """A triple written as a list, or as a call of a record."""
    if isinstance(call, dict):
        return call_triple(call)
    op, kind, text = [*call, None, None][:3]
    return op, kind, text
