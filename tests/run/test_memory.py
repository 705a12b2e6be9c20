"""How much memory captured output takes: little more than itself, or little at all."""

import pytest

from tests.helpers.fresh import ask

MIB = 1 << 20
OUTPUT = 200 * MIB

# VmHWM is the most that this process has ever had; writing 5 to clear_refs sets it back to now.
MEASURE = """
    import json, sys
    import osexec
    from osexec import PIPE, Capture, Cmd

    way, size = sys.argv[1], sys.argv[2]
    osexec.start("true").wait()
    osexec.run("true", stdout=Capture(), timeout=60)

    def status(name):
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))

    endless = Cmd("yes", stdout=Capture(head=1000, tail=1000))
    much = Cmd("head", "-c", size, "/dev/zero")
    warm = much.replace(args=("head", "-c", "1000000", "/dev/zero"))
    if way == "output":
        warm.output()
    data = b"x" * int(size) if way == "input" else b""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = status("VmRSS")
    kept = None
    try:
        if way == "output":
            kept = much.output()
        elif way == "reactor":
            kept = much.replace(stdout=Capture()).start().wait().stdout
        elif way == "endless":
            endless.run(timeout=0.5)
        elif way == "endless reactor":
            endless.start(timeout=0.5).wait()
        elif way == "input":
            Cmd("cat", stdin=data, stdout=osexec.DEVNULL).run()
        elif way == "lines":
            kept = sum(1 for line in Cmd("seq", "1000000").lines())
        elif way == "lines left":
            script = "trap '' TERM; while :; do yes; done"
            for line in Cmd("sh", "-c", script, cancel="TERM", wait_delay=0.3).lines():
                break
        elif way == "slow writer":
            class Slow:
                taken = 0
                def write(self, data):
                    self.taken += len(data)
                    return len(data)
            much.replace(stdout=Slow()).run()
    except osexec.DeadlineExceeded as error:
        assert error.result.omitted > 10_000_000, error.result.omitted
    size = len(kept) if isinstance(kept, bytes) else 0
    print(json.dumps([size, status("VmHWM") - before]))
"""


def extra(way: str, size: int = OUTPUT) -> int:
    """The most memory that a run takes besides what was there before."""
    got, more = ask(MEASURE, way, size)
    print(f"{way}: {more / MIB:.1f} MiB for {got / MIB:.1f} MiB")
    if way in ("output", "reactor"):
        assert got == size
    return more


@pytest.mark.parametrize("way", ["output", "reactor"])
def test_a_big_output_takes_little_more_than_itself(way: str) -> None:
    assert extra(way) <= 1.1 * OUTPUT


@pytest.mark.parametrize("way", ["endless", "endless reactor"])
def test_a_bounded_capture_of_endless_output_takes_little(way: str) -> None:
    assert extra(way) < MIB


def test_lines_are_not_collected() -> None:
    assert extra("lines") < MIB


def test_what_comes_after_the_loop_was_left_is_not_collected() -> None:
    assert extra("lines left") < MIB


def test_input_from_memory_is_not_copied_whole() -> None:
    assert extra("input") < MIB


def test_what_waits_for_a_writer_is_bounded() -> None:
    assert extra("slow writer") < 8 * MIB
