"""Calls are found by what they were, and by what has changed."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from ivr.callrecord import CallRecord, Change, Hop
from ivr.records import schema
from ivr.records.engine import reading, writing
from ivr.records.query import Wanted, after, calls, last_change, one
from ivr.records.rows import call_row, hop_rows

FIRST = CallRecord("1.0", 100.0, "0811", "112", "telkom", service="fire", floor="controller")
SECOND = CallRecord(
    "2.0",
    200.0,
    "0812",
    "112",
    "telkom",
    service="fire",
    floor="static",
    hops=(Hop(201.0, "1", "damkar", "113", "telkom"), Hop(202.0, "2", "damkar", "113", "indosat")),
    outcome="connected-agency",
)
THIRD = CallRecord("3.0", 300.0, "0812", "112", "telkom", test=True, outcome="test")


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with writing(engine) as connection:
        for number, record in ((1, SECOND), (2, FIRST), (3, THIRD)):
            connection.execute(schema.calls.insert(), call_row(record, number))
            for row in hop_rows(Change(None, record)):
                connection.execute(schema.hops.insert(), row)
    return engine


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), [THIRD, SECOND, FIRST]),
        (Wanted(limit=2), [THIRD, SECOND]),
        (Wanted(since=200.0), [THIRD, SECOND]),
        (Wanted(until=200.0), [FIRST]),
        (Wanted(ani="0812"), [THIRD, SECOND]),
        (Wanted(ani=""), []),
        (Wanted(service="fire"), [SECOND, FIRST]),
        (Wanted(outcome="connected-agency"), [SECOND]),
        (Wanted(outcome="open"), [FIRST]),
        (Wanted(agency="damkar"), [SECOND]),
        (Wanted(agency="bpbd"), []),
        (Wanted(floor="controller"), [FIRST]),
        (Wanted(test=False), [SECOND, FIRST]),
        (Wanted(ani="0812", test=True), [THIRD]),
    ],
)
def test_the_wanted_calls_are_found_the_newest_first(
    filled: Engine, wanted: Wanted, found: list[CallRecord]
) -> None:
    with reading(filled) as connection:
        assert [call.record for call in calls(connection, wanted)] == found


def test_who_follows_is_given_each_change_in_its_order(filled: Engine) -> None:
    with reading(filled) as connection:
        assert [call.record for call in after(connection, 0)] == [SECOND, FIRST, THIRD]
        assert [call.record for call in after(connection, 1, Wanted(test=False))] == [FIRST]
        assert [call.change for call in after(connection, 0, Wanted(limit=2))] == [1, 2]
        assert after(connection, last_change(connection)) == []


def test_a_call_is_found_by_its_reference(filled: Engine) -> None:
    with reading(filled) as connection:
        found = one(connection, "2.0")
        assert found
        assert (found.change, found.record) == (1, SECOND)
        assert one(connection, "9.0") is None


def test_an_empty_database_has_no_last_change(engine: Engine) -> None:
    with reading(engine) as connection:
        assert last_change(connection) == 0
        assert calls(connection, replace(Wanted(), test=False)) == []
