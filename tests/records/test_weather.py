"""The weather of hotlines, as the attempts in the database tell it."""

import pytest
from sqlalchemy import Engine

from ivr.records import schema
from ivr.records.engine import reading, writing
from ivr.records.weather import DAYS_SECONDS, of_hotlines
from ivr.weather import LAST, Weather

DAMKAR = ("damkar", "113")
NOW = 2 * DAYS_SECONDS


@pytest.fixture
def attempts(engine: Engine) -> Engine:
    """One call, to which the attempts of a test are added."""
    row = {
        **dict.fromkeys(("ani", "dnis", "trunk", "service", "language", "floor", "told"), ""),
        "callref": "c",
        "change": 1,
        "began_at": 0,
        "stage": "",
        "talk_seconds": 0,
    }
    with writing(engine) as connection:
        connection.execute(schema.calls.insert(), {**row, "recording": ""})
    return engine


def add(engine: Engine, place: int, at: float, status: str, **more: object) -> None:
    row = {"callref": "c", "place": place, "at": at, "status": status, "cause": 0, "trunk": "t"}
    row |= {"agency": "damkar", "number": "113", "ring_seconds": 4.0, "served": status == "ANSWER"}
    with writing(engine) as connection:
        connection.execute(schema.hops.insert(), {**row, **more})


def seen(engine: Engine) -> Weather:
    with reading(engine) as connection:
        return of_hotlines(connection, [DAMKAR], NOW)[DAMKAR]


def test_the_last_attempts_count_and_when_a_person_answered_before_them_is_known(
    attempts: Engine,
) -> None:
    add(attempts, 1, NOW - 1000, "ANSWER")
    for place in range(2, 2 + LAST):
        add(attempts, place, NOW - place, "BUSY")
    assert seen(attempts) == Weather(LAST, 0, NOW - 996, None)


def test_who_hung_up_who_tests_what_goes_on_what_is_old_and_others_do_not_count(
    attempts: Engine,
) -> None:
    add(attempts, 1, NOW - 1, "CANCEL")
    add(attempts, 2, NOW - 2, "ANSWER", test=True)
    add(attempts, 3, NOW - 3, "", served=False)
    add(attempts, 4, NOW - DAYS_SECONDS - 1, "ANSWER")
    add(attempts, 5, NOW - 4, "ANSWER", number="114")
    assert seen(attempts) == Weather()
