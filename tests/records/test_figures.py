"""The figures that the database counts are those a person would count on paper."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, insert

from ivr.callrecord import CallRecord, Change, Hop
from ivr.counting import figures
from ivr.figures import ABANDONED, ENDINGS, Figures, Tally, Waits, reason
from ivr.journal import Line, cut, record
from ivr.period import Period, a_day
from ivr.records import rows
from ivr.records.figures import count
from ivr.records.schema import calls, hops
from routing.agencies import WIB

DAY = a_day("2026-11-25")
MIDNIGHT = 1795539600.0
"""The first second of DAY in WIB."""


# ------------------------------------------------------------------------------------ on paper


def attempts_of(told: CallRecord) -> list[tuple[Hop, bool]]:
    """Each attempt, and whether who was joined then served."""
    talks = iter([talk for talk in told.talks if talk.kind == "agency"])
    joined = [hop.talk_seconds is not None or _goes_on(hop) for hop in told.hops]
    return [(hop, yes and next(talks).served) for hop, yes in zip(told.hops, joined, strict=True)]


def _goes_on(hop: Hop) -> bool:
    return hop.status == "" and hop.ring_seconds is not None


def nearest_rank(values: Sequence[float], percent: int) -> float | None:
    if not values:
        return None
    exact = sorted(values)[max(0, math.ceil(percent * len(values) / 100) - 1)]
    return math.ceil(exact * 10) / 10


def in_period(at: float, period: Period) -> bool:
    first, last = period.hours
    return first * 3600 <= at < (last + 1) * 3600


# ------------------------------------------------------------------------------------ the dice

_WORDS = {
    "ASKED": st.fixed_dictionaries({"prompt": st.just("menu"), "key": st.sampled_from("17")}),
    "PLAN": st.fixed_dictionaries(
        {
            "plan": st.sampled_from(["fire", "police", "no-choice"]),
            "floor": st.sampled_from(["controller", "static"]),
            "language": st.just("id"),
        }
    ),
    "RING": st.fixed_dictionaries(
        {
            "step": st.just("1"),
            "agency": st.sampled_from(["damkar", "polresta"]),
            "number": st.just("113"),
            "trunk": st.just("telkom"),
        }
    ),
    "QUEUE": st.just({}),
    "JOINED": st.fixed_dictionaries({"by": st.just("operator-1")}),
    "HOP": st.fixed_dictionaries(
        {
            "status": st.sampled_from(["ANSWER", "BUSY", "NOANSWER", "CONGESTION", "CHANUNAVAIL"]),
            "cause": st.sampled_from(["0", "1", "16", "17", "19", "21", "34"]),
        }
    ),
    "LEFT": st.just({}),
    "HANGUP": st.just({}),
}
_GAPS = st.one_of(st.floats(0.01, 40), st.sampled_from([1.0, 2.5, 5.0, 7.5, 10.0, 30.0]))
"""Seconds from one event to the next; often those that a figure turns on."""
_EVENTS = st.sampled_from(list(_WORDS)).flatmap(
    lambda what: st.tuples(st.just(what), _WORDS[what], _GAPS)
)


@st.composite
def a_call(draw: st.DrawFn) -> CallRecord:
    """A call near DAY, told by whatever lines in whatever order Asterisk never wrote."""
    at = MIDNIGHT + draw(st.one_of(st.floats(-3600, 25 * 3600), st.integers(-9, 9)))
    lines = [Line("c", "c", at, "CHAN_START", (("context", "from-trunk"),))]
    words = {"ani": "0812", "test": str(int(draw(st.integers(0, 9)) == 0))}
    lines.append(Line("c", "c", at, "CALL", tuple(words.items())))
    asked = ""
    for what, said, gap in draw(st.lists(_EVENTS, max_size=9)):
        asked = what if what in {"RING", "QUEUE"} else asked
        if what == "LEFT" and asked == "RING":
            continue  # an agency that leaves is a HOP: no attempt has two talks
        at += gap
        lines.append(Line("c", "c", at, what, tuple(said.items())))
    if draw(st.integers(0, 9)) == 0:
        lines.append(cut("c", at + draw(st.floats(1, 200))))
    told = record(lines)
    assert told
    return told


# -------------------------------------------------------------------------------- the database


def counted(engine: Engine, told: Sequence[CallRecord], period: Period = DAY) -> Figures:
    """What the database counts of these calls."""
    with engine.connect() as connection:
        every = [replace(one, callref=str(n)) for n, one in enumerate(told)]
        if every:
            connection.execute(
                insert(calls), [rows.call_row(one, n) for n, one in enumerate(every)]
            )
        if attempts := [row for one in every for row in rows.hop_rows(Change(None, one))]:
            connection.execute(insert(hops), attempts)
        found = figures(period, count(connection, period))
        connection.rollback()
    return found


@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example is rolled back
)
@given(told=st.lists(a_call(), max_size=12))
def test_the_database_counts_as_one_does_on_paper(engine: Engine, told: list[CallRecord]) -> None:
    found = counted(engine, told)
    of_day = [one for one in told if in_period(one.began_at, DAY)]
    real = [one for one in of_day if not one.test]
    assert found.tests == len(of_day) - len(real)
    calls_agree(found, real)
    queue_agrees(found, [one for one in real if one.outcome])
    every = [(hop, yes) for one in told if not one.test for hop, yes in attempts_of(one)]
    attempts_agree(found, [(hop, yes) for hop, yes in every if in_period(hop.at, DAY)])


def calls_agree(found: Figures, real: Sequence[CallRecord]) -> None:
    over = [one for one in real if one.outcome]
    assert found.calls.calls == len(real)
    assert found.calls.ended == len(over)
    assert found.calls.by == {
        ending: sum((one.outcome or "open") == ending for one in real) for ending in ENDINGS
    }
    assert found.calls.abandoned == sum(one.outcome in ABANDONED for one in real)
    assert total(found.by_service) == Counter(one.service for one in real)
    assert total(found.by_floor) == Counter(one.floor for one in real)
    hours = Counter(datetime.fromtimestamp(one.began_at, WIB).hour for one in real)
    assert total(found.by_hour) == hours
    assert total(found.by_day) == Counter(
        datetime.fromtimestamp(one.began_at, WIB).date() for one in real
    )
    left = [one for one in over if one.outcome in ABANDONED]
    assert found.late == sum(seconds(one) > 10 for one in left)
    assert found.rate.received == len(over)
    assert found.rate.early == sum(seconds(one) <= 5 for one in left)
    people = [one.human_seconds for one in over if one.human_seconds is not None]
    agrees(found.human, people)
    assert found.rate.in_time == sum(one <= 30 for one in people)


def queue_agrees(found: Figures, over: Sequence[CallRecord]) -> None:
    answered, left, queued = [], 0, 0
    for one in over:
        if one.queued_at is None or one.queue_seconds is None:
            continue
        queued += 1
        assert one.ended_at is not None
        # Who was cut off in the moment of the answer has heard nobody.
        if one.queue_seconds < one.ended_at - one.queued_at:
            answered.append(one.queue_seconds)
        else:
            left += one.queue_seconds <= 5 and one.outcome != "cut-off"
    agrees(found.queue, answered)
    assert found.queued == found.queue_rate.received == queued
    assert found.queue_rate.early == left


def attempts_agree(found: Figures, of_day: Sequence[tuple[Hop, bool]]) -> None:
    assert {handoff.agency for handoff in found.handoffs} == {hop.agency for hop, _ in of_day}
    for handoff in found.handoffs:
        of_agency = [(hop, yes) for hop, yes in of_day if hop.agency == handoff.agency]
        over = [(hop, yes) for hop, yes in of_agency if hop.status]
        assert handoff.open == len(of_agency) - len(over)
        assert handoff.attempts == len(over)
        rang = [hop.ring_seconds for hop, yes in over if yes]
        agrees(handoff.reached, [one for one in rang if one is not None])
        assert handoff.caller_left == sum(hop.status == "CANCEL" for hop, _ in over)
        failed = [hop for hop, yes in over if not yes and hop.status != "CANCEL"]
        why = Counter(reason(hop.status, hop.cause) for hop in failed)
        assert Counter(handoff.failed) == why


def total(tallies: Mapping[Any, Tally]) -> Counter[Any]:
    """How many called, by group; a group without calls is the same as none."""
    return Counter({name: tally.calls for name, tally in tallies.items()})


def a_waiting_caller(left_after: float) -> CallRecord:
    """Somebody who comes to the operators at once, and leaves without having reached one."""
    events = ((0.0, "CALL"), (0.0, "QUEUE"), (left_after, "HANGUP"))
    told = record(Line("c", "c", MIDNIGHT + at, what, ()) for at, what in events)
    assert told
    return told


def test_five_seconds_are_within_five_seconds(engine: Engine) -> None:
    found = counted(engine, [a_waiting_caller(after) for after in (4.5, 5.0, 5.5, 10.0, 10.5)])
    assert (found.rate.early, found.queue_rate.early, found.late) == (2, 2, 1)


def seconds(told: CallRecord) -> float:
    assert told.ended_at is not None
    return told.ended_at - told.began_at


def agrees(waits: Waits, exact: Sequence[float]) -> None:
    assert waits.count == len(exact)
    for percent in (1, 50, 90, 100):
        assert waits.quantile(percent) == nearest_rank(exact, percent)
    for mark in (10, 15, 20, 30):
        assert waits.within(mark) == sum(one <= mark for one in exact)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_report_reads_two_indexes_and_sorts_nothing(engine: Engine) -> None:
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    with engine.connect() as connection:
        event.listen(connection, "before_cursor_execute", note)
        count(connection, DAY)
        event.remove(connection, "before_cursor_execute", note)
        plans = [
            connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", (0,) * query.count("?")).all()
            for query in seen
            if query.startswith("SELECT")
        ]
    for plan, table in zip(plans, ("calls", "hops"), strict=True):
        (step,) = plan  # nothing is sorted
        assert f"{table} USING COVERING INDEX ix_{table}_figures" in step.detail
