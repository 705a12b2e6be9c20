"""Descriptors or threads run out at any step of a start: a clean StartError, nothing left."""

import errno
import threading

import pytest

import osexec
from osexec import Cmd, StartError
from osexec._posix import probe
from tests.helpers.fresh import ask
from tests.helpers.limits import FOREVER, LONG

pytestmark = pytest.mark.usefixtures("spawner")

FOREVER_TEXT = str(FOREVER)

NO_MORE_DESCRIPTORS = """
    import errno, json, os, resource, sys
    import io
    import osexec
    from osexec import PIPE, Capture, Cmd, StartError
    from osexec._posix import probe
    from tests.helpers import proc

    probe.ANSWERS["fork_exec"] = sys.argv[1] == "fork_exec"
    probe.ANSWERS["pidfd"] = sys.argv[2] == "pidfd"
    if not probe.ANSWERS["pidfd"]:
        probe.ANSWERS["pidfd_group"] = False
    osexec.start("true").wait()
    for warm in ("/nothing", "sh"):
        try:
            Cmd(warm, "-c", "exit 3", stdout=Capture(), stderr=Capture(), timeout=9).run()
        except osexec.Error:
            pass
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fields = {
        "memory": {"stdin": b"data", "stdout": Capture(), "stderr": Capture()},
        "pipes": {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE},
        "reader": {"stdin": [b"data"], "stdout": [Capture(), io.BytesIO()]},
        "nothing": {},
    }
    said, known = [], set()
    for verb, kind in (
        ("run", "nothing"),
        ("run", "memory"),
        ("run", "reader"),
        ("start", "memory"),
        ("start", "pipes"),
    ):
        for room in range(16):
            cmd = Cmd("cat", timeout=60, **fields[kind])
            before = sorted(os.listdir("/proc/self/fd"), key=int)
            held = []
            resource.setrlimit(resource.RLIMIT_NOFILE, (int(before[-1]) + 30, hard))
            try:  # exactly `room` descriptors are free
                while True:
                    held.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                for fd in held[len(held) - room:]:
                    os.close(fd)
                held = held[:len(held) - room]
            what = "ran"
            try:
                process = getattr(cmd, verb)()
                if verb == "start":
                    with process:
                        if process.stdin:
                            process.stdin.close()
                        process.wait()
            except StartError as error:
                what = errno.errorcode.get(error.errno, "?")
            except BaseException as error:
                what = repr(error)

            process = None
            for fd in held:
                os.close(fd)
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            left = sorted(os.listdir("/proc/self/fd"), key=int)
            children = [str(proc.look(pid)) for pid in proc.children() - known]
            known = proc.children()
            if what not in ("ran", "EMFILE") or left != before or children:
                fds = sorted(set(left) ^ set(before))
                said.append(f"{verb} {kind} with {room} free: {what} fds {fds} children {children}")
            process = None
    print(json.dumps(said))
"""


@pytest.mark.parametrize("facility", ["pidfd", "no pidfd"])
def test_running_out_of_descriptors_anywhere_leaves_nothing(spawner: str, facility: str) -> None:
    wrong = ask(NO_MORE_DESCRIPTORS, spawner, facility)
    assert wrong == []


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no thread can be started."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.mark.usefixtures("no_threads")
def test_without_pidfd_a_missing_thread_is_a_start_error_and_leaves_nothing(monkeypatch) -> None:
    monkeypatch.setitem(probe.ANSWERS, "pidfd", False)
    monkeypatch.setitem(probe.ANSWERS, "pidfd_group", False)
    with pytest.raises(StartError) as caught:
        Cmd("sleep", FOREVER_TEXT).run()
    assert caught.value.errno == errno.EAGAIN


@pytest.mark.usefixtures("no_threads")
def test_a_missing_thread_for_a_reader_is_an_error_and_leaves_nothing() -> None:
    with pytest.raises(osexec.Error):
        Cmd("sleep", FOREVER_TEXT, stdin=iter([b"x"])).run()


@pytest.mark.usefixtures("no_threads")
def test_a_missing_thread_for_a_writer_is_an_error_and_leaves_nothing() -> None:
    class Writer:
        def write(self, data: bytes) -> None:
            pass

    with pytest.raises(osexec.Error):
        Cmd("echo", "x", stdout=Writer()).run()


@pytest.mark.parametrize("verb", ["run", "start"])
@pytest.mark.parametrize("call", ["pidfd_open", "eventfd", "pipe"])
def test_a_descriptor_refused_at_the_last_moment_leaves_nothing(
    call: str, verb: str, monkeypatch
) -> None:
    def refuse(*args: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(f"os.{call}", refuse)
    fields = {"stdin": iter([b"x"]), "timeout": LONG}
    fields |= {"stdout": osexec.PIPE} if verb == "start" else {}
    with pytest.raises(StartError) as caught:
        getattr(Cmd("sleep", FOREVER_TEXT, **fields), verb)()
    assert caught.value.errno == errno.EMFILE
