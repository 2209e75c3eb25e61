"""The agencies that operators bring into a call, from the journal's lines, and what is offered."""

from collections.abc import Callable

import pytest

from ivr.callrecord import CallRecord, from_json, to_json
from ivr.joining import Joining, joinings, offer
from ivr.journal import Line, record
from routing.configuration import Configuration

CALL, LEG = "siaga-1795497172.0", "siaga-1795497172.1"


def said(at: float, what: str, leg: str = CALL, /, **words: str) -> Line:
    return Line(CALL, leg, at, what, tuple(words.items()))


WITH_AYU = (
    said(100.0, "CALL", ani="0812", dnis="112", trunk="from-trunk"),
    said(101.0, "PLAN", plan="fire", floor="controller"),
    said(102.0, "QUEUE", priority="6"),
    said(110.0, "JOINED", LEG, by="operator-1"),
)
BROUGHT = (
    said(130.0, "BRING", agency="damkar", hotline="damkar-113", number="113", by="operator-1"),
    said(135.0, "BROUGHT", hotline="damkar-113"),
)
HANDED = said(140.0, "HANDED", by="operator-1")
GONE = said(200.0, "HANGUP")


def told(*lines: Line) -> CallRecord:
    call = record((*WITH_AYU, *lines))
    assert call
    assert from_json(to_json(call)) == call
    return call


def over(at: float, status: str, hotline: str = "damkar-113", cause: str = "0") -> Line:
    return said(at, "BRINGOVER", hotline=hotline, status=status, cause=cause, talk="0")


def bring(at: float, hotline: str, agency: str, number: str) -> Line:
    words = {"agency": agency, "hotline": hotline, "number": number, "by": "operator-1"}
    return said(at, "BRING", **words)


def test_an_agency_that_an_operator_brought_in_is_a_hop_and_the_call_stays_the_operators() -> None:
    call = told(*BROUGHT, GONE)
    (hop,) = call.hops
    assert (hop.by, hop.hotline, hop.status) == ("operator-1", "damkar-113", "ANSWER")
    assert (hop.ring_seconds, hop.talk_seconds) == (5.0, 65.0)
    assert call.served(hop)
    assert call.outcome == "connected-operator"
    assert call.talk_seconds == 90.0


def test_a_call_that_was_handed_over_is_put_through_to_the_agency() -> None:
    call = told(*BROUGHT, HANDED, GONE)
    assert [(t.kind, t.who, t.seconds, t.served) for t in call.talks] == [
        ("operator", "operator-1", 30.0, True),
        ("agency", "damkar", 60.0, True),
    ]
    assert call.outcome == "connected-agency"


def test_an_agency_that_left_soon_after_it_got_the_call_leaves_it_the_operators() -> None:
    left = said(144.0, "LEFT", talk="9", cause="16")
    call = told(*BROUGHT, HANDED, over(144.0, "ANSWER"), left, GONE)
    assert call.outcome == "connected-operator"
    assert not call.served(call.hops[0])


def test_nobody_is_handed_a_call_who_is_not_there() -> None:
    assert told(HANDED, GONE) == told(GONE)
    assert len(told(*BROUGHT, over(137.0, "ANSWER"), HANDED, GONE).talks) == 1


def test_an_attempt_beside_a_talk_neither_ends_it_nor_hides_the_plans() -> None:
    call = told(*BROUGHT[:1], over(132.0, "BUSY", cause="17"))
    assert call.stage == "talking"
    assert call.talks[0].seconds is None
    assert not call.served(call.hops[0])


@pytest.mark.parametrize(
    ("lines", "state", "since"),
    [
        (BROUGHT[:1], "ringing", 130.0),
        (BROUGHT, "talking", 135.0),
        ((*BROUGHT[:1], over(131.0, "BUSY")), "busy", 131.0),
        ((*BROUGHT[:1], over(150.0, "NOANSWER")), "no-answer", 150.0),
        ((*BROUGHT[:1], over(131.0, "CHANUNAVAIL")), "failed", 131.0),
        ((*BROUGHT[:1], over(133.0, "CANCEL")), "left", 133.0),
        ((*BROUGHT, over(150.0, "ANSWER")), "left", 150.0),
    ],
)
def test_each_hotline_is_in_one_state(lines: tuple[Line, ...], state: str, since: float) -> None:
    assert joinings(told(*lines)) == (Joining("damkar-113", "damkar", state, since),)  # type: ignore[arg-type]


def test_a_hotline_that_is_tried_again_is_in_its_last_state() -> None:
    again = bring(160.0, "damkar-113", "damkar", "113")
    (one,) = joinings(told(*BROUGHT[:1], over(131.0, "BUSY"), again))
    assert (one.state, one.since) == ("ringing", 160.0)


def test_the_next_hotline_is_offered_after_30_seconds_or_when_the_first_has_failed(
    shipped: Configuration,
) -> None:
    ringing = told(*BROUGHT[:1])
    assert offer(ringing, shipped, 159.0) is None
    assert offer(ringing, shipped, 160.0) == "polisi-110"
    failed = told(*BROUGHT[:1], over(131.0, "BUSY"))
    assert offer(failed, shipped, 131.0) == "polisi-110"


def test_the_thirty_seconds_are_those_of_the_last_that_was_ordered(shipped: Configuration) -> None:
    two = told(*BROUGHT[:1], over(131.0, "BUSY"), bring(150.0, "psc-119", "psc-119", "119"))
    assert offer(two, shipped, 179.0) is None
    assert offer(two, shipped, 180.0) == "polisi-110"


def test_nothing_is_offered_while_an_agency_talks_or_when_none_was_wanted(
    shipped: Configuration,
) -> None:
    for lines in ((), BROUGHT, (*BROUGHT, over(150.0, "ANSWER")), (*BROUGHT[:1], GONE)):
        assert offer(told(*lines), shipped, 199.0) is None
    assert offer(told(*BROUGHT[:1], over(133.0, "CANCEL")), shipped, 199.0) is None


def test_what_was_tried_is_not_offered_again_nor_what_is_closed(
    configured: Callable[..., Configuration],
) -> None:
    lines = [*BROUGHT[:1], over(131.0, "BUSY"), bring(132.0, "polisi-110", "polresta", "110")]
    lines.append(over(133.0, "BUSY", "polisi-110"))
    assert offer(told(*lines), configured(), 140.0) is None
    fallen = said(101.0, "PLAN", plan="fallen-tree", floor="controller")
    tree = record((WITH_AYU[0], fallen, *WITH_AYU[2:], *lines[:2]))
    assert tree
    assert offer(tree, configured(), 140.0) == "bpbd-117"
    hours = 'number: "117", hours: [{opens: "23:58", closes: "23:59"}]'
    closed = configured(("agencies.yaml", 'number: "117"', hours))
    assert offer(tree, closed, 140.0) == "polisi-110"
