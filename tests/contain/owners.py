"""Interpreters of their own that start a family, and then die."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.helpers.fresh import begin
from tests.helpers.nasty import Family
from tests.helpers.ready import read_ready

OWNER = """
    import os, sys, threading, warnings
    from osexec import Capture, Cmd

    contain, way, *words = sys.argv[1:]
    # The pipe is for the leader that exits: while it is held, the command is not over.
    cmd = Cmd(*words, contain=contain, stderr=Capture())
    processes = []

    def begin():
        processes.append(cmd.start())

    if way == "thread":
        thread = threading.Thread(target=begin)
        thread.start()
        thread.join()
    elif way == "run":
        threading.Thread(target=cmd.run, daemon=True).start()
    else:
        begin()
    warnings.simplefilter("ignore", DeprecationWarning)  # of os.fork(), with threads
    if way == "copy" and os.fork() == 0:
        os.read(0, 1)  # lives as long as the test wants
        os._exit(0)
    os.write(1, b"started\\n")
    if way == "_exit":
        os.read(0, 1)
        os._exit(7)
    threading.Event().wait()
"""


@contextmanager
def owner(
    family: Family, way: str, contain: str = "tree", **options: object
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """An interpreter that has started a family, and how many there are once it is complete."""
    options = {"stdin": subprocess.PIPE, "stderr": None, **options}
    with begin(OWNER, contain, way, *family.words, **options) as python:
        assert python.stdout is not None
        try:
            said = [read_ready(python.stdout), read_ready(python.stdout)]
            said.remove("started")
            family.hear(said[0])
            yield python, len(family.wait_settled())
        finally:
            python.kill()
