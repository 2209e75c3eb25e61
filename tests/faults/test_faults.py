"""Every fault once, a caller or two each: what `make faults` measures with many."""

import os

import pytest
import uvloop
from campaign import Told, run
from fault import Fault
from faults import FAULTS

CALLERS = 2
TOGETHER = 4
"""Lines that run side by side: most of a fault is waiting."""


@pytest.fixture(scope="session")
def told(request: pytest.FixtureRequest) -> Told:
    specs = (getattr(item, "callspec", None) for item in request.session.items)
    params = [spec.params.get("fault") for spec in specs if spec]  # tests beside it have none
    asked = [fault for fault in params if isinstance(fault, Fault)]
    results, _ = uvloop.run(run(asked, CALLERS, int(os.environ.get("SEED", "112")), slots=TOGETHER))
    return results


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(f, id=f.name, marks=[pytest.mark.xfail(reason=f.hole)] if f.hole else [])
        for f in FAULTS
        if f.short
    ],
)
def test_each_caller_reaches_a_human_or_left(told: Told, fault: Fault) -> None:
    result, failed = told[fault]
    assert not failed, result.note
