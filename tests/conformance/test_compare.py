"""The comparer itself, on made-up records."""

import pytest

from tests.conformance.compare import differences

HELLO = {"len": 6, "sha256": "58", "text": "hello\n"}
EMPTY = {"len": 0, "sha256": "e3", "text": ""}


def record(**fields):
    """A record of a command that went well, with some fields changed."""
    return {
        "id": "x",
        "err": {"kind": "none"},
        "started": True,
        "exit_code": 0,
        "signal": "",
        "stdout": HELLO,
        "fd_leak": 0,
        **fields,
    }


def failing_fields(got, *, wanted=None, compare=(), expect=None):
    scenario = {"id": "x", "compare": list(compare)}
    if expect is not None:
        scenario["expect"] = expect
    return [each.field for each in differences(scenario, got, wanted)]


def test_equal_records_do_not_differ():
    compare = ["err.kind", "started", "exit_code", "signal", "stdout", "fd_leak"]
    assert failing_fields(record(), wanted=record(), compare=compare) == []


def test_only_the_compared_fields_count():
    assert failing_fields(record(exit_code=3), wanted=record(), compare=["fd_leak"]) == []
    assert failing_fields(record(exit_code=3), wanted=record(), compare=["exit_code"]) == [
        "exit_code"
    ]


def test_the_kind_inside_err_is_compared_and_the_message_is_shown_with_it():
    got = record(err={"kind": "exit", "msg": "it failed"})
    found = differences({"id": "x", "compare": ["err.kind"]}, got, record())
    assert [str(each) for each in found] == [
        'err.kind: wanted "none", got "exit"',
        'message: "it failed"',
    ]


def test_streams_are_compared_by_length_and_digest():
    other_head = {**HELLO, "text": None, "head": "hell"}
    assert failing_fields(record(stdout=other_head), wanted=record(), compare=["stdout"]) == []
    other_bytes = {**HELLO, "sha256": "59"}
    assert failing_fields(record(stdout=other_bytes), wanted=record(), compare=["stdout"]) == [
        "stdout"
    ]


def test_nothing_captured_and_empty_differ_only_if_something_was_started():
    started = {"wanted": record(stdout=None), "compare": ["stdout"]}
    assert failing_fields(record(stdout=EMPTY), **started) == ["stdout"]
    unstarted = {"wanted": record(stdout=None, started=False), "compare": ["stdout"]}
    assert failing_fields(record(stdout=EMPTY, started=False), **unstarted) == []


def test_no_signal_is_null_or_empty():
    assert failing_fields(record(signal=None), wanted=record(), compare=["signal"]) == []
    killed = record(signal="SIGKILL")
    assert failing_fields(killed, wanted=record(), compare=["signal"]) == ["signal"]


def test_null_and_zero_are_not_the_same_exit_code():
    lost = record(exit_code=None)
    assert failing_fields(lost, wanted=record(), compare=["exit_code"]) == ["exit_code"]


def test_calls_are_compared_by_op_kind_and_text():
    go = {"op": "read", "err": {"kind": "none", "msg": "Go's text"}, "out": HELLO}
    ours = {"op": "read", "err": {"kind": "none"}, "out": {"text": "hello\n"}}
    compare = {"wanted": record(calls=[go]), "compare": ["calls"]}
    assert failing_fields(record(calls=[ours]), **compare) == []
    assert failing_fields(record(calls=[{**ours, "out": EMPTY}]), **compare) == ["calls"]
    assert failing_fields(record(calls=[ours, ours]), **compare) == ["calls"]
    assert failing_fields(record(), **compare) == ["calls"]


def test_no_calls_and_an_empty_list_are_the_same():
    assert failing_fields(record(calls=[]), wanted=record(), compare=["calls"]) == []


def test_a_missing_record_of_go_is_a_failure():
    assert failing_fields(record(), compare=["fd_leak", "signal"]) == ["record"]


def test_expect_may_answer_for_every_field_without_a_record_of_go():
    assert failing_fields(record(), compare=["fd_leak"], expect={"fd_leak": 0}) == []


def test_expect_overrides_go():
    go = {"wanted": record(exit_code=3), "compare": ["exit_code"]}
    assert failing_fields(record(exit_code=0), **go, expect={"exit_code": 0}) == []
    assert failing_fields(record(exit_code=3), **go, expect={"exit_code": 0}) == ["exit_code"]


def test_expect_is_asserted_on_fields_that_are_not_compared():
    assert failing_fields(record(), expect={"children_left": 0}) == ["children_left"]
    assert failing_fields(record(children_left=0), expect={"children_left": 0}) == []


def test_an_expected_null_is_not_compared():
    go = {"wanted": record(exit_code=3), "compare": ["exit_code"]}
    assert failing_fields(record(exit_code=0), **go, expect={"exit_code": None}) == []


@pytest.mark.parametrize(("code", "is_fine"), [(None, True), (7, True), (0, False)])
def test_an_expected_list_means_any_of_these(code, is_fine):
    found = failing_fields(record(exit_code=code), expect={"exit_code": [None, 7]})
    assert found == ([] if is_fine else ["exit_code"])


def test_an_expected_list_of_kinds():
    expect = {"err.kind": ["wait_delay", "deadline"]}
    assert failing_fields(record(err={"kind": "deadline"}), expect=expect) == []
    assert failing_fields(record(err={"kind": "exit"}), expect=expect) == ["err.kind"]


def test_an_expected_stream_is_compared_by_the_parts_that_are_named():
    assert failing_fields(record(), expect={"stdout": {"len": 6}}) == []
    assert failing_fields(record(), expect={"stdout": {"len": 5}}) == ["stdout"]
    assert failing_fields(record(), expect={"stdout": {"text": "hello\n"}}) == []
    assert failing_fields(record(stdout=None), expect={"stdout": {"len": 0}}) == ["stdout"]
    assert failing_fields(record(), expect={"stdout": [{"len": 5}, {"len": 6}]}) == []


def test_every_expected_part_of_the_message_must_occur():
    got = record(err={"kind": "start", "msg": "cannot enter $TMP/nope: gone"})
    assert failing_fields(got, expect={"msg_contains": ["$TMP/nope", "gone"]}) == []
    assert failing_fields(got, expect={"msg_contains": ["$TMP/nope", "x"]})[0] == "err.msg"
    assert failing_fields(record(), expect={"msg_contains": ["x"]}) == ["err.msg"]


def test_expected_losers_must_be_among_the_losers():
    got = record(also=["copy", "cancel_failed"])
    assert failing_fields(got, expect={"also": ["copy"]}) == []
    assert failing_fields(got, expect={"also": ["copy", "kill_failed"]}) == ["also"]
    assert failing_fields(record(), expect={"also": ["copy"]}) == ["also"]


def test_yes_and_no_are_not_numbers():
    assert failing_fields(record(timed_out=True), expect={"timed_out": True}) == []
    assert failing_fields(record(timed_out=False), expect={"timed_out": True}) == ["timed_out"]
    assert failing_fields(record(), expect={"output_complete": False}) == ["output_complete"]
    assert failing_fields(record(fd_leak=0), expect={"fd_leak": False}) == ["fd_leak"]


def test_expected_calls_are_written_as_triples_or_as_calls():
    got = record(calls=[{"op": "wait", "err": {"kind": "none"}}])
    assert failing_fields(got, expect={"calls": [["wait", "none", None]]}) == []
    assert failing_fields(got, expect={"calls": [["wait", "none"]]}) == []
    assert failing_fields(got, expect={"calls": [{"op": "wait", "err": {"kind": "none"}}]}) == []
    assert failing_fields(got, expect={"calls": [["wait", "usage", None]]}) == ["calls"]
    assert failing_fields(got, expect={"calls": []}) == ["calls"]


def test_an_expected_environment_is_a_list_and_not_a_choice():
    got = record(list=["A=1", "B=2"])
    assert failing_fields(got, expect={"list": ["A=1", "B=2"]}) == []
    assert failing_fields(got, expect={"list": ["A=1"]}) == ["list"]


def test_a_hanging_scenario_says_so_once():
    hung = {"id": "x", "err": {"kind": "HANG", "msg": "stack"}, "elapsed_class": "hang"}
    compare = ["err.kind", "started", "stdout"]
    assert failing_fields(hung, wanted=record(), compare=compare) == ["err.kind", "message"]
