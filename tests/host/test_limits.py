"""The owner may have few descriptors or processes: a clean StartError, and nothing is left."""

import os

import pytest

from tests.helpers.fresh import ask
from tests.host.look import needs_minder

pytestmark = needs_minder

COMMON = """
    import errno, io, json, os, resource, sys, warnings
    import osexec
    from osexec import PIPE, Capture, Cmd, StartError
    from tests.helpers import proc
    from tests.helpers.alive import NAME
    from tests.helpers.limits import VANISH
    from tests.helpers.waiting import look_until

    entry = f"{NAME}={os.environ[NAME]}"

    def others():
        return [str(seen) for seen in proc.carrying(entry) if seen.pid != os.getpid()]

    def open_now():
        return sorted(os.listdir("/proc/self/fd"), key=int)

    def tried(go):
        try:
            result = go()
        except StartError as error:
            return errno.errorcode.get(error.errno, "?")
        except BaseException as error:
            return repr(error)
        if (result.returncode, result.contain) != (7, "tree"):
            return repr(result)
        return "ran"

    def work(cmd):
        return {"run": cmd.run, "start": lambda: cmd.start().wait()}

    cmds = {
        "nothing": Cmd("sh", "-c", "exit 7", check=False, timeout=60),
        "captured": Cmd("sh", "-c", "cat; exit 7", check=False, timeout=60, stdin=b"x",
                        stdout=Capture(), stderr=Capture()),
        "polite": Cmd("sh", "-c", "exit 7", check=False, timeout=60, cancel="TERM"),
    }

    def warm():
        # Everything is imported and opened that is needed later.
        for cmd in cmds.values():
            for go in work(cmd).values():
                assert tried(go) == "ran"
            for name in ("/nothing", "/etc/passwd"):
                assert tried(cmd.replace(args=(name,)).run) in ("ENOENT", "EACCES")
            try:
                cmd.replace(args=("sleep", "1000"), timeout=0.05).run()
            except osexec.DeadlineExceeded:
                pass
        others()
"""

FEW_DESCRIPTORS = """
    warm()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    said, kinds = [], set()
    for kind, cmd in cmds.items():
        for verb, go in work(cmd).items():
            for room in range(15):
                before, held = open_now(), []
                resource.setrlimit(resource.RLIMIT_NOFILE, (int(before[-1]) + 30, hard))
                try:  # exactly `room` descriptors are free
                    while True:
                        held.append(os.open("/dev/null", os.O_RDONLY))
                except OSError:
                    for fd in held[len(held) - room:]:
                        os.close(fd)
                what = tried(go)
                for fd in held[:len(held) - room]:
                    os.close(fd)
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
                kinds.add(what)
                look_until(lambda: not others() and not proc.children(), VANISH)
                fds = sorted(set(open_now()) ^ set(before))
                if what not in ("ran", "EMFILE") or fds or others() or proc.children():
                    said.append([verb, kind, room, what, fds, others(), sorted(proc.children())])
    print(json.dumps([said, sorted(kinds)]))
"""


def test_few_descriptors_are_a_start_error_and_leave_nothing() -> None:
    wrong, kinds = ask(COMMON + FEW_DESCRIPTORS)
    assert wrong == []
    assert kinds == ["EMFILE", "ran"]


FEW_PROCESSES = """
    warm()
    # A user who runs nothing else: what counts are all the user's threads.
    os.setgroups([])
    os.setresgid(int(sys.argv[1]), int(sys.argv[1]), int(sys.argv[1]))
    os.setresuid(int(sys.argv[1]), int(sys.argv[1]), int(sys.argv[1]))
    threads = len(os.listdir("/proc/self/task"))
    said, answers = [], {}
    for verb, go in work(cmds["captured"]).items():
        for room in (0, 1, 2, 3):
            before = open_now()
            _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
            resource.setrlimit(resource.RLIMIT_NPROC, (threads + room, hard))
            what = tried(go)
            resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard))
            answers.setdefault(verb, []).append(what)
            look_until(lambda: not others() and not proc.children(), VANISH)
            fds = sorted(set(open_now()) ^ set(before))
            if fds or others() or proc.children():
                said.append([verb, room, what, fds, others(), sorted(proc.children())])
    print(json.dumps([said, answers]))
"""
# A user that nothing else runs as.
UID = 23457


def test_few_processes_are_a_start_error_and_leave_nothing() -> None:
    """None for the minder, then one for it and none for the command; `sh` needs one for `cat`."""
    if os.geteuid() != 0:
        pytest.skip("only root can be a user who runs nothing else")
    wrong, answers = ask(COMMON + FEW_PROCESSES, UID)
    assert wrong == []
    for verb in ("run", "start"):
        assert answers[verb][:2] == ["EAGAIN", "EAGAIN"], answers
        assert answers[verb][3] == "ran", answers
