"""Every public name in use, for the type checkers; nobody runs this file."""

import io
import math
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import assert_type

import osexec


def a_command() -> osexec.Cmd:
    assert_type(osexec.Cmd.sh("a | b", cwd="/", check=False), osexec.Cmd)
    cmd = osexec.Cmd(
        "tool",
        b"\xff",
        Path("file"),
        cwd=Path("/"),
        env={"A": "b"},
        extra_env={"C": "d"},
        executable="/bin/tool",
        stdin=b"data",
        stdout=osexec.PIPE,
        stderr=osexec.STDOUT,
        pass_fds=(3, 4),
        extra_files=[5, None],
        timeout=1.5,
        cancel=signal.SIGTERM,
        wait_delay=2,
        contain="group",
        leaks="warn",
        check=False,
        encoding="utf-8",
        errors="strict",
        sys=osexec.SysAttrs(user="nobody", group=1, extra_groups=[1], umask=0o22),
    )
    assert_type(cmd, osexec.Cmd)
    assert_type(cmd.replace(cwd=None), osexec.Cmd)
    assert_type(cmd.environ(), list[str])
    return cmd


def streams() -> None:
    osexec.Cmd("tool", stdin=osexec.DEVNULL, stdout=osexec.INHERIT, stderr=Path("log"))
    osexec.Cmd("tool", stdin=["line\n", b"line\n"], stdout=1, stderr=osexec.Capture(tail=100))
    osexec.Cmd("tool", stdin=io.BytesIO(), stdout=io.BytesIO(), env=["A=b", b"C=d"])
    osexec.Cmd("tool", stdout=[osexec.Capture(head=1, tail=2), io.BytesIO(), osexec.INHERIT])
    with open("file", "rb") as file:
        osexec.Cmd("tool", stdin=file, extra_files=(file, 5, None))


def ways_to_cancel() -> None:
    def politely(process: osexec.Process) -> None:
        process.terminate()

    osexec.Cmd("tool", cancel="SIGTERM")
    osexec.Cmd("tool", cancel=15)
    osexec.Cmd("tool", cancel=None)
    osexec.Cmd("tool", cancel=politely)
    osexec.Cmd("tool", cancel=[(signal.SIGINT, 2.0), ("TERM", 5)])
    osexec.Cmd("tool", cancel=[osexec.Step("TERM", 2.0, scope="tree"), osexec.Step(2, 1)])
    osexec.Cmd("tool", cancel=(osexec.Step(signal.SIGTERM, 2.0), ("KILL", 5)))
    step = osexec.Step("INT", 1.5)
    assert_type(step, osexec.Step)
    assert_type(step.signal, int | str)
    assert_type(step.delay, float)
    assert_type(step.scope, str)


def what_the_kernel_sets_up() -> osexec.SysAttrs:
    attrs = osexec.SysAttrs(
        new_session=True,
        controlling_terminal=0,
        foreground=True,
        rlimits={"NOFILE": 64, "CPU": (10, math.inf), 7: 5},
        nice=5,
        no_new_privs=True,
        memory_max=1 << 30,
        pids_max=100,
    )
    assert_type(attrs.memory_max, int | None)
    osexec.Cmd("tool", sys=attrs, contain="cgroup", leaks=None)
    osexec.run("tool", contain="tree", leaks="error", extra_files=(0, None))
    return attrs


def verbs(cmd: osexec.Cmd, ctx: osexec.Context) -> None:
    assert_type(cmd.run(ctx=ctx, timeout=1), osexec.Result)
    assert_type(cmd.output(), bytes)
    assert_type(cmd.text(), str)
    assert_type(cmd.combined_output(), bytes)
    assert_type(cmd.lines(), Iterator[str])
    assert_type(cmd.start(), osexec.Process)


def functions(ctx: osexec.Context) -> None:
    assert_type(osexec.run("make", "-j4", timeout=600, ctx=ctx), osexec.Result)
    assert_type(osexec.output("cat", stdin=b"x"), bytes)
    assert_type(osexec.text("date", cwd=Path("/")), str)
    assert_type(osexec.combined_output("make"), bytes)
    assert_type(osexec.lines("cat"), Iterator[str])
    assert_type(osexec.start("server", stdout=osexec.PIPE), osexec.Process)
    assert_type(osexec.look_path("sh"), str)
    assert_type(osexec.__version__, str)


def a_process(process: osexec.Process) -> None:
    with process as same:
        assert_type(same, osexec.Process)
    assert_type(process.pid, int)
    assert_type(process.wait(timeout=1), osexec.Result)
    assert_type(process.poll(), osexec.Result | None)
    assert_type(process.result, osexec.Result | None)
    process.signal(signal.SIGUSR1)
    process.terminate()
    process.kill()
    process.cancel()
    process.cancel("shutting down")
    if process.stdout is not None:
        assert_type(process.stdout.readline(), bytes)
    if process.stdin is not None:
        process.stdin.write(b"line\n")


def a_context() -> None:
    with osexec.Context(timeout=1) as ctx:
        assert_type(ctx, osexec.Context)
    osexec.Context(deadline=1.0, parent=None)
    child = osexec.Context(parent=ctx)
    child.cancel()
    child.cancel(ValueError("why"))
    assert_type(ctx.err, osexec.Canceled | osexec.DeadlineExceeded | None)
    assert_type(ctx.deadline, float | None)
    assert_type(ctx.remaining(), float)
    assert_type(ctx.done, bool)
    assert_type(ctx.wait(0.1), bool)
    assert_type(ctx.after(lambda: None), Callable[[], bool])
    assert_type(osexec.Context.current(), osexec.Context | None)


def a_result(result: osexec.Result) -> None:
    assert_type(result.pid, int)
    assert_type(result.returncode, int | None)
    assert_type(result.exit_code, int | None)
    assert_type(result.reason, osexec.Reason)
    assert_type(result.reason is osexec.Reason.EXITED, bool)
    assert_type(result.stdout, bytes | None)
    assert_type(result.output_complete, bool)
    assert_type(result.omitted, int)
    assert_type(result.swept, int)
    assert_type(result.memory_peak, int | None)
    assert_type(result.leaked, tuple[osexec.Holder, ...])
    assert_type(result.reason is osexec.Reason.MINDER_LOST, bool)
    assert_type(result.elapsed, float)
    assert_type(result.ok, bool)
    assert_type(result.errors, tuple[osexec.Error, ...])
    for holder in result.holders + result.leaked:
        assert_type(holder, osexec.Holder)
        assert_type(holder.pid, int)
        assert_type(holder.command, str)


def errors() -> None:
    try:
        osexec.run("tool")
    except (osexec.NotFoundError, osexec.NotExecutableError) as error:
        assert_type(error.name, str)
        takes_lookup_error(error)
    except osexec.DotPathError as error:
        assert_type(error.path, str)
    except osexec.StartError as error:
        assert_type(error.op, str)
        takes_os_error(error)
    except osexec.UsageError as error:
        takes_value_error(error)
    except (osexec.ExitCanceled, osexec.ExitDeadlineExceeded) as error:
        assert_type(error.result, osexec.Result)
        takes_context_error(error)
    except (osexec.WaitDelayCanceled, osexec.WaitDelayDeadlineExceeded) as error:
        takes_context_error(error)
    except osexec.ExitError as error:
        assert_type(error.result, osexec.Result)
        assert_type(error.returncode, int)
    except (osexec.Canceled, osexec.DeadlineExceeded) as error:
        takes_context_error(error)
    except (osexec.CancelFailed, osexec.KillFailed, osexec.CopyError) as error:
        assert_type(error.__cause__, BaseException | None)
    except (osexec.WaitDelayExpired, osexec.StatusLostError, osexec.LeakError) as error:
        assert_type(error.result, osexec.Result | None)
    except osexec.Error:
        raise


def leaks_that_are_only_told() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", osexec.LeakWarning)
        osexec.run("tool", leaks="warn")


def takes_lookup_error(error: osexec.LookPathError) -> None: ...
def takes_os_error(error: OSError) -> None: ...
def takes_value_error(error: ValueError) -> None: ...
def takes_context_error(error: osexec.ContextError) -> None: ...
