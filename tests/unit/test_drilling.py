"""What a call of our own proves, and what is a fault of the version it was placed in."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ivr.callrecord import CallRecord, Hop, Talk
from ivr.drilling import Try, faults, judged, tries
from routing.configuration import Configuration

AT = datetime(2026, 11, 26, 5, tzinfo=UTC)
FIRE = Try("1", "fire", "controller", "000090000")
WELL = CallRecord(
    "siaga-1.0",
    100.0,
    FIRE.caller,
    "112",
    "drill",
    test=True,
    service="fire",
    floor="controller",
    hops=(Hop(101.0, "1", "damkar", "113", "simulated", "ANSWER"),),
    talks=(Talk(103.0, "agency", "damkar"),),
    ended_at=104.0,
)


def test_a_call_that_came_where_the_plan_leads_is_no_fault(shipped: Configuration) -> None:
    told = judged(FIRE, True, WELL, shipped, AT)
    assert (told.why, told.reached, told.number, told.seconds) == ("", "damkar", "113", 3.0)
    assert faults([told]) == ()


@pytest.mark.parametrize("floor", ["controller", "stand-in", "static"])
@pytest.mark.parametrize(
    ("changed", "heard", "why"),
    [
        ({"talks": ()}, True, "nobody answered"),
        ({"service": "medical"}, True, "the key was taken for medical"),
        ({"service": ""}, True, "the key was taken for nothing"),
        ({"talks": (Talk(103.0, "operator", "x"),)}, True, "an agency should answer"),
        ({"hops": (replace(WELL.hops[0], number="119"),)}, True, "119 over simulated was rung"),
        ({}, False, "the caller heard nobody"),
    ],
)
def test_what_is_wrong_is_a_fault_whichever_floor_asked(
    shipped: Configuration, floor: str, changed: dict[str, object], heard: bool, why: str
) -> None:
    record = replace(WELL, floor=floor, **changed)  # type: ignore[arg-type]
    told = judged(FIRE, heard, record, shipped, AT)
    assert told.why.startswith(why)
    assert faults([told]) == (told,)


def test_that_only_another_floor_asked_is_told_and_is_no_fault_of_the_version(
    shipped: Configuration,
) -> None:
    told = judged(FIRE, True, replace(WELL, floor="stand-in"), shipped, AT)
    assert told.why == "stand-in asked, not the controller"
    assert faults([told]) == ()


def test_a_call_that_no_floor_took_or_that_nobody_noted_is_a_fault(shipped: Configuration) -> None:
    for record in (replace(WELL, floor="", service="", talks=()), None):
        told = judged(FIRE, False, record, shipped, AT)
        assert told.why in {"no floor asked", "the journal does not know this call"}
        assert faults([told]) == (told,)


def test_each_key_is_pressed_on_each_floor_and_the_quick_press_one_always(
    shipped: Configuration,
) -> None:
    every = list(tries(shipped))
    assert len(every) == 30
    assert len({one.caller for one in every}) == 30
    assert all(one.key for one in tries(shipped, ("static",), quick=True))
