"""Resource limits: how they may be written, and what the kernel is given for them."""

import math
import pickle
import resource
from typing import Any

import pytest

from osexec import Cmd, SysAttrs
from osexec._words.rlimits import UNLIMITED, limits
from tests.words.refusing import refusal, shown

NOFILE, CPU = resource.RLIMIT_NOFILE, resource.RLIMIT_CPU


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({}, ()),
        ({"NOFILE": 64}, ((NOFILE, 64, 64),)),
        ({"nofile": 64}, ((NOFILE, 64, 64),)),
        ({"RLIMIT_NOFILE": 64}, ((NOFILE, 64, 64),)),
        ({"rlimit_nofile": 64}, ((NOFILE, 64, 64),)),
        ({NOFILE: 64}, ((NOFILE, 64, 64),)),
        ({"NOFILE": 0}, ((NOFILE, 0, 0),)),
        ({"NOFILE": (32, 64)}, ((NOFILE, 32, 64),)),
        ({"NOFILE": [32, 64]}, ((NOFILE, 32, 64),)),
        ({"NOFILE": (64, 64)}, ((NOFILE, 64, 64),)),
        ({"CPU": math.inf}, ((CPU, UNLIMITED, UNLIMITED),)),
        ({"CPU": (10, math.inf)}, ((CPU, 10, UNLIMITED),)),
        ({"CPU": (math.inf, math.inf)}, ((CPU, UNLIMITED, UNLIMITED),)),
        ({"CPU": resource.RLIM_INFINITY}, ((CPU, UNLIMITED, UNLIMITED),)),
        ({"CPU": (1, resource.RLIM_INFINITY)}, ((CPU, 1, UNLIMITED),)),
        ({"CPU": UNLIMITED - 1}, ((CPU, UNLIMITED - 1, UNLIMITED - 1),)),
        ({"NOFILE": 64, "CPU": (1, 2)}, ((NOFILE, 64, 64), (CPU, 1, 2))),
    ],
    ids=shown,
)
def test_limits_may_be_written_so(written: Any, meant: tuple[tuple[int, int, int], ...]) -> None:
    assert limits(written) == meant
    assert SysAttrs(rlimits=written)._limits == meant


def test_every_limit_of_this_system_has_its_name() -> None:
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    assert len(names) > 10
    for name in names:
        assert limits({name: 1}) == limits({name.removeprefix("RLIMIT_"): 1})
        assert limits({name: 1}) == ((getattr(resource, name), 1, 1),)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ([("CPU", 1)], """rlimits= takes a mapping such as {"NOFILE": 64}, not [('CPU', 1)]"""),
        ("NOFILE", """rlimits= takes a mapping such as {"NOFILE": 64}, not 'NOFILE'"""),
        (64, """rlimits= takes a mapping such as {"NOFILE": 64}, not 64"""),
        ({"FILES": 64}, "rlimits= has 'FILES', which is no limit of this system"),
        ({"": 64}, "rlimits= has '', which is no limit of this system"),
        ({"INFINITY": 64}, "rlimits= has 'INFINITY', which is no limit of this system"),
        ({b"NOFILE": 64}, "rlimits= has b'NOFILE', which is no limit of this system"),
        ({32: 64}, "rlimits= has 32, which is no limit of this system"),
        ({-1: 64}, "rlimits= has -1, which is no limit of this system"),
        ({True: 64}, "rlimits= has True, which is no limit of this system"),
        ({7.0: 64}, "rlimits= has 7.0, which is no limit of this system"),
        ({None: 64}, "rlimits= has None, which is no limit of this system"),
        ({"CPU": -2}, "rlimits['CPU'] takes numbers or math.inf, not -2"),
        ({"CPU": "10"}, "rlimits['CPU'] takes numbers or math.inf, not '10'"),
        ({"CPU": True}, "rlimits['CPU'] takes numbers or math.inf, not True"),
        ({"CPU": None}, "rlimits['CPU'] takes numbers or math.inf, not None"),
        ({"CPU": 1.5}, "rlimits['CPU'] takes numbers or math.inf, not 1.5"),
        ({"CPU": math.nan}, "rlimits['CPU'] takes numbers or math.inf, not nan"),
        ({"CPU": -math.inf}, "rlimits['CPU'] takes numbers or math.inf, not -inf"),
        ({"CPU": UNLIMITED}, "rlimits['CPU'] takes numbers or math.inf, not 18446744073709551615"),
        ({"CPU": (1, "2")}, "rlimits['CPU'] takes numbers or math.inf, not '2'"),
        ({"CPU": (None, 2)}, "rlimits['CPU'] takes numbers or math.inf, not None"),
        ({"CPU": (1,)}, "rlimits['CPU']= takes a number or (soft, hard), not (1,)"),
        ({"CPU": (1, 2, 3)}, "rlimits['CPU']= takes a number or (soft, hard), not (1, 2, 3)"),
        ({"CPU": ()}, "rlimits['CPU']= takes a number or (soft, hard), not ()"),
        ({"CPU": (2, 1)}, "rlimits['CPU']=(2, 1): the soft limit is above the hard one"),
        ({"CPU": (math.inf, 1)}, "rlimits['CPU']=(inf, 1): the soft limit is above the hard one"),
        ({"CPU": (-1, 1)}, "rlimits['CPU']=(-1, 1): the soft limit is above the hard one"),
        ({7: (2, 1)}, "rlimits[7]=(2, 1): the soft limit is above the hard one"),
    ],
    ids=shown,
)
def test_a_wrong_limit_is_refused(written: Any, message: str) -> None:
    assert message in refusal(lambda: SysAttrs(rlimits=written))


def test_what_the_caller_changes_later_changes_no_limit() -> None:
    pair = [1, 2]
    written: dict[str | int, Any] = {"NOFILE": 64, "CPU": pair}
    attrs = SysAttrs(rlimits=written)
    written["NOFILE"] = 1
    pair[:] = [2, 1]
    assert attrs._limits == ((NOFILE, 64, 64), (CPU, 1, 2))
    twin = pickle.loads(pickle.dumps(attrs))
    assert twin == attrs
    assert twin._limits == attrs._limits


def test_limits_are_part_of_the_value() -> None:
    attrs = SysAttrs(rlimits={"CPU": 1})
    assert attrs == SysAttrs(rlimits={"CPU": 1}) != SysAttrs(rlimits={"CPU": 2})
    assert hash(attrs) == hash(SysAttrs(rlimits={"CPU": 1}))
    assert Cmd("x", sys=attrs) != Cmd("x")
    assert (SysAttrs().rlimits, SysAttrs()._limits) == (None, ())
