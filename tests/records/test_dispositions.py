"""What operators say calls were, and who is told: the same on both databases."""

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, select

from ivr.callrecord import CallRecord, Change
from ivr.dispositions import Said
from ivr.journal import Batch, Line, Position
from ivr.messages import Followed, follow
from ivr.records import dispositions, schema
from ivr.records.engine import reading, writing
from ivr.records.query import Wanted, calls, one
from ivr.records.store import Store

REF = "siaga-1.0"
SAID = Said(REF, 150.0, "ayu", "normal", "kulim", "rumah dua lantai")


def said(at: float, what: str, **words: str) -> Line:
    return Line(REF, REF, at, what, tuple(words.items()))


BEGUN = (
    said(100, "CHAN_START"),
    said(100.5, "CALL", ani="0812", dnis="112", trunk="telkom"),
    said(101, "PLAN", plan="fire", floor="controller", language="id"),
)


def to_damkar(change: Change) -> Followed:
    return follow(change, lambda service: ["damkar"] if service == "fire" else [])


@pytest.fixture
def store(engine: Engine) -> Store:
    """A database that knows of a call that goes on, and damkar of it too."""
    store = Store(engine)
    store.ingest(Batch(BEGUN, (), Position("file", 3)), "calls.jsonl", to_damkar)
    return store


def record(engine: Engine) -> CallRecord:
    with reading(engine) as connection:
        found = one(connection, REF)
    assert found
    return found.record


def say(engine: Engine, said: Said = SAID, *informed: str) -> list[str]:
    call = record(engine)
    with writing(engine) as connection:
        return dispositions.say(connection, call, said, informed)


def sent(engine: Engine) -> list[dict[str, Any]]:
    """Return the reports that wait for the broker, each once."""
    table = schema.outbox.c
    with reading(engine) as connection:
        query = select(table.topic, table.body).order_by(table.id)
        rows = connection.execute(query.where(table.topic.like("%/reports")))
        return [json.loads(row.body) for row in rows]


def test_who_knows_of_the_call_and_who_is_named_is_told_with_all_that_was_said(
    engine: Engine, store: Store
) -> None:
    assert store.late == 0
    assert say(engine, SAID, "pmi", "damkar") == ["damkar", "pmi"]
    told = {body["agency"]: body for body in sent(engine) if body["revision"] == 3}
    assert set(told) == {"damkar", "pmi"}
    words = ("disposition", "district", "note", "caller", "outcome")
    assert [told["pmi"][word] for word in words] == [
        *("normal", "kulim", "rumah dua lantai", "0812", None)
    ]


def test_a_word_that_an_agency_has_acknowledged_keeps_that_it_has(
    engine: Engine, store: Store
) -> None:
    assert store.late == 0
    with writing(engine) as connection:
        connection.execute(schema.reports.update().values(acknowledged_by="piket"))
    say(engine)
    with reading(engine) as connection:
        assert connection.scalar(select(schema.reports.c.acknowledged_by)) == "piket"


@pytest.mark.usefixtures("store")
def test_the_last_word_counts_and_the_last_note_stays(engine: Engine) -> None:
    say(engine)
    say(engine, replace(SAID, at=160.0, by="budi", disposition="prank", district="", note=""))
    with reading(engine) as connection:
        found = dispositions.said_last(connection, [REF, "siaga-9.0"])
    note = "rumah dua lantai"
    assert found == {REF: Said(REF, 160.0, "budi", "prank", "", note)}


def test_a_call_that_ends_after_its_word_is_told_again_with_that_word(
    engine: Engine, store: Store
) -> None:
    say(engine)
    store.ingest(Batch((said(170, "HANGUP"),), (), Position("file", 4)), "calls.jsonl", to_damkar)
    last = sent(engine)[-1]
    assert (last["revision"], last["agency"], last["outcome"]) == (3, "damkar", "abandoned-menu")
    assert (last["disposition"], last["note"]) == ("normal", "rumah dua lantai")


def test_a_call_of_which_nobody_said_anything_is_told_as_ever(engine: Engine, store: Store) -> None:
    store.ingest(Batch((said(170, "HANGUP"),), (), Position("file", 4)), "calls.jsonl", to_damkar)
    assert [body["revision"] for body in sent(engine)] == [1, 2]


@pytest.mark.usefixtures("store")
def test_calls_are_found_by_the_last_word_and_by_part_of_the_number(engine: Engine) -> None:
    say(engine)
    say(engine, replace(SAID, at=160.0, disposition="prank"))

    def found(wanted: Wanted) -> bool:
        with reading(engine) as connection:
            return bool(calls(connection, wanted))

    assert found(Wanted(disposition="prank"))
    assert not found(Wanted(disposition="normal"))
    assert found(Wanted(digits="81"))
    assert not found(Wanted(digits="18"))
    assert not found(Wanted(digits="%"))
    assert not found(Wanted(skip=1))
