"""Who is called back, by whom, and what came of it: the same on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select

from ivr.journal import Batch, Line, Position
from ivr.ranking import Missed
from ivr.records import schema, worklist
from ivr.records.engine import reading, writing
from ivr.records.store import Store
from ivr.records.worklist import CLAIM_SECONDS, RESULTS, Claim, Result, Tried

AYU, BUDI = "ayu", "budi"
ANI = "0812"


def call(reference: str, at: float, *more: Line, ani: str = ANI, plan: str = "") -> list[Line]:
    """Return the lines of a call that ends after four seconds."""

    def said(later: float, what: str, **words: str) -> Line:
        return Line(reference, reference, at + later, what, tuple(words.items()))

    return [
        said(0, "CHAN_START"),
        said(0.5, "CALL", ani=ani, dnis="112", trunk="telkom"),
        *([said(1, "PLAN", plan=plan, floor="controller", language="id")] if plan else []),
        *more,
        said(4, "HANGUP"),
    ]


def ingest(engine: Engine, *calls: list[Line]) -> None:
    store = Store(engine)
    offset = sum(store.offsets().values())
    lines = tuple(line for one in calls for line in one)
    store.ingest(Batch(lines, (), Position("file", offset + len(lines))), "calls.jsonl")


@pytest.fixture
def two_missed(engine: Engine) -> Engine:
    """One number that called twice and reached nobody."""
    ingest(engine, call("siaga-1.0", 100), call("siaga-2.0", 200, plan="fire"))
    return engine


def cleared(engine: Engine) -> list[str | None]:
    with reading(engine) as connection:
        query = select(schema.callbacks.c.cleared_by).order_by(schema.callbacks.c.callref)
        return list(connection.scalars(query))


def test_who_reached_nobody_is_listed_with_how_long_the_call_was(two_missed: Engine) -> None:
    with reading(two_missed) as connection:
        found = worklist.missed(connection)
    assert sorted(found, key=lambda one: one.began_at) == [
        Missed("siaga-1.0", ANI, 100, 104, "abandoned-menu", ""),
        Missed("siaga-2.0", ANI, 200, 204, "abandoned-menu", "fire"),
    ]


def test_of_two_who_claim_one_number_one_gets_it(two_missed: Engine) -> None:
    with writing(two_missed) as connection:
        assert worklist.claim(connection, ANI, AYU, 1000) == Claim(AYU, 1000 + CLAIM_SECONDS)
    with writing(two_missed) as connection:
        assert worklist.claim(connection, ANI, BUDI, 1001) is None
    with reading(two_missed) as connection:
        assert worklist.claims(connection, 1001) == {ANI: Claim(AYU, 1000 + CLAIM_SECONDS)}


def test_of_many_who_claim_one_number_at_once_exactly_one_gets_it(two_missed: Engine) -> None:
    def claim(name: str) -> Claim | None:
        with writing(two_missed) as connection:
            return worklist.claim(connection, ANI, name, 1000)

    with ThreadPoolExecutor(8) as threads:
        got = [one for one in threads.map(claim, (f"user{n}" for n in range(8))) if one]
    with reading(two_missed) as connection:
        assert [worklist.claims(connection, 1000)[ANI]] == got


def test_a_claim_ends_by_itself_and_another_may_have_it(two_missed: Engine) -> None:
    with writing(two_missed) as connection:
        worklist.claim(connection, ANI, AYU, 1000)
        assert worklist.claims(connection, 1000 + CLAIM_SECONDS) == {}
        assert worklist.claim(connection, ANI, BUDI, 1000 + CLAIM_SECONDS)


def test_who_has_a_number_keeps_it_longer_by_asking_again(two_missed: Engine) -> None:
    with writing(two_missed) as connection:
        worklist.claim(connection, ANI, AYU, 1000)
        kept = worklist.claim(connection, ANI, AYU, 1100)
    assert kept == Claim(AYU, 1100 + CLAIM_SECONDS)


def test_only_who_has_a_number_gives_it_back(two_missed: Engine) -> None:
    with writing(two_missed) as connection:
        worklist.claim(connection, ANI, AYU, 1000)
        worklist.release(connection, ANI, BUDI)
        assert ANI in worklist.claims(connection, 1000)
        worklist.release(connection, ANI, AYU)
        assert worklist.claims(connection, 1000) == {}


@pytest.mark.parametrize("result", RESULTS)
def test_an_attempt_is_noted_and_only_who_was_reached_is_off_the_list(
    two_missed: Engine, result: Result
) -> None:
    with writing(two_missed) as connection:
        worklist.claim(connection, ANI, AYU, 1000)
        worklist.tried(connection, ANI, AYU, result, 1010)
    with reading(two_missed) as connection:
        assert worklist.attempts(connection, [ANI, "0813"]) == {ANI: [Tried(1010, AYU, result)]}
        assert (ANI in worklist.claims(connection, 1010)) == (result == "dialled")
    assert cleared(two_missed) == [AYU if result == "reached" else None] * 2


def test_who_calls_again_and_reaches_a_person_is_off_the_list(two_missed: Engine) -> None:
    answered = Line("siaga-3.0", "siaga-3.1", 302, "JOINED", (("by", "operator-1"),))
    ingest(two_missed, call("siaga-3.0", 300, answered))
    with reading(two_missed) as connection:
        assert worklist.missed(connection) == []
    assert cleared(two_missed) == ["siaga-3.0"] * 2


def test_who_was_reached_and_calls_again_in_vain_is_listed_anew(two_missed: Engine) -> None:
    with writing(two_missed) as connection:
        worklist.tried(connection, ANI, AYU, "reached", 250)
    ingest(two_missed, call("siaga-3.0", 300))
    with reading(two_missed) as connection:
        assert [one.callref for one in worklist.missed(connection)] == ["siaga-3.0"]
