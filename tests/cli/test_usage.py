"""Mistakes: each is refused before anything starts, with what to write instead."""

from pathlib import Path

import pytest

from osexec._cli.args import BadUsage, parse

from .tool import cli

MISTAKES = [
    ([], "say what to do: run, which or doctor"),
    (["rum"], "'rum' is not a command of osexec: did you mean run?"),
    (["make"], "'make' is not a command of osexec: write run, which or doctor"),
    (["--verion"], "unknown option --verion"),
    (["--", "true"], "unknown option --"),
    (["run"], "run: what is missing is a command, as in 'osexec run"),
    (["run", "--"], "run: what is missing is a command"),
    (["run", "--timeout", "5s"], "run: what is missing is a command"),
    (["run", "--timeout"], "--timeout needs a value: D, end the command after this time"),
    (["run", "--timeout", "--", "true"], "--timeout: '--' is not a duration"),
    (["run", "--timeout", "5x", "true"], "--timeout: '5x' is not a duration: write 0.5, 30s,"),
    (["run", "--timeout=", "true"], "--timeout: '' is not a duration"),
    (["run", "--timeout", "-1", "true"], "--timeout: '-1' is negative: write 0 for none"),
    (["run", "--wait-delay", "soon", "true"], "--wait-delay: 'soon' is not a duration"),
    (["run", "--signal", "TREM", "true"], "--signal: 'TREM' is not a signal: write TERM, INT,"),
    (["run", "--signal", "", "true"], "--signal: '' is not a signal"),
    (["run", "--signal", "0", "true"], "--signal: '0' is not a signal: numbers go from 1 to"),
    (["run", "--signal", "999999", "true"], "--signal: '999999' is not a signal"),
    (["run", "--signal", "-9", "true"], "--signal: '-9' is not a signal"),
    *(
        (["run", option, wrong, "true"], f"{option}: {wrong!r} is not known: write one of {words}")
        for option, words in (
            ("--contain", "process, group, tree, namespace, cgroup"),
            ("--leaks", "allow, warn, kill, error"),
        )
        for wrong in ("", "none", "Tree", "TREE", "kill ", "tree,kill", "--", "1")
    ),
    (["run", "--contain=", "true"], "--contain: '' is not known"),
    (["run", "--leaks"], "--leaks needs a value: WHAT, what outlives it: allow (usual), warn,"),
    (["run", "--contain"], "--contain needs a value: HOW, process, group, tree (usual), namespace"),
    (["run", "--leak", "kill", "true"], "unknown option --leak: did you mean --leaks?"),
    (["run", "--contian", "tree", "true"], "unknown option --contian: did you mean --contain?"),
    (["run", "--cwd", "/no/such", "true"], "--cwd: there is no directory '/no/such'"),
    (["run", "--cwd", "/dev/null", "true"], "--cwd: '/dev/null' is not a directory"),
    (["run", "--cwd", "", "true"], "--cwd: the name is empty: write '.'"),
    (["run", "--env", "hunter2", "true"], "--env: no '=' in what was given: write NAME=VALUE"),
    (["run", "--env", "=hunter2", "true"], "--env: no name before the '='"),
    (["run", "--report", "", "true"], "--report: the name is empty"),
    (["run", "--report", "/", "true"], "--report: '/' is a directory: write the name of a file"),
    (["run", "--report", "/no/such/f", "true"], "--report: there is no directory '/no/such'"),
    (["run", "--quiet=yes", "true"], "--quiet takes no value: write it without '='"),
    (["run", "--time", "5", "true"], "unknown option --time: did you mean --timeout?"),
    (["run", "--evn=hunter2", "true"], "unknown option --evn: did you mean --env?"),
    (["run", "-k", "5", "true"], "unknown option -k: a name that starts with a dash goes after"),
    (["which"], "which: what is missing is a name, as in 'osexec which git'"),
    (["which", "-a", "ls"], "unknown option -a"),
    (["doctor", "who"], "doctor takes options only, not 'who'"),
    (["doctor", "--jsno"], "unknown option --jsno: did you mean --json?"),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=lambda value: repr(value)[:40])
def test_a_mistake_is_named(words: list[str], message: str) -> None:
    with pytest.raises(BadUsage) as caught:
        parse(words)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_mistake_is_one_line_and_exit_status_125(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    ended = cli("run", "--timeout", "5x", "--quiet", "touch", str(mark))
    assert (ended.returncode, ended.stdout) == (125, "")
    assert ended.stderr == (
        "osexec: --timeout: '5x' is not a duration: write 0.5, 30s, 5m, 2h or 1d\n"
    )
    assert not mark.exists()


def test_nothing_at_all_is_exit_status_125() -> None:
    ended = cli()
    assert (ended.returncode, ended.stdout) == (125, "")
    assert ended.stderr.startswith("osexec: say what to do")


def test_a_message_stays_one_line_whatever_was_written() -> None:
    ended = cli("run", "--cwd", "a\nb\x1b[31m", "true")
    assert ended.returncode == 125
    assert ended.stderr.count("\n") == 1
    assert "\x1b" not in ended.stderr


def test_options_end_at_the_command() -> None:
    asked = parse(["run", "--timeout", "5", "make", "--quiet", "--", "--timeout", "x"])
    assert asked.words == ("make", "--quiet", "--", "--timeout", "x")
    assert (asked.options["--timeout"], asked.options["--quiet"]) == (5.0, False)


def test_options_end_at_two_dashes() -> None:
    asked = parse(["run", "--quiet", "--", "--timeout", "--"])
    assert asked.words == ("--timeout", "--")
    assert asked.options["--quiet"] is True


def test_values_may_be_joined_or_apart() -> None:
    for words in (["--cwd=/", "--env=A=1=2"], ["--cwd", "/", "--env", "A=1=2"]):
        asked = parse(["run", *words, "true"])
        assert (asked.options["--cwd"], asked.options["--env"]) == ("/", (("A", "1=2"),))


def test_the_last_of_an_option_counts() -> None:
    asked = parse(["run", "--timeout", "1", "--timeout", "2m", "true"])
    assert asked.options["--timeout"] == 120


@pytest.mark.parametrize("text", ["TERM", "term", "SIGTERM", "sigterm", "15"])
def test_a_signal_has_many_names(text: str) -> None:
    assert parse(["run", "--signal", text, "true"]).options["--signal"] == 15


@pytest.mark.parametrize("how", [None, "process", "group", "tree", "namespace", "cgroup"])
@pytest.mark.parametrize("what", [None, "allow", "warn", "kill", "error"])
def test_what_is_contained_and_what_may_be_left_are_options(
    how: str | None, what: str | None
) -> None:
    words = [] if how is None else ["--contain", how]
    words += [] if what is None else [f"--leaks={what}"]
    options = parse(["run", *words, "true"]).options
    assert (options["--contain"], options["--leaks"]) == (how, what)
