"""Days, months and moments are those of WIB, seven hours ahead of what is kept."""

from datetime import UTC, date, datetime

import pytest

from ivr.period import a_day, a_moment, a_month, day_and_hour, today

NOON = datetime(2026, 11, 25, 5, 0, tzinfo=UTC).timestamp()
"""12.00 WIB."""


def at(*utc: int) -> float:
    return datetime(*utc, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]


def test_a_day_begins_at_midnight_in_wib() -> None:
    first, last = a_day("2026-11-25").hours
    assert (first * 3600, last + 1 - first) == (at(2026, 11, 24, 17), 24)


def test_a_month_has_every_day_of_it() -> None:
    november = a_month("2026-11")
    assert len(november.days) == 30
    assert november.hours[1] - november.hours[0] + 1 == 30 * 24
    assert a_month("2028-02").last == date(2028, 2, 29)


def test_an_hour_is_given_back_to_its_day() -> None:
    first, last = a_day("2026-11-25").hours
    assert day_and_hour(first) == (date(2026, 11, 25), 0)
    assert day_and_hour(last) == (date(2026, 11, 25), 23)


def test_today_has_begun_in_wib_when_it_has_not_in_greenwich() -> None:
    assert today(at(2026, 11, 24, 17)).name == "2026-11-25"


@pytest.mark.parametrize(
    "text",
    ["", "x", "2026-13-01", "2026-02-30", "2026-1-1", "20261125", "2026-W48-3", "0000-01-01"],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a day"):
        a_day(text)


@pytest.mark.parametrize("text", ["", "2026", "2026-00", "2026-13", "2026-11-25", "11-2026"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a month"):
        a_month(text)


@pytest.mark.parametrize("text", ["9999-12", "0001-01"])
def test_the_first_and_the_last_month_of_the_calendar_are_months(text: str) -> None:
    assert len(a_month(text).days) == 31


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-25", (2026, 11, 24, 17)),
        ("2026-11-25 21:48", (2026, 11, 25, 14, 48)),
        ("2026-11-25T21:48:03", (2026, 11, 25, 14, 48, 3)),
        ("21:48", (2026, 11, 25, 14, 48)),
        ("7:05", (2026, 11, 25, 0, 5)),
    ],
)
def test_a_moment_is_read_as_people_write_it(text: str, utc: tuple[int, ...]) -> None:
    assert a_moment(text, NOON) == at(*utc)


def test_a_day_as_an_end_is_included() -> None:
    assert a_moment("2026-11-25", NOON, end=True) == at(2026, 11, 25, 17)
    assert a_moment("9:00", NOON, end=True) == a_moment("9:00", NOON)


@pytest.mark.parametrize("text", ["", "now", "24:00", "12:60", "2026-11-25 x", "12", "1:2:3:4"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        a_moment(text, NOON)
