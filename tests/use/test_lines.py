"""`lines()`: each as it comes, the command ended when the loop is left, the error at the end."""

import gc
import time

import pytest

import osexec
from osexec import Capture, Cmd, Context, DeadlineExceeded, ExitError
from tests.helpers.alive import Tag
from tests.helpers.limits import FOREVER, GRACE, LONG, SHORT
from tests.helpers.waiting import wait_until

ENDLESS = Cmd("sh", "-c", f"echo one; echo two; sleep {FOREVER}")


def test_lines_come_without_their_ends() -> None:
    assert list(osexec.lines("printf", r"a\n\nb\r\nc")) == ["a", "", "b\r", "c"]
    assert list(osexec.lines("true")) == []
    assert list(osexec.lines("echo")) == [""]


def test_only_a_newline_ends_a_line() -> None:
    text = "a\x0bb\x0cc\x1cd\x85e\u2028f"
    assert list(osexec.lines("printf", "%s", text)) == [text]


def test_a_line_comes_as_soon_as_it_is_written() -> None:
    lines = osexec.lines("sh", "-c", "echo one; read x; echo two", stdin=iter([b""]))
    assert next(lines) == "one"
    assert list(lines) == ["two"]
    endless = ENDLESS.lines()
    begin = time.monotonic()
    assert [next(endless), next(endless)] == ["one", "two"]
    assert time.monotonic() - begin < LONG
    endless.close()


def test_a_very_long_line_comes_whole() -> None:
    lines = list(osexec.lines("sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x; echo; echo end"))
    assert [len(line) for line in lines] == [200_000, 3]


def test_a_character_in_two_pieces_comes_whole() -> None:
    line = r"printf '\303'; sleep 0.02; printf '\244\n'"
    assert list(osexec.lines("sh", "-c", line)) == ["ä"]


def test_many_lines() -> None:
    assert list(osexec.lines("seq", "100000")) == [str(n) for n in range(1, 100_001)]


def test_the_error_comes_after_the_last_line() -> None:
    seen = []

    def collect() -> None:
        seen.extend(osexec.lines("sh", "-c", "echo one; echo why >&2; printf two; exit 3"))

    with pytest.raises(ExitError, match="why") as caught:
        collect()
    assert seen == ["one", "two"]
    assert caught.value.returncode == 3
    assert caught.value.result.stderr == b"why\n"


def test_leaving_the_loop_ends_the_command(tag: Tag) -> None:
    for line in ENDLESS.lines():
        assert line == "one"
        break
    gc.collect()
    tag.wait_gone()


def test_closing_the_iterator_ends_the_command_at_once(tag: Tag) -> None:
    lines = ENDLESS.lines()
    next(lines)
    assert tag.alive()
    lines.close()
    assert tag.alive() == []
    assert list(lines) == []


def test_an_exception_in_the_loop_goes_on(tag: Tag) -> None:
    lines = ENDLESS.lines()

    def fail() -> None:
        for _ in lines:
            raise KeyError("body")

    with pytest.raises(KeyError):
        fail()
    lines.close()
    assert tag.alive() == []


def test_an_exception_thrown_into_the_iterator_ends_the_command_and_goes_on(tag: Tag) -> None:
    lines = ENDLESS.lines()
    next(lines)
    with pytest.raises(KeyError):
        lines.throw(KeyError("thrown"))
    assert tag.alive() == []


def test_nothing_is_started_before_the_first_step(tag: Tag) -> None:
    lines = ENDLESS.lines()
    assert tag.alive() == []
    del lines


def test_a_deadline_is_kept_and_the_lines_before_it_come() -> None:
    seen = []

    def collect() -> None:
        seen.extend(ENDLESS.lines(timeout=SHORT))

    begin = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        collect()
    assert seen == ["one", "two"]
    assert time.monotonic() - begin < SHORT + GRACE
    assert isinstance(caught.value, ExitError)


def test_a_deadline_that_passes_while_the_loop_works_is_kept(tag: Tag) -> None:
    """Nobody turns the crank then; the next step notices."""
    lines = ENDLESS.lines(timeout=SHORT)
    assert next(lines) == "one"
    assert not Context().wait(2 * SHORT)
    with pytest.raises(DeadlineExceeded):
        list(lines)
    assert tag.alive() == []


def test_a_slow_loop_makes_the_command_wait() -> None:
    lines = osexec.lines("yes")
    assert next(lines) == "y"
    assert not Context().wait(SHORT)
    lines.close()


def test_stderr_does_not_stand_in_the_way() -> None:
    line = "head -c 1000000 /dev/zero >&2; echo done"
    assert list(osexec.lines("sh", "-c", line)) == ["done"]


def test_stderr_may_go_elsewhere(capfd) -> None:
    kept = Capture()
    assert list(osexec.lines("sh", "-c", "echo a; echo b >&2", stderr=kept)) == ["a"]
    assert list(osexec.lines("sh", "-c", "echo a; echo b >&2", stderr=osexec.STDOUT)) == ["a", "b"]
    assert list(osexec.lines("sh", "-c", "echo b >&2", stderr=osexec.INHERIT)) == []
    assert capfd.readouterr().err == "b\n"


def test_an_ambient_context_of_the_loop_counts() -> None:
    with Context(timeout=SHORT):
        lines = ENDLESS.lines()
        with pytest.raises(DeadlineExceeded):
            list(lines)


def test_two_iterations_at_once_do_not_mix() -> None:
    pairs = zip(osexec.lines("seq", "1000"), osexec.lines("seq", "1000"), strict=True)
    assert all(one == other for one, other in pairs)


def test_another_encoding() -> None:
    assert list(osexec.lines("printf", r"\344\n", encoding="latin-1")) == ["ä"]


def test_a_dropped_iterator_ends_its_command(tag: Tag) -> None:
    lines = ENDLESS.lines()
    next(lines)
    del lines
    gc.collect()
    wait_until(lambda: not tag.alive())
