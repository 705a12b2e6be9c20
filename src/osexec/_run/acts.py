"""What each act of the machine is, in calls; what a call brought is told as a fact."""

from __future__ import annotations

import os

from .._core.facts import Act, Fact
from .._posix.proc import pipe_holders
from .._posix.worker import CallWorker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .job import Job


def perform(job: Job, act: Act, now: float) -> None:
    """Do what the machine answered."""
    if act is Act.FINISH:
        job.finish(now)
    elif act is Act.KILL:
        kill(job, now)
    elif act is Act.SIGNAL:
        _signal(job, now)
    elif act is Act.SIGNAL_REST:
        _note_holders(job)
        job.tree.signal_rest(job.life.signal)
    elif act is Act.LOOK:
        look(job, now)
    elif act is Act.NAME:
        job.tree.name_leaked()
    elif act is Act.CUT:
        _cut(job, now)
    else:
        _call_cancel(job)


def kill(job: Job, now: float) -> None:
    """SIGKILL to all; a child that has just ended is no failure."""
    _note_holders(job)
    try:
        job.tree.kill()
    except OSError as error:
        job.tell(Fact.KILL_FAILED, now, error)


def look(job: Job, now: float) -> None:
    """Whether anything is left of the tree; if so, its members are watched."""
    if job.tree.look(job, now):
        job.tell(Fact.TREE_EMPTY, now)
    hear_refusal(job, now)


def hear_refusal(job: Job, now: float) -> None:
    """A minder says later what was refused."""
    refused = job.tree.take_refused()
    if refused is not None:
        job.tell(Fact.KILL_FAILED, now, refused)


def _signal(job: Job, now: float) -> None:
    try:
        if job.life.whole_tree:
            job.tree.signal_all(job.life.signal)
        else:
            job.tree.signal_child(job.life.signal)
    except OSError as error:  # ProcessLookupError says "already finished"
        job.tell(Fact.CANCEL_RETURNED, now, error)


def _cut(job: Job, now: float) -> None:
    _note_holders(job)
    for pump in job.pumps[:]:
        pump.cut(now)


def _call_cancel(job: Job) -> None:
    function = job.spec._plan.function
    assert function is not None and job.process is not None
    process = job.process()

    def returned(error: BaseException | None) -> None:
        job.post(lambda now: job.tell(Fact.CANCEL_RETURNED, now, error))

    try:
        CallWorker(lambda: function(process), returned)
    except RuntimeError as error:  # no thread to be had
        returned(error)


def _note_holders(job: Job) -> None:
    """Who has our pipes open, once the command itself has ended and while they live."""
    fds = [pump.fd for pump in job.pumps if pump.fd is not None]
    if fds and job.life.exited and not job.holders:
        job.holders = pipe_holders({os.fstat(fd).st_ino for fd in fds})
